import { SallyportError } from '../../base/error.ts';
import type { BorderRule, Family } from '../../border/ruleset.ts';
import { type ServiceSet, combineServices } from '../../engine/flows/service-set.ts';
import { DIFFERENCE, INTERSECTION, UNION } from '../../ip/boundaries.ts';
import { type Item, type Items, constantFrom, mergeOrigins } from './item.ts';
import { type Match, areDisjoint, destinationKey, isNoService } from './match.ts';
import { type Term, cutTerm, joinTerms, outsideTerm } from './term.ts';

/** A list without the items that leave it where nothing would come after: it need not say them. */
export function withoutIdleLeaves(items: Items): Items {
  const meets = (leave: Item, place: number): boolean =>
    items.some((item, at) => at > place && item.action !== 'Leave' && !areDisjoint(item.match, leave.match));
  return items.filter((item, place) => item.action !== 'Leave' || meets(item, place));
}

/**
 * The same list for a device that has no `Leave`: what is left must be matched by nothing, so every item after is narrowed to what was
 * not left. `unsayable` hears of the rules for which that is impossible; the list is then of no use.
 */
export function withoutLeaves(items: Items, family: Family, unsayable: (rule: BorderRule) => void): Items {
  const leaves: Item[] = [];
  const made: Item[] = [];
  for (const [at, item] of items.entries()) {
    if (item.action === 'Leave') {
      leaves.push(item);
      continue;
    }
    const met = leaves.filter((leave) => !areDisjoint(leave.match, item.match));
    if (met.length === 0) made.push(item);
    // What the rest of the list does anyway need not be said in two places, narrowed.
    else {
      const isSaidLater = (match: Match): boolean =>
        item.action !== 'Log' && constantFrom(items, at + 1, match, item.action) !== undefined;
      if (!isSaidLater(item.match)) made.push(...narrowed(item, met, family, isSaidLater, unsayable));
    }
  }
  return made;
}

interface Portion {
  readonly services: ServiceSet;
  readonly leaves: readonly Item[];
}

const MAX_TERMS = 1000;

/** The item without what the leaves take: for each kind of service, the destinations that none of them names for it. */
function narrowed(
  item: Item,
  leaves: Items,
  family: Family,
  isSaidLater: (match: Match) => boolean,
  unsayable: (rule: BorderRule) => void,
): readonly Item[] {
  const byDestination = new Map<string, { services: ServiceSet; terms: readonly Term[]; leaves: Set<Item> }>();
  for (const portion of portions(item.match.services, leaves)) {
    let { terms } = item.match;
    if (portion.leaves.length > 0 && isSaidLater({ terms, services: portion.services })) continue;
    for (const leave of portion.leaves) {
      const outside = leave.match.terms.map((term) => outsideTerm(term, family));
      for (const parts of outside) {
        if (parts === undefined) {
          for (const rule of leave.rules) unsayable(rule);
          return [];
        }
        terms = joinTerms(terms.flatMap((term) => parts.flatMap((part) => cutTerm(term, part) ?? [])));
      }
      if (terms.length > MAX_TERMS)
        throw new SallyportError('FLAT_LIMIT', `more than ${MAX_TERMS} kinds of destinations in one rule`, {
          limit: MAX_TERMS,
        });
    }
    if (terms.length === 0) continue;
    const key = destinationKey({ terms, services: portion.services });
    const before = byDestination.get(key);
    if (before === undefined)
      byDestination.set(key, { services: portion.services, terms, leaves: new Set(portion.leaves) });
    else {
      before.services = combineServices(before.services, portion.services, UNION);
      for (const leave of portion.leaves) before.leaves.add(leave);
    }
  }
  return Array.from(byDestination.values(), ({ services, terms, leaves: excluded }) => ({
    ...item,
    match: { services, terms },
    origins: mergeOrigins(item.origins, ...[...excluded].map((leave) => leave.origins)),
    narrowed: true,
  }));
}

/** The services in parts, for each of which every leave speaks of all or nothing. */
function portions(services: ServiceSet, leaves: Items): readonly Portion[] {
  let parts: readonly Portion[] = [{ services, leaves: [] }];
  for (const leave of leaves) {
    parts = parts.flatMap((part): readonly Portion[] => {
      const inside = combineServices(part.services, leave.match.services, INTERSECTION);
      if (isNoService(inside)) return [part];
      const outside = combineServices(part.services, leave.match.services, DIFFERENCE);
      const taken = { services: inside, leaves: [...part.leaves, leave] };
      return isNoService(outside) ? [taken] : [{ services: outside, leaves: part.leaves }, taken];
    });
  }
  return parts;
}
