import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { toSallyportError } from '../../base/error.ts';
import { holdsText, replaceFile } from './rule-files.ts';

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

test('a file in parts is there whole, and is told from every other text', async () => {
  const file = join(folder, 'rules');
  const parts = ['one\n', 'zwei ä\n', 'three\n'];
  expect(await holdsText(file, parts)).toBe(false);
  await replaceFile(file, parts);
  expect([readFileSync(file, 'utf8'), readdirSync(folder)]).toEqual([parts.join(''), ['rules']]);
  expect(await holdsText(file, parts)).toBe(true);
  expect(await holdsText(file, [parts.join('')])).toBe(true);
  expect(await holdsText(file, [...parts, 'four\n'])).toBe(false);
  expect(await holdsText(file, parts.slice(0, 2))).toBe(false);
  expect(await holdsText(file, parts.toReversed())).toBe(false);
  writeFileSync(file, '');
  expect([await holdsText(file, []), await holdsText(file, parts)]).toEqual([true, false]);
});
