import { type Labels, labelEntries } from '../selector/matcher.ts';
import type { Condition } from './label-index-condition.ts';
import type { Filing } from './label-index-filing.ts';
import { Incidence, grown } from './label-index-incidence.ts';
import { Interner } from './label-index-interner.ts';
import { EVERYTHING, type Terms } from './label-index-terms.ts';

const NO_LABELS: Labels = new Map();

/**
 * The labels of endpoints, their own and those they inherit (semantics 2.1): an own label wins, then the first parent that has it. A
 * parent that does not exist gives nothing and may come later. Keeps the filing's counts.
 */
export class LabelStore {
  readonly #terms: Terms;
  readonly #filing: Filing;
  readonly #parents = new Interner();
  /** Parents that were set, not merely named. */
  readonly #setParents = new Set<number>();
  /** Of each parent, how many endpoints name it. */
  readonly #parentSizes: number[] = [];
  /** Rows are endpoints; columns the terms of their own labels. */
  readonly #ownLabels = new Incidence();
  /** Rows are parents; columns the terms of their labels. */
  readonly #parentLabels = new Incidence();
  /** Rows are endpoints; columns their parents, in order. */
  readonly #inherits = new Incidence();

  // Room to work in, empty between calls.
  /** Labels in effect of the endpoint at hand: its term by key, 0 where absent. */
  #effective = new Int32Array(64);
  readonly #effectiveKeys: number[] = [];
  readonly #wanted = new Set<number>();

  constructor(terms: Terms, filing: Filing) {
    this.#terms = terms;
    this.#filing = filing;
  }

  /** Gives an endpoint these labels and parents; false if no selector can tell the difference. */
  set(endpoint: number, labels: Labels, parents: readonly string[]): boolean {
    const inherits = this.#replaceParents(endpoint, parents);
    return this.#replaceLabels(this.#ownLabels, endpoint, labels, 1) || inherits;
  }

  delete(endpoint: number): void {
    this.set(endpoint, NO_LABELS, []);
  }

  /** Adds a parent or replaces its labels; returns the endpoints for which a selector can tell the difference. */
  setParent(id: string, labels: Labels): Iterable<number> {
    let parent = this.#parents.find(id);
    if (!this.#setParents.has(parent)) {
      parent = this.#parents.acquire(id);
      this.#setParents.add(parent);
    }
    return this.#relabelParent(parent, labels);
  }

