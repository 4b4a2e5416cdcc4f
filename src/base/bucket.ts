/**
 * One small map, or where it would not be small any more several, among which keys are spread: as many as the number of keys says. What is
 * found equal to another version's is replaced by it, which nobody can see.
 */
export type Bucket<V> = (Leaf<V> | undefined)[];

export type Leaf<V> = ReadonlyMap<string, V>;

/** Keys of a bucket that is one map, at most. */
const MOST_IN_ONE = 16;
/** Maps of any other; a power of two. */
const LEAVES = 8;

/** FNV-1a over UTF-16 units. Only the spread matters. */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 16);
}

/** Which of so many maps a key is in; another part of the hash says in which bucket. */
export function leafAt(hash: number, leaves: number): number {
  return (hash >>> 8) & (leaves - 1);
}

export function sizeOf(bucket: Bucket<unknown> | undefined): number {
  let size = 0;
  if (bucket !== undefined) for (const leaf of bucket) if (leaf !== undefined) size += leaf.size;
  return size;
}

/** All keys in one map. */
export function gathered<V>(bucket: Bucket<V> | undefined): Leaf<V> | undefined {
  if (bucket === undefined || bucket.length === 1) return bucket?.[0];
  const all = new Map<string, V>();
  for (const leaf of bucket) if (leaf !== undefined) for (const [key, value] of leaf) all.set(key, value);
  return all;
}

/** The bucket as it has to be, from as many maps as another one has; `undefined`: no key is left. */
export function tidied<V>(leaves: Bucket<V>): Bucket<V> | undefined {
  const size = sizeOf(leaves);
  if (size === 0) return undefined;
  return leaves.length === 1 || size > MOST_IN_ONE ? leaves : [gathered(leaves)];
}

/** A bucket that is being changed; the one it was made from stays as it is. */
export class BucketDraft<V> {
  #leaves: (Map<string, V> | undefined)[];
  /** Maps that were made for this draft, by bit. */
  #own = 0;

  constructor(from: Bucket<V> | undefined) {
    // None that is shared is written to.
    this.#leaves = from === undefined ? [undefined] : (from.slice() as (Map<string, V> | undefined)[]);
  }

  get leaves(): Bucket<V> {
    return this.#leaves;
  }

  set(key: string, hash: number, value: V): void {
    const leaf = this.#ownLeaf(leafAt(hash, this.#leaves.length));
    leaf.set(key, value);
    if (this.#leaves.length === 1 && leaf.size > MOST_IN_ONE) this.#spread(leaf);
  }

  delete(key: string, hash: number): void {
    const at = leafAt(hash, this.#leaves.length);
    const leaf = this.#ownLeaf(at);
    leaf.delete(key);
    if (leaf.size === 0) this.#leaves[at] = undefined;
  }

  #ownLeaf(at: number): Map<string, V> {
    const now = this.#leaves[at];
    if (now !== undefined && (this.#own & (1 << at)) !== 0) return now;
    const made = now === undefined ? new Map<string, V>() : new Map(now);
    this.#leaves[at] = made;
    this.#own |= 1 << at;
    return made;
  }

  #spread(all: ReadonlyMap<string, V>): void {
    this.#leaves = Array.from<undefined>({ length: LEAVES });
    this.#own = 0;
    for (const [key, value] of all) this.#ownLeaf(leafAt(hashOf(key), LEAVES)).set(key, value);
  }
}
