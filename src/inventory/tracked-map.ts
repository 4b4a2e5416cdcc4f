import { compareUtf8 } from '../base/compare.ts';
import { type Pieces, each } from '../base/pieces.ts';
import type { ValueChanges } from './change.ts';

/**
 * A map that remembers, for each key touched since the last `take`, the value it had then: so what is taken is the net difference,
 * and a value that went away and came back is none.
 */
export class TrackedMap<V> {
  readonly #now = new Map<string, V>();
  #before = new Map<string, V | undefined>();
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
  readonly taken: ReadonlyMap<string, V> = new Taken<V>(
    this.#now,
    () => this.#before,
    () => this.#wasEmpty,
  );

  /** Sets a key, or removes it (`undefined`); says whether that changed anything. */
  put(key: string, value: V | undefined): boolean {
    const old = this.#now.get(key);
    if (old === value || (old !== undefined && value !== undefined && this.#equal(old, value))) return false;
    if (!this.#wasEmpty && !this.#before.has(key)) this.#before.set(key, old);
    if (value === undefined) this.#now.delete(key);
    else this.#now.set(key, value);
    return true;
  }

  /** The net difference since the last call, and what there was. Nothing may be put before it is known. */
  *take(): Pieces<ValueChanges<V>> {
    if (this.#wasEmpty) {
      this.#wasEmpty = this.#now.size === 0;
      return this.#wasEmpty ? noChanges() : sortedLater([...this.#now.keys()], [], [], new Map());
    }
    if (this.#before.size === 0) return noChanges();
    const added: string[] = [];
    const changed: string[] = [];
    const removed: string[] = [];
    const before = this.#before;
    yield* each(before, ([key, old]) => {
      const now = this.#now.get(key);
      if (old === undefined) {
        if (now !== undefined) added.push(key);
      } else if (now === undefined) removed.push(key);
      else if (!this.#equal(old, now)) changed.push(key);
    });
    this.#before = new Map();
    this.#wasEmpty = this.#now.size === 0;
    return sortedLater(added, changed, removed, before);
  }
}

/** A map as it was before some of it changed. */
class Taken<V> implements ReadonlyMap<string, V> {
  readonly #now: ReadonlyMap<string, V>;
  /** What keys that were touched since had then. */
  readonly #before: () => ReadonlyMap<string, V | undefined>;
  readonly #wasEmpty: () => boolean;

  constructor(now: ReadonlyMap<string, V>, before: () => ReadonlyMap<string, V | undefined>, wasEmpty: () => boolean) {
    this.#now = now;
    this.#before = before;
    this.#wasEmpty = wasEmpty;
  }

  get size(): number {
    if (this.#wasEmpty()) return 0;
    let size = this.#now.size;
    for (const [key, value] of this.#before()) size += (value === undefined ? 0 : 1) - (this.#now.has(key) ? 1 : 0);
    return size;
  }

  get(key: string): V | undefined {
    if (this.#wasEmpty()) return undefined;
    const touched = this.#before();
    const before = touched.size === 0 ? undefined : touched.get(key);
    return before !== undefined || touched.has(key) ? before : this.#now.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): Generator<[string, V], undefined> {
    if (this.#wasEmpty()) return undefined;
    const before = this.#before();
    for (const entry of this.#now) if (!before.has(entry[0])) yield entry;
    for (const [key, value] of before) if (value !== undefined) yield [key, value];
    return undefined;
  }

  *keys(): Generator<string, undefined> {
    for (const [key] of this.entries()) yield key;
    return undefined;
  }

  *values(): Generator<V, undefined> {
    if (this.#wasEmpty()) return undefined;
    const before = this.#before();
    for (const [key, value] of this.#now) if (!before.has(key)) yield value;
    for (const value of before.values()) if (value !== undefined) yield value;
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
function sortedLater<V>(
  added: string[],
  changed: string[],
  removed: string[],
  before: ReadonlyMap<string, V | undefined>,
): ValueChanges<V> {
  return {
    before,
    keys: changed.length + removed.length === 0 ? added.slice() : [added, changed, removed].flat(),
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

function noChanges<V>(): ValueChanges<V> {
  return { added: [], changed: [], removed: [], keys: [], before: new Map() };
}
