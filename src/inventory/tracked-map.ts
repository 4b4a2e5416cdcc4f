import { compareUtf8 } from '../base/compare.ts';
import { type Pieces, each } from '../base/pieces.ts';
import type { MapChanges } from './change.ts';

/**
 * A map that remembers, for each key touched since the last `take`, the value it had then: so what is taken is the net difference,
 * and a value that went away and came back is none.
 */
export class TrackedMap<V> {
  readonly #now = new Map<string, V>();
  readonly #before = new Map<string, V | undefined>();
  readonly #equal: (a: V, b: V) => boolean;
  /** There was nothing at the last `take`, so that all there is now is new. */
  #wasEmpty = true;

  /** Values for which `equal` holds are no change; by default only the same object is. */
  constructor(equal: (a: V, b: V) => boolean = Object.is) {
    this.#equal = equal;
  }

  get view(): ReadonlyMap<string, V> {
    return this.#now;
  }

  /** What there was at the last `take`. It costs what has changed since, so nobody need keep that state once more. */
  readonly taken: ReadonlyMap<string, V> = new Taken<V>(this.#now, this.#before, () => this.#wasEmpty);

  /** Sets a key, or removes it (`undefined`); says whether that changed anything. */
  put(key: string, value: V | undefined): boolean {
    const old = this.#now.get(key);
    if (old === value || (old !== undefined && value !== undefined && this.#equal(old, value))) return false;
    if (!this.#wasEmpty && !this.#before.has(key)) this.#before.set(key, old);
    if (value === undefined) this.#now.delete(key);
    else this.#now.set(key, value);
    return true;
  }

  /** The net difference since the last call. Nothing may be put before it is known. */
  *take(): Pieces<MapChanges> {
    if (this.#wasEmpty) {
      this.#wasEmpty = this.#now.size === 0;
      return this.#wasEmpty ? NO_CHANGES : sortedLater([...this.#now.keys()], [], []);
    }
    if (this.#before.size === 0) return NO_CHANGES;
    const added: string[] = [];
    const changed: string[] = [];
    const removed: string[] = [];
    yield* each(this.#before, ([key, before]) => {
      const now = this.#now.get(key);
      if (before === undefined) {
        if (now !== undefined) added.push(key);
      } else if (now === undefined) removed.push(key);
      else if (!this.#equal(before, now)) changed.push(key);
    });
    this.#before.clear();
    this.#wasEmpty = this.#now.size === 0;
    return sortedLater(added, changed, removed);
  }
}

/** A map as it was before some of it changed. */
class Taken<V> implements ReadonlyMap<string, V> {
  readonly #now: ReadonlyMap<string, V>;
  /** What keys that were touched since had then. */
  readonly #before: ReadonlyMap<string, V | undefined>;
  readonly #wasEmpty: () => boolean;

  constructor(now: ReadonlyMap<string, V>, before: ReadonlyMap<string, V | undefined>, wasEmpty: () => boolean) {
    this.#now = now;
    this.#before = before;
    this.#wasEmpty = wasEmpty;
  }

  get size(): number {
    if (this.#wasEmpty()) return 0;
    let size = this.#now.size;
    for (const [key, value] of this.#before) size += (value === undefined ? 0 : 1) - (this.#now.has(key) ? 1 : 0);
    return size;
  }

  get(key: string): V | undefined {
    if (this.#wasEmpty()) return undefined;
    const before = this.#before.get(key);
    return before !== undefined || this.#before.has(key) ? before : this.#now.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): Generator<[string, V], undefined> {
    if (this.#wasEmpty()) return undefined;
    for (const entry of this.#now) if (!this.#before.has(entry[0])) yield entry;
    for (const [key, value] of this.#before) if (value !== undefined) yield [key, value];
    return undefined;
  }

  *keys(): Generator<string, undefined> {
    for (const [key] of this.entries()) yield key;
    return undefined;
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this.entries()) yield value;
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries();
  }

  forEach(callback: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) callback(value, key, this);
  }
}

/** Sorts when somebody asks: the first difference of a large cluster has hundreds of thousands of keys, and few look at them in order. */
function sortedLater(added: string[], changed: string[], removed: string[]): MapChanges {
  return {
    keys: [added, changed, removed].flat(),
    get added() {
      return added.sort(compareUtf8);
    },
    get changed() {
      return changed.sort(compareUtf8);
    },
    get removed() {
      return removed.sort(compareUtf8);
    },
  };
}

const NO_CHANGES: MapChanges = { added: [], changed: [], removed: [], keys: [] };
