import { compareUtf8 } from '../../base/compare.ts';
import type { Dialect } from './dialect.ts';
import { type MemberChange, inPortions, memberChange } from './member-steps.ts';
import type { GroupKey, MemberGroup, ObservedRuleBase, WantedRuleBase } from './model.ts';
import type { Operation, RuleBaseStep } from './operation.ts';
import { type Stretch, packed } from './pack.ts';

/** Steps from what was read to what is wanted; none when they agree. */
export function stepsBetween(
  actual: ObservedRuleBase,
  wanted: WantedRuleBase,
  dialect: Dialect,
): readonly RuleBaseStep[] {
  const portion = dialect.volatile?.portion ?? Infinity;
  const write = (change: MemberChange): readonly Operation[] =>
    inPortions(change, change.group.store === 'Volatile' ? portion : Infinity);
  const news: MemberGroup[] = [];
  const shrinks: MemberChange[] = [];
  const changes: MemberChange[] = [];
  for (const [key, group] of sorted(wanted.groups)) {
    const before = actual.groups.get(key);
    if (before === undefined) news.push(group);
    const change = memberChange(
      before ?? (group.store === 'Volatile' ? { ...group, members: new Set() } : group),
      group,
    );
    if (change !== undefined) (change.joins.length === 0 ? shrinks : changes).push(change);
  }
  const objects = [...wanted.objects.values()].filter(({ name }) => !actual.objects.has(name));
  const gone = sorted(actual.groups)
    .filter(([key]) => !wanted.groups.has(key) && !wanted.held.has(key))
    .map(([, group]) => group);
  const stretches: readonly Stretch[] = [
    { kind: 'Members', title: 'addresses leave', urgent: true, operations: shrinks.flatMap(write) },
    {
      kind: 'Rules',
      title: 'new groups',
      operations: [
        ...objects.map((object): Operation => ({ kind: 'MakeObject', object })),
        ...news.map((group): Operation => ({ kind: 'MakeGroup', group })),
      ],
    },
    { kind: 'Members', title: 'addresses join and leave', operations: changes.flatMap(write) },
    { kind: 'Clean', title: 'what nothing needs goes', operations: cleaning(actual, wanted, gone) },
  ];
  return packed(stretches, dialect.transaction);
}

/** A group that rules of others name is emptied of nobody and stays: they would match something else without it. */
function cleaning(
  actual: ObservedRuleBase,
  wanted: WantedRuleBase,
  gone: readonly MemberGroup[],
): readonly Operation[] {
  const objects = [...actual.objects.values()].filter(({ name }) => !wanted.objects.has(name));
  return [
    ...gone.map((group): Operation => ({ kind: 'RemoveGroup', group })),
    ...objects.map((object): Operation => ({ kind: 'RemoveObject', object })),
  ];
}

function sorted(groups: ReadonlyMap<GroupKey, MemberGroup>): readonly (readonly [GroupKey, MemberGroup])[] {
  return [...groups].toSorted(([a], [b]) => compareUtf8(a, b));
}
