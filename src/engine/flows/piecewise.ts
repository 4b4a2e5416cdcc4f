/**
 * A function on the numbers from zero that is constant on pieces: `values[i]` holds from `starts[i]` up to the next start, the last
 * one to the end of the universe, which is not written. `starts[0]` is zero, starts increase, neighbouring values differ: so a
 * function has exactly one such form, and equal functions look alike.
 */
export interface Piecewise<N extends number | bigint, V> {
  readonly starts: readonly N[];
  readonly values: readonly V[];
}

/** The same value everywhere. */
export function constant<N extends number | bigint, V>(zero: N, value: V): Piecewise<N, V> {
  return { starts: [zero], values: [value] };
}

/** `inside` on the half-open spans (sorted, disjoint, not adjacent), `outside` elsewhere. `end` is the end of the universe. */
export function onSpans<N extends number | bigint, V>(
  zero: N,
  end: N,
  spans: Iterable<readonly [N, N]>,
  inside: V,
  outside: V,
): Piecewise<N, V> {
  const starts: N[] = [];
  const values: V[] = [];
  let reached: N = zero;
  for (const [first, after] of spans) {
    if (first > reached) {
      starts.push(reached);
      values.push(outside);
    }
    starts.push(first);
    values.push(inside);
    reached = after;
  }
  if (reached < end) {
    starts.push(reached);
    values.push(outside);
  }
  return { starts, values };
}

/** From the value at each of the numbers below `count`. */
export function tabulate<V>(
  count: number,
  valueOf: (at: number) => V,
  same: (a: V, b: V) => boolean,
): Piecewise<number, V> {
  const starts: number[] = [];
  const values: V[] = [];
  for (let at = 0; at < count; at++) {
    const value = valueOf(at);
    if (at > 0 && same(values.at(-1) as V, value)) continue;
    starts.push(at);
    values.push(value);
  }
  return { starts, values };
}

/** Point by point; `same` decides which neighbours become one piece. */
export function zip<N extends number | bigint, A, B, V>(
  a: Piecewise<N, A>,
  b: Piecewise<N, B>,
  join: (left: A, right: B) => V,
  same: (left: V, right: V) => boolean,
): Piecewise<N, V> {
  const starts: N[] = [];
  const values: V[] = [];
  let i = 0;
  let j = 0;
  let last: V | undefined;
  for (;;) {
    const fromA = a.starts[i];
    const fromB = b.starts[j];
    if (fromA === undefined && fromB === undefined) return { starts, values };
    const takeA = fromA !== undefined && (fromB === undefined || fromA <= fromB);
    const takeB = fromB !== undefined && (fromA === undefined || fromB <= fromA);
    if (takeA) i++;
    if (takeB) j++;
    const at = takeA ? fromA : fromB;
    const value = join(a.values[i - 1] as A, b.values[j - 1] as B);
    if (at === undefined || (starts.length > 0 && same(last as V, value))) continue;
    starts.push(at);
    values.push(value);
    last = value;
  }
}

/** The value at a point, by binary search. */
export function valueAt<N extends number | bigint, V>(pieces: Piecewise<N, V>, point: N): V {
  let low = 1;
  let high = pieces.starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const start = pieces.starts[middle];
    if (start !== undefined && start <= point) low = middle + 1;
    else high = middle;
  }
  return pieces.values[low - 1] as V;
}

export function samePieces<N extends number | bigint, V>(
  a: Piecewise<N, V>,
  b: Piecewise<N, V>,
  same: (left: V, right: V) => boolean,
): boolean {
  if (a === b) return true;
  if (a.starts.length !== b.starts.length) return false;
  for (let i = 0; i < a.starts.length; i++) {
    if (a.starts[i] !== b.starts[i] || !same(a.values[i] as V, b.values[i] as V)) return false;
  }
  return true;
}

/** Every piece with its half-open span, in order. */
export function* eachPiece<N extends number | bigint, V>(
  pieces: Piecewise<N, V>,
  end: N,
): Generator<readonly [first: N, after: N, value: V]> {
  for (let i = 0; i < pieces.starts.length; i++)
    yield [pieces.starts[i] as N, pieces.starts[i + 1] ?? end, pieces.values[i] as V];
}
