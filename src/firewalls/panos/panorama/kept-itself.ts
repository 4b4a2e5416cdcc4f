import { SallyportError } from '../../../base/error.ts';
import { holdsOurs, isEmpty } from '../entries/owned.ts';
import type { FirewallReading, PanoramaReading } from './panorama.ts';

const WAY_OUT =
  'delete one of the two BorderFirewalls (the other goes on by itself once what is of the first is gone), take the firewall out of the device group, or take out by hand what nobody keeps any more';

/** Firewalls of the group that another BorderFirewall of the cluster keeps, by their own addresses; each for people. */
export function keptWords({ kept }: Pick<PanoramaReading, 'kept'>, cluster: string): readonly string[] {
  return kept.map((one) => wordsOf(one, cluster));
}

/**
 * Why nothing may be written, where all that can be read are kept by themselves: each of the two would take what the other registered for its own that
 * nothing needs, and take it away. `undefined`: some are not.
 */
export function keptByThemselves(reading: PanoramaReading, cluster: string): SallyportError | undefined {
  if (!isAllKept(reading)) return undefined;
  return new SallyportError(
    'DEVICE_OWNED',
    `${keptWords(reading, cluster).join('; ')}; nothing is written to the device group: ${WAY_OUT}`,
  );
}

/** Who leaves need not wait for a firewall that holds nothing that was pushed. */
export function cleanWords({ kept }: Pick<PanoramaReading, 'kept'>, cluster: string): ReadonlySet<string> {
  return new Set(kept.filter(({ entries }) => isEmpty(entries)).map((one) => wordsOf(one, cluster)));
}

/** Nothing of this device group was ever written: there is nothing to leave, though all firewalls are another's. */
export function isNeverKept(reading: PanoramaReading, cluster: string): boolean {
  const { running, candidate } = reading.configuration;
  return (
    isAllKept(reading) &&
    reading.kept.every(({ entries }) => isEmpty(entries)) &&
    ![running, candidate].some((one) => holdsOurs(one, cluster))
  );
}

function isAllKept({ firewalls, kept }: PanoramaReading): boolean {
  return firewalls.every((one) => kept.includes(one));
}

function wordsOf({ firewall, isKeptItself }: FirewallReading, cluster: string): string {
  const { title, vsys } = firewall;
  return isKeptItself
    ? `${title} is left alone: its own ${vsys} holds rules or objects of the cluster ${cluster}, of another BorderFirewall that keeps it without this Panorama`
    : `${title} is left alone: a push to it would reach its other vsys too, which another BorderFirewall of the cluster ${cluster} keeps without this Panorama`;
}
