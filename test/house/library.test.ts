import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { splitMarkdown } from '../kit/markdown.ts';

const root = resolve(import.meta.dirname, '../..');
const { fences } = splitMarkdown(readFileSync(join(root, 'docs/how-to/library.md'), 'utf8'));
/** Each example and what it prints. */
const examples = fences.flatMap(({ language, text }, index) =>
  language === 'ts' ? [{ code: text, printed: fences[index + 1] }] : [],
);

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'sallyport-library-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('there are examples', () => {
  expect(examples.length).toBeGreaterThan(3);
});

test.each(examples.map(({ code, printed }, index) => [index + 1, code, printed] as const))(
  'example %i of the library page prints what the page says',
  (index, code, printed) => {
    expect(printed?.language).toBe('text');
    const file = join(folder, `example-${index}.ts`);
    // As a user imports it, but from the sources: a test needs no build.
    const source = code.replaceAll(/'sallyport\/(\w+)'/g, (_, part: string) =>
      JSON.stringify(pathToFileURL(join(root, 'src', part, 'index.ts')).href),
    );
    writeFileSync(file, source);
    const ran = spawnSync(process.execPath, ['--import', 'tsx', file], { cwd: root, encoding: 'utf8' });
    expect(ran.stderr).toBe('');
    expect(ran.stdout.trimEnd()).toBe(printed?.text.trimEnd());
  },
  20_000,
);
