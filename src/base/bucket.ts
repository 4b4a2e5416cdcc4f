/**
 * One leaf, or where it would be long several, among which keys are spread: as many as the number of keys says. What is found equal to
 * another version's is replaced by it, which nobody can see.
 */
export type Bucket<V> = (Leaf<V> | undefined)[];

/**
 * Hash, key and value of each entry, one after the other. Of a few dozen one is found no more slowly than in a `Map`, and they are copied, which
 * each change asks for, in a tenth of its time.
 */
export type Leaf<V> = readonly (number | string | V)[];

/** Numbers of an entry. */
const WIDTH = 3;

/** Keys of a bucket that is one leaf, at most. */
const MOST_IN_ONE = 16;
/** Leaves of any other; a power of two. */
const LEAVES = 8;

/** FNV-1a over UTF-16 units. Only the spread matters. */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 16);
}

/** Which of so many leaves a key is in; another part of the hash says in which bucket. */
export function leafAt(hash: number, leaves: number): number {
  return (hash >>> 8) & (leaves - 1);
}

/** Where an entry begins; -1: the key is not there. */
function placeIn(leaf: Leaf<unknown>, key: string, hash: number): number {
  for (let n = 0; n < leaf.length; n += WIDTH) if (leaf[n] === hash && leaf[n + 1] === key) return n;
  return -1;
}

/** The value of a key; `undefined`: it has none. */
export function valueIn<V>(leaf: Leaf<V>, key: string, hash: number): V | undefined {
  const place = placeIn(leaf, key, hash);
  return place < 0 ? undefined : (leaf[place + 2] as V);
}

/** Every entry of so many buckets. */
export function* entriesOf<V>(buckets: readonly (Bucket<V> | undefined)[]): Generator<[string, V]> {
  for (const bucket of buckets)
    if (bucket !== undefined)
      for (const leaf of bucket)
        if (leaf !== undefined)
          for (let n = 0; n < leaf.length; n += WIDTH) yield [leaf[n + 1] as string, leaf[n + 2] as V];
}

/** Every key of so many buckets. */
export function* keysOf(buckets: readonly (Bucket<unknown> | undefined)[]): Generator<string> {
  for (const bucket of buckets)
    if (bucket !== undefined)
      for (const leaf of bucket)
        if (leaf !== undefined) for (let n = 1; n < leaf.length; n += WIDTH) yield leaf[n] as string;
}

/** What `of` makes of each entry; `undefined`: none is left. */
export function mappedLeaf<V, W>(leaf: Leaf<V>, of: (key: string, value: V) => W | undefined): Leaf<W> | undefined {
  const made: (number | string | W)[] = [];
  for (let n = 0; n < leaf.length; n += WIDTH) {
    const key = leaf[n + 1] as string;
    const one = of(key, leaf[n + 2] as V);
    if (one !== undefined) made.push(leaf[n] as number, key, one);
  }
  return made.length === 0 ? undefined : made;
}

/** What was found so far of a difference. */
export interface Finding<V> {
  readonly added: (readonly [string, V])[];
  readonly removed: (readonly [string, V])[];
  readonly changed: (readonly [string, V, V])[];
  readonly equal: (a: V, b: V) => boolean;
}

/** Adds what is not the same in two leaves. */
export function compareLeaves<V>(
  { added, removed, changed, equal }: Finding<V>,
  before: Leaf<V> = [],
  after: Leaf<V> = [],
): void {
  for (let n = 0; n < before.length; n += WIDTH) {
    const key = before[n + 1] as string;
    const value = before[n + 2] as V;
    const now = valueIn(after, key, before[n] as number);
    if (now === undefined) removed.push([key, value]);
    else if (!equal(value, now)) changed.push([key, value, now]);
  }
  for (let n = 0; n < after.length; n += WIDTH) {
    const key = after[n + 1] as string;
    if (placeIn(before, key, after[n] as number) < 0) added.push([key, after[n + 2] as V]);
  }
}

export function sizeOf(bucket: Bucket<unknown> | undefined): number {
  let size = 0;
  if (bucket !== undefined) for (const leaf of bucket) if (leaf !== undefined) size += leaf.length / WIDTH;
  return size;
}

/** All keys in one. */
export function gathered<V>(bucket: Bucket<V> | undefined): Leaf<V> | undefined {
  if (bucket === undefined || bucket.length === 1) return bucket?.[0];
  const all: (number | string | V)[] = [];
  for (const leaf of bucket) if (leaf !== undefined) for (const part of leaf) all.push(part);
  return all;
}

/** The bucket as it has to be, from as many leaves as another one has; `undefined`: no key is left. */
export function tidied<V>(leaves: Bucket<V>): Bucket<V> | undefined {
  const size = sizeOf(leaves);
  if (size === 0) return undefined;
  return leaves.length === 1 || size > MOST_IN_ONE ? leaves : [gathered(leaves)];
}

/** A bucket that is being changed; the one it was made from stays as it is. */
export class BucketDraft<V> {
  #leaves: ((number | string | V)[] | undefined)[];
  /** Leaves that were made for this draft, by bit. */
  #own = 0;

  constructor(from: Bucket<V> | undefined) {
    // None that is shared is written to.
    this.#leaves = from === undefined ? [undefined] : (from.slice() as ((number | string | V)[] | undefined)[]);
  }

  get leaves(): Bucket<V> {
    return this.#leaves;
  }

  set(key: string, hash: number, value: V): void {
    const leaf = this.#ownLeaf(leafAt(hash, this.#leaves.length));
    const place = placeIn(leaf, key, hash);
    if (place >= 0) leaf[place + 2] = value;
    else {
      leaf.push(hash, key, value);
      if (this.#leaves.length === 1 && leaf.length > MOST_IN_ONE * WIDTH) this.#spread(leaf);
    }
  }

  /** Of a key that is there. */
  delete(key: string, hash: number): void {
    const at = leafAt(hash, this.#leaves.length);
    const leaf = this.#ownLeaf(at);
    const place = placeIn(leaf, key, hash);
    const last = leaf.length - WIDTH;
    for (let n = 0; n < WIDTH; n++) leaf[place + n] = leaf[last + n] as V;
    leaf.length = last;
    if (leaf.length === 0) this.#leaves[at] = undefined;
  }

  #ownLeaf(at: number): (number | string | V)[] {
    const now = this.#leaves[at];
    if (now !== undefined && (this.#own & (1 << at)) !== 0) return now;
    const made = now === undefined ? [] : now.slice();
    this.#leaves[at] = made;
    this.#own |= 1 << at;
    return made;
  }

  #spread(all: Leaf<V>): void {
    this.#leaves = Array.from<undefined>({ length: LEAVES });
    this.#own = 0;
    for (let n = 0; n < all.length; n += WIDTH) {
      const leaf = this.#ownLeaf(leafAt(all[n] as number, LEAVES));
      leaf.push(all[n] as number, all[n + 1] as string, all[n + 2] as V);
    }
  }
}
