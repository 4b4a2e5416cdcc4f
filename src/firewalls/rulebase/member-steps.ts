import type { MemberGroup } from './model.ts';
import type { Operation } from './operation.ts';

/** Who joins and who leaves between two versions of a group; texts sorted, so that equal changes give equal steps. */
export interface MemberChange {
  readonly group: MemberGroup;
  readonly joins: readonly string[];
  readonly leaves: readonly string[];
}

/** `undefined`: nobody does. */
export function memberChange(before: MemberGroup | undefined, after: MemberGroup): MemberChange | undefined {
  if (before?.members === after.members) return undefined;
  const joins: string[] = [];
  const leaves: string[] = [];
  for (const member of after.members) if (before?.members.has(member) !== true) joins.push(member);
  for (const member of before?.members ?? []) if (!after.members.has(member)) leaves.push(member);
  return joins.length === 0 && leaves.length === 0
    ? undefined
    : { group: after, joins: joins.sort(), leaves: leaves.sort() };
}

/** One operation where a call takes as many entries, else several, all that join before any that leaves. */
export function inPortions({ group, joins, leaves }: MemberChange, portion: number): readonly Operation[] {
  if (joins.length + leaves.length <= portion) return [{ kind: 'ChangeMembers', group, joins, leaves }];
  const operations: Operation[] = [];
  for (let from = 0; from < joins.length; from += portion)
    operations.push({ kind: 'ChangeMembers', group, joins: joins.slice(from, from + portion), leaves: [] });
  for (let from = 0; from < leaves.length; from += portion)
    operations.push({ kind: 'ChangeMembers', group, joins: [], leaves: leaves.slice(from, from + portion) });
  return operations;
}
