import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** Why the lab cannot make namespaces here, in words a user can act on; nothing if it can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'namespaces are a feature of Linux';
  const [program = '', ...words] = unshare(['true']);
  const tried = spawnSync(program, words, { encoding: 'utf8' });
  if (tried.error !== undefined) return `unshare cannot be started (${tried.error.message}); install util-linux`;
  if (tried.status === 0) return undefined;
  const said = tried.stderr.trim();
  if (said.includes('No space left'))
    return `user namespaces are switched off (sysctl user.max_user_namespaces is 0): ${said}`;
  if (said.includes('not permitted'))
    return `this user may not make namespaces; run as root, or allow user namespaces (kernel.unprivileged_userns_clone, AppArmor, seccomp): ${said}`;
  return said;
}

/**
 * The command line that runs a command in network, mount and process namespaces of its own, for root and for others alike; everything in
 * them ends and vanishes when the outer process does, however it ends (docs/decisions/0007).
 */
export function unshare(command: readonly string[]): readonly string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
  const inside = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mount -t proc proc /proc && exec "$@"';
  const own = ['unshare', ...user, '--net', '--mount', '--pid', '--fork', '--kill-child'];
  // pdeathsig: unshare itself ends with this process, even if that is killed.
  return ['setpriv', '--pdeathsig', 'KILL', ...own, 'sh', '-c', inside, 'sh', ...command];
}

/** Starts this program again inside; signals are handed on, and the exit code is that of the inner one. */
export async function runInside(words: readonly string[]): Promise<number> {
  const [program = '', ...rest] = unshare([process.execPath, ...process.execArgv, process.argv[1] ?? '', ...words]);
  const child: ChildProcess = spawn(program, rest, { stdio: 'inherit' });
  // Ctrl-C reaches the whole foreground group by itself; a signal sent to this process alone is handed on.
  const hand = (signal: NodeJS.Signals): void => {
    // unshare itself ignores signals while it waits; its only child is the inner process.
    for (const pid of childrenOf(child.pid)) process.kill(pid, signal);
  };
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore).on('SIGTERM', hand).on('SIGHUP', hand);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 1));
    });
  } finally {
    process.off('SIGINT', ignore).off('SIGTERM', hand).off('SIGHUP', hand);
  }
}

function childrenOf(pid: number | undefined): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // it ended already
  }
}
