import type { BucketMap } from '../../../base/bucket-map.ts';
import { atOnce, type Pieces } from '../../../base/pieces.ts';
import { chainDifference } from './chain-difference.ts';
import type { NftChain, NftSet, NftTable } from '../table/model.ts';
import { comparingObjects, type ObjectDifference } from './object-difference.ts';
import type { Operation } from '../table/operation.ts';
import { referencesOf } from '../table/references.ts';

/** Beyond so many removals a set of intervals is made anew: deleting from it one by one is quadratic (nftables reference, section 4). */
const MOST_INTERVAL_REMOVALS = 50;

/**
 * One transaction that leads from one table to another, with nothing for what is equal. Additions come before removals, and everything
 * before what names it; only a changed value or an interval leaves directly before its successor (nftables reference, section 13.3).
 * Base chains and types must be equal, or new.
 */
export function transition(from: NftTable, to: NftTable): readonly Operation[] {
  return atOnce(transiting(from, to));
}

/** The same in pieces. */
export function* transiting(from: NftTable, to: NftTable): Pieces<readonly Operation[]> {
  const apart = yield* comparingObjects(from, to);
  const made = unnamed(from, madeAnew(from, apart));
  yield;
  const flushed: Operation[] = [];
  const rules: Operation[] = [];
  for (const name of chainDifference(from.chains, to.chains).changed) {
    if ((from.chains.get(name)?.rules.length ?? 0) > 0) flushed.push({ op: 'flushChain', name });
    const wanted = to.chains.get(name)?.rules ?? [];
    if (wanted.length > 0) rules.push({ op: 'addRules', chain: name, rules: wanted });
  }
  yield;
  const elements = yield* setElements(from, apart, made);
  const entries = mapEntries(from, apart);
  yield;
  return [
    ...[...made].sort().map((name): Operation => ({ op: 'deleteSet', name })),
    ...newObjects(from, to, apart, made),
    ...elements,
    ...flushed,
    ...rules,
    ...entries,
    ...removals(from, to, apart),
  ];
}

/** Whether the kernel keeps it as intervals. */
export function isInterval({ type }: NftSet): boolean {
  return type === 'net4' || type === 'net6' || type === 'service';
}

/**
 * Sets of both tables that have to be deleted and made again: for another comment, or for many removals from intervals. `transition` does so with
 * those that no rule names, and changes the others in place, however long that takes (`steppedAside`).
 */
export function madeAnew(from: NftTable, { sets }: ObjectDifference): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [name, set] of sets) {
    const now = from.sets.get(name);
    if (now === undefined) continue;
    if (now.comment !== set.comment) names.add(name);
    else if (isInterval(set) && now.elements.difference(set.elements).removed.length > MOST_INTERVAL_REMOVALS)
      names.add(name);
  }
  // A base chain is never emptied.
  return unnamed(from, names, ({ base }) => base !== undefined);
}

/** Those that none of these chains names. */
function unnamed(
  { chains }: NftTable,
  names: ReadonlySet<string>,
  among: (chain: NftChain) => boolean = () => true,
): ReadonlySet<string> {
  if (names.size === 0) return names;
  const left = new Set(names);
  for (const chain of chains.values())
    if (among(chain)) for (const rule of chain.rules) for (const name of referencesOf(rule).sets) left.delete(name);
  return left;
}

function newObjects(
  from: NftTable,
  to: NftTable,
  { sets, maps }: ObjectDifference,
  made: ReadonlySet<string>,
): readonly Operation[] {
  const operations: Operation[] = [];
  const shared = sets.filter(([name]) => !from.sets.has(name) || made.has(name));
  // Sets that many rules name first: the kernel finds a set by walking the list.
  for (const [name, set] of shared) if (isInterval(set)) operations.push({ op: 'addSet', name, set });
  for (const [name, set] of shared) if (!isInterval(set)) operations.push({ op: 'addSet', name, set });
  for (const [name, map] of maps) if (!from.maps.has(name)) operations.push({ op: 'addMap', name, map });
  for (const name of chainDifference(from.chains, to.chains).changed) {
    const base = to.chains.get(name)?.base;
    if (!from.chains.has(name)) operations.push({ op: 'addChain', name, ...(base === undefined ? {} : { base }) });
  }
  return operations;
}

function* setElements(
  from: NftTable,
  { sets }: ObjectDifference,
  made: ReadonlySet<string>,
): Pieces<readonly Operation[]> {
  const operations: Operation[] = [];
  for (const [name, set] of sets) {
    const now = made.has(name) ? undefined : from.sets.get(name);
    const { added, removed } = changes(now?.elements, set.elements);
    const leave = removed.map(([element]) => element);
    const join = added.map(([element]) => element);
    if (leave.length > 0) operations.push({ op: 'deleteElements', set: name, type: set.type, elements: leave });
    if (join.length > 0) operations.push({ op: 'addElements', set: name, type: set.type, elements: join });
    yield;
  }
  return operations;
}

function mapEntries(from: NftTable, { maps }: ObjectDifference): readonly Operation[] {
  const operations: Operation[] = [];
  for (const [name, map] of maps) {
    const { added, changed } = changes(from.maps.get(name)?.elements, map.elements);
    const keys = changed.map(([key]) => key);
    const entries = [...changed.map(([key, , value]) => [key, value] as const), ...added];
    if (keys.length > 0) operations.push({ op: 'deleteEntries', map: name, keys });
    if (entries.length > 0) operations.push({ op: 'addEntries', map: name, entries });
  }
  return operations;
}

function removals(from: NftTable, to: NftTable, { maps, goneMaps, goneSets }: ObjectDifference): readonly Operation[] {
  const operations: Operation[] = [];
  for (const [name, map] of maps) {
    const keys =
      from.maps
        .get(name)
        ?.elements.difference(map.elements)
        .removed.map(([key]) => key) ?? [];
    if (keys.length > 0) operations.push({ op: 'deleteEntries', map: name, keys });
  }
  const goneChains = [...chainDifference(from.chains, to.chains).gone];
  for (const [name, map] of goneMaps) if (map.elements.size > 0) operations.push({ op: 'flushMap', name });
  for (const name of goneChains)
    if ((from.chains.get(name)?.rules.length ?? 0) > 0) operations.push({ op: 'flushChain', name });
  for (const [name] of goneMaps) operations.push({ op: 'deleteMap', name });
  for (const name of goneChains) operations.push({ op: 'deleteChain', name });
  for (const [name] of goneSets) operations.push({ op: 'deleteSet', name });
  return operations;
}

function changes<V>(
  from: BucketMap<V> | undefined,
  to: BucketMap<V>,
): Pick<ReturnType<BucketMap<V>['difference']>, 'added' | 'removed' | 'changed'> {
  if (from === to) return { added: [], removed: [], changed: [] };
  if (from !== undefined) return from.difference(to);
  return { added: to.sorted(), removed: [], changed: [] };
}
