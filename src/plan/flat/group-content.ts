import type { Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { FlatGroup } from './flat-list.ts';

/** What a device's group holds at present. It follows the network sets and what is inside, and no rule changes with it. */
export function groupContent(
  { family, nets, all, none }: FlatGroup,
  ruleset: Pick<Ruleset, 'destinations' | 'inside' | 'groups'>,
): PrefixSet {
  const held = (id: string): PrefixSet => {
    const group = ruleset.groups.get(id);
    return group?.kind === 'Outside' ? group.nets : PrefixSet.empty;
  };
  let content = ruleset.destinations.subtract(ruleset.inside).family(family);
  if (nets !== undefined) content = content.intersect(nets);
  for (const id of all) content = content.intersect(held(id));
  for (const id of none) content = content.subtract(held(id));
  return content;
}
