import { compareUtf8 } from '../../base/compare.ts';
import type { Family } from '../../border/ruleset.ts';
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
 * becomes empty and stays: whoever fetches a list that is gone goes on with the addresses it had, and others get them by and by.
 */
export function stepsOf(
  actual: ReadonlyMap<string, FeedList>,
  wanted: ReadonlyMap<string, FeedList>,
): readonly FeedStep[] {
  const names = [...new Set([...actual.keys(), ...wanted.keys()])].toSorted(compareUtf8);
  const steps = names.flatMap((name) => {
    const before = actual.get(name);
    const after = wanted.get(name) ?? (before && { ...before, addresses: NOBODY });
    return after === undefined ? [] : changeOf(before, after);
  });
  return [...steps.filter(({ urgent }) => urgent), ...steps.filter(({ urgent }) => !urgent)];
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

function changeOf(before: FeedList | undefined, after: FeedList): readonly FeedStep[] {
  if (before === after) return [];
  const had = before?.addresses ?? NOBODY;
  const joins = FAMILIES.flatMap((family) => without(after.addresses[family], had[family]));
  const leaves = FAMILIES.flatMap((family) => without(had[family], after.addresses[family]));
  const isSame = before !== undefined && before.resource === after.resource && before.use === after.use;
  if (isSame && joins.length === 0 && leaves.length === 0) return [];
  const isMembers = before !== undefined;
  return [
    {
      kind: isMembers ? 'Members' : 'Rules',
      title: isMembers ? 'addresses join and leave a list' : 'a new list',
      objects: [
        {
          change: isMembers ? '~' : '+',
          kind: 'list',
          name: after.name,
          detail: `${countOf(after)}, ${joins.length} join, ${leaves.length} leave; ${after.resource}`,
        },
      ],
      // Of a list that denies, losing an address lets it through.
      urgent: isSame && joins.length === 0 && after.use === 'Allow',
      list: after.name,
      becomes: after,
      joins,
      leaves,
    },
  ];
}

/** What is in `all` and not in `others`; both in the same order. What they begin and end with alike is passed over. */
function without(all: readonly string[], others: readonly string[]): readonly string[] {
  if (all === others) return [];
  const shorter = Math.min(all.length, others.length);
  let first = 0;
  while (first < shorter && all[first] === others[first]) first += 1;
  let last = 0;
  while (last < shorter - first && all.at(-1 - last) === others.at(-1 - last)) last += 1;
  const known = new Set(others.slice(first, others.length - last));
  return all.slice(first, all.length - last).filter((text) => !known.has(text));
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