  /** Returns the endpoints for which a selector can tell the difference. */
  deleteParent(id: string): Iterable<number> {
    const parent = this.#parents.find(id);
    if (!this.#setParents.delete(parent)) return [];
    const affected = this.#relabelParent(parent, NO_LABELS);
    this.#parents.release(parent);
    return affected;
  }

  /** Adds to `found` the selectors that match an endpoint. */
  match(endpoint: number, found: number[]): void {
    this.#load(endpoint);
    for (const key of this.#effectiveKeys) {
      this.#filing.collect(this.#effective[key] as number, this.#effective, found);
      this.#filing.collect(this.#terms.presenceOf(key), this.#effective, found);
    }
    this.#filing.collect(EVERYTHING, this.#effective, found);
    this.#clear();
  }

  /** Whether a condition holds for an endpoint. */
  holds(condition: Condition, endpoint: number): boolean {
    this.#load(endpoint);
    const holds = condition.holds(this.#effective);
    this.#clear();
    return holds;
  }

  /** Visits each endpoint that has a term itself or through a parent: some of them twice, and some in whom another value wins. */
  visitHolders(term: number, visit: (endpoint: number) => void): void {
    for (let cell = this.#ownLabels.firstInColumn(term); cell !== 0; cell = this.#ownLabels.nextInColumn(cell))
      visit(this.#ownLabels.rowOf(cell));
    for (let cell = this.#parentLabels.firstInColumn(term); cell !== 0; cell = this.#parentLabels.nextInColumn(cell)) {
      const parent = this.#parentLabels.rowOf(cell);
      for (let child = this.#inherits.firstInColumn(parent); child !== 0; child = this.#inherits.nextInColumn(child))
        visit(this.#inherits.rowOf(child));
    }
  }

  #relabelParent(parent: number, labels: Labels): Iterable<number> {
    if (!this.#replaceLabels(this.#parentLabels, parent, labels, this.#parentSizes[parent] ?? 0)) return [];
    const endpoints: number[] = [];
    for (let cell = this.#inherits.firstInColumn(parent); cell !== 0; cell = this.#inherits.nextInColumn(cell))
      endpoints.push(this.#inherits.rowOf(cell));
    return endpoints;
  }

  /** Sets the labels of a row for `weight` endpoints; true if one changed that a selector mentions. */
  #replaceLabels(of: Incidence, row: number, labels: Labels, weight: number): boolean {
    const wanted = this.#wanted;
    for (const [name, value] of labelEntries(labels)) wanted.add(this.#terms.acquire(name, value));
    let relevant = false;
    for (let cell = of.firstInRow(row); cell !== 0; ) {
      const next = of.nextInRow(cell);
      const term = of.columnOf(cell);
      if (!wanted.delete(term)) {
        relevant ||= this.#terms.isMentioned(this.#terms.keyOf(term));
        of.remove(cell);
        this.#count(term, -weight);
      }
      // Given back once: the use that ends, or the second one that was taken above.
      this.#terms.release(term);
      cell = next;
    }
    for (const term of wanted) {
      relevant ||= this.#terms.isMentioned(this.#terms.keyOf(term));
      of.add(row, term);
      this.#count(term, weight);
    }
    wanted.clear();
    return relevant;
  }

  /** True if the list changed. */
  #replaceParents(endpoint: number, parents: readonly string[]): boolean {
    const wanted = [...new Set(parents)];
    let same = 0;
    let cell = this.#inherits.firstInRow(endpoint);
    for (; cell !== 0; cell = this.#inherits.nextInRow(cell)) {
      if (this.#parents.text(this.#inherits.columnOf(cell)) !== wanted[same]) break;
      same++;
    }
    if (cell === 0 && same === wanted.length) return false;

    for (cell = this.#inherits.firstInRow(endpoint); cell !== 0; ) {
      const next = this.#inherits.nextInRow(cell);
      const parent = this.#inherits.columnOf(cell);
      this.#inherits.remove(cell);
      this.#resizeParent(parent, -1);
      this.#parents.release(parent);
      cell = next;
    }
    // New cells come first in their row.
    for (const id of wanted.reverse()) {
      const parent = this.#parents.acquire(id);
      this.#inherits.add(endpoint, parent);
      this.#resizeParent(parent, 1);
    }
    return true;
  }

  #resizeParent(parent: number, change: 1 | -1): void {
    this.#parentSizes[parent] = (this.#parentSizes[parent] ?? 0) + change;
    for (let cell = this.#parentLabels.firstInRow(parent); cell !== 0; cell = this.#parentLabels.nextInRow(cell))
      this.#count(this.#parentLabels.columnOf(cell), change);
  }

  #count(term: number, change: number): void {
    this.#filing.count(term, change);
    this.#filing.count(this.#terms.presenceOf(this.#terms.keyOf(term)), change);
  }

  /** Puts the endpoint's labels in effect into `#effective`; `#clear` takes them out again. */
  #load(endpoint: number): void {
    if (this.#effective.length < this.#terms.endOfKeys) this.#effective = grown(this.#effective, this.#terms.endOfKeys);
    this.#loadRow(this.#ownLabels, endpoint);
    for (let cell = this.#inherits.firstInRow(endpoint); cell !== 0; cell = this.#inherits.nextInRow(cell))
      this.#loadRow(this.#parentLabels, this.#inherits.columnOf(cell));
  }

  #loadRow(labels: Incidence, row: number): void {
    for (let cell = labels.firstInRow(row); cell !== 0; cell = labels.nextInRow(cell)) {
      const term = labels.columnOf(cell);
      const key = this.#terms.keyOf(term);
      if (this.#effective[key] !== 0) continue;
      this.#effective[key] = term;
      this.#effectiveKeys.push(key);
    }
  }

  #clear(): void {
    for (const key of this.#effectiveKeys) this.#effective[key] = 0;
    this.#effectiveKeys.length = 0;
  }
}
