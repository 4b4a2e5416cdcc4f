import { compareUtf8 } from '../base/compare.ts';
import { PrefixSet } from '../ip/prefix-set.ts';

/** What the way of a flow depends on. */
export interface Exit {
  readonly name: string;
  readonly destinations: PrefixSet;
  readonly behind: readonly string[];
}

/** Which firewalls a flow meets before and at each exit. */
export interface Chains {
  /** By firewall: those it stands behind, nearest to the pods first, and itself last. Firewalls of a cycle stand alone. */
  readonly byExit: ReadonlyMap<string, readonly string[]>;
  /** Firewalls that stand behind themselves, and one such circle for each. */
  readonly cycles: ReadonlyMap<string, readonly string[]>;
  /** Firewalls that name others which do not exist. */
  readonly unknown: ReadonlyMap<string, readonly string[]>;
}

/** Resolves `behind` for all firewalls: a firewall stands behind all that those before it stand behind. */
export function chainsOf(exits: readonly Exit[]): Chains {
  const byName = new Map(exits.map((exit) => [exit.name, exit]));
  const cycles = new Map<string, readonly string[]>();
  const unknown = new Map<string, readonly string[]>();
  for (const exit of exits) {
    const circle = circleOf(exit.name, byName);
    if (circle !== undefined) cycles.set(exit.name, circle);
    const missing = exit.behind.filter((name) => !byName.has(name));
    if (missing.length > 0) unknown.set(exit.name, [...new Set(missing)].sort(compareUtf8));
  }
  const byExit = new Map<string, readonly string[]>();
  const chain = (name: string): readonly string[] => {
    const known = byExit.get(name);
    if (known !== undefined) return known;
    const nearer = cycles.has(name) ? [] : (byName.get(name)?.behind ?? []).filter((each) => byName.has(each));
    const found = [...new Set([...nearer.flatMap(chain), name])];
    byExit.set(name, found);
    return found;
  };
  for (const exit of exits) chain(exit.name);
  return { byExit, cycles, unknown };
}

/** A shortest way from a firewall through `behind` back to itself. */
function circleOf(start: string, byName: ReadonlyMap<string, Exit>): readonly string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const name of queue)
    for (const next of byName.get(name)?.behind ?? []) {
      if (next === start) {
        const circle = [start];
        for (let at = name; at !== start; at = cameFrom.get(at) ?? start) circle.unshift(at);
        return [start, ...circle];
      }
      if (!byName.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, name);
      queue.push(next);
    }
  return undefined;
}

/**
 * Of the firewalls that take a workload: the destinations that each of them claims, which are those where no other one holds a longer
 * prefix. Equal prefixes are claimed by both (parallel exits).
 */
export function claimsOf(takers: readonly Exit[]): ReadonlyMap<string, PrefixSet> {
  const prefixes = takers.flatMap((exit) => exit.destinations.prefixes());
  return new Map(
    takers.map((exit) => {
      const claimed = exit.destinations.prefixes().map((prefix) => {
        const longer = prefixes.filter((other) => other.family === prefix.family && other.length > prefix.length);
        return PrefixSet.of([prefix]).subtract(PrefixSet.of(longer));
      });
      return [exit.name, claimed.reduce((sum, part) => sum.union(part), PrefixSet.empty)];
    }),
  );
}
