import { keptAs } from '../api/border-firewall.ts';
import type { BorderFirewall } from '../api/resource.ts';
import type { Worker } from '../firewalls/worker/worker.ts';
import type { FollowedDrops } from './early-drop-watch.ts';
import type { OpenDevice } from './devices/open-device.ts';

/** A firewall that this copy works at. */
export interface Station {
  readonly firewall: BorderFirewall;
  readonly worker: Worker;
  readonly device: OpenDevice;
  readonly drops: FollowedDrops;
  /** What would need another connection if it changed. */
  readonly identity: string;
}

/** Which device a BorderFirewall means, how it is reached, and whether it is kept as another cluster than ours. */
export function deviceIdentity(firewall: BorderFirewall, cluster: string): string {
  const other = keptAs(firewall);
  return other === undefined || other === cluster ? wayTo(firewall) : `${other} ${wayTo(firewall)}`;
}

function wayTo(firewall: BorderFirewall): string {
  const known = identities.get(firewall);
  if (known !== undefined) return known;
  const { driver, address, options, credentialsRef, tls, adopt } = firewall;
  const identity = JSON.stringify([driver, address, options, credentialsRef, tls, adopt]);
  identities.set(firewall, identity);
  return identity;
}

/** Asked of each firewall with each change of whatever it is. */
const identities = new WeakMap<BorderFirewall, string>();

export async function closeStation({ worker, device, drops }: Station): Promise<void> {
  await Promise.all([worker.stop(), drops.stop()]);
  await device.close();
}

/** Canary firewalls of a firewall, as it is described now, that have not confirmed a version yet. */
export function canariesBehind(
  stations: ReadonlyMap<string, Station>,
  firewall: string,
  version: number,
): readonly string[] {
  return (stations.get(firewall)?.firewall.guard.after ?? []).filter(
    (name) => (stations.get(name)?.worker.status().confirmedVersion ?? -1) < version,
  );
}

/** Those that wait for this one. Asked with every version that any firewall confirms; mostly there is none. */
export function* waitingFor(stations: ReadonlyMap<string, Station>, canary: string): Iterable<Station> {
  for (const station of stations.values()) if (station.firewall.guard.after.includes(canary)) yield station;
}
