import type { BucketMap } from '../../base/bucket-map.ts';
import { type Pieces, each } from '../../base/pieces.ts';
import { isInNetworks } from '../../border/in-networks.ts';
import type { Group, GroupId, Nat } from '../../border/ruleset.ts';
import type { Owned } from '../../firewalls/confirmed/handover.ts';
import type { Owners } from '../../firewalls/guard/interim.ts';

/** So many are looked for one by one, in one piece. */
const FEW = 64;

/**
 * A version of a firewall without addresses that were given up since, as far as that takes rights away and gives none: what may be brought to
 * it before anybody has worked out what else follows. An address leaves its class and its translations where a packet of an unknown sender is
 * dropped (`networks`), and groups for Allow anywhere; beyond `networks` strangers may do what the class denies, and in a group for Deny it
 * stays. Who stays in his class stays its owner. Gives `before` itself where nothing is to leave.
 *
 * `ownersLeft`: the owners of before without any of them, as every firewall has them where nobody stays.
 */
export function* narrowing(
  before: Owned,
  gone: readonly string[],
  ownersLeft: (owners: Owners) => Pieces<Owners>,
): Pieces<Owned> {
  const { ruleset, owners } = before;
  const leaving: string[] = [];
  const staying = new Set<string>();
  yield* each(gone, (address) => {
    if (!ruleset.members.has(address)) return;
    if (isInNetworks(address, ruleset)) leaving.push(address);
    else staying.add(address);
  });
  const [allGone, allLeaving] = [new Gone(gone), new Gone(leaving)];
  const members = yield* withoutGone(ruleset.members, allLeaving);
  const nats: Nat[] = [];
  for (const nat of ruleset.nats) {
    const sources = yield* withoutGone(nat.sources, allLeaving);
    nats.push(sources === nat.sources ? nat : { ...nat, sources });
  }
  const smaller: (readonly [GroupId, Group])[] = [];
  for (const [id, group] of ruleset.groups) {
    if (group.kind !== 'AddressGroup' || group.use === 'Deny') continue;
    const left = yield* withoutGone(group.members, allGone);
    if (left !== group.members) smaller.push([id, { ...group, members: left }]);
  }
  const left = yield* staying.size === 0
    ? ownersLeft(owners)
    : without(
        owners,
        gone.filter((address) => !staying.has(address)),
      );
  // No address translates that is in no class.
  if (members === ruleset.members && smaller.length === 0) return left === owners ? before : { ruleset, owners: left };
  const groups = smaller.length === 0 ? ruleset.groups : new Map([...ruleset.groups, ...smaller]);
  return { ruleset: { ...ruleset, members, nats, groups }, owners: left };
}

/** Addresses that are to leave many tables. */
class Gone {
  readonly addresses: readonly string[];
  #all: ReadonlySet<string> | undefined;

  constructor(addresses: readonly string[]) {
    this.addresses = addresses;
  }

  has(address: string): boolean {
    return (this.#all ??= new Set(this.addresses)).has(address);
  }
}

export function without<V>(map: BucketMap<V>, addresses: readonly string[]): Pieces<BucketMap<V>> {
  return withoutGone(map, new Gone(addresses));
}

/**
 * There can be thousands of groups, and thousands of addresses may go at once: the shorter of both is gone through. Most addresses that go are
 * of another firewall.
 */
function* withoutGone<V>(map: BucketMap<V>, gone: Gone): Pieces<BucketMap<V>> {
  const { addresses } = gone;
  if (addresses.length === 0 || map.size === 0) return map;
  let found = addresses;
  if (map.size < addresses.length) {
    const there: string[] = [];
    for (const key of map.keys()) if (gone.has(key)) there.push(key);
    found = there;
  } else if (addresses.length <= FEW) found = addresses.filter((address) => map.has(address));
  return found.length === 0 ? map : yield* map.making(found.map((address) => [address, undefined] as const));
}
