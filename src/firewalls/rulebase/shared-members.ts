import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, GroupId } from '../../border/ruleset.ts';

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;
type Members = ReadonlySet<string>;

/**
 * The members of AddressGroups as sets. Versions of a ruleset share what did not change, and so do these: a group that nobody joined or left has
 * the very same set, which is compared at no cost. A set that was handed out stays as it is.
 */
export class SharedMembers {
  #known: ReadonlyMap<GroupId, { readonly of: BucketMap<true>; readonly set: Members }> = new Map();
  /** Two families as one list, by the first of them. */
  readonly #unions = new WeakMap<Members, { readonly other: Members; readonly union: Members }>();

  /** Of all groups of a ruleset, by their ids. */
  of(groups: Iterable<AddressGroup>): ReadonlyMap<GroupId, Members> {
    const before = this.#known;
    const now = new Map<GroupId, { readonly of: BucketMap<true>; readonly set: Members }>();
    const sets = new Map<GroupId, Members>();
    for (const { id, members } of groups) {
      const known = before.get(id);
      const set = known?.of === members ? known.set : setOf(members, known);
      now.set(id, { of: members, set });
      sets.set(id, set);
    }
    this.#known = now;
    return sets;
  }

  /** Everybody who is in either. */
  union(one: Members, other: Members): Members {
    if (one.size === 0) return other;
    if (other.size === 0) return one;
    const known = this.#unions.get(one);
    if (known?.other === other) return known.union;
    const union = new Set(one);
    for (const member of other) union.add(member);
    this.#unions.set(one, { other, union });
    return union;
  }
}

function setOf(
  members: BucketMap<true>,
  known: { readonly of: BucketMap<true>; readonly set: Members } | undefined,
): Members {
  if (known === undefined) return new Set(members.keys());
  const { added, removed } = known.of.difference(members);
  if (added.length + removed.length === 0) return known.set;
  const set = new Set(known.set);
  for (const [member] of removed) set.delete(member);
  for (const [member] of added) set.add(member);
  return set;
}
