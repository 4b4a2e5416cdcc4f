import { spawnSync } from 'node:child_process';
import process from 'node:process';

/** A way to run a program with the right to make network namespaces, or why there is none here. */
export type NamespaceWrapper =
  | { readonly kind: 'available'; readonly command: readonly string[] }
  | { readonly kind: 'unavailable'; readonly why: string };

/** What the wrapped program finds: a /run and a /proc of its own, and `lo` up. */
const PREPARE =
  'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mount -t proc proc /proc && ip link set lo up && exec "$@"';
const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child'];
const USER = ['--user', '--map-current-user', '--keep-caps'];

/**
 * A command prefix that gives a program network namespaces of its own, as root or as anyone. Everything inside ends and vanishes with
 * the `unshare` process, however it dies. As root no user namespace is made, since that would limit the size of transactions.
 */
export function namespaceWrapper(): NamespaceWrapper {
  if (process.platform !== 'linux') return { kind: 'unavailable', why: 'network namespaces exist on Linux only' };
  const user = process.getuid?.() === 0 ? [] : USER;
  const command = ['unshare', ...user, ...NAMESPACES, 'sh', '-c', PREPARE, 'sh'];
  const trial = spawnSync('unshare', [...command.slice(1), 'true'], { encoding: 'utf8' });
  if (trial.status === 0) return { kind: 'available', command };
  return { kind: 'unavailable', why: explain(trial.error?.message ?? trial.stderr.trim(), user.length > 0) };
}

function explain(said: string, rootless: boolean): string {
  if (said.includes('ENOENT')) return 'the program unshare is missing (Debian package util-linux)';
  if (!rootless) return `root is not enough here, a container without CAP_SYS_ADMIN perhaps: ${said}`;
  if (said.includes('No space left on device'))
    return `user namespaces are switched off (sysctl user.max_user_namespaces is 0): ${said}`;
  if (said.includes('RTNETLINK') || said.includes('mount:'))
    return `a user namespace gives no rights here (AppArmor: sysctl kernel.apparmor_restrict_unprivileged_userns): ${said}`;
  return `user namespaces are forbidden (a sysctl, seccomp or AppArmor): ${said}`;
}
