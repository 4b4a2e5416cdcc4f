import type { Connected } from '../kubernetes/in-cluster.ts';
import { leasePlace } from '../kubernetes/leases/lease.ts';
import { type Pause, renewedLeases, serverTime, unfollowedText } from './followers.ts';
import { allLeaseHolders } from './lease-holders.ts';

/** Of these firewalls those whose Lease nobody renews, each with since when. None where Leases may not be listed: then nobody knows. */
export async function unfollowedAmong(
  connected: Pick<Connected, 'client'>,
  cluster: string,
  firewalls: readonly string[],
  pause: Pause,
): Promise<ReadonlyMap<string, string>> {
  const { signal } = new AbortController();
  const all = await allLeaseHolders(connected, cluster, signal);
  if (all === undefined) return new Map();
  const of = new Map(
    firewalls.map((name) => {
      const suffix = `/${leasePlace('firewall', cluster, name).name}`;
      return [name, all.filter(({ lease }) => lease.endsWith(suffix))] as const;
    }),
  );
  const again = async () => (await allLeaseHolders(connected, cluster, signal)) ?? [];
  const living = await renewedLeases([...of.values()].flat(), again, serverTime(connected.client), pause);
  return new Map(
    [...of].flatMap(([name, leases]) =>
      leases.some(({ lease }) => living.has(lease)) ? [] : [[name, unfollowedText(leases)] as const],
    ),
  );
}
