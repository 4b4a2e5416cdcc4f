import type { Family } from '../../../border/ruleset.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import type { NftTable } from '../table/model.ts';
import { familyName } from '../table/names.ts';
import { prefixSetOf } from './walk.ts';

/**
 * Where a sender that is in no class may say nothing: what the rule about strangers asks. While a table changes that can be a set that stands in for
 * `networks` (change/packets-under-way.ts).
 */
export function networksOf(table: NftTable, family: Family): PrefixSet {
  for (const rule of table.chains.get(familyName('governed', family))?.rules ?? [])
    for (const match of rule.kind === 'ours' ? rule.matches : []) {
      const set = match.on === 'net' && match.side === 'saddr' && !match.not ? table.sets.get(match.set) : undefined;
      if (set !== undefined) return prefixSetOf(set.elements);
    }
  return PrefixSet.empty;
}
