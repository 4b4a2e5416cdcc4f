import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceFile, replaceMounted } from './rule-files.ts';

// Needs the right to mount, which packet tests have.

let folder: string;
let hosts: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-mounted-'));
  hosts = join(folder, 'hosts');
  writeFileSync(hosts, '127.0.0.1 localhost\n');
  execFileSync('mount', ['--bind', hosts, hosts]);
});
afterEach(() => {
  execFileSync('umount', [hosts]);
  rmSync(folder, { recursive: true });
});

test('a file that something is mounted at is written in place, where nobody can replace it', async () => {
  await expect(replaceFile(hosts, 'new\n')).rejects.toMatchObject({ code: 'LOCAL_SYSTEM' });
  await replaceMounted(hosts, 'new\n', 0o644);
  expect([readFileSync(hosts, 'utf8'), readdirSync(folder)]).toEqual(['new\n', ['hosts']]);
  await expect(replaceMounted(join(folder, 'missing/hosts'), 'new\n', 0o644)).rejects.toMatchObject({
    code: 'LOCAL_SYSTEM',
  });
});
