import type { AddressObject, GroupKey, MemberGroup, ObservedRuleBase, WantedRuleBase } from './model.ts';
import { groupKey } from './model.ts';
import type { Names } from './names.ts';
import { objectFor } from './objects.ts';

/** What is wanted as far as rules of others let it be, and what of it they stand in the way of. */
export interface Standing {
  readonly wanted: WantedRuleBase;
  /** AddressGroups on which a Deny rests and that stay where members may be lost, by their names. */
  readonly unsafe: readonly string[];
}

/**
 * AddressGroups that rules of others name, in the form and under the name that these rules know: a group turns into no feed, and no feed into
 * a group, while they name it, and one that somebody renamed goes on to hold its members under the new name, beside the one that is made
 * again. To empty them would open what a Deny of others closes by them.
 */
export function standing(
  actual: ObservedRuleBase,
  wanted: WantedRuleBase,
  names: Names,
  /** A group of one form becomes one of the other in its place, without a gap. */
  turns = false,
): Standing {
  const wished = new Set(turns ? [...wanted.groups.values()].map(({ name }) => name) : []);
  const kept = [...actual.groups, ...(actual.spoiled ?? [])].filter(
    ([key, group]) =>
      group.shared &&
      !wished.has(group.name) &&
      !wanted.groups.has(key) &&
      !wanted.held.has(key) &&
      (actual.usedByOthers.get(key) ?? []).length > 0,
  );
  if (kept.length === 0) return { wanted, unsafe: [] };
  const groups = new Map(wanted.groups);
  const objects = new Map(wanted.objects);
  const unsafe: string[] = [];
  for (const [, known] of kept) {
    const same = [...wanted.groups.values()].filter(({ shared, mark }) => shared && mark === known.mark);
    const [first] = same;
    if (first === undefined) continue;
    const isOtherForm = first.name === known.name;
    if (isOtherForm) for (const group of same) groups.delete(groupKey(group));
    const members = same.flatMap((group) => [...group.members]);
    // Both families of one name have one form.
    for (const family of known.family === 'Both'
      ? (['Both'] as const)
      : isOtherForm
        ? ([4, 6] as const)
        : [known.family])
      put(groups, objects, names, {
        ...first,
        name: known.name,
        family,
        store: known.store,
        members: new Set(members.filter((one) => family === 'Both' || one.includes(':') === (family === 6))),
      });
    if (known.store === 'Volatile' && first.use === 'Deny') unsafe.push(known.name);
  }
  return { wanted: { ...wanted, groups, objects }, unsafe: [...new Set(unsafe)] };
}

function put(
  groups: Map<GroupKey, MemberGroup>,
  objects: Map<string, AddressObject>,
  names: Names,
  group: MemberGroup,
): void {
  groups.set(groupKey(group), group);
  if (group.store === 'Volatile') return;
  for (const member of group.members) {
    const object = objectFor(member, names);
    if (!objects.has(object.name)) objects.set(object.name, object);
  }
}
