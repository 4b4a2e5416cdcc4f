/** One place of a common list, and which of the lists pass through it. */
export interface Place<T> {
  readonly item: T;
  readonly users: ReadonlySet<number>;
}

interface Node<T> extends Place<T> {
  readonly users: Set<number>;
  /** Ascends along the list. */
  position: number;
  before: Node<T> | undefined;
  after: Node<T> | undefined;
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
  const chain = new Chain<T>();
  const byKey = new Map<string, Node<T>[]>();
  for (const [user, list] of lists.entries()) {
    const texts = list.map(key);
    const shared = longestAscending(texts.map((text) => byKey.get(text) ?? []));
    // What a list has of its own stands right before what it shares next, or at the end.
    let next: Node<T> | undefined;
    for (let at = list.length - 1; at >= 0; at--) {
      let node = shared.get(at);
      if (node === undefined) {
        node = chain.insert(list[at] as T, next);
        const text = texts[at] as string;
        const known = byKey.get(text);
        if (known === undefined) byKey.set(text, [node]);
        else known.push(node);
      }
      node.users.add(user);
      next = node;
    }
  }
  return chain.places();
}

class Chain<T> {
  #first: Node<T> | undefined;
  #last: Node<T> | undefined;

  /** Before `next`, or at the end. */
  insert(item: T, next: Node<T> | undefined): Node<T> {
    const before = next === undefined ? this.#last : next.before;
    const node: Node<T> = { item, users: new Set(), position: 0, before, after: next };
    if (before === undefined) this.#first = node;
    else before.after = node;
    if (next === undefined) this.#last = node;
    else next.before = node;
    const low = before?.position ?? (next?.position ?? 0) - 2;
    const high = next?.position ?? low + 2;
    node.position = (low + high) / 2;
    if (node.position <= low || node.position >= high) this.#renumber();
    return node;
  }

  /** Between two neighbours there was no number left. */
  #renumber(): void {
    let position = 0;
    for (let node = this.#first; node !== undefined; node = node.after) node.position = position++;
  }

  places(): readonly Place<T>[] {
    const places: Place<T>[] = [];
    for (let node = this.#first; node !== undefined; node = node.after) places.push(node);
    return places;
  }
}

interface Link<T> {
  readonly node: Node<T>;
  readonly at: number;
  readonly before: Link<T> | undefined;
}

/** At most one node for each place, ascending with the places, as many as possible (Hunt and Szymanski). */
function longestAscending<T>(candidates: readonly (readonly Node<T>[])[]): ReadonlyMap<number, Node<T>> {
  /** `ends[n]`: of the chains of n + 1 nodes, the one that ends first. */
  const ends: Link<T>[] = [];
  for (const [at, nodes] of candidates.entries())
    for (const node of nodes.toSorted((a, b) => b.position - a.position)) {
      let low = 0;
      let high = ends.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((ends[middle] as Link<T>).node.position < node.position) low = middle + 1;
        else high = middle;
      }
      ends[low] = { node, at, before: ends[low - 1] };
    }
  const found = new Map<number, Node<T>>();
  for (let link = ends.at(-1); link !== undefined; link = link.before) found.set(link.at, link.node);
  return found;
}
