import type { BucketMap } from '../../../base/bucket-map.ts';
import type { Pieces } from '../../../base/pieces.ts';
import type { Family } from '../../../border/ruleset.ts';
import { prefixSetOf } from '../meaning/walk.ts';
import type { NftSet, NftTable } from '../table/model.ts';
import { familyName, OWNER_SET } from '../table/names.ts';
import { referencesOf } from '../table/references.ts';
import { netElements } from '../table/shared-sets.ts';
import { FAMILIES, knownSources } from '../table/skeleton.ts';
import { classesOf, dispatchOf, sourceDifference } from '../table/sources.ts';
import { chainDifference } from './chain-difference.ts';
import { ClassChanges } from './class-changes.ts';
import { comparingObjects } from './object-difference.ts';

/*
 * While a transaction is committed, packets meet some of what it changes before the rest (packets-under-way.ts). So what is about the same packets
 * changes apart, where there is an order in which every packet has its old fate or its new one: less is governed before all else, and more after
 * it; who moves to a class that changes moves after that, if what he had stayed as it was.
 */

/** The tables on the way from one to another, without the first and with the last. Each does with every packet what one of these two does. */
export function* waypoints(now: NftTable, next: NftTable): Pieces<readonly NftTable[]> {
  const governed = governedByBoth(now, next);
  const begin = governed.every(([name, set]) => now.sets.get(name) === set)
    ? now
    : withSets(now, [...governed, ...setsOf(next, [OWNER_SET])]);
  const end = governed.every(([name, set]) => next.sets.get(name) === set) ? next : withSets(next, governed);
  yield;
  const apart = yield* comparingObjects(begin, end);
  const changes = new ClassChanges(begin, end, apart);
  const late = changes.isNone ? NOBODY : latecomers(begin, end, changes);
  yield;
  const way = [begin];
  if (late.size > 0) way.push(withSources(end, begin, late));
  const isKept = ([name]: readonly [string, unknown]): boolean => BOOKKEEPING.has(name);
  const { changed } = chainDifference(begin.chains, end.chains);
  if (end === next || apart.maps.length + changed.size > 0 || !apart.sets.every(isKept)) way.push(end);
  way.push(next);
  return way.filter((table, at) => table !== (way[at - 1] ?? now));
}

const NOBODY: ReadonlySet<string> = new Set();
const BOOKKEEPING: ReadonlySet<string> = new Set([
  OWNER_SET,
  ...FAMILIES.flatMap((family) => [familyName('recheck', family), familyName('gone', family)]),
]);

/** `destinations` and `inside` where they change, so that only that is governed which is so in both tables. */
function governedByBoth(now: NftTable, next: NftTable): readonly (readonly [string, NftSet])[] {
  return FAMILIES.flatMap((family) =>
    (['destinations', 'inside'] as const).flatMap((kind): readonly (readonly [string, NftSet])[] => {
      const name = familyName(kind, family);
      const [before, after] = [now.sets.get(name), next.sets.get(name)];
      if (before === undefined || after === undefined || before.elements === after.elements) return [];
      const [was, is] = [prefixSetOf(before.elements), prefixSetOf(after.elements)];
      const both = kind === 'inside' ? was.union(is) : was.intersect(is);
      if (both.equals(was)) return [[name, before]];
      return [[name, both.equals(is) ? after : { ...after, elements: netElements(both, family) }]];
    }),
  );
}

/**
 * Senders who come to what changes, from what stays as it is. Who comes to what stays has one fate or the other, whatever else there is in the
 * transaction.
 */
function latecomers(from: NftTable, to: NftTable, changes: ClassChanges): ReadonlySet<string> {
  const late = new Set<string>();
  for (const family of FAMILIES) {
    if (!isFoundAlike(from, to, family)) continue;
    const isChanging = (verdict: string | undefined): boolean => {
      const { sets, chains } = changes.of(verdict, family);
      return chains || sets.size > 0;
    };
    const note = (sender: string, was: string | undefined, is: string | undefined): void => {
      if (isChanging(is) && !isChanging(was)) late.add(sender);
    };
    const { added, removed, changed } = sourceDifference(from, to, family);
    for (const [sender, is] of added) note(sender, undefined, is);
    for (const [sender, was] of removed) note(sender, was, undefined);
    for (const [sender, was, is] of changed) note(sender, was, is);
  }
  return late;
}

/** Whether both tables find the class of a sender in the same way, and lead from each number to the same class. */
function isFoundAlike(from: NftTable, to: NftTable, family: Family): boolean {
  if (dispatchOf(from, family) !== dispatchOf(to, family)) return false;
  return classesOf(from, family).difference(classesOf(to, family)).changed.length === 0;
}

/** The table with those senders led, and translated, as another one does. */
function withSources(table: NftTable, other: NftTable, senders: ReadonlySet<string>): NftTable {
  const sets = new Map(table.sets);
  const maps = new Map(table.maps);
  for (const family of FAMILIES) {
    const own = [...senders].filter((sender) => sender.includes(':') === (family === 6));
    const named = (table.chains.get(familyName('translate', family))?.rules ?? []).flatMap(
      (rule) => referencesOf(rule).sets,
    );
    for (const name of new Set([knownSources(dispatchOf(table, family), family), ...named])) {
      const map = table.maps.get(name);
      const mapThere = other.maps.get(name);
      if (map !== undefined && mapThere !== undefined)
        maps.set(name, { ...map, elements: asIn(map.elements, mapThere.elements, own) });
      const set = table.sets.get(name);
      const setThere = other.sets.get(name);
      // What else translations ask is about destinations.
      if (set !== undefined && setThere !== undefined && set.type.startsWith('address'))
        sets.set(name, { ...set, elements: asIn(set.elements, setThere.elements, own) });
    }
  }
  return { ...table, sets, maps };
}

function asIn<V>(elements: BucketMap<V>, other: BucketMap<V>, keys: readonly string[]): BucketMap<V> {
  return elements.with(keys.map((key) => [key, other.get(key)] as const));
}

function setsOf({ sets }: NftTable, names: readonly string[]): readonly (readonly [string, NftSet])[] {
  return names.flatMap((name) => {
    const set = sets.get(name);
    return set === undefined ? [] : [[name, set] as const];
  });
}

function withSets(table: NftTable, sets: readonly (readonly [string, NftSet])[]): NftTable {
  return { ...table, sets: new Map([...table.sets, ...sets]) };
}
