import { BucketMap } from '../../src/base/bucket-map.ts';
import type { Ruleset } from '../../src/border/ruleset.ts';

/** The same rules for other members: some are given back, and some have the class of somebody else. */
export function moved(ruleset: Ruleset, seed: number): Ruleset {
  const entries = ruleset.members.sorted();
  const members = entries.flatMap(([address, id], at): (readonly [string, string])[] => {
    const what = (seed * 7 + at * 13) % 5;
    if (what === 0) return [];
    const family = ruleset.classes.get(id)?.family;
    const others = entries.filter(([, other]) => ruleset.classes.get(other)?.family === family);
    return [[address, what === 1 ? (others[(seed + at) % others.length]?.[1] ?? id) : id]];
  });
  return { ...ruleset, members: BucketMap.from(members) };
}
