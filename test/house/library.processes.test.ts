import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { splitMarkdown } from '../kit/markdown.ts';

const root = resolve(import.meta.dirname, '../..');
const { fences } = splitMarkdown(readFileSync(join(root, 'docs/how-to/library.md'), 'utf8'));
/** Each example and what it prints. */
const examples = fences.flatMap(({ language, text }, index) =>
  language === 'ts' ? [{ code: text, printed: fences[index + 1] }] : [],
);

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-library-'));
  for (const [index, { code }] of examples.entries()) writeFileSync(join(folder, `example-${index + 1}.ts`), code);
  // As a user imports it, but from the sources, and all at once: to translate them takes longer than to run them.
  await build({
    entryPoints: examples.map((_, index) => join(folder, `example-${index + 1}.ts`)),
    outdir: join(folder, 'built'),
    alias: Object.fromEntries(
      ['ip', 'selector', 'engine'].map((part) => [`sallyport/${part}`, join(root, 'src', part, 'index.ts')]),
    ),
    nodePaths: [join(root, 'node_modules')],
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    logLevel: 'silent',
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('there are examples', () => {
  expect(examples.length).toBeGreaterThan(3);
});

test.each(examples.map(({ printed }, index) => [index + 1, printed] as const))(
  'example %i of the library page prints what the page says',
  (index, printed) => {
    expect(printed?.language).toBe('text');
    const file = join(folder, 'built', `example-${index}.mjs`);
    const ran = spawnSync(process.execPath, [file], { cwd: root, encoding: 'utf8' });
    expect(ran.stderr).toBe('');
    expect(ran.stdout.trimEnd()).toBe(printed?.text.trimEnd());
  },
  20_000,
);
