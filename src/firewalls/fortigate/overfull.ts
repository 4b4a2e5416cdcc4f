import type { ListBehind } from '../driver.ts';
import {
  type GroupKey,
  type MemberGroup,
  type ObservedRuleBase,
  type RuleBase,
  type WantedRuleBase,
  groupKey,
} from '../rulebase/model.ts';

/** The limit is that of all feeds of a device together (vendor reference 1.10): one more entry anywhere may push out whatever is counted after it. */
const OVERFULL =
  'the feeds of this device, those of others included, hold more than it takes, and it leaves entries out; nobody joins ours until there is room: make lists of others shorter, or remove some';

/**
 * What is wanted, but that nobody joins a feed, and none is made, while the device leaves entries of ours out. `overfull`: the names of the feeds that it
 * says so of; none: everything as it is wanted.
 */
export function withoutJoiners(wanted: WantedRuleBase, held: RuleBase, overfull: readonly string[]): WantedRuleBase {
  if (overfull.length === 0) return wanted;
  const groups = new Map<GroupKey, MemberGroup>(wanted.groups);
  for (const [key, group] of wanted.groups) {
    if (group.store !== 'Volatile') continue;
    const has = held.groups.get(key)?.members;
    if (has === undefined) groups.delete(key);
    else groups.set(key, { ...group, members: new Set([...group.members].filter((member) => has.has(member))) });
  }
  return { ...wanted, groups };
}

/**
 * Feeds in which not everybody is who is wanted there. Of those that the device leaves entries of out, nobody is known to be in. `wished`: before it was
 * fitted to what stands, with the names that AddressGroups have.
 */
export function listsWithoutRoom(
  { groups: held, usedByOthers }: ObservedRuleBase,
  { groups }: WantedRuleBase,
  wished: WantedRuleBase,
  overfull: readonly string[],
): readonly ListBehind[] {
  if (overfull.length === 0) return [];
  const named = new Map([...wished.groups.values()].map(({ mark, name }) => [mark, name] as const));
  return [...groups.values()].flatMap((group): ListBehind[] => {
    if (group.store !== 'Volatile') return [];
    const key = groupKey(group);
    const has = held.get(key)?.members ?? new Set();
    const noRoomFor = new Set([...group.members].filter((member) => !has.has(member)));
    const isCut = overfull.includes(group.name);
    if (!isCut && noRoomFor.size === 0) return [];
    return [
      {
        list: named.get(group.mark) ?? group.name,
        lacks: isCut ? group.members : noRoomFor,
        keeps: new Set(),
        isUnread: false,
        isUsed: (usedByOthers.get(key) ?? []).length > 0,
        noRoomFor,
        text: `${group.name}: ${OVERFULL}`,
      },
    ];
  });
}
