import { compareUtf8 } from '../../../base/compare.ts';
import type { ListBehind } from '../../driver.ts';
import { type MemberGroup, type ObservedRuleBase, type WantedRuleBase, groupKey } from '../../rulebase/model.ts';
import type { Names } from '../../rulebase/names.ts';
import { standing } from '../../rulebase/standing-groups.ts';
import { MOST_TAGS, without } from './most-tags.ts';
import { type Registered, type TagChange, canonicalAddress } from './registered.ts';

/** How many tags others registered for an address, canonical; one that has none is not in it. */
export type TagsOfOthers = ReadonlyMap<string, number>;

/** `prefix`: of our tags. */
export function tagsOfOthers(registered: Registered, prefix: string): TagsOfOthers {
  const known = counted.get(registered);
  if (known?.prefix === prefix) return known.others;
  const others = new Map<string, number>();
  for (const [written, tags] of registered) {
    let count = 0;
    for (const tag of tags) if (!tag.startsWith(prefix)) count++;
    if (count > 0) others.set(canonicalAddress(written), count);
  }
  counted.set(registered, { prefix, others });
  return others;
}

/** One reading is asked about several times. */
const counted = new WeakMap<Registered, { readonly prefix: string; readonly others: TagsOfOthers }>();

/** Members of groups whom a firewall cannot be given, as others have registered too many tags for them. */
export type LeftOutMembers = ReadonlyMap<MemberGroup, ReadonlySet<string>>;

/**
 * Whom there is no place for beside the tags of others: the device would refuse him, and with him everybody in the same message. Groups of our own
 * rules come first, AddressGroups after them, by name. Whoever is in fewer groups may send no more for it: nothing that a Deny rests on is a tag.
 */
export function leftOutBeside(
  { groups, held }: Pick<WantedRuleBase, 'groups' | 'held'>,
  observed: ObservedRuleBase,
  others: TagsOfOthers,
): LeftOutMembers {
  const left = new Map<MemberGroup, Set<string>>();
  if (others.size === 0) return left;
  const stay = [...observed.groups].flatMap(([key, group]) => (held.has(key) && isTag(group) ? [group] : []));
  const wanted = [...groups.values()].filter(isTag).toSorted(byRank);
  const places = new Map<string, number>();
  for (const [address, count] of others)
    if (count + stay.length + wanted.length > MOST_TAGS) places.set(address, MOST_TAGS - count);
  const take = (group: MemberGroup): void => {
    for (const address of common(group.members, places)) {
      const free = places.get(address) ?? 0;
      if (free > 0) places.set(address, free - 1);
      else left.set(group, (left.get(group) ?? new Set()).add(address));
    }
  };
  for (const group of stay) take(group);
  // What stays as it is nobody leaves.
  left.clear();
  for (const group of wanted) take(group);
  return left;
}

/** What is wanted as far as there is a place for it beside the tags of others. */
export function besideOthers(wanted: WantedRuleBase, observed: ObservedRuleBase, others: TagsOfOthers): WantedRuleBase {
  const left = leftOutBeside(wanted, observed, others);
  return left.size === 0 ? wanted : without(wanted, left);
}

/** One firewall, or one of a pair. */
export interface Crowded {
  /** For people; empty: there is no other one. */
  readonly title: string;
  readonly registered: Registered;
}

/** For `Driver.behind`; with the names that AddressGroups have for their owners. */
export function crowdedOut(
  units: readonly Crowded[],
  { tags: prefix, names }: { readonly tags: string; readonly names: Names },
  observed: ObservedRuleBase,
  wished: WantedRuleBase,
): readonly ListBehind[] {
  if (units.every(({ registered }) => tagsOfOthers(registered, prefix).size === 0)) return [];
  const { wanted } = standing(observed, wished, names, true);
  return units.flatMap(({ title, registered }) => {
    const others = tagsOfOthers(registered, prefix);
    return [...leftOutBeside(wanted, observed, others)].map(([group, members]): ListBehind => {
      const key = groupKey(group);
      const own = [...wished.groups.values()].find(({ mark, shared }) => shared && mark === group.mark);
      return {
        list: own?.name ?? group.name,
        lacks: members,
        keeps: new Set(),
        isUnread: false,
        isUsed: !group.shared || (observed.usedByOthers.get(key) ?? []).length > 0,
        ...(group.shared ? {} : { isOfOurRules: true }),
        noRoomFor: members,
        text: `${title === '' ? '' : `${title}: `}${whyLeftOut(group, members, others)}`,
      };
    });
  });
}

/** Of those who join, whoever all of his tags have a place for. `held`: what they have of ours, or may have. */
export function withPlaceFor(
  joins: readonly TagChange[],
  held: readonly TagChange[],
  others: TagsOfOthers,
): readonly TagChange[] {
  if (others.size === 0) return joins;
  const own = new Map<string, Set<string>>();
  for (const { address, tag } of [...held, ...joins]) own.set(address, (own.get(address) ?? new Set()).add(tag));
  return joins.filter(({ address }) => (own.get(address)?.size ?? 0) + (others.get(address) ?? 0) <= MOST_TAGS);
}

function whyLeftOut({ name, shared }: MemberGroup, members: ReadonlySet<string>, others: TagsOfOthers): string {
  const [first = ''] = [...members].toSorted(compareUtf8);
  const rest = members.size === 1 ? '' : ` and ${members.size - 1} other${members.size === 2 ? '' : 's'}`;
  const what = shared ? `the AddressGroup ${name}` : `${name}, by which our rules know who may send`;
  return `${first}${rest}: left out of ${what}, as others have registered ${others.get(first) ?? 0} tags for ${first}, and an address has ${MOST_TAGS} at most; whoever registers them has to take some off`;
}

function isTag({ store }: MemberGroup): boolean {
  return store === 'Volatile';
}

function byRank(one: MemberGroup, other: MemberGroup): number {
  return Number(one.shared) - Number(other.shared) || compareUtf8(groupKey(one), groupKey(other));
}

/** Members of whom anything is asked; whichever of the two is smaller is gone through. */
function common(members: ReadonlySet<string>, asked: ReadonlyMap<string, unknown>): readonly string[] {
  if (asked.size < members.size) return [...asked.keys()].filter((address) => members.has(address));
  return [...members].filter((address) => asked.has(address));
}
