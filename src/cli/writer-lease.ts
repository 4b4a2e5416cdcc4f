import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import { silentLog } from '../base/log.ts';
import { type Grant, WRITE_MARGIN_MS } from '../controller/devices/writers.ts';
import { TimedLock } from '../firewalls/writer-lock.ts';
import type { Connected } from '../kubernetes/in-cluster.ts';
import { type Borrowed, borrowLease } from '../kubernetes/leases/borrowed.ts';
import { leasePlace } from '../kubernetes/leases/lease.ts';
import { LeaseStore } from '../kubernetes/leases/lease-store.ts';
import { resourcePath } from '../kubernetes/resource-path.ts';
import { type LeaseHolders, isForbidden, leaseHolders, namespacesIn } from './lease-holders.ts';
import type { Terminal } from './terminal.ts';

/** The right to write to a firewall for as long as a command works on it. */
export interface WriterLease {
  readonly grant: Grant;
  /** Nothing is under way on the firewall any more. */
  giveBack(): Promise<void>;
}

/** Takes the Lease of a firewall; `undefined`: this user may not, was told so, and what is written late the device refuses. */
export type TakeLease = (firewall: string) => Promise<WriterLease | undefined>;

/**
 * Takes the Lease of a firewall where it lies, as a copy of the controller would (design invariant 8). Where there is none yet it is made beside
 * those of the copies of that cluster, else in our own namespace, and removed at the end. Throws DEVICE_LOCKED while its holder lives.
 */
export async function takeWriterLease(
  terminal: Terminal,
  connected: Pick<Connected, 'client' | 'namespace'>,
  cluster: string,
  firewall: string,
  signal: AbortSignal,
): Promise<WriterLease | undefined> {
  const unsure = (why: string): undefined => {
    terminal.err(`note: ${firewall}: whether a controller writes to it is not known: ${why}`);
    return undefined;
  };
  let found: LeaseHolders;
  try {
    found = await leaseHolders(connected, cluster, firewall, signal);
  } catch (thrown) {
    if (!isForbidden(thrown)) throw thrown;
    return unsure(thrown.message);
  }
  if (found.only !== undefined && found.namespaces.length === 0)
    unsure(`Leases of namespace ${found.only} alone may be listed`);
  const beside = await namespacesOfCopies(connected, cluster, signal);
  const namespace = found.namespaces[0] ?? beside[0] ?? connected.namespace ?? 'default';
  const lock = new TimedLock(systemClock, WRITE_MARGIN_MS);
  let borrowed: Borrowed;
  try {
    borrowed = await borrowLease(
      {
        store: new LeaseStore(connected.client, namespace, cluster),
        place: leasePlace('firewall', cluster, firewall),
        identity: `${userInfo().username}@${hostname()}_${randomBytes(4).toString('hex')}`,
        clock: systemClock,
        log: silentLog,
        random: Math.random,
        hasCompany: beside.includes(namespace),
        waits: (holder) =>
          terminal.err(
            `${firewall}: its Lease is ${holder === '' ? 'nobody’s, by a hand' : `that of ${holder}`}; waiting to see whether that changes`,
          ),
      },
      lock,
      signal,
    );
  } catch (thrown) {
    if (!isForbidden(thrown)) throw thrown;
    const [held] = found.holders;
    if (held !== undefined)
      throw new SallyportError(
        'DEVICE_LOCKED',
        `${firewall} is kept in step by ${held.holder} (Lease ${held.lease}, renewed ${held.renewed || 'never'}); ` +
          'say yes to its plan with approve, or stop it; delete the Lease if it is long gone',
      );
    terminal.err(
      `note: ${firewall}: its Lease may not be taken (${thrown.message}); a controller that begins meanwhile is kept out by the device alone`,
    );
    return undefined;
  }
  const { tenure } = borrowed;
  const epoch = { now: () => tenure.epoch, outranked: (by: number) => tenure.outranked(by) };
  return { grant: { lock, epoch }, giveBack: () => borrowed.giveBack() };
}

/** Where copies of this cluster's Sallyport show that they live; none where that may not be looked at. */
async function namespacesOfCopies(
  { client, namespace }: Pick<Connected, 'client' | 'namespace'>,
  cluster: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const leases = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };
  const query = { labelSelector: `sallyport.dev/cluster=${cluster},sallyport.dev/lease=copy` };
  for (const where of [{}, ...(namespace === undefined ? [] : [{ namespace }])])
    try {
      return namespacesIn(await client.call({ method: 'GET', path: resourcePath(leases, where), query }, signal));
    } catch (thrown) {
      if (!isForbidden(thrown)) throw thrown;
    }
  return [];
}
