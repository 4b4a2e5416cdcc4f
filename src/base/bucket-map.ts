import {
  type Bucket,
  BucketDraft,
  type Finding,
  compareLeaves,
  entriesOf,
  gathered,
  hashOf,
  keysOf,
  leafAt,
  mappedLeaf,
  sizeOf,
  tidied,
  valueIn,
} from './bucket.ts';
import { type Pieces, atOnce, sorted } from './pieces.ts';

const BUCKETS = 256;
/** So many changes are made in one piece. */
const PIECE = 128;
/** So many buckets are compared in one piece. */
const COMPARED = 8;

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
 * An immutable map from text to values whose versions share what did not change: one changed key copies a few of the others, and two
 * versions are compared bucket by bucket, skipping those they share. Made for member tables of 100,000 addresses with a few changes at a time.
 */
export class BucketMap<V> {
  static readonly #empty = new BucketMap<never>(NO_BUCKETS, 0);
  readonly size: number;
  /** What is found equal to another version's is replaced by it, which nobody can see: what is shared is compared at no cost. */
  #buckets: (Bucket<V> | undefined)[];

  private constructor(buckets: (Bucket<V> | undefined)[], size: number) {
    this.#buckets = buckets;
    this.size = size;
  }

  static empty<V>(): BucketMap<V> {
    return BucketMap.#empty;
  }

  /** Later entries win. */
  static from<V>(entries: Iterable<readonly [string, V]>): BucketMap<V> {
    return BucketMap.empty<V>().with(entries);
  }

