/** Longer texts are no misspelling of a field or kind; comparing them would only cost time. */
const LONGEST = 60;

/** Edits (insert, remove, replace, swap neighbours) that lead from one text to the other, ignoring case. */
function distance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1])
        best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1);
      current.push(best);
    }
    beforeLast = last;
    last = current;
  }
  return last[to.length] ?? 0;
}

/** The candidate that was probably meant: a third of its letters wrong, or `limit` of them, at most; the nearest, the first of equals. */
export function closest(text: string, candidates: Iterable<string>, limit = LONGEST): string | undefined {
  if (text.length > LONGEST) return undefined;
  let best: string | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const edits = distance(text.toLowerCase(), candidate.toLowerCase());
    const isNear = edits < candidate.length && edits <= Math.min(limit, Math.max(1, Math.floor(candidate.length / 3)));
    if (edits < fewest && isNear) {
      best = candidate;
      fewest = edits;
    }
  }
  return best;
}
