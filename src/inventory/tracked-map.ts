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
