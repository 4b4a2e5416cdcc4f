import type { BucketMap } from '../../base/bucket-map.ts';
import type { Group, GroupId, Ruleset } from '../../border/ruleset.ts';
import { familyOf, parseAddress } from '../../ip/address.ts';
import type { Behaviour } from '../../plan/behaviour.ts';
import { type ListChange, groupsBetween } from '../../plan/lists.ts';
import type { Owners } from '../guard/interim.ts';

/**
 * How AddressGroups change that rules of others go by, where the device has them by their names (`Behaviour.inGroup`); else `undefined`. What was
 * confirmed says who is in them. Where nobody knows that, and of a group that stayed as it was because its object was broken, the device does: then
 * nobody counts as one who joins, since nobody knows who is new.
 */
export function namedChanges(
  confirmed: Ruleset | undefined,
  candidate: Ruleset,
  { inGroup }: Behaviour,
): readonly ListChange[] | undefined {
  if (inGroup === undefined) return undefined;
  const groups = new Map<GroupId, Group>();
  for (const [id, group] of candidate.groups) {
    const known = confirmed?.groups.get(id);
    const isUnknown = confirmed === undefined || (known?.kind === 'AddressGroup' && known.held === true);
    if (isUnknown && isNamed(group)) groups.set(id, withMembers(group, inGroup(group.deviceName)));
  }
  const before = confirmed ?? candidate;
  return groupsBetween(
    groups.size === 0 ? before : { ...before, groups: new Map([...before.groups, ...groups]) },
    candidate,
  );
}

/** The same ruleset with those in its AddressGroups whom the device has there and somebody owns. */
export function withOwnedInGroups(desired: Ruleset, owners: Owners, { inGroup }: Behaviour): Ruleset {
  if (inGroup === undefined) return desired;
  const groups = new Map<GroupId, Group>();
  for (const [id, group] of desired.groups) {
    if (!isNamed(group)) continue;
    const there = [...inGroup(group.deviceName)].filter((address) => owners.has(address));
    const next = withMembers(group, there);
    if (next !== group) groups.set(id, next);
  }
  return groups.size === 0 ? desired : { ...desired, groups: new Map([...desired.groups, ...groups]) };
}

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;

function isNamed(group: Group): group is AddressGroup {
  return group.kind === 'AddressGroup' && group.held !== true;
}

/** With these too, as far as they are of its family and single addresses, as all that we write there. */
function withMembers(group: AddressGroup, more: Iterable<string>): AddressGroup {
  const added = [...more].filter(
    (text) => !group.members.has(text) && parseAddress(text) !== undefined && familyOf(text) === group.family,
  );
  const members: BucketMap<true> = group.members.with(added.map((address) => [address, true as const]));
  return added.length === 0 ? group : { ...group, members };
}
