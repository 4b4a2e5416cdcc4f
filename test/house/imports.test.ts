import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const source = join(root, 'src');

/** What each folder of `src` may import besides itself (docs/design/index.md, "The way data flows"). Bottom first. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  ip: ['base'],
  selector: ['base', 'ip'],
  api: ['base', 'ip', 'selector'],
  inventory: ['base', 'ip', 'selector', 'api'],
  engine: ['base', 'ip', 'selector', 'api', 'inventory'],
  border: ['base', 'ip', 'selector', 'api', 'inventory', 'engine'],
  machine: ['base', 'ip', 'selector', 'api'],
  plan: ['base', 'ip', 'selector', 'api', 'inventory', 'engine', 'border'],
  firewalls: ['base', 'ip', 'selector', 'api', 'inventory', 'engine', 'border', 'plan'],
  kubernetes: ['base', 'ip', 'selector', 'api'],
  sources: ['base', 'ip', 'selector', 'api', 'kubernetes'],
  insight: ['base'],
  controller: [
    'base',
    'ip',
    'selector',
    'api',
    'inventory',
    'engine',
    'border',
    'plan',
    'machine',
    'firewalls',
    'kubernetes',
    'sources',
    'insight',
  ],
  server: [
    'base',
    'ip',
    'selector',
    'api',
    'inventory',
    'engine',
    'border',
    'plan',
    'machine',
    'firewalls',
    'kubernetes',
    'sources',
    'insight',
    'controller',
  ],
  cli: [
    'base',
    'ip',
    'selector',
    'api',
    'inventory',
    'engine',
    'border',
    'plan',
    'machine',
    'firewalls',
    'kubernetes',
    'sources',
    'insight',
    'controller',
    'server',
  ],
};

/** The pure folders: no I/O, no clock, no log (docs/design/index.md). `node:crypto` computes and touches nothing outside. */
const pure = ['ip', 'selector', 'api', 'inventory', 'engine', 'border', 'plan', 'machine'];
const pureBuiltins = new Set(['node:crypto', 'node:buffer', 'node:net']);

function* files(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith('.ts')) yield path;
  }
}

function imports(file: string): readonly string[] {
  const text = readFileSync(file, 'utf8');
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)\s*import\s+'([^']+)'/g,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** The command line alone also wires what stands beside `src`. */
const beside: Readonly<Record<string, readonly string[]>> = { cli: ['lab', 'simulators'] };

/** Of `src`, simulators may use what knows nothing of firewalls: they must not repeat a driver's misreading. */
const simulatorsMayImport = ['base'];

const isTest = (file: string): boolean =>
  /\.(test|fixture)\.ts$/.test(file) || file.includes('/contract/') || file.includes('/golden/');
const folderOf = (file: string): string => relative(source, file).split('/')[0] ?? '';

/** Every import of production code in `src` that breaks a rule, as `file -> target`. */
function wrongArrows(): string[] {
  const wrong: string[] = [];
  for (const file of files(source)) {
    if (isTest(file)) continue;
    const folder = folderOf(file);
    for (const target of imports(file)) {
      if (!target.startsWith('.')) {
        if (pure.includes(folder) && target.startsWith('node:') && !pureBuiltins.has(target))
          wrong.push(`${relative(root, file)} -> ${target}`);
        continue;
      }
      const path = resolve(dirname(file), target);
      if (!path.startsWith(`${source}/`)) {
        if (beside[folder]?.includes(relative(root, path).split('/')[0] ?? '')) continue;
        wrong.push(`${relative(root, file)} -> ${relative(root, path)}`);
        continue;
      }
      const other = folderOf(path);
      if (other !== folder && !mayImport[folder]?.includes(other))
        wrong.push(`${relative(root, file)} -> ${relative(root, path)}`);
    }
  }
  return wrong;
}

/** What the files of production code in `src` import of it, as paths. */
function arrows(): ReadonlyMap<string, readonly string[]> {
  const from = new Map<string, readonly string[]>();
  for (const file of files(source)) {
    if (isTest(file)) continue;
    const targets = imports(file).filter((target) => target.startsWith('.'));
    from.set(
      file,
      targets.map((target) => resolve(dirname(file), target)),
    );
  }
  return from;
}

/** Places that lead to each other in a loop, each loop once: those that can be reached from themselves. */
function loops(graph: ReadonlyMap<string, Iterable<string>>): readonly string[][] {
  const reach = (from: string): Set<string> => {
    const seen = new Set<string>();
    const open = [...(graph.get(from) ?? [])];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (seen.has(place)) continue;
      seen.add(place);
      open.push(...(graph.get(place) ?? []));
    }
    return seen;
  };
  const reached = new Map([...graph.keys()].map((place) => [place, reach(place)]));
  const looped = [...reached].filter(([place, from]) => from.has(place)).map(([place]) => place);
  const together = looped.map((place) =>
    looped.filter((other) => reached.get(place)?.has(other) === true && reached.get(other)?.has(place) === true),
  );
  return [...new Map(together.map((loop) => [loop.join(), loop.map((place) => relative(root, place))])).values()];
}

/** The folders beside each other that files of one import from the other, below any folder of `src`. */
function folderArrows(): ReadonlyMap<string, ReadonlySet<string>> {
  const between = new Map<string, Set<string>>();
  for (const [file, targets] of arrows())
    for (const target of targets) {
      const from = relative(source, dirname(file)).split('/');
      const to = relative(source, dirname(target)).split('/');
      const parting = from.findIndex((name, at) => to[at] !== name);
      const other = to[parting];
      if (parting < 0 || other === undefined) continue;
      const above = join(source, ...from.slice(0, parting));
      const folder = join(above, from[parting] ?? '');
      between.set(folder, (between.get(folder) ?? new Set()).add(join(above, other)));
    }
  return between;
}

describe('the house', () => {
  test('every folder of src has a place in the order', () => {
    const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map((entry) => entry.name).filter((name) => !(name in mayImport))).toEqual([]);
  });

  test('imports point one way', () => {
    expect(wrongArrows()).toEqual([]);
  });

  test('no files import each other in a circle', () => {
    expect(loops(arrows())).toEqual([]);
  });

  test('no folders beside each other import each other in a circle', () => {
    expect(loops(folderArrows())).toEqual([]);
    expect(folderArrows().get(join(source, 'firewalls/nftables/reading'))).toContain(
      join(source, 'firewalls/nftables/table'),
    );
  });

  test('simulators share no code with what they judge', () => {
    const wrong = [...files(join(root, 'simulators'))]
      .filter((file) => !isTest(file))
      .flatMap((file) => imports(file).map((target) => ({ file, target })))
      .filter(({ file, target }) => {
        const path = resolve(dirname(file), target);
        if (target.endsWith('.fixture.ts')) return true;
        if (!target.startsWith('.') || path.startsWith(`${root}/simulators/`)) return false;
        return !path.startsWith(`${source}/`) || !simulatorsMayImport.includes(folderOf(path));
      })
      .map(({ file, target }) => `${relative(root, file)} -> ${target}`);
    expect(wrong).toEqual([]);
  });

  test('the reader of imports sees every form', () => {
    const seen = imports(join(import.meta.dirname, 'imports.test.ts'));
    expect(seen).toEqual(expect.arrayContaining(['node:fs', 'node:path', 'vitest']));
  });

  test('files stay readable: at most 450 lines each', () => {
    const long = [...files(source)]
      .map((file) => ({ file: relative(root, file), lines: readFileSync(file, 'utf8').split('\n').length }))
      .filter(({ lines }) => lines > 450);
    expect(long).toEqual([]);
  });
});
