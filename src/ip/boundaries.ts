/**
 * Sets of numbers as their boundaries: strictly increasing, and every boundary turns membership on or off, from off below the first.
 * `[2, 5, 9, 10]` is {2, 3, 4, 9}. Half-open, so the algebra only compares, never adds one, and serves numbers and bigints alike;
 * neighbours merge by themselves because a boundary that turns nothing is not written. One set has exactly one such list.
 */
export type Boundaries<N extends number | bigint> = ArrayLike<N>;

/** What a combination keeps, as a truth table: bit 1 = in the first only, bit 2 = in the second only, bit 3 = in both. */
export const UNION = 0b1110;
export const INTERSECTION = 0b1000;
export const DIFFERENCE = 0b0010;

/** Walks both lists once. */
export function combine<N extends number | bigint>(a: Boundaries<N>, b: Boundaries<N>, table: number): N[] {
  const result: N[] = [];
  let i = 0;
  let j = 0;
  let inside = 0;
  for (;;) {
    const x = a[i];
    const y = b[j];
    let at: N;
    if (x !== undefined && (y === undefined || x <= y)) at = x;
    else if (y !== undefined) at = y;
    else return result;
    if (x === at) i++;
    if (y === at) j++;
    const now = (table >> ((i & 1) | ((j & 1) << 1))) & 1;
    if (now !== inside) {
      inside = now;
      result.push(at);
    }
  }
}

/** Whether `combine` would give anything; stops at the first. */
export function combinesToSome<N extends number | bigint>(a: Boundaries<N>, b: Boundaries<N>, table: number): boolean {
  let i = 0;
  let j = 0;
  for (;;) {
    const x = a[i];
    const y = b[j];
    let at: N;
    if (x !== undefined && (y === undefined || x <= y)) at = x;
    else if (y !== undefined) at = y;
    else return false;
    if (x === at) i++;
    if (y === at) j++;
    if ((table >> ((i & 1) | ((j & 1) << 1))) & 1) return true;
  }
}

/** Membership by binary search. */
export function holds<N extends number | bigint>(set: Boundaries<N>, value: N): boolean {
  let low = 0;
  let high = set.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const boundary = set[middle];
    if (boundary !== undefined && boundary <= value) low = middle + 1;
    else high = middle;
  }
  return (low & 1) === 1;
}

export function sameBoundaries<N extends number | bigint>(a: Boundaries<N>, b: Boundaries<N>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Every `[first, end)` in order. */
export function* spans<N extends number | bigint>(set: Boundaries<N>): Generator<readonly [N, N]> {
  for (let i = 0; i + 1 < set.length; i += 2) {
    const first = set[i];
    const end = set[i + 1];
    if (first !== undefined && end !== undefined) yield [first, end];
  }
}

/** The set of half-open spans given in any order, overlapping or not; none is empty. Sorts `given` in place. */
export function mergeSpans<N extends number | bigint>(given: (readonly [N, N])[]): N[] {
  const result: N[] = [];
  let end: N | undefined;
  for (const [first, after] of given.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    if (end === undefined || first > end) result.push(first, after);
    else if (after > end) result[result.length - 1] = after;
    else continue;
    end = after;
  }
  return result;
}
