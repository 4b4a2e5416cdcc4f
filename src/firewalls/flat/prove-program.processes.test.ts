import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { expect, test } from 'vitest';
import { bundle } from '../../../scripts/build.ts';

const root = resolve(import.meta.dirname, '../../..');

test.each(['from its sources', 'when it is built'])('the program proves %s', async (how) => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-proof-'));
  try {
    const program = 'test/kit/prove-program.ts';
    const built = how === 'when it is built';
    if (built) await bundle(folder, { 'prove-program': program });
    const args = built ? [join(folder, 'prove-program.js')] : ['--import', 'tsx', program];
    expect(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })).toBe('Equal\nDifferent\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
