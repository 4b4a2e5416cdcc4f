/** One place of a common list, and which of the lists pass through it. */
export interface Place<T> {
  readonly item: T;
  readonly users: Set<number>;
}

/**
 * A short list of which each of the given lists is a part, in its own order: what several lists have in common stands there once. Each is
 * merged in along a longest common subsequence; the shortest list of all would be hard to find and little better. Depends on the order
 * in which the lists are given.
 */
export function commonSupersequence<T>(
  lists: readonly (readonly T[])[],
  key: (item: T) => string,
): readonly Place<T>[] {
  let places: Place<T>[] = [];
  let keys: string[] = [];
  for (const [user, list] of lists.entries()) {
    const merged: Place<T>[] = [];
    const mergedKeys: string[] = [];
    const take = (place: Place<T>, text: string): void => {
      merged.push(place);
      mergedKeys.push(text);
    };
    const texts = list.map(key);
    let from = 0;
    let done = 0;
    for (const [at, partner] of longestCommon(keys, texts)) {
      for (; from < at; from++) take(places[from] as Place<T>, keys[from] as string);
      for (; done < partner; done++) take({ item: list[done] as T, users: new Set([user]) }, texts[done] as string);
      const shared = places[at] as Place<T>;
      shared.users.add(user);
      take(shared, keys[at] as string);
      from = at + 1;
      done = partner + 1;
    }
    for (; from < places.length; from++) take(places[from] as Place<T>, keys[from] as string);
    for (; done < list.length; done++) take({ item: list[done] as T, users: new Set([user]) }, texts[done] as string);
    places = merged;
    keys = mergedKeys;
  }
  return places;
}

/** Pairs of places with equal texts, ascending in both, as many as possible. */
function longestCommon(a: readonly string[], b: readonly string[]): readonly (readonly [number, number])[] {
  // Hunt and Szymanski: the longest ascending chain of matches; texts seldom repeat, so there are few.
  const where = new Map<string, number[]>();
  for (let at = a.length - 1; at >= 0; at--) {
    const text = a[at] as string;
    const list = where.get(text);
    if (list === undefined) where.set(text, [at]);
    else list.push(at);
  }
  interface Link {
    readonly at: number;
    readonly partner: number;
    readonly before: Link | undefined;
  }
  /** `ends[n]`: of the chains of n + 1 matches, the one that ends first. */
  const ends: Link[] = [];
  for (const [partner, text] of b.entries()) {
    for (const at of where.get(text) ?? []) {
      let low = 0;
      let high = ends.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((ends[middle] as Link).at < at) low = middle + 1;
        else high = middle;
      }
      ends[low] = { at, partner, before: ends[low - 1] };
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let link = ends.at(-1); link !== undefined; link = link.before) pairs.push([link.at, link.partner]);
  return pairs.reverse();
}
