import type { Ground } from '../configuration/ground.ts';
import { digestOf, ownedIn } from '../entries/owned.ts';
import { NO_STATE } from '../members/registry.ts';
import type { FirewallReading, PanoramaReading } from './panorama.ts';
import { crowdedAt, roomAt } from './shortage.ts';

/**
 * The firewall whose state the steps are made for: one of those that run what Panorama does, else of those that most agree with; and among
 * these one whose registered addresses are in the state that most are in, as one that lost them is in none. Of equal ones that with the most
 * room, and the most tags left, as one that others have filled keeps nobody from the rest.
 */
export function leaderIn(
  { configuration, firewalls }: PanoramaReading,
  { cluster, style }: Ground,
): FirewallReading | undefined {
  const runs = digestOf(ownedIn(configuration.running, cluster));
  const room = new Map(firewalls.map((one) => [one, roomAt(one, style.tags)]));
  const crowded = new Map(firewalls.map((one) => [one, crowdedAt(one, style.tags)]));
  const byRoom = firewalls.toSorted(
    (one, other) => compareRoom(room.get(other), room.get(one)) || compareRoom(crowded.get(one), crowded.get(other)),
  );
  const agreeing = byRoom.filter(({ digest }) => digest === runs);
  const alike = agreeing.length > 0 ? agreeing : most(byRoom, ({ digest }) => digest);
  const marked = alike.filter((one) => stateOf(one) !== NO_STATE);
  return most(marked.length > 0 ? marked : alike, stateOf)[0];
}

/** Of two that did not tell neither has more. */
function compareRoom(one = 0, other = 0): number {
  return one === other ? 0 : one - other;
}

/** The largest lot of those that are alike; of equal ones the first. */
function most<T>(list: readonly T[], keyOf: (one: T) => string): readonly T[] {
  const lots = new Map<string, T[]>();
  for (const one of list) {
    const lot = lots.get(keyOf(one));
    if (lot === undefined) lots.set(keyOf(one), [one]);
    else lot.push(one);
  }
  return [...lots.values()].reduce((best, lot) => (lot.length > best.length ? lot : best), [] as readonly T[]);
}

/** Of its registered addresses. */
export function stateOf({ registry }: FirewallReading): string {
  return registry.marker?.state ?? NO_STATE;
}
