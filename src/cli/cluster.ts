import { existsSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import { type Log, silentLog } from '../base/log.ts';
import type { SecretReader } from '../controller/devices/device-credentials.ts';
import type { ObjectsPlace } from '../controller/configuration/source-places.ts';
import { LiveWorld } from '../controller/world/live-world.ts';
import { textLog } from '../controller/configuration/logs.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import type { Connected } from '../kubernetes/in-cluster.ts';
import type { WorldOptions } from './options.ts';
import type { Terminal } from './terminal.ts';
import { clusterKept, clusterPolicies, type CommandWorld, NO_CLUSTER } from './command-world.ts';
import type { TakeLease } from './writer-lease.ts';

/** A cluster that a command is about. */
export interface ClusterPlace {
  readonly kind: 'Cluster';
  readonly address: ClusterAddress;
  /** Where it was named, for people; absent: nowhere but on the command line or in the environment. */
  readonly from?: string;
  /** The owner of what is created, where somebody has named it. */
  readonly cluster: string | undefined;
}

/** `Kubeconfig` without a path: the files of KUBECONFIG, else the one in the home folder; without a context: the current one. */
export type ClusterAddress =
  | { readonly kind: 'Around' }
  | { readonly kind: 'Kubeconfig'; readonly path?: string | undefined; readonly context?: string | undefined };

/** Where a source of a configuration is. */
export function addressOf({ kubeconfig, context }: Extract<ObjectsPlace, { type: 'kubernetes' }>): ClusterAddress {
  return kubeconfig === undefined ? { kind: 'Around' } : { kind: 'Kubeconfig', path: kubeconfig, context };
}

/**
 * The cluster that is meant where nobody names manifests or a configuration, as kubectl takes it: that of the kubeconfig, and in a pod
 * without one the cluster around it. `undefined`: there is neither.
 */
export function currentCluster(
  { kubeconfig, context }: WorldOptions,
  environment: Readonly<Record<string, string | undefined>>,
): ClusterAddress | undefined {
  const isNamed = (kubeconfig ?? context ?? environment['KUBECONFIG'] ?? '') !== '';
  if (isNamed || existsSync(`${environment['HOME'] ?? ''}/.kube/config`))
    return { kind: 'Kubeconfig', path: kubeconfig, context };
  return environment['KUBERNETES_SERVICE_HOST'] === undefined ? undefined : { kind: 'Around' };
}

/** Warnings of the client, and nothing else of it. */
export function clientLog(terminal: Terminal): Log {
  const log = textLog((line) => terminal.err(line), systemClock);
  return {
    ...silentLog,
    warn: (fields: object, message: string) => log.warn(fields, message),
    error: (fields: object, message: string) => log.error(fields, message),
  };
}

/** Connects, and says on standard error to which cluster. Asks nothing of it. */
export async function connectCluster(terminal: Terminal, { address, from }: ClusterPlace): Promise<Connected> {
  const environment = process.env;
  const connected = await connect(terminal, address, environment);
  terminal.err(`world: ${connected.title}${from === undefined ? '' : `, ${from}`}`);
  return connected;
}

// The clients are loaded for those who need them: it takes time.
async function connect(
  terminal: Terminal,
  address: ClusterAddress,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Connected> {
  if (address.kind === 'Around') {
    const { connectInCluster } = await import('../kubernetes/in-cluster.ts');
    return await connectInCluster({ environment });
  }
  const { connectKubeconfig } = await import('../kubernetes/kubeconfig.ts');
  const { path, context } = address;
  const isInteractive = process.stdin.isTTY && process.stderr.isTTY;
  return await connectKubeconfig({ path, context, environment, log: clientLog(terminal), isInteractive });
}

/** Reads a cluster once, whole; diagnostics are returned. */
export async function readClusterWorld(terminal: Terminal, place: ClusterPlace): Promise<CommandWorld> {
  const connected = await connectCluster(terminal, place);
  try {
    return await worldOf(terminal, place, connected);
  } finally {
    await connected.client.close();
  }
}

/** The same over a connection that there is. */
export async function worldOf(
  terminal: Terminal,
  place: ClusterPlace,
  { client: api, title, namespace }: Connected,
): Promise<CommandWorld> {
  const { readCluster } = await import('../controller/read-cluster.ts');
  const delivery = await readCluster({
    name: 'cluster',
    api,
    clock: systemClock,
    log: clientLog(terminal),
    progress: (text) => terminal.err(text),
  });
  const cluster = place.cluster ?? clusterKept(delivery.changes) ?? (await nameOf(terminal, api));
  const world = new LiveWorld(cluster ?? NO_CLUSTER);
  world.apply(delivery);
  const takeLease: TakeLease = async (firewall) => {
    const { takeWriterLease } = await import('./writer-lease.ts');
    const again = await connect(terminal, place.address, process.env);
    const close = (): Promise<void> => again.client.close();
    try {
      const signal = new AbortController().signal;
      const lease = await takeWriterLease(terminal, again, cluster ?? NO_CLUSTER, firewall, signal);
      if (lease === undefined) await close();
      const giveBack = async (): Promise<void> => {
        await lease?.giveBack();
        await close();
      };
      return lease && { grant: lease.grant, giveBack };
    } catch (thrown) {
      await close();
      throw thrown;
    }
  };
  const readSecretAgain: SecretReader['read'] = async (name, signal) => {
    const { secretsOf } = await import('../kubernetes/secret.ts');
    const again = await connect(terminal, place.address, process.env);
    try {
      return await secretsOf(again.client, namespace ?? 'default').read(name, signal);
    } finally {
      await again.client.close();
    }
  };
  const unfollowed: CommandWorld['unfollowed'] = async (firewalls) => {
    const { unfollowedAmong } = await import('./unfollowed.ts');
    const again = await connect(terminal, place.address, process.env);
    try {
      return await unfollowedAmong(again, cluster ?? NO_CLUSTER, firewalls, pause);
    } finally {
      await again.client.close();
    }
  };
  return {
    title,
    world,
    policies: clusterPolicies(delivery.changes),
    cluster,
    diagnostics: world.diagnostics(),
    takeLease,
    unfollowed,
    secrets: { namespace: namespace ?? 'default', read: readSecretAgain },
    isFromAnywhere: place.from === undefined && place.address.kind === 'Kubeconfig',
  };
}

/** What a cluster calls itself; whoever may not ask can still read what there is. */
async function nameOf(terminal: Terminal, api: ApiClient): Promise<string | undefined> {
  const { clusterNameOf } = await import('../kubernetes/discovery.ts');
  try {
    return await clusterNameOf(api, new AbortController().signal);
  } catch (thrown) {
    if (!(thrown instanceof SallyportError && thrown.code === 'API_FORBIDDEN')) throw thrown;
    terminal.err(
      'the cluster does not say its name: the right to get the namespace kube-system is missing; give --cluster NAME to compare with devices',
    );
    return undefined;
  }
}