  get(key: string): V | undefined {
    const hash = hashOf(key);
    const bucket = this.#buckets[hash & (BUCKETS - 1)];
    const leaf = bucket?.[leafAt(hash, bucket.length)];
    return leaf && valueIn(leaf, key, hash);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  /** A version with these keys set (a value) or removed (`undefined`); later entries win. Itself if nothing changes. */
  with(changes: Iterable<readonly [string, V | undefined]>): BucketMap<V> {
    return atOnce(this.making(changes));
  }

  /** The same in pieces. */
  *making(changes: Iterable<readonly [string, V | undefined]>): Pieces<BucketMap<V>> {
    const drafts = new Map<number, BucketDraft<V>>();
    let size = this.size;
    let made = 0;
    for (const [key, value] of changes) {
      if (++made % PIECE === 0) yield;
      const hash = hashOf(key);
      const index = hash & (BUCKETS - 1);
      let draft = drafts.get(index);
      const bucket = draft?.leaves ?? this.#buckets[index];
      const leaf = bucket?.[leafAt(hash, bucket.length)];
      const now = leaf && valueIn(leaf, key, hash);
      if (now === value) continue;
      if (draft === undefined) {
        draft = new BucketDraft(this.#buckets[index]);
        drafts.set(index, draft);
      }
      if (value === undefined) draft.delete(key, hash);
      else draft.set(key, hash, value);
      size += Number(value !== undefined) - Number(now !== undefined);
    }
    if (drafts.size === 0) return this;
    if (size === 0) return BucketMap.#empty;
    const buckets = this.#buckets.slice();
    for (const [index, draft] of drafts) buckets[index] = tidied(draft.leaves);
    return new BucketMap(buckets, size);
  }

  /** The map of what `of` makes of each entry; `undefined`: none. */
  mapped<W>(of: (key: string, value: V) => W | undefined): BucketMap<W> {
    return atOnce(this.mapping(of));
  }

  /** The same in pieces. */
  *mapping<W>(of: (key: string, value: V) => W | undefined): Pieces<BucketMap<W>> {
    const buckets: (Bucket<W> | undefined)[] = NO_BUCKETS.slice();
    let size = 0;
    for (const [index, bucket] of this.#buckets.entries()) {
      if (bucket === undefined) continue;
      const made = tidied(bucket.map((leaf) => leaf && mappedLeaf(leaf, of)));
      buckets[index] = made;
      size += sizeOf(made);
      yield;
    }
    return size === 0 ? BucketMap.#empty : new BucketMap(buckets, size);
  }

  /** Every entry, sorted by key. */
  sorted(): readonly (readonly [string, V])[] {
    // The default order of texts is the one that needs no callback, which is most of the cost.
    return [...this.keys()].sort().map((key) => [key, this.get(key) as V] as const);
  }

  /** Bucket order: the same for equal content built in any way only after sorting; sort what a person or device reads. */
  entries(): Generator<readonly [string, V]> {
    return entriesOf(this.#buckets);
  }

  keys(): Generator<string> {
    return keysOf(this.#buckets);
  }

  /** Whether two versions were found to hold the same, which costs nothing to ask; `false` says nothing. */
  isKnownEqual(other: BucketMap<V>): boolean {
    return this === other || this.#buckets === other.#buckets;
  }

  /** What leads from this version to `next`; keys within each list are sorted. Values compare by `equal`, default identity. */
  difference(next: BucketMap<V>, equal: (a: V, b: V) => boolean = Object.is): BucketDifference<V> {
    return this.#knownDifference(next, equal) ?? atOnce(this.differing(next, equal));
  }

  /** What is remembered, and what is shared, holds for identity of values only. */
  #knownDifference(next: BucketMap<V>, equal: (a: V, b: V) => boolean): BucketDifference<V> | undefined {
    if (this === next) return NO_DIFFERENCE;
    if (equal !== Object.is) return undefined;
    if (this.isKnownEqual(next)) return NO_DIFFERENCE;
    return recent.find((one) => one.before === this && one.after === next)?.found as BucketDifference<V> | undefined;
  }

  /** The same in pieces. */
  *differing(next: BucketMap<V>, equal: (a: V, b: V) => boolean = Object.is): Pieces<BucketDifference<V>> {
    const known = this.#knownDifference(next, equal);
    if (known !== undefined) return known;
    const remembers = equal === Object.is;
    let compared = 0;
    const found: Finding<V> = { added: [], removed: [], changed: [], equal };
    for (let index = 0; index < BUCKETS; index++) {
      const before = this.#buckets[index];
      const after = next.#buckets[index];
      if (before === after) continue;
      if (!differs(found, before, after, remembers) && remembers) this.#buckets[index] = after;
      if (++compared % COMPARED === 0) yield;
    }
    const { added, removed, changed } = found;
    const count = countOf(found);
    if (count === 0) {
      if (remembers) this.#buckets = next.#buckets;
      return NO_DIFFERENCE;
    }
    const byKey = (a: readonly [string, ...unknown[]], b: readonly [string, ...unknown[]]): number =>
      a[0] < b[0] ? -1 : 1;
    const difference = {
      added: yield* sorted(added, byKey),
      removed: yield* sorted(removed, byKey),
      changed: yield* sorted(changed, byKey),
    };
    if (remembers && count <= MOST_KEYS) {
      recent[nextRecent] = { before: this, after: next, found: difference };
      nextRecent = (nextRecent + 1) % MOST_RECENT;
    }
    return difference;
  }
}

function countOf({ added, removed, changed }: Pick<Finding<unknown>, 'added' | 'removed' | 'changed'>): number {
  return added.length + removed.length + changed.length;
}

/** Adds what is not the same in two buckets; false: nothing. `shares`: leaves found equal are one from now on. */
function differs<V>(
  found: Finding<V>,
  before: Bucket<V> | undefined,
  after: Bucket<V> | undefined,
  shares: boolean,
): boolean {
  const count = countOf(found);
  if (before === undefined || after === undefined || before.length !== after.length)
    compareLeaves(found, gathered(before), gathered(after));
  else
    for (let at = 0; at < before.length; at++) {
      const was = before[at];
      const is = after[at];
      if (was === is) continue;
      const soFar = countOf(found);
      compareLeaves(found, was, is);
      if (shares && countOf(found) === soFar) before[at] = is;
    }
  return countOf(found) > count;
}
