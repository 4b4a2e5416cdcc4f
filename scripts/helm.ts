import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

const VERSION = 'v3.22.0';
/** The version of Kubernetes that templates are told, where no server is asked. */
const KUBERNETES = '1.33.0';

/** Path of Helm's program, of one version for everybody; built from its Go module where it is not in the cache yet (about two minutes). */
export function helmProgram(): string {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'sallyport', `helm-${VERSION}`);
  const program = join(cache, 'helm');
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  // Built beside, then moved: whoever is interrupted leaves nothing half-made.
  const folder = mkdtempSync(join(cache, 'build-'));
  try {
    const { status, error } = spawnSync('go', ['install', '-trimpath', `helm.sh/helm/v3/cmd/helm@${VERSION}`], {
      env: { ...process.env, GOBIN: folder, GOFLAGS: '-buildvcs=false' },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (error !== undefined) throw new Error(`Helm ${VERSION} has to be built, and Go is missing`, { cause: error });
    if (status !== 0) throw new Error(`Helm ${VERSION} could not be built`);
    renameSync(join(folder, 'helm'), program);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return program;
}

/** Runs Helm; on standard output what it says, or throws with what it complains of. */
export function helm(words: readonly string[], environment: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr } = spawnSync(helmProgram(), words, {
    encoding: 'utf8',
    env: { ...process.env, ...environment },
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`helm ${words.join(' ')}\n${stderr}`);
  return stdout;
}

/** The objects of the chart as YAML, without its CustomResourceDefinitions. `set`: values, each as for `--set-json`. */
export function renderChart(root: string, set: Readonly<Record<string, unknown>> = {}): string {
  const values = Object.entries(set).flatMap(([name, value]) => ['--set-json', `${name}=${JSON.stringify(value)}`]);
  const chart = join(root, 'deploy/chart');
  return helm(['template', 'sallyport', chart, '--namespace', 'sallyport', '--kube-version', KUBERNETES, ...values]);
}
