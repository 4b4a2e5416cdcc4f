import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import process from 'node:process';
import type { Diagnostic, Parsed } from '../base/diagnostic.ts';
import { SallyportError } from '../base/error.ts';
import {
  type Configuration,
  CLUSTER_NAME_RULE,
  isClusterName,
  parseConfiguration,
} from '../controller/configuration/configuration.ts';
import { holdsObjects } from '../controller/configuration/source-places.ts';
import { LiveWorld } from '../controller/world/live-world.ts';
import { readManifestFile, readTogether } from '../sources/manifests/folder.ts';
import { combineReadings, readText, type TextReading } from '../sources/manifests/reading.ts';
import type { SourceState } from '../sources/source.ts';
import { addressOf, type ClusterPlace, currentCluster, readClusterWorld } from './cluster.ts';
import { clusterKept, clusterPolicies, type CommandWorld, NO_CLUSTER } from './command-world.ts';
import type { WorldOptions } from './options.ts';
import { printDiagnostics, type Terminal } from './terminal.ts';
import { usage } from './usage.ts';

/** Characters of one text that take YAML a second or more. */
const LARGE = 2_000_000;

/** Milliseconds of reading after which a line says that it goes on. */
const PROGRESS_MS = 1_000;

/** Reads a configuration file and says what is wrong with it, its not being there included. `hostname`: of the machine that it is about, if that is another. */
export function parseConfigurationFile(file: string, hostname?: string): Parsed<Configuration> {
  let source: string;
  try {
    source = readFileSync(file, 'utf8');
  } catch (thrown) {
    const reason = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    const message = `the configuration file ${file} cannot be opened (${reason})`;
    return { diagnostics: [{ severity: 'error', code: 'CONFIG_SYNTAX', message, path: '', at: { file } }] };
  }
  return parseConfigurationText(source, file, hostname);
}

/** Reads the text of a configuration file that is known to be there. */
export function parseConfigurationText(source: string, file: string, hostname?: string): Parsed<Configuration> {
  const readText = (path: string): string => readFileSync(path, 'utf8');
  return parseConfiguration(source, file, { readFile: readText, environment: process.env, hostname });
}

/** Reads a configuration file, or prints all that is wrong with it and throws. */
export function readConfiguration(terminal: Terminal, file: string, hostname?: string): Configuration {
  const { value, diagnostics } = parseConfigurationFile(file, hostname);
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
  const place = placeOf(terminal, options);
  if (place.kind === 'Cluster') return readClusterWorld(terminal, place);
  terminal.err(`world: ${place.title}`);
  const texts: TextReading[] = [];
  const problems: Diagnostic[] = [];
  const started = performance.now();
  let told = started;
  const take = (text: string, file: string): TextReading => {
    if (text.length > LARGE) terminal.err(reading(text, file));
    return readText(text, file);
  };
  for (const path of place.paths) {
    if (path === '-') {
      texts.push(take(await readAll(process.stdin), 'standard input'));
      continue;
    }
    const folder = await readTogether(path, async ({ files }) => {
      const found = { texts: [] as TextReading[], problems: [] as Diagnostic[] };
      for (const { path: file } of files) {
        const read = await readManifestFile(file);
        if ('problem' in read) found.problems.push(read.problem);
        else found.texts.push(take(read.text, file));
        if (performance.now() - told > PROGRESS_MS) {
          told = performance.now();
          terminal.err(`reading: ${found.texts.length} of ${files.length} files`);
        }
      }
      return found;
    });
    problems.push(...folder.problems, ...folder.value.problems);
    texts.push(...folder.value.texts);
  }
  const all = combineReadings(texts);
  const broken = all.unreadable || problems.length > 0;
  const state: SourceState = broken
    ? { kind: 'loading', reason: 'a file of the world cannot be read' }
    : { kind: 'complete' };
  const changes = [...all.resources.values()].map((resource) => ({ kind: 'put', resource }) as const);
  const diagnostics = [...problems, ...all.diagnostics];
  // An empty answer looks like a good one.
  if (changes.length === 0 && diagnostics.length === 0) diagnostics.push(emptyWorld(place.title));
  const applied = broken ? [] : changes;
  const cluster = place.cluster ?? clusterKept(applied);
  const world = new LiveWorld(cluster ?? NO_CLUSTER);
  world.apply({ changes: applied, state, diagnostics, broken: all.broken, unread: all.unread });
  return {
    title: place.title,
    world,
    policies: clusterPolicies(applied),
    cluster,
    diagnostics: world.diagnostics(),
  };
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

/** Told before a large text is read, since nothing can be told meanwhile. */
function reading(text: string, file: string): string {
  const size = `reading ${file}: ${Math.round(text.length / 1e6)} MB`;
  return /^\s*[{[]/.test(text) ? size : `${size} of YAML; JSON (kubectl -o json) is read many times as fast`;
}

function emptyWorld(title: string): Diagnostic {
  const message = `${title} holds no object that Sallyport reads; is it the right place?`;
  return { severity: 'warning', code: 'WORLD_EMPTY', message, path: '' };
}

/** Manifests that a command is about. */
interface ManifestsPlace {
  readonly kind: 'Manifests';
  readonly title: string;
  readonly paths: readonly string[];
  readonly cluster: string | undefined;
}

/** What a command is about: where its options say, else the current context. */
export function placeOf(terminal: Terminal, options: WorldOptions): ManifestsPlace | ClusterPlace {
  if (options.cluster !== undefined && !isClusterName(options.cluster)) throw usage(`--cluster ${CLUSTER_NAME_RULE}`);
  if ((options.filename ?? options.config) !== undefined && (options.context ?? options.kubeconfig) !== undefined)
    throw usage('--context and --kubeconfig name another world than -f and -c; give one of them');
  if (options.filename !== undefined) {
    const names = options.filename.map((path) => (path === '-' ? 'standard input' : path));
    return { kind: 'Manifests', title: names.join(', '), paths: options.filename, cluster: options.cluster };
  }
  if (options.config !== undefined) return placeOfConfiguration(terminal, options.config, options.cluster);
  const address = currentCluster(options, process.env);
  if (address === undefined)
    throw usage(
      'no world is given: use -f PATH for manifests, -f - for standard input, -c FILE for a configuration, or a kubeconfig (there is none in KUBECONFIG and ~/.kube/config)',
    );
  return { kind: 'Cluster', address, cluster: options.cluster };
}

function placeOfConfiguration(
  terminal: Terminal,
  file: string,
  given: string | undefined,
): ManifestsPlace | ClusterPlace {
  const configuration = readConfiguration(terminal, file);
  const name = configuration.border?.source;
  const source = name === undefined ? undefined : configuration.sources.get(name);
  if (name === undefined || !holdsObjects(source))
    throw new SallyportError('CONFIG_SOURCE', `${file} has no controllers.border to take a source from`);
  const cluster = given ?? configuration.cluster;
  const from = `source ${name} of ${file}`;
  return source.type === 'kubernetes'
    ? { kind: 'Cluster', address: addressOf(source), from, cluster }
    : { kind: 'Manifests', title: `${source.path} (${from})`, paths: [source.path], cluster };
}
