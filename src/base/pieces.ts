/**
 * Work that may be left for a while wherever it yields, and gone on with later. Between two pieces its results are not to be looked at, and
 * nothing that it reads may change. Whoever runs it to its end gets the same, with or without pauses.
 */
export type Pieces<T = void> = Generator<undefined, T, undefined>;

/** So many small things are done in one piece: well below a millisecond at some microseconds for each. */
const PIECE = 64;
/** So many are sorted in one piece. */
const RUN = 512;

/** All of it without a pause. */
export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Visits each item, and yields now and then. For visits of some microseconds; what takes longer yields by itself. */
export function* each<T>(items: Iterable<T>, visit: (item: T) => void): Pieces {
  if (Array.isArray(items)) return yield* eachIn(items, visit);
  let visited = 0;
  for (const item of items) {
    visit(item);
    if (++visited % PIECE === 0) yield;
  }
}

/** The same of an array that does not change meanwhile: an iterator would make an object for each item. */
function* eachIn<T>(items: readonly T[], visit: (item: T) => void): Pieces {
  for (let n = 0; n < items.length; n++) {
    visit(items[n] as T);
    if (n % PIECE === PIECE - 1) yield;
  }
}

/** A sorted copy: runs are sorted each in one piece, and then merged two by two. Stable, as `toSorted` is. */
export function* sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Pieces<readonly T[]> {
  let lists: (readonly T[])[] = [];
  for (let start = 0; start < items.length; start += RUN) {
    lists.push(items.slice(start, start + RUN).sort(compare));
    yield;
  }
  while (lists.length > 1) {
    const merged: (readonly T[])[] = [];
    for (let n = 0; n < lists.length; n += 2) merged.push(yield* merge(lists[n] ?? [], lists[n + 1] ?? [], compare));
    lists = merged;
  }
  return lists[0] ?? [];
}

function* merge<T>(first: readonly T[], second: readonly T[], compare: (a: T, b: T) => number): Pieces<readonly T[]> {
  const merged: T[] = [];
  let at = 0;
  yield* each(first, (item) => {
    for (; at < second.length && compare(second[at] as T, item) < 0; at++) merged.push(second[at] as T);
    merged.push(item);
  });
  for (; at < second.length; at++) merged.push(second[at] as T);
  return merged;
}
