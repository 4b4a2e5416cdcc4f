import { type GroupKey, type MemberGroup, type RuleBase, type WantedRuleBase, groupKey } from '../rulebase/model.ts';

/** Who is in such feeds is not known, and who joins them would be left out, or push entries of others out. */
export const OVERFULL =
  'the feeds of this device, those of others included, hold more than it takes, and it leaves entries out; nobody joins these until there is room';

/** What is wanted, but that nobody joins feeds whose entries the device does not all take. */
export function withoutJoiners(wanted: WantedRuleBase, held: RuleBase, overfull: readonly string[]): WantedRuleBase {
  if (overfull.length === 0) return wanted;
  const groups = new Map<GroupKey, MemberGroup>(wanted.groups);
  for (const name of overfull) {
    const key = groupKey({ family: 'Both', store: 'Volatile', name });
    const group = groups.get(key);
    const has = held.groups.get(key)?.members;
    if (group === undefined || has === undefined) continue;
    groups.set(key, { ...group, members: new Set([...group.members].filter((member) => has.has(member))) });
  }
  return { ...wanted, groups };
}
