/** Builds `test/apiserver` and keeps the program outside the repository, by a hash of what it is made from. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { constants, homedir, setPriority } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { isThere, mayBeRun } from '../../lab/programs.ts';

/** Its sources, in Go. */
export const apiServerSource = join(import.meta.dirname, '../apiserver');

/** Where the servers of Kubernetes' own test tools lie, if somebody has them. */
const ASSETS = 'KUBEBUILDER_ASSETS';

/** The variables that count: KUBEBUILDER_ASSETS, XDG_CACHE_HOME, and PATH for `go`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How often a build says how far it is. */
const PROGRESS_MS = 15_000;

/** Why there can be no API server here, and what to do about it; undefined if it can be built, or is there already. */
export function whyNoApiServer(environment: Environment = process.env): string | undefined {
  const assets = environment[ASSETS] ?? '';
  const missing = assets === '' ? [] : ['etcd', 'kube-apiserver'].filter((name) => !mayBeRun(join(assets, name)));
  if (missing.length > 0)
    return (
      `${ASSETS} names ${assets}, where there is no program ${missing.join(' and no ')}. Name the folder that holds both ` +
      '(`setup-envtest use -p path` prints it), or unset it: then both are built'
    );
  if (existsSync(apiServerProgram(environment)) || isThere('go', environment['PATH'])) return undefined;
  return (
    'the API server for tests is built with Go, and there is no `go` in PATH. Install Go 1.26 or newer from https://go.dev/dl/ ' +
    `(any Go from 1.21 on fetches the right one by itself); Go is needed with ${ASSETS} too, for the small program that starts them`
  );
}

/** Where the program is, or will be once it is built. */
export function apiServerProgram(environment: Environment = process.env): string {
  const hash = createHash('sha256').update(goBuild(environment).join('\0'));
  for (const name of readdirSync(apiServerSource).toSorted()) {
    if (name.endsWith('.go') || name.startsWith('go.'))
      hash.update(`${name}\0`).update(readFileSync(join(apiServerSource, name)));
  }
  const cache = environment['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(cache, 'sallyport/apiserver', hash.digest('hex').slice(0, 16), 'apiserver');
}

/** Words of `go build`: with the servers of KUBEBUILDER_ASSETS, or with both inside. */
function goBuild(environment: Environment): readonly string[] {
  if ((environment[ASSETS] ?? '') !== '') return ['-trimpath', '-ldflags=-s -w', '-tags', 'external'];
  // As Kubernetes' own releases are built; else a server says that it is v0.0.0-master.
  const module = /^\s*k8s\.io\/kubernetes (?<version>v(?<major>\d+)\.(?<minor>\d+)\S*)$/m;
  const { version, major, minor } = module.exec(readFileSync(join(apiServerSource, 'go.mod'), 'utf8'))?.groups ?? {};
  const told = { gitVersion: version, gitMajor: major, gitMinor: minor };
  const set = Object.entries(told).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ['-trimpath', `-ldflags=-s -w ${set.join(' ')}`];
}

/**
 * Builds the program unless it is there; the first time this takes minutes, and downloads the modules of Kubernetes from the Go module
 * proxy. Throws if the build fails.
 */
export async function buildApiServer(say: (line: string) => void, given: Environment = process.env): Promise<string> {
  const why = whyNoApiServer(given);
  if (why !== undefined) throw new Error(why);
  const program = apiServerProgram(given);
  if (existsSync(program)) return program;
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  say(`building the API server for tests (once; kept as ${program})`);
  const words = goBuild(given);
  const environment = { ...given, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' };
  const packages = spawnSync('go', ['list', '-deps', ...words, '.'], {
    cwd: apiServerSource,
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 16 * 1024 * 1024,
  });
  if (packages.status !== 0) throw new Error('the modules of the API server cannot be fetched (see above)');
  const total = packages.stdout.split('\n').length - 1;
  say(`${total} packages are there (${seconds()}); compiling`);

  const unfinished = `${program}.${process.pid}`;
  mkdirSync(join(program, '..'), { recursive: true });
  const build = spawn('go', ['build', '-v', ...words, '-o', unfinished, '.'], {
    cwd: apiServerSource,
    env: environment,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  if (build.pid !== undefined) setPriority(build.pid, constants.priority.PRIORITY_LOW);
  let compiled = 0;
  const complaints: string[] = [];
  const progress = setInterval(() => say(`${compiled} of ${total} packages (${seconds()})`), PROGRESS_MS);
  const lines = createInterface({ input: build.stderr });
  // With -v each package's path is one line; whatever else is said is a mistake.
  lines.on('line', (line) => (/^[\w./-]+$/.test(line) ? (compiled += 1) : complaints.push(line)));
  try {
    const code = await new Promise<number | null>((resolve, reject) => build.on('error', reject).on('close', resolve));
    if (code !== 0) throw new Error(`go build ended with ${code}:\n${complaints.join('\n')}`);
  } finally {
    clearInterval(progress);
  }
  // Whole or not at all, also when two build at once.
  renameSync(unfinished, program);
  say(`built the API server: ${compiled} packages compiled in ${seconds()}`);
  return program;
}
