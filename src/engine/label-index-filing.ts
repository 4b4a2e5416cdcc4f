import type { Condition } from './label-index-condition.ts';
import { Incidence, grown } from './label-index-incidence.ts';

/** Below this many endpoints a term is rare enough to leave its selectors where they are. */
const SETTLED = 64;

/**
 * Files each selector under the terms that the fewest endpoints have, out of those that bound it. Selectors may come before the
 * endpoints, so the choice is looked at again whenever a term that selectors are filed under has become twice as frequent. Where a
 * selector is filed decides what a change costs, never what comes out.
 */
export class Filing {
  /** Rows are selectors, columns terms. */
  readonly #filed = new Incidence();
  readonly #conditions: (Condition | undefined)[] = [];
  readonly #chosen: (readonly number[])[] = [];
  /** Of each term: the endpoints that have it, inherited ones included; the number beyond which its selectors are looked at again. */
  #counts = new Int32Array(64);
  #limits = new Int32Array(64);

  add(selector: number, condition: Condition): void {
    this.#conditions[selector] = condition;
    this.#file(selector, this.#rarest(condition));
  }

  remove(selector: number): void {
    this.#unfile(selector);
    this.#conditions[selector] = undefined;
  }

  /** The terms a selector is filed under; every match has one of them. */
  termsOf(selector: number): readonly number[] {
    return this.#chosen[selector] ?? [];
  }

  /** Adds to `found` the selectors filed under a term that hold for these labels. */
  collect(term: number, labels: Int32Array, found: number[]): void {
    for (let cell = this.#filed.firstInColumn(term); cell !== 0; cell = this.#filed.nextInColumn(cell)) {
      const selector = this.#filed.rowOf(cell);
      if (this.#conditions[selector]?.holds(labels) === true) found.push(selector);
    }
  }

  /** `change` more endpoints have the term. Not to be called while `collect` runs. */
  count(term: number, change: number): void {
    if (term >= this.#counts.length) {
      this.#counts = grown(this.#counts, term);
      this.#limits = grown(this.#limits, term);
    }
    const count = (this.#counts[term] as number) + change;
    this.#counts[term] = count;
    if (count > (this.#limits[term] as number) && this.#filed.firstInColumn(term) !== 0) this.#reconsider(term);
  }

  #reconsider(term: number): void {
    const selectors: number[] = [];
    for (let cell = this.#filed.firstInColumn(term); cell !== 0; cell = this.#filed.nextInColumn(cell))
      selectors.push(this.#filed.rowOf(cell));
    this.#limits[term] = 2 * this.#countOf(term);
    for (const selector of selectors) {
      const condition = this.#conditions[selector];
      if (condition === undefined || condition.filings.length === 1) continue;
      const rarest = this.#rarest(condition);
      if (rarest === this.#chosen[selector]) continue;
      this.#unfile(selector);
      this.#file(selector, rarest);
    }
  }

  #rarest({ filings }: Condition): readonly number[] {
    let best = filings[0] ?? [];
    let bestCost = Infinity;
    for (const terms of filings) {
      let cost = 0;
      for (const term of terms) cost += this.#countOf(term);
      if (cost >= bestCost) continue;
      best = terms;
      bestCost = cost;
    }
    return best;
  }

  #countOf(term: number): number {
    return this.#counts[term] ?? 0;
  }

  #file(selector: number, terms: readonly number[]): void {
    this.#chosen[selector] = terms;
    for (const term of terms) {
      this.#filed.add(selector, term);
      if (term >= this.#limits.length) {
        this.#counts = grown(this.#counts, term);
        this.#limits = grown(this.#limits, term);
      }
      this.#limits[term] = Math.max(SETTLED, 2 * this.#countOf(term));
    }
  }

  #unfile(selector: number): void {
    let cell = this.#filed.firstInRow(selector);
    while (cell !== 0) {
      const next = this.#filed.nextInRow(cell);
      this.#filed.remove(cell);
      cell = next;
    }
    this.#chosen[selector] = [];
  }
}
