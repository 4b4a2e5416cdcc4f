import { keyOf, type Place } from './path.ts';
import { childAt, empty, placedAfter, putChild } from './tree.ts';
import type { Element } from './xml.ts';

/** One administrator's uncommitted change of what stands at a place. */
export interface Change {
  /** `moved`: only its position among its siblings. */
  readonly kind: 'took' | 'moved';
  readonly admin: string;
  readonly place: Place;
  /** Grows with every change of the device. */
  readonly number: number;
}

interface Branch {
  /** Who last changed the whole of what is here. */
  change: Change | undefined;
  /** Who last gave it its position among its siblings. */
  move: Change | undefined;
  readonly below: Map<string, Branch>;
}

const branch = (): Branch => ({ change: undefined, move: undefined, below: new Map() });

export interface Composed {
  readonly root: Element;
  /** Entries that the result has only because something inside of them was asked for: their own creation was left out. */
  readonly orphans: readonly Place[];
}

/**
 * Whose the differences between candidate and running configuration are. The last writer of a place owns it; who replaces a place whole owns all
 * below it, other administrators' uncommitted work included (reference 1.3, *Rules for drivers*).
 */
export class Changes {
  readonly #root = branch();
  #number = 0;

  get newest(): number {
    return this.#number;
  }

  /** The place was made, replaced or removed whole. */
  took(place: Place, admin: string): void {
    const at = this.#at(place);
    at.change = this.#make('took', place, admin);
    at.below.clear();
  }

  moved(place: Place, admin: string): void {
    this.#at(place).move = this.#make('moved', place, admin);
  }

  #make(kind: Change['kind'], place: Place, admin: string): Change {
    this.#number += 1;
    return { kind, admin, place, number: this.#number };
  }

  #at(place: Place): Branch {
    let at = this.#root;
    for (const key of place.slice(1)) {
      let next = at.below.get(key);
      if (next === undefined) {
        next = branch();
        at.below.set(key, next);
      }
      at = next;
    }
    return at;
  }

  /** All of them, in no order that means anything. */
  all(): readonly Change[] {
    const found: Change[] = [];
    const go = ({ change, move, below }: Branch): void => {
      if (change !== undefined) found.push(change);
      if (move !== undefined) found.push(move);
      for (const one of below.values()) go(one);
    };
    go(this.#root);
    return found;
  }

  /** Forgets what is published or given up. */
  settle(done: (change: Change) => boolean): void {
    const go = (at: Branch): void => {
      if (at.change !== undefined && done(at.change)) at.change = undefined;
      if (at.move !== undefined && done(at.move)) at.move = undefined;
      for (const [key, below] of at.below) {
        go(below);
        if (below.change === undefined && below.move === undefined && below.below.size === 0) at.below.delete(key);
      }
    };
    go(this.#root);
  }

  /** The running configuration with only those changes of the candidate that are asked for. */
  compose(running: Element, candidate: Element, included: (change: Change) => boolean): Composed {
    const orphans: Place[] = [];
    const go = (
      old: Element | undefined,
      next: Element | undefined,
      at: Branch,
      place: Place,
      inherited: boolean,
    ): Element | undefined => {
      const taken = at.change === undefined ? inherited : included(at.change);
      let result = taken ? next : old;
      const keys = [...at.below.keys()];
      // New siblings find their neighbours only when they come in the candidate's order.
      if (keys.length > 1 && next !== undefined) {
        const order = new Map(next.children.map((one, index) => [keyOf(one), index]));
        keys.sort((a, b) => (order.get(a) ?? -1) - (order.get(b) ?? -1));
      }
      for (const key of keys) {
        const below = at.below.get(key) ?? branch();
        const child = go(childAt(old, key), childAt(next, key), below, [...place, key], taken);
        if (result === undefined) {
          if (child === undefined) continue;
          const own = place.at(-1) ?? '';
          if (own.startsWith('entry ')) orphans.push(place);
          result = empty(own);
        }
        const fresh = childAt(result, key) === undefined;
        result = putChild(result, key, child);
        const movedHere = below.move !== undefined && included(below.move);
        if (child !== undefined && next !== undefined && (fresh || movedHere)) result = asIn(next, result, key);
      }
      return result;
    };
    const root = go(running, candidate, this.#root, [keyOf(running)], false) ?? running;
    return { root, orphans };
  }
}

/** `key` right after the nearest of those before it in `order` that is there. */
function asIn(order: Element, of: Element, key: string): Element {
  const there = new Set(of.children.map(keyOf));
  let after: string | undefined;
  for (const one of order.children) {
    const other = keyOf(one);
    if (other === key) return placedAfter(of, key, after);
    if (there.has(other)) after = other;
  }
  return of;
}
