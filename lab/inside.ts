import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** A way to run a program with the right to make network namespaces, or why there is none here. */
export type NamespaceWrapper =
  | { readonly kind: 'available'; readonly command: readonly string[] }
  | { readonly kind: 'unavailable'; readonly why: string };

/**
 * What the wrapped program finds: a /run and a /proc of its own, temporary files in the former, and `lo` up. `nft` and `sysctl` stand
 * where Debian does not let ordinary users look.
 */
const PREPARE =
  'PATH="$PATH:/usr/sbin:/sbin" && mount -t tmpfs tmpfs /run && mkdir -p /run/netns /run/tmp && mount -t proc proc /proc && ip link set lo up && ' +
  'TMPDIR=/run/tmp exec "$@"';

/**
 * A command prefix that gives a program network, mount and process namespaces of its own, as root or as anyone
 * (docs/decisions/0007). Everything inside ends and vanishes when the process that started it does, however it ends. As root no user
 * namespace is made, since that would limit the size of transactions.
 */
export function namespaceWrapper(): NamespaceWrapper {
  if (process.platform !== 'linux') return { kind: 'unavailable', why: 'network namespaces exist on Linux only' };
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? [] : ['--user', '--map-current-user', '--keep-caps'];
  const own = ['unshare', ...user, '--net', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', PREPARE, 'sh'];
  // unshare itself ends with whoever starts it, even when that is killed.
  const command = ['setpriv', '--pdeathsig', 'KILL', ...own];
  const [program, ...words] = [...command, 'true'];
  const trial = spawnSync(program, words, { encoding: 'utf8' });
  if (trial.status === 0) return { kind: 'available', command };
  return { kind: 'unavailable', why: explain(trial.error?.message ?? trial.stderr.trim(), isRoot) };
}

function explain(said: string, isRoot: boolean): string {
  if (said.includes('ENOENT')) return 'the programs unshare and setpriv are missing (Debian package util-linux)';
  if (isRoot) return `root is not enough here, a container without CAP_SYS_ADMIN perhaps: ${said}`;
  if (said.includes('No space left on device'))
    return `user namespaces are switched off (sysctl user.max_user_namespaces is 0): ${said}`;
  if (said.includes('RTNETLINK') || said.includes('mount:'))
    return `a user namespace gives no rights here (AppArmor: sysctl kernel.apparmor_restrict_unprivileged_userns): ${said}`;
  return `user namespaces are forbidden (a sysctl, seccomp or AppArmor): ${said}`;
}

/** Until then a signal may be the same one again: Ctrl-C reaches this process from the terminal and from npm. */
const IMPATIENCE_MS = 1_000;
/** How often a signal is handed on: a process that only begins, and is the first of its namespace, does not hear it. */
const REPEAT_MS = 250;

/**
 * Starts this program again inside; signals are handed on, and the exit code is that of the inner one. Who sends a second one later does
 * not want to wait for a clean end.
 */
export async function runInside(wrapper: readonly string[], words: readonly string[]): Promise<number> {
  const [program = '', ...rest] = [...wrapper, process.execPath, ...process.execArgv, process.argv[1] ?? '', ...words];
  // A group of its own: Ctrl-C would reach the inner one's helpers too, and end them under its hands.
  const child: ChildProcess = spawn(program, rest, { stdio: 'inherit', detached: true });
  let first: number | undefined;
  let repeat: NodeJS.Timeout | undefined;
  const hand = (signal: NodeJS.Signals): void => {
    first ??= performance.now();
    if (performance.now() - first > IMPATIENCE_MS) child.kill('SIGKILL');
    // unshare itself ignores signals while it waits; its only child is the inner process.
    const tell = (): void => {
      for (const pid of childrenOf(child.pid)) process.kill(pid, signal);
    };
    tell();
    repeat ??= setInterval(tell, REPEAT_MS);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, hand);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
    });
  } finally {
    clearInterval(repeat);
    for (const signal of signals) process.off(signal, hand);
  }
}

function childrenOf(pid: number | undefined): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it ended already
  }
}
