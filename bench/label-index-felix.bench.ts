/**
 * Our label index and Calico Felix's on the same load, one after the other, with how many times less ours takes: `npm run bench --
 * label-index-felix`, or for one size `npx tsx bench/label-index-felix.bench.ts ENDPOINTS SELECTORS [endpoints-first] [outside]`. Both read
 * what their index tells of the sets, and the bench fails unless they end with the same members. Needs Go and, the first time, its module
 * proxy; the first build takes a minute.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Figure, load, print, smoke } from './figure.ts';

interface Size {
  readonly endpoints: number;
  readonly selectors: number;
  readonly order: string;
  readonly kind: string;
}

/** What the ratio of a figure must reach: ten times on loading and relabelling, no more memory. */
const BUDGETS = new Map([
  ['load', 10],
  ['load/cpu', 10],
  ['relabel/p50', 10],
  ['relabel/p99', 10],
  ['relabel/cpu', 10],
  ['peak-rss', 1],
  ['heap', 1],
]);

const PREFIX = 'label-index/';

function sizes(): readonly Size[] {
  const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
  const size = (endpoints: number, selectors: number, order = 'selectors-first', kind = 'plain'): Size => ({
    endpoints,
    selectors,
    order,
    kind,
  });
  if (words[0] !== undefined) {
    const order = words.includes('endpoints-first') ? 'endpoints-first' : 'selectors-first';
    return [size(Number(words[0]), Number(words[1] ?? 10_000), order, words.includes('outside') ? 'outside' : 'plain')];
  }
  if (smoke) return [size(2000, 100, 'endpoints-first', 'outside')];
  return [
    size(100_000, 10_000),
    size(100_000, 10_000, 'endpoints-first'),
    size(100_000, 10_000, 'selectors-first', 'outside'),
    size(1_000_000, 10_000),
  ];
}

/** The figures that a program prints, by their names without the peer's prefix; also shown as they are. */
function figuresOf(command: string, args: readonly string[]): ReadonlyMap<string, Figure> {
  const run = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
  process.stdout.write(run.stdout);
  const figures = new Map<string, Figure>();
  for (const line of run.stdout.split('\n')) {
    if (line === '') continue;
    const figure = JSON.parse(line) as Figure;
    figures.set(figure.bench.slice(figure.bench.lastIndexOf(PREFIX) + PREFIX.length), figure);
  }
  return figures;
}

function ours({ endpoints, selectors, order, kind }: Size): ReadonlyMap<string, Figure> {
  const args = [join(import.meta.dirname, 'label-index.bench.ts'), `${endpoints}`, `${selectors}`, order, kind];
  const tsx = join(import.meta.dirname, '../node_modules/.bin/tsx');
  return figuresOf(tsx, smoke ? [...args, '--smoke'] : args);
}

function felix(program: string, { endpoints, selectors, order, kind }: Size): ReadonlyMap<string, Figure> {
  const args = ['-endpoints', `${endpoints}`, '-selectors', `${selectors}`, '-order', order, '-kind', kind];
  return figuresOf(program, smoke ? [...args, '-relabels', '1000', '-new-selectors', '100'] : args);
}

function compare(program: string, size: Size): void {
  const [own, peer] = [ours(size), felix(program, size)];
  for (const [name, figure] of own) {
    const other = peer.get(name);
    if (other === undefined) throw new Error(`Felix printed no ${name}`);
    if (figure['checksum'] !== other['checksum'] || figure['members'] !== other['members'])
      throw new Error(`after ${name} the two hold different members`);
    const budget = BUDGETS.get(name);
    print({
      bench: `label-index-felix/${name}`,
      unit: 'ratio',
      value: other.value / figure.value,
      ...(budget === undefined ? {} : { budget }),
      in: figure.unit,
      ours: figure.value,
      felix: other.value,
      ...size,
      ...load(),
    });
  }
}

if (spawnSync('go', ['version']).status !== 0) {
  process.stderr.write('the peer of the label index, Felix, is not measured: it needs Go, and there is no "go" here\n');
  process.exit(smoke ? 0 : 1);
}
const folder = mkdtempSync(join(tmpdir(), 'sallyport-felix-'));
try {
  const program = join(folder, 'felix');
  const build = spawnSync('go', ['build', '-o', program, '.'], {
    cwd: join(import.meta.dirname, 'peers/felix'),
    stdio: 'inherit',
  });
  if (build.status !== 0) throw new Error('the Felix peer does not build');
  for (const size of sizes()) compare(program, size);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
