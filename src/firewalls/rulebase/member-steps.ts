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
  const { joins, leaves } = compared(before?.members ?? NOBODY, after.members);
  return joins.length === 0 && leaves.length === 0 ? undefined : { group: after, joins, leaves };
}

type Members = ReadonlySet<string>;
type Compared = Pick<MemberChange, 'joins' | 'leaves'>;

const NOBODY: Members = new Set();
const NO_CHANGE: Compared = { joins: [], leaves: [] };

/**
 * What each set was compared with last: one plan asks several times, and the next one asks the same of all groups that nobody touched. Sets of
 * members do not change once they are in a group. What they were compared with is not kept alive.
 */
const lately = new WeakMap<Members, Compared & { readonly before: WeakRef<Members> }>();

function compared(before: Members, after: Members): Compared {
  if (before === after || (before.size === 0 && after.size === 0)) return NO_CHANGE;
  const known = lately.get(after);
  if (known?.before.deref() === before) return known;
  const joins: string[] = [];
  const leaves: string[] = [];
  for (const member of after) if (!before.has(member)) joins.push(member);
  for (const member of before) if (!after.has(member)) leaves.push(member);
  const found = { joins: joins.sort(), leaves: leaves.sort(), before: new WeakRef(before) };
  lately.set(after, found);
  return found;
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
