import { compareUtf8 } from '../../../base/compare.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import type { Group } from '../../../border/ruleset.ts';
import type { LeftOut } from '../../driver.ts';
import {
  type GroupKey,
  type MemberGroup,
  type ObservedRuleBase,
  type WantedRuleBase,
  groupKey,
} from '../../rulebase/model.ts';

/** Tags of one address (reference 1.8). */
export const MOST_TAGS = 32;
/** AddressGroups of one address: it has a class too, another one on the way there, and may be excepted from the deny for strangers. */
const MOST_GROUPS = MOST_TAGS - 3;

const TOO_MANY = `in more than ${MOST_GROUPS} AddressGroups that are tags`;

/**
 * What is wanted, but that an address in more AddressGroups than its tags allow is in none of the last of them by name: the device would refuse
 * it with everybody beside it. Who is not in such a group may send no more for it: nothing that a Deny rests on is a tag.
 */
export function withinTags(
  wanted: WantedRuleBase,
  groups: Iterable<Group>,
): { readonly wanted: WantedRuleBase; readonly refusals: readonly Diagnostic[]; readonly leftOut: readonly LeftOut[] } {
  const tagged = [...wanted.groups.values()].filter(isTag).toSorted((a, b) => compareUtf8(a.name, b.name));
  const over = new Map<MemberGroup, Set<string>>();
  for (const address of crowded(tagged.map(({ members }) => [members])))
    for (const group of tagged.filter(({ members }) => members.has(address)).slice(MOST_GROUPS))
      over.set(group, (over.get(group) ?? new Set()).add(address));
  if (over.size === 0) return { wanted, refusals: [], leftOut: [] };
  const resources = new Map<string, string>();
  for (const group of groups) if (group.kind === 'AddressGroup') resources.set(group.deviceName, group.resource);
  const refusals = tagged.flatMap((group): readonly Diagnostic[] => {
    const left = over.get(group);
    return left === undefined ? [] : [refusalOf(resources.get(group.name), left)];
  });
  const leftOut = [...over].map(([{ name }, members]) => ({ group: name, members, why: TOO_MANY }));
  return { wanted: without(wanted, over), refusals, leftOut };
}

/**
 * What is wanted next: who joins and leaves so many groups at once that he had too many tags on the way leaves first, and joins with the next plan.
 * Some of those groups are not wanted of him, so that there is always something left to do.
 */
export function withinTagsOnTheWay(observed: ObservedRuleBase, wanted: WantedRuleBase): WantedRuleBase {
  const there = [...observed.groups].filter(([key, group]) => isTag(group) && !wanted.held.has(key));
  const shall = [...wanted.groups.values()].filter(isTag).toSorted((a, b) => compareUtf8(a.name, b.name));
  const both = new Map<GroupKey, readonly ReadonlySet<string>[]>(there.map(([key, { members }]) => [key, [members]]));
  for (const group of shall) {
    const key = groupKey(group);
    both.set(key, [group.members, ...(both.get(key) ?? [])]);
  }
  const over = new Map<MemberGroup, Set<string>>();
  for (const address of crowded([...both.values()])) {
    const has = there.filter(([, { members }]) => members.has(address)).length;
    const joins = shall.filter(
      (group) => group.members.has(address) && observed.groups.get(groupKey(group))?.members.has(address) !== true,
    );
    for (const group of joins.slice(Math.max(0, MOST_GROUPS - has)))
      over.set(group, (over.get(group) ?? new Set()).add(address));
  }
  return over.size === 0 ? wanted : without(wanted, over);
}

function isTag({ store, shared }: MemberGroup): boolean {
  return store === 'Volatile' && shared;
}

/** What is wanted, but these members of these groups. */
export function without(wanted: WantedRuleBase, over: ReadonlyMap<MemberGroup, ReadonlySet<string>>): WantedRuleBase {
  const groups = new Map(wanted.groups);
  for (const [group, left] of over)
    groups.set(groupKey(group), { ...group, members: new Set([...group.members].filter((one) => !left.has(one))) });
  return { ...wanted, groups };
}

/** Whoever is in more groups than that. `groups`: the members of each, in parts. Each member is looked at once, for groups may be many. */
function crowded(groups: readonly (readonly ReadonlySet<string>[])[]): readonly string[] {
  if (groups.length <= MOST_GROUPS) return [];
  const counts = new Map<string, number>();
  for (const parts of groups)
    for (const [at, members] of parts.entries()) {
      const seen = parts.slice(0, at);
      for (const address of members)
        if (!seen.some((others) => others.has(address))) counts.set(address, (counts.get(address) ?? 0) + 1);
    }
  return [...counts].flatMap(([address, count]) => (count > MOST_GROUPS ? [address] : []));
}

function refusalOf(resource: string | undefined, left: ReadonlySet<string>): Diagnostic {
  const [first] = [...left].toSorted(compareUtf8);
  const others = left.size === 1 ? '' : ` and ${left.size - 1} other${left.size === 2 ? '' : 's'}`;
  return {
    severity: 'error',
    code: 'ADDRESS_TAGS',
    ...(resource === undefined ? {} : { object: resource }),
    path: 'spec.selector',
    message: `${first}${others}: ${TOO_MANY}, and left out of this one, which is behind them by its name; write \`as: Group\` for some of them, or let fewer select it`,
  };
}
