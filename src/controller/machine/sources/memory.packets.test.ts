import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Log } from '../../../base/log.ts';
import { silentLog } from '../../../base/log.ts';
import { SourceMemory } from './memory.ts';

// A disk without room needs the right to mount one, which packet tests have.

let folder: string;
const told: string[] = [];
const log: Log = { ...silentLog, error: (_, message) => void told.push(message) };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-memory-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', folder]);
  told.splice(0);
});
afterEach(() => {
  execFileSync('umount', [folder]);
  rmSync(folder, { recursive: true });
});

const room = (): string => join(folder, 'others');
const remembered = async (): Promise<unknown> => {
  const next = new SourceMemory(join(folder, 'sources.json'), log);
  await next.load();
  return next.get('shoot');
};

test('a disk without room leaves no older words, which would open again what was taken back', async () => {
  const memory = new SourceMemory(join(folder, 'sources.json'), log);
  memory.put('shoot', [{ opens: 443 }]);
  await memory.save();
  expect(await remembered()).toEqual([{ opens: 443 }]);
  expect(() => writeFileSync(room(), Buffer.alloc(1 << 20))).toThrow('ENOSPC');
  memory.put('shoot', []);
  for (let n = 0; n < 3; n++) {
    await memory.save();
    // What the file took is taken by somebody else.
    expect(() => writeFileSync(room(), Buffer.alloc(1 << 20))).toThrow('ENOSPC');
  }
  expect([await remembered(), told]).toEqual([undefined, [expect.stringContaining('the rules stay as they are')]]);
  rmSync(room());
  await memory.save();
  expect(await remembered()).toEqual([]);
});
