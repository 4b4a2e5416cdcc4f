import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { toSallyportError } from '../../base/error.ts';
import { replaceFile } from './rule-files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-rule-files-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a file that cannot be put in place fails in the same words each time, which name it', async () => {
  const path = join(folder, 'missing', 'file');
  const problem = async (): Promise<string> => {
    try {
      await replaceFile(path, 'text');
      return 'none';
    } catch (thrown) {
      return toSallyportError(thrown).message;
    }
  };
  const first = await problem();
  expect(first).toBe(`this machine refused a file: ENOENT: no such file or directory, open '${path}'`);
  expect(await problem()).toBe(first);
});
