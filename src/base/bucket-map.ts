import { type Pieces, atOnce } from './pieces.ts';

const BUCKETS = 256;
/** So many changes are made in one piece. */
const PIECE = 128;

/** FNV-1a over UTF-16 units; the bucket of a key. Only the spread matters. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (BUCKETS - 1);
}

/** The difference between two versions of a map. */
export interface BucketDifference<V> {
  readonly added: readonly (readonly [string, V])[];
  readonly removed: readonly (readonly [string, V])[];
  /** Key, old value, new value. */
  readonly changed: readonly (readonly [string, V, V])[];
}

/** What was found between two versions lately: one step of a plan after the other asks for the same. */
interface Comparison {
  readonly before: object;
  readonly after: object;
  readonly found: BucketDifference<unknown>;
}

const recent: Comparison[] = [];
/** So many are remembered, and of so many keys at most, so that little is kept alive by it. */
const MOST_RECENT = 32;
const MOST_KEYS = 1_024;
let nextRecent = 0;

/** To be copied: a copy takes a fraction of the time of making one. */
const NO_BUCKETS: undefined[] = Array.from<undefined>({ length: BUCKETS });
const NO_DIFFERENCE: BucketDifference<never> = { added: [], removed: [], changed: [] };

/**
 * An immutable map from text to values whose versions share what did not change: one changed key copies 1/256 of the map, and two
 * versions are compared bucket by bucket, skipping those they share. Made for member tables of 100,000 addresses with a few changes at a time.
 */
export class BucketMap<V> {
  static readonly #empty = new BucketMap<never>(NO_BUCKETS, 0);
  readonly size: number;
  /** What is found equal to another version's is replaced by it, which nobody can see: what is shared is compared at no cost. */
  #buckets: (ReadonlyMap<string, V> | undefined)[];

  private constructor(buckets: (ReadonlyMap<string, V> | undefined)[], size: number) {
    this.#buckets = buckets;
    this.size = size;
  }

  static empty<V>(): BucketMap<V> {
    return BucketMap.#empty;
  }

  /** Later entries win. */
  static from<V>(entries: Iterable<readonly [string, V]>): BucketMap<V> {
    const buckets: (Map<string, V> | undefined)[] = NO_BUCKETS.slice();
    for (const [key, value] of entries) {
      const index = bucketOf(key);
      const bucket = buckets[index];
      if (bucket === undefined) buckets[index] = new Map([[key, value]]);
      else bucket.set(key, value);
    }
    return BucketMap.#of(buckets);
  }

  static #of<V>(buckets: (ReadonlyMap<string, V> | undefined)[]): BucketMap<V> {
    const size = buckets.reduce((sum, bucket) => sum + (bucket?.size ?? 0), 0);
    return size === 0 ? BucketMap.#empty : new BucketMap(buckets, size);
  }

  get(key: string): V | undefined {
    return this.#buckets[bucketOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.#buckets[bucketOf(key)]?.has(key) ?? false;
  }

  /** A version with these keys set (a value) or removed (`undefined`); later entries win. Itself if nothing changes. */
  with(changes: Iterable<readonly [string, V | undefined]>): BucketMap<V> {
    return atOnce(this.making(changes));
  }

  /** The same in pieces. */
  *making(changes: Iterable<readonly [string, V | undefined]>): Pieces<BucketMap<V>> {
    const fresh = new Map<number, Map<string, V>>();
    let size = this.size;
    let made = 0;
    for (const [key, value] of changes) {
      if (++made % PIECE === 0) yield;
      const index = bucketOf(key);
      const now: ReadonlyMap<string, V> | undefined = fresh.get(index) ?? this.#buckets[index];
      const had = now?.has(key) ?? false;
      if (value === undefined ? !had : had && now?.get(key) === value) continue;
      let bucket = fresh.get(index);
      if (bucket === undefined) {
        bucket = new Map(this.#buckets[index]);
        fresh.set(index, bucket);
      }
      if (value === undefined) bucket.delete(key);
      else bucket.set(key, value);
      size += Number(value !== undefined) - Number(had);
    }
    if (fresh.size === 0) return this;
    const buckets = this.#buckets.slice();
    for (const [index, bucket] of fresh) buckets[index] = bucket.size === 0 ? undefined : bucket;
    return new BucketMap(buckets, size);
  }

  /** The map of what `of` makes of each entry; `undefined`: none. */
  mapped<W>(of: (key: string, value: V) => W | undefined): BucketMap<W> {
    const buckets = this.#buckets.map((bucket) => {
      const made = new Map<string, W>();
      if (bucket !== undefined)
        for (const [key, value] of bucket) {
          const one = of(key, value);
          if (one !== undefined) made.set(key, one);
        }
      return made.size === 0 ? undefined : made;
    });
    return BucketMap.#of(buckets);
  }

  /** Every entry, sorted by key. */
  sorted(): readonly (readonly [string, V])[] {
    // The default order of texts is the one that needs no callback, which is most of the cost.
    return [...this.keys()].sort().map((key) => [key, this.get(key) as V] as const);
  }

  /** Bucket order: the same for equal content built in any way only after sorting; sort what a person or device reads. */
  *entries(): Generator<readonly [string, V]> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket;
  }

  *keys(): Generator<string> {
    for (const bucket of this.#buckets) if (bucket !== undefined) yield* bucket.keys();
  }

  /** What leads from this version to `next`; keys within each list are sorted. Values compare by `equal`, default identity. */
  difference(next: BucketMap<V>, equal: (a: V, b: V) => boolean = Object.is): BucketDifference<V> {
    // What is remembered, and what is shared, holds for identity of values only.
    const remembers = equal === Object.is;
    if (this === next || (remembers && this.#buckets === next.#buckets)) return NO_DIFFERENCE;
    const known = remembers ? recent.find((one) => one.before === this && one.after === next) : undefined;
    if (known !== undefined) return known.found as BucketDifference<V>;
    const added: (readonly [string, V])[] = [];
    const removed: (readonly [string, V])[] = [];
    const changed: (readonly [string, V, V])[] = [];
    for (let index = 0; index < BUCKETS; index++) {
      const before = this.#buckets[index];
      const after = next.#buckets[index];
      if (before === after) continue;
      const found = added.length + removed.length + changed.length;
      if (before !== undefined)
        for (const [key, value] of before) {
          if (after === undefined || !after.has(key)) removed.push([key, value]);
          else {
            const now = after.get(key) as V;
            if (!equal(value, now)) changed.push([key, value, now]);
          }
        }
      if (after !== undefined)
        for (const entry of after) if (before === undefined || !before.has(entry[0])) added.push(entry);
      if (remembers && added.length + removed.length + changed.length === found) this.#buckets[index] = after;
    }
    const count = added.length + removed.length + changed.length;
    if (count === 0) {
      if (remembers) this.#buckets = next.#buckets;
      return NO_DIFFERENCE;
    }
    const byKey = (a: readonly [string, ...unknown[]], b: readonly [string, ...unknown[]]): number =>
      a[0] < b[0] ? -1 : 1;
    const found = { added: added.sort(byKey), removed: removed.sort(byKey), changed: changed.sort(byKey) };
    if (remembers && count <= MOST_KEYS) {
      recent[nextRecent] = { before: this, after: next, found };
      nextRecent = (nextRecent + 1) % MOST_RECENT;
    }
    return found;
  }
}
