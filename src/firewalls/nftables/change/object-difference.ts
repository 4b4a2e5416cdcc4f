import type { BucketMap } from '../../../base/bucket-map.ts';
import { atOnce, type Pieces } from '../../../base/pieces.ts';
import type { NftMap, NftSet, NftTable } from '../table/model.ts';

/** How the sets and maps of two tables differ, in type, comment or elements. Each list is sorted by name. */
export interface ObjectDifference {
  /** Of the second table: not the same in the first, or not there. */
  readonly sets: readonly (readonly [string, NftSet])[];
  readonly maps: readonly (readonly [string, NftMap])[];
  /** In the first only. */
  readonly goneSets: readonly (readonly [string, NftSet])[];
  readonly goneMaps: readonly (readonly [string, NftMap])[];
}

const known = new WeakMap<NftTable, { readonly to: NftTable; readonly difference: ObjectDifference }>();

/** Remembers the last comparison of each table that is still in use: one part of a plan after the other asks for the same. */
export function objectDifference(from: NftTable, to: NftTable): ObjectDifference {
  return atOnce(comparingObjects(from, to));
}

/** The same in pieces. */
export function* comparingObjects(from: NftTable, to: NftTable): Pieces<ObjectDifference> {
  const last = known.get(from);
  if (last?.to === to) return last.difference;
  const sets = yield* apart(from.sets, to.sets);
  const maps = yield* apart(from.maps, to.maps);
  const difference = { sets: sets.changed, maps: maps.changed, goneSets: sets.gone, goneMaps: maps.gone };
  known.set(from, { to, difference });
  return difference;
}

/** A set or a map. */
interface Holder<V> {
  readonly type: string;
  readonly comment?: string;
  readonly elements: BucketMap<V>;
}

interface Apart<T> {
  readonly changed: readonly (readonly [string, T])[];
  readonly gone: readonly (readonly [string, T])[];
}

/** Nearly all objects are the same in every round, and are found so at a glance. */
function* apart<V, T extends Holder<V>>(from: ReadonlyMap<string, T>, to: ReadonlyMap<string, T>): Pieces<Apart<T>> {
  const changed: (readonly [string, T])[] = [];
  let inBoth = 0;
  for (const [name, object] of to) {
    const before = from.get(name);
    if (before !== undefined) {
      inBoth++;
      if (before === object) continue;
      if (before.type === object.type && before.comment === object.comment) {
        if (before.elements.isKnownEqual(object.elements)) continue;
        yield;
        const { added, removed, changed: other } = yield* before.elements.differing(object.elements);
        if (added.length + removed.length + other.length === 0) continue;
      }
    }
    changed.push([name, object]);
  }
  const gone = inBoth === from.size ? [] : [...from].filter(([name]) => !to.has(name));
  return { changed: byName(changed), gone: byName(gone) };
}

function byName<T>(objects: (readonly [string, T])[]): readonly (readonly [string, T])[] {
  return objects.sort(([a], [b]) => (a < b ? -1 : 1));
}
