import { isDeepStrictEqual } from 'node:util';
import type { Group, Nat, Ruleset } from '../../border/ruleset.ts';
import type { Confirmed } from '../../firewalls/worker/course.ts';
import type { Owners } from '../../firewalls/guard/interim.ts';

/**
 * Why a firewall does not hold an address as it is wanted now, or `undefined` where it does: its class, its place in groups and its translations
 * were read back, and for the same owner. An address that was somebody else's a moment ago is held only when that owner's rights and
 * connections were dealt with (design section 2, lifetime).
 */
export function notHeld(address: string, wanted: Ruleset, owners: Owners, confirmed: Confirmed): string | undefined {
  const held = confirmed.ruleset;
  const wantedClass = wanted.members.get(address);
  if (wantedClass === undefined) return `${address} is not among the addresses that are wanted there`;
  if (held.members.get(address) === undefined) {
    const crowded = confirmed.behind?.find((one) => one.isOfOurRules === true && one.noRoomFor?.has(address) === true);
    return `${address} is not there yet${crowded === undefined ? '' : `: ${crowded.text}`}`;
  }
  if (held.members.get(address) !== wantedClass) return `${address} is there with other policies`;
  if (confirmed.owners?.get(address) !== owners.get(address)) return `${address} is still there for its owner before`;
  const { groups, nats } = differenceOf(wanted, held);
  for (const { group, there } of groups)
    if (group.members.has(address) && there?.has(address) !== true)
      return `${address} is not in the group ${group.deviceName}${whyAbsent(group.deviceName, address, confirmed)}`;
  for (const { list, isUsed, lacks, keeps, noRoomFor } of confirmed.behind ?? []) {
    if (isUsed && lacks.has(address))
      return noRoomFor === undefined
        ? `${address} was not seen in the list ${list} yet`
        : `${address} may be left out of the list ${list}, for which the device has no room`;
    if (isUsed && keeps.has(address)) return `${address} is still in the list ${list}, for its owner before`;
  }
  for (const { nat, there } of nats) {
    const target = nat.sources.get(address);
    if (target !== undefined && !isDeepStrictEqual(there?.get(address), target))
      return `the translation of ${address} by ${nat.origin.policy} is not there yet`;
  }
  return undefined;
}

function whyAbsent(name: string, address: string, { behind = [], leftOut = [] }: Confirmed): string {
  if (behind.some(({ list, noRoomFor }) => list === name && noRoomFor?.has(address) === true))
    return ': the device has no room for it';
  const left = leftOut.find(({ group, members }) => group === name && members.has(address));
  return left === undefined ? ' yet' : `: ${left.why}`;
}

/** What of a wanted ruleset may not be there. */
interface Difference {
  readonly held: Ruleset;
  readonly groups: readonly { readonly group: AddressGroup; readonly there: AddressGroup['members'] | undefined }[];
  readonly nats: readonly { readonly nat: Nat; readonly there: Nat['sources'] | undefined }[];
}

type AddressGroup = Extract<Group, { readonly kind: 'AddressGroup' }>;

const differences = new WeakMap<Ruleset, Difference>();

/**
 * Versions share what did not change, so most groups are told to be there without looking into them. Worked out once for each pair: hundreds
 * of pods ask about it, and there are hundreds of groups.
 */
function differenceOf(wanted: Ruleset, held: Ruleset): Difference {
  const known = differences.get(wanted);
  if (known?.held === held) return known;
  const difference: Difference = {
    held,
    groups: [...wanted.groups].flatMap(([id, group]) => {
      if (group.kind !== 'AddressGroup' || group.held === true) return [];
      const other = held.groups.get(id);
      const there = other?.kind === 'AddressGroup' ? other.members : undefined;
      return there === group.members ? [] : [{ group, there }];
    }),
    nats: wanted.nats.flatMap((nat) => {
      const there = held.nats.find(({ id }) => id === nat.id)?.sources;
      return there === nat.sources ? [] : [{ nat, there }];
    }),
  };
  differences.set(wanted, difference);
  return difference;
}
