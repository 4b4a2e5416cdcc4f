/**
 * Work that may be left for a while wherever it yields, and gone on with later. Between two pieces its results are not to be looked at, and
 * nothing that it reads may change. Whoever runs it to its end gets the same, with or without pauses.
 */
export type Pieces<T = void> = Generator<undefined, T, undefined>;

/** So many small things are done in one piece: well below a millisecond at some microseconds for each. */
const PIECE = 64;

/** All of it without a pause. */
export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

/** Visits each item, and yields now and then. For visits of some microseconds; what takes longer yields by itself. */
export function* each<T>(items: Iterable<T>, visit: (item: T) => void): Pieces {
  let visited = 0;
  for (const item of items) {
    visit(item);
    if (++visited % PIECE === 0) yield;
  }
}
