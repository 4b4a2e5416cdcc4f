import type { BucketMap } from '../../../base/bucket-map.ts';
import { atOnce, type Pieces } from '../../../base/pieces.ts';

/** Elements made one by one from another map, kept with their source so that the next version costs only what changed. */
export interface Derived<V, W> {
  readonly source: BucketMap<V>;
  readonly result: BucketMap<W>;
}

/**
 * Maps every entry by `of` (`undefined`: none). `previous` must have been made by an `of` that was equal but for the keys `again`; it
 * changes the cost, never the result.
 */
export function derive<V, W>(
  source: BucketMap<V>,
  of: (key: string, value: V) => W | undefined,
  previous?: Derived<V, W>,
  again: readonly string[] = [],
): Derived<V, W> {
  return atOnce(deriving(source, of, previous, again));
}

/** The same in pieces. */
export function* deriving<V, W>(
  source: BucketMap<V>,
  of: (key: string, value: V) => W | undefined,
  previous?: Derived<V, W>,
  again: readonly string[] = [],
): Pieces<Derived<V, W>> {
  if (previous === undefined) return { source, result: yield* source.mapping(of) };
  if (previous.source === source && again.length === 0) return previous;
  const { added, removed, changed } = previous.source.difference(source);
  yield;
  const result = yield* previous.result.making([
    ...removed.map(([key]) => [key, undefined] as const),
    ...added.map(([key, value]) => [key, of(key, value)] as const),
    ...changed.map(([key, , value]) => [key, of(key, value)] as const),
    ...again.map((key) => {
      const value = source.get(key);
      return [key, value === undefined ? undefined : of(key, value)] as const;
    }),
  ]);
  return { source, result };
}
