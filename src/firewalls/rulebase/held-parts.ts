import { compareUtf8 } from '../../base/compare.ts';
import type { Nat } from '../../border/ruleset.ts';
import { NO_SERVICE, type ServiceSet, combineServices } from '../../engine/flows/service-set.ts';
import { DIFFERENCE, INTERSECTION } from '../../ip/boundaries.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import { servicesOfNat } from './translated-list.ts';

/** Flows of some senders that no SourceNAT takes before the one whose translation of them is not in place. */
export interface HeldPart {
  readonly members: ReadonlySet<string>;
  readonly destination: PrefixSet;
  readonly services: ServiceSet;
  /** Ids of the SourceNATs that take some of the flows first. */
  readonly without: string;
}

/**
 * What is to be held of a SourceNAT for these senders: its flows less those that earlier ones take, exactly; the first SourceNAT that
 * matches decides (design 8.7).
 */
export function heldParts(nat: Nat, earlier: readonly Nat[], members: ReadonlySet<string>): readonly HeldPart[] {
  const services = servicesOfNat(nat);
  const before = earlier.filter(
    (one) =>
      one.family === nat.family &&
      one.destination.overlaps(nat.destination) &&
      combineServices(services, servicesOfNat(one), INTERSECTION).key !== NO_SERVICE.key,
  );
  const parts = new Map<string, { readonly members: Set<string>; readonly taken: readonly Nat[] }>();
  for (const address of members) {
    const taken = before.filter(({ sources }) => sources.has(address));
    const key = taken.map(({ id }) => id).join(' ');
    const part = parts.get(key) ?? { members: new Set<string>(), taken };
    parts.set(key, part);
    part.members.add(address);
  }
  return [...parts]
    .toSorted(([a], [b]) => compareUtf8(a, b))
    .flatMap(([without, part]) => leftOf(nat, part.taken).map((left) => ({ without, members: part.members, ...left })));
}

type Left = Pick<HeldPart, 'destination' | 'services'>;

/** What is left of a SourceNAT: disjoint destinations, and what is left towards each; by services. */
function leftOf(nat: Nat, taken: readonly Nat[]): readonly Left[] {
  let left: readonly Left[] = [{ destination: nat.destination, services: servicesOfNat(nat) }];
  for (const one of taken) {
    const found = new Map<string, Left>();
    const keep = (destination: PrefixSet, services: ServiceSet): void => {
      if (!destination.has(nat.family) || services.key === NO_SERVICE.key) return;
      const known = found.get(services.key)?.destination.union(destination) ?? destination;
      found.set(services.key, { destination: known, services });
    };
    for (const { destination, services } of left) {
      keep(destination.subtract(one.destination), services);
      keep(destination.intersect(one.destination), combineServices(services, servicesOfNat(one), DIFFERENCE));
    }
    left = [...found.values()];
  }
  return left.toSorted((a, b) => compareUtf8(a.services.key, b.services.key));
}
