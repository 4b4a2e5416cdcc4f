/** Builds `test/apiserver` and keeps the program outside the repository, by a hash of what it is made from. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { constants, homedir, setPriority } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { isThere } from '../../lab/programs.ts';

const source = join(import.meta.dirname, '../apiserver');

/** Whether the servers of `KUBEBUILDER_ASSETS` run instead of those inside the program. */
const external = (process.env['KUBEBUILDER_ASSETS'] ?? '') !== '';

/** How often a build says how far it is. */
const PROGRESS_MS = 15_000;

/** Why the API server cannot be built here, and what to do about it; undefined if it can, or is there already. */
export function whyNoApiServer(): string | undefined {
  if (existsSync(apiServerProgram()) || isThere('go')) return undefined;
  return (
    'the API server for tests is built with Go, and there is no `go` in PATH. Install Go 1.26 or newer from https://go.dev/dl/ ' +
    '(any Go from 1.21 on fetches the right one by itself); Go is needed with KUBEBUILDER_ASSETS too, for the small program that starts them'
  );
}

/** Where the program is, or will be once it is built. */
export function apiServerProgram(): string {
  const hash = createHash('sha256').update(external ? 'external' : 'embedded');
  for (const name of readdirSync(source).toSorted()) {
    if (name.endsWith('.go') || name.startsWith('go.'))
      hash.update(`${name}\0`).update(readFileSync(join(source, name)));
  }
  const cache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  return join(cache, 'sallyport/apiserver', hash.digest('hex').slice(0, 16), 'apiserver');
}

/**
 * Builds the program unless it is there; the first time this takes minutes, and downloads the modules of Kubernetes from the Go module
 * proxy. Throws if the build fails.
 */
export async function buildApiServer(say: (line: string) => void): Promise<string> {
  const program = apiServerProgram();
  if (existsSync(program)) return program;
  const why = whyNoApiServer();
  if (why !== undefined) throw new Error(why);
  const started = performance.now();
  const seconds = (): string => `${((performance.now() - started) / 1000).toFixed(0)} s`;
  say(`building the API server for tests (once; kept as ${program})`);
  const tags = external ? ['-tags', 'external'] : [];
  const environment = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' };
  const packages = spawnSync('go', ['list', '-deps', ...tags, '.'], {
    cwd: source,
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
  const build = spawn('go', ['build', '-v', '-trimpath', '-ldflags=-s -w', ...tags, '-o', unfinished, '.'], {
    cwd: source,
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
