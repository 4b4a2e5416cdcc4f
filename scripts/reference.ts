/**
 * `npm run reference` writes what is generated from the code: the pages of `docs/reference`, in `deploy` the definitions of our kinds and
 * what the chart reads, and the rights of an example; with `--check` it writes nothing and fails with a list of the files that differ from what the code says.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { chartFiles } from './chart-files.ts';
import { crdFiles } from './crds.ts';
import { readerExample } from './reader-example.ts';
import { cliPage } from './reference-cli.ts';
import { cliOutputPages } from './reference-cli-output.ts';
import { configurationJsonSchema, configurationPage } from './reference-configuration.ts';
import { driversPage } from './reference-drivers.ts';
import { errorsPage } from './reference-errors.ts';
import { metricsPage } from './reference-metrics.ts';
import { resourcePages } from './reference-resources.ts';
import { rightsPage } from './reference-rights.ts';

const root = join(import.meta.dirname, '..');
/** Folders that hold nothing but what is made here, except the files that people write. */
const FOLDERS = ['docs/reference', 'deploy/crds', 'deploy/chart/crds', 'deploy/chart/files'];
const WRITTEN = new Set(['docs/reference/index.md']);

/** Path to text. */
function files(): ReadonlyMap<string, string> {
  return new Map([
    ...within('docs/reference', [
      ['cli.md', cliPage()],
      ['configuration.md', configurationPage(root)],
      ['schema/configuration.json', configurationJsonSchema()],
      ['drivers.md', driversPage()],
      ['errors.md', errorsPage()],
      ['metrics.md', metricsPage()],
      ['rights.md', rightsPage()],
      ...cliOutputPages(),
      ...resourcePages(),
    ]),
    ...within('deploy/crds', crdFiles()),
    ...within('deploy/chart/crds', crdFiles()),
    ...within('deploy/chart/files', chartFiles(root)),
    ...within('examples/deploy/laptop', [['reader.yaml', readerExample()]]),
  ]);
}

function within(folder: string, made: Iterable<readonly [string, string]>): readonly [string, string][] {
  return Array.from(made, ([path, text]) => [`${folder}/${path}`, text]);
}

function* present(below: string): Generator<string> {
  for (const entry of readdirSync(below, { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) yield* present(path);
    else yield relative(root, path);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

function firstDifference(found: string, made: string): string {
  const before = found.split('\n');
  const after = made.split('\n');
  const index = after.findIndex((line, number) => line !== before[number]);
  const at = index === -1 ? after.length : index;
  const shown = (line: string | undefined): string => (line === undefined ? '(end of file)' : line.slice(0, 200));
  return `line ${at + 1}\n      is      ${shown(before[at])}\n      becomes ${shown(after[at])}`;
}

const made = files();
for (const folder of FOLDERS) mkdirSync(join(root, folder), { recursive: true });
const stale = FOLDERS.flatMap((folder) => [...present(join(root, folder))])
  .filter((path) => !made.has(path) && !WRITTEN.has(path))
  .toSorted();
const different = [...made].filter(([path, text]) => read(path) !== text);

if (process.argv.includes('--check')) {
  for (const [path, text] of different) {
    const found = read(path);
    const how = found === undefined ? 'is missing' : `differs, first at ${firstDifference(found, text)}`;
    process.stdout.write(`${path} ${how}\n`);
  }
  for (const path of stale) process.stdout.write(`${path} is made from nothing any more\n`);
  if (different.length + stale.length > 0) {
    process.stdout.write('run `npm run reference` and commit what it changes\n');
    process.exitCode = 1;
  } else process.stdout.write(`${made.size} generated files are as the code says\n`);
} else {
  for (const [path, text] of different) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    process.stdout.write(`wrote ${path}\n`);
  }
  for (const path of stale) {
    rmSync(join(root, path));
    process.stdout.write(`removed ${path}\n`);
  }
}
