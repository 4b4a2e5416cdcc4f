import { compareUtf8 } from '../../base/compare.ts';
import type { Family } from '../../border/ruleset.ts';
import { without } from '../../plan/lists.ts';
import type { Step } from '../../plan/step.ts';
import type { FeedList } from './feed-list.ts';

/** One list is replaced whole, or goes. */
export interface FeedStep extends Step {
  readonly list: string;
  /** Absent: the list goes. */
  readonly becomes?: FeedList;
  /** Canonical texts, sorted. */
  readonly joins: readonly string[];
  readonly leaves: readonly string[];
}

const FAMILIES: readonly Family[] = [4, 6];
const NOBODY: FeedList['addresses'] = { 4: [], 6: [] };

/**
 * From what is published to what is wanted: lists that only lose addresses first, then all others. A list that nobody wants any more
 * becomes empty and stays: whoever fetches a list that is gone goes on with the addresses it had, and others get them by and by. That is
 * a change of rules, not of members: somebody took the group away.
 */
export function stepsOf(
  actual: ReadonlyMap<string, FeedList>,
  wanted: ReadonlyMap<string, FeedList>,
): readonly FeedStep[] {
  const names = [...new Set([...actual.keys(), ...wanted.keys()])].toSorted(compareUtf8);
  const steps = names.flatMap((name) => {
    const before = actual.get(name);
    const now = wanted.get(name);
    const after = now ?? (before && askedByNobody(before));
    return after === undefined ? [] : changeOf(before, after, now !== undefined);
  });
  return [...steps.filter(({ urgent }) => urgent), ...steps.filter(({ urgent }) => !urgent)];
}

/** What it was for is over: whoever wrote last, it ends alike. */
function askedByNobody(list: FeedList): FeedList {
  const isOver = list.use === 'Allow' && FAMILIES.every((family) => list.addresses[family].length === 0);
  return isOver ? list : { ...list, use: 'Allow', addresses: NOBODY };
}

/** Every list goes, which says nothing to those who have fetched it. */
export function stepsToLeave(actual: ReadonlyMap<string, FeedList>): readonly FeedStep[] {
  return [...actual.values()]
    .toSorted((a, b) => compareUtf8(a.name, b.name))
    .map((list) => ({
      kind: 'Remove',
      title: 'the list goes',
      objects: [{ change: '-', kind: 'list', name: list.name, detail: `${countOf(list)}; ${list.resource}` }],
      urgent: false,
      list: list.name,
      joins: [],
      leaves: FAMILIES.flatMap((family) => list.addresses[family]),
    }));
}

/** For people and digests: what is said of it is what it does. */
export function renderStep({ list, becomes, joins, leaves }: FeedStep): string {
  const head =
    becomes === undefined ? `delete list ${quoted(list)}` : `list ${quoted(list)} ${becomes.resource} ${becomes.use}`;
  return [head, ...leaves.map((address) => `- ${address}`), ...joins.map((address) => `+ ${address}`), ''].join('\n');
}

export function countOf({ addresses }: Pick<FeedList, 'addresses'>): string {
  return FAMILIES.map((family) => `${addresses[family].length} IPv${family}`).join(', ');
}

function changeOf(before: FeedList | undefined, after: FeedList, isWanted: boolean): readonly FeedStep[] {
  if (before === after) return [];
  const had = before?.addresses ?? NOBODY;
  const joins = FAMILIES.flatMap((family) => without(after.addresses[family], had[family]));
  const leaves = FAMILIES.flatMap((family) => without(had[family], after.addresses[family]));
  const isSame = before !== undefined && before.resource === after.resource && before.use === after.use;
  if (isSame && joins.length === 0 && leaves.length === 0) return [];
  const isMembers = isSame && isWanted;
  return [
    {
      kind: isMembers ? 'Members' : 'Rules',
      title: titleOf(before !== undefined, isSame, isWanted),
      objects: [
        {
          change: before === undefined ? '+' : '~',
          kind: 'list',
          name: after.name,
          detail: `${countOf(after)}, ${joins.length} join, ${leaves.length} leave; ${after.resource}`,
        },
      ],
      // Of a list that denies, losing an address lets it through.
      urgent: isMembers && joins.length === 0 && after.use === 'Allow',
      list: after.name,
      becomes: after,
      joins,
      leaves,
    },
  ];
}

function titleOf(isKnown: boolean, isSame: boolean, isWanted: boolean): string {
  if (!isKnown) return 'a new list';
  if (!isWanted) return 'a list that nobody asks for any more becomes empty';
  return isSame ? 'addresses join and leave a list' : 'a list is used otherwise than before';
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
