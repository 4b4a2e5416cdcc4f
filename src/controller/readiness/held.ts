import { isDeepStrictEqual } from 'node:util';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Confirmed } from '../../firewalls/course.ts';
import type { Owners } from '../../firewalls/interim.ts';

/**
 * Why a firewall does not hold an address as it is wanted now, or `undefined` where it does: its class, its place in groups and its translations
 * were read back, and for the same owner. An address that was somebody else's a moment ago is held only when that owner's rights and
 * connections were dealt with (design section 2, lifetime).
 */
export function notHeld(address: string, wanted: Ruleset, owners: Owners, confirmed: Confirmed): string | undefined {
  const held = confirmed.ruleset;
  const wantedClass = wanted.members.get(address);
  if (wantedClass === undefined) return `${address} is not among the addresses that are wanted there`;
  if (held.members.get(address) === undefined) return `${address} is not there yet`;
  if (held.members.get(address) !== wantedClass) return `${address} is there with other policies`;
  if (confirmed.owners?.get(address) !== owners.get(address)) return `${address} is still there for its owner before`;
  for (const [id, group] of wanted.groups) {
    if (group.kind !== 'AddressGroup' || group.held === true || !group.members.has(address)) continue;
    const there = held.groups.get(id);
    if (there?.kind !== 'AddressGroup' || !there.members.has(address))
      return `${address} is not in the group ${group.deviceName} yet`;
  }
  for (const nat of wanted.nats) {
    const target = nat.sources.get(address);
    if (target === undefined) continue;
    const there = held.nats.find(({ id }) => id === nat.id)?.sources.get(address);
    if (!isDeepStrictEqual(there, target))
      return `the translation of ${address} by ${nat.origin.policy} is not there yet`;
  }
  return undefined;
}
