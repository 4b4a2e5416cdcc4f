import type { Group, Ruleset } from '../../border/ruleset.ts';
import { withoutAddresses } from '../confirmed/handover.ts';
import type { LeftOut, ListBehind } from '../driver.ts';

/**
 * What of a ruleset a device was given: the same without those for whom its lists have no room, and without those who were left out of groups; whoever is left out of a group of our own rules is in nothing of it. It is this
 * that is confirmed, so that whoever joins once there is room is judged then as all who join. The same object where all was given.
 */
export function givenOf(ruleset: Ruleset, behind: readonly ListBehind[], leftOut: readonly LeftOut[] = []): Ruleset {
  const left = new Map<string, Set<string>>();
  const leave = (group: string, members: ReadonlySet<string> = new Set()): void => {
    if (members.size > 0) left.set(group, new Set([...(left.get(group) ?? []), ...members]));
  };
  const unknown = behind.flatMap(({ isOfOurRules, noRoomFor }) =>
    isOfOurRules === true ? [...(noRoomFor ?? [])] : [],
  );
  for (const { list, isOfOurRules, noRoomFor } of behind) if (isOfOurRules !== true) leave(list, noRoomFor);
  for (const { group, members } of leftOut) leave(group, members);
  if (unknown.length > 0) return withoutAddresses(withoutMembers(ruleset, left), unknown);
  return withoutMembers(ruleset, left);
}

function withoutMembers(ruleset: Ruleset, left: ReadonlyMap<string, ReadonlySet<string>>): Ruleset {
  if (left.size === 0) return ruleset;
  const given = (group: Group): Group => {
    const absent = group.kind === 'AddressGroup' ? left.get(group.deviceName) : undefined;
    if (group.kind !== 'AddressGroup' || absent === undefined) return group;
    const gone = [...absent].filter((address) => group.members.has(address));
    return { ...group, members: group.members.with(gone.map((address) => [address, undefined] as const)) };
  };
  return { ...ruleset, groups: new Map([...ruleset.groups].map(([id, group]) => [id, given(group)] as const)) };
}

/** A list is not as it is wanted because the device has no room for it: people have to make some. */
export function isWithoutRoom({ noRoomFor }: ListBehind): boolean {
  return noRoomFor !== undefined;
}
