import type { BucketMap } from '../../base/bucket-map.ts';

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
  if (previous === undefined) return { source, result: source.mapped(of) };
  if (previous.source === source && again.length === 0) return previous;
  const { added, removed, changed } = previous.source.difference(source);
  const result = previous.result.with([
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
