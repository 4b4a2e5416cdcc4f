import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import process from 'node:process';
import type { Diagnostic, Parsed } from '../base/diagnostic.ts';
import { systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import { silentLog } from '../base/log.ts';
import {
  type Configuration,
  CLUSTER_NAME_RULE,
  isClusterName,
  parseConfiguration,
  type SourcePlace,
} from '../controller/configuration.ts';
import { LiveWorld } from '../controller/live-world.ts';
import { textLog } from '../controller/logs.ts';
import { lookAtFolder, readManifestFile } from '../sources/manifests/folder.ts';
import { combineReadings, readText, type TextReading } from '../sources/manifests/reading.ts';
import type { SourceState } from '../sources/source.ts';
import type { WorldOptions } from './options.ts';
import { printDiagnostics, type Terminal } from './terminal.ts';

/** A world as a command reads it: once, whole. */
export interface CommandWorld {
  readonly world: LiveWorld;
  /** The owner of what is created; absent where neither option nor configuration names one. */
  readonly cluster: string | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Stands in for the owner where nothing is written, so that `render` and `flow` need none. */
const NO_CLUSTER = 'unnamed';

/** Characters of one text that take YAML a second or more. */
const LARGE = 2_000_000;

/** Milliseconds of reading after which a line says that it goes on. */
const PROGRESS_MS = 1_000;

/** Reads a configuration file and says what is wrong with it, its not being there included. */
export function parseConfigurationFile(file: string): Parsed<Configuration> {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (thrown) {
    const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    const message = `the configuration file ${file} cannot be opened (${reason})`;
    return { diagnostics: [{ severity: 'error', code: 'CONFIG_SYNTAX', message, path: '', at: { file } }] };
  }
  const readText = (path: string): string => readFileSync(path, 'utf8');
  return parseConfiguration(source, file, { readFile: readText, environment: process.env });
}

/** Reads a configuration file, or prints all that is wrong with it and throws. */
export function readConfiguration(terminal: Terminal, file: string): Configuration {
  const { value, diagnostics } = parseConfigurationFile(file);
  printDiagnostics(terminal, diagnostics);
  if (value !== undefined) return value;
  const count = diagnostics.length;
  const code = diagnostics.find(({ severity }) => severity === 'error')?.code ?? 'CONFIG_VALUE';
  throw new SallyportError(code, `${file} has ${count} mistake${count === 1 ? '' : 's'}`);
}

/**
 * Reads the world that the options name. Prints on standard error which one it is; diagnostics are returned, not printed. Throws where
 * there is nothing to read.
 */
export async function readWorld(terminal: Terminal, options: WorldOptions): Promise<CommandWorld> {
  if (options.cluster !== undefined && !isClusterName(options.cluster))
    throw new SallyportError('USAGE', `--cluster ${CLUSTER_NAME_RULE}`);
  const place = whereToRead(terminal, options);
  if ('source' in place) return readClusterWorld(terminal, place);
  terminal.err(`world: ${place.title}`);
  const texts: TextReading[] = [];
  const problems: Diagnostic[] = [];
  const started = performance.now();
  let told = started;
  const take = (text: string, file: string): void => {
    if (text.length > LARGE) terminal.err(reading(text, file));
    texts.push(readText(text, file));
  };
  for (const path of place.paths) {
    if (path === '-') {
      take(await readAll(process.stdin), 'standard input');
      continue;
    }
    const folder = await lookAtFolder(path);
    problems.push(...folder.problems);
    for (const { path: file } of folder.files) {
      const read = await readManifestFile(file);
      if ('problem' in read) problems.push(read.problem);
      else take(read.text, file);
      if (performance.now() - told > PROGRESS_MS) {
        told = performance.now();
        terminal.err(`reading: ${texts.length} of ${folder.files.length} files`);
      }
    }
  }
  const all = combineReadings(texts);
  const world = new LiveWorld(place.cluster ?? NO_CLUSTER);
  const broken = all.unreadable || problems.length > 0;
  const state: SourceState = broken
    ? { kind: 'loading', reason: 'a file of the world cannot be read' }
    : { kind: 'complete' };
  const changes = [...all.resources.values()].map((resource) => ({ kind: 'put', resource }) as const);
  const diagnostics = [...problems, ...all.diagnostics];
  // An empty answer looks like a good one.
  if (changes.length === 0 && diagnostics.length === 0) diagnostics.push(emptyWorld(place.title));
  world.apply({ changes: broken ? [] : changes, state, diagnostics });
  return { world, cluster: place.cluster, diagnostics: world.diagnostics() };
}

/**
 * The same, for commands that answer from the world: prints errors (warnings are for `validate`) and emptiness, and refuses a world of which a part
 * cannot be read, because the answer could be wrong.
 */
export async function readWholeWorld(terminal: Terminal, options: WorldOptions): Promise<CommandWorld> {
  const read = await readWorld(terminal, options);
  printDiagnostics(
    terminal,
    read.diagnostics.filter(({ severity, code }) => severity === 'error' || code === 'WORLD_EMPTY'),
  );
  if (read.world.state.kind !== 'complete') throw new SallyportError('WORLD_INCOMPLETE', read.world.state.reason);
  return read;
}

async function readClusterWorld(
  terminal: Terminal,
  { name, source, cluster: given }: ClusterPlace,
): Promise<CommandWorld> {
  // Loaded for those who need it: the client takes time to load.
  const { readCluster } = await import('../controller/read-cluster.ts');
  const log = textLog((line) => terminal.err(line), systemClock);
  const surroundings = {
    clock: systemClock,
    log: {
      ...silentLog,
      warn: (fields: object, message: string) => log.warn(fields, message),
      error: (fields: object, message: string) => log.error(fields, message),
    },
    environment: process.env,
  };
  const { title, cluster, delivery } = await readCluster(name, source, surroundings);
  terminal.err(`world: ${title}`);
  const world = new LiveWorld(given ?? cluster);
  world.apply(delivery);
  return { world, cluster: given ?? cluster, diagnostics: world.diagnostics() };
}

/** Told before a large text is read, since nothing can be told meanwhile. */
function reading(text: string, file: string): string {
  const size = `reading ${file}: ${Math.round(text.length / 1e6)} MB`;
  return /^\s*[{[]/.test(text) ? size : `${size} of YAML; JSON (kubectl -o json) is read many times as fast`;
}

function emptyWorld(title: string): Diagnostic {
  const message = `${title} holds no object that Sallyport reads; is it the right place?`;
  return { severity: 'warning', code: 'WORLD_EMPTY', message, path: '' };
}

interface Place {
  readonly title: string;
  readonly paths: readonly string[];
  readonly cluster: string | undefined;
}

/** A cluster that is to be read. */
interface ClusterPlace {
  readonly name: string;
  readonly source: Extract<SourcePlace, { readonly type: 'kubernetes' }>;
  readonly cluster: string | undefined;
}

function whereToRead(terminal: Terminal, options: WorldOptions): Place | ClusterPlace {
  if (options.filename !== undefined) {
    const names = options.filename.map((path) => (path === '-' ? 'standard input' : path));
    return { title: names.join(', '), paths: options.filename, cluster: options.cluster };
  }
  if (options.config !== undefined) {
    const configuration = readConfiguration(terminal, options.config);
    const name = configuration.border?.source;
    const source = name === undefined ? undefined : configuration.sources.get(name);
    if (name === undefined || source === undefined)
      throw new SallyportError('CONFIG_SOURCE', `${options.config} has no controllers.border to take a source from`);
    const cluster = options.cluster ?? configuration.cluster;
    if (source.type === 'kubernetes') return { name, source, cluster };
    return {
      title: `${source.path} (source ${name} of ${options.config})`,
      paths: [source.path],
      cluster,
    };
  }
  throw new SallyportError(
    'USAGE',
    'no world is given: use -f PATH for manifests, -f - for standard input, or -c FILE for a configuration',
  );
}
