/** Beside the tests of a cluster, because it builds everything and takes its time. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

test('from what the Dockerfile copies, the command can be built', () => {
  const context = mkdtempSync(join(tmpdir(), 'sallyport-context-'));
  try {
    const allowed = readFileSync(join(root, '.dockerignore'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('!'));
    for (const line of allowed) cpSync(join(root, line.slice(1)), join(context, line.slice(1)), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(context, 'node_modules'));
    const { status, stderr } = spawnSync(join(root, 'node_modules/.bin/tsx'), ['scripts/build.ts'], {
      cwd: context,
      encoding: 'utf8',
    });
    expect(`${status} ${stderr}`).toBe('0 ');
    expect(existsSync(join(context, 'dist/sallyport.js'))).toBe(true);
  } finally {
    rmSync(context, { recursive: true });
  }
});
