import type { Conditions } from './condition.ts';
import { IntegerLists, grown } from './lists.ts';
import type { Scratch } from './scratch.ts';

/** Below this many endpoints a term is rare enough to leave its selectors where they are. */
const SETTLED = 64;

/**
 * Files each selector under the terms that the fewest endpoints have, out of those that bound it. Selectors may come before the
 * endpoints, so the choice is looked at again whenever a term that selectors are filed under has become twice as frequent. Where a
 * selector is filed decides what a change costs, never what comes out.
 */
export class Filing {
  readonly #conditions: Conditions;
  /** Of each term the selectors filed under it. */
  readonly #filed = new IntegerLists();
  /** Of each selector the terms it is filed under. */
  readonly #chosen: (readonly number[])[] = [];
  /** Of each term: the endpoints that have it, inherited ones included; the number beyond which its selectors are looked at again. */
  #counts = new Int32Array(64);
  #limits = new Int32Array(64);
  readonly #cost = (term: number): number => this.#countOf(term);

  constructor(conditions: Conditions) {
    this.#conditions = conditions;
  }

  /** Its condition must be there. */
  add(selector: number): void {
    this.#file(selector, this.#rarest(selector));
  }

  remove(selector: number): void {
    for (const term of this.termsOf(selector)) this.#filed.removeAt(term, this.#filed.indexOf(term, selector));
    this.#chosen[selector] = [];
  }

  /** The terms a selector is filed under; every match has one of them. */
  termsOf(selector: number): readonly number[] {
    return this.#chosen[selector] ?? [];
  }

  /** Adds to `found` the selectors filed under a term that hold for these labels. */
  collect(term: number, labels: Int32Array, found: Scratch): void {
    const { items } = this.#filed;
    for (let at = this.#filed.startOf(term), end = at + this.#filed.lengthOf(term); at < end; at++) {
      const selector = items[at] as number;
      if (this.#conditions.holds(selector, labels)) found.push(selector);
    }
  }

  /** `change` more endpoints have the term. Not to be called while `collect` runs. */
  count(term: number, change: number): void {
    this.#makeRoom(term);
    const count = (this.#counts[term] as number) + change;
    this.#counts[term] = count;
    if (count > (this.#limits[term] as number) && this.#filed.lengthOf(term) > 0) this.#reconsider(term);
  }

  #reconsider(term: number): void {
    this.#limits[term] = 2 * this.#countOf(term);
    for (const selector of this.#filed.copy(term)) {
      const rarest = this.#rarest(selector);
      if (rarest === this.#chosen[selector]) continue;
      this.remove(selector);
      this.#file(selector, rarest);
    }
  }

  #rarest(selector: number): readonly number[] {
    return this.#conditions.rarest(selector, this.#cost);
  }

  #countOf(term: number): number {
    return this.#counts[term] ?? 0;
  }

  #file(selector: number, terms: readonly number[]): void {
    this.#chosen[selector] = terms;
    for (const term of terms) {
      this.#filed.push(term, selector);
      this.#makeRoom(term);
      this.#limits[term] = Math.max(SETTLED, 2 * this.#countOf(term));
    }
  }

  #makeRoom(term: number): void {
    if (term < this.#counts.length) return;
    this.#counts = grown(this.#counts, term);
    this.#limits = grown(this.#limits, term);
  }
}
