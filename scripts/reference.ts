/**
 * `npm run reference` writes the generated pages of `docs/reference`; with `--check` it writes nothing and fails with a list of the pages
 * that differ from what the code says.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { cliPage } from './reference-cli.ts';
import { cliOutputPages } from './reference-cli-output.ts';
import { configurationPage } from './reference-configuration.ts';
import { errorsPage } from './reference-errors.ts';
import { metricsPage } from './reference-metrics.ts';
import { resourcePages } from './reference-resources.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'docs/reference');
/** The one page that people write; it leads to the others. */
const WRITTEN = new Set(['index.md']);

/** Path below `docs/reference` to text. */
function pages(): ReadonlyMap<string, string> {
  return new Map([
    ['cli.md', cliPage()],
    ['configuration.md', configurationPage(root)],
    ['errors.md', errorsPage()],
    ['metrics.md', metricsPage()],
    ...cliOutputPages(),
    ...resourcePages(),
  ]);
}

function* present(below: string): Generator<string> {
  for (const entry of readdirSync(below, { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) yield* present(path);
    else yield relative(folder, path);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(folder, path), 'utf8');
  } catch {
    return undefined;
  }
}

function firstDifference(found: string, made: string): string {
  const before = found.split('\n');
  const after = made.split('\n');
  const index = after.findIndex((line, number) => line !== before[number]);
  const at = index === -1 ? after.length : index;
  const shown = (line: string | undefined): string => (line === undefined ? '(end of page)' : line.slice(0, 200));
  return `line ${at + 1}\n      is      ${shown(before[at])}\n      becomes ${shown(after[at])}`;
}

const made = pages();
mkdirSync(folder, { recursive: true });
const stale = [...present(folder)].filter((path) => !made.has(path) && !WRITTEN.has(path)).toSorted();
const different = [...made].filter(([path, text]) => read(path) !== text);

if (process.argv.includes('--check')) {
  for (const [path, text] of different) {
    const found = read(path);
    const how = found === undefined ? 'is missing' : `differs, first at ${firstDifference(found, text)}`;
    process.stdout.write(`docs/reference/${path} ${how}\n`);
  }
  for (const path of stale) process.stdout.write(`docs/reference/${path} is made from nothing any more\n`);
  if (different.length + stale.length > 0) {
    process.stdout.write('run `npm run reference` and commit what it changes\n');
    process.exitCode = 1;
  } else process.stdout.write(`${made.size} generated pages are as the code says\n`);
} else {
  for (const [path, text] of different) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
    process.stdout.write(`wrote docs/reference/${path}\n`);
  }
  for (const path of stale) {
    rmSync(join(folder, path));
    process.stdout.write(`removed docs/reference/${path}\n`);
  }
}
