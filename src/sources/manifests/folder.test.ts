import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readManifestFile, readTogether } from './folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-folder-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('files that change while they are read are read again, and nothing is told of it', async () => {
  const [from, to] = [join(folder, 'z.yaml'), join(folder, 'a.yaml')];
  writeFileSync(from, 'moving: true\n');
  let readings = 0;
  const { value, problems } = await readTogether(folder, ({ files }) => {
    readings += 1;
    if (readings === 1) {
      writeFileSync(to, 'moving: true\n');
      rmSync(from);
    }
    return Promise.resolve(files.map(({ path }) => path));
  });
  expect([value, problems, readings]).toEqual([[to], [], 2]);
});

test('files that never rest are a problem', async () => {
  const file = join(folder, 'a.yaml');
  let readings = 0;
  writeFileSync(file, '');
  const { problems } = await readTogether(folder, () => {
    readings += 1;
    writeFileSync(file, '#'.repeat(readings));
    return Promise.resolve();
  });
  expect(readings).toBe(6);
  expect(problems).toEqual([
    {
      severity: 'error',
      code: 'MANIFEST_UNREADABLE',
      message: 'the files of the manifests change faster than they can be read',
      path: '',
      at: { file: folder },
    },
  ]);
});

test('a pipe is read once', async () => {
  const pipe = join(folder, 'pipe');
  expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
  const written = writeFile(pipe, 'kind: Pod\n');
  const { value, problems } = await readTogether(pipe, ({ files: [file] }) => readManifestFile(file?.path ?? ''));
  await written;
  expect([value, problems]).toEqual([{ text: 'kind: Pod\n' }, []]);
});
