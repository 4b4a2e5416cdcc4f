import { type Pieces, each } from '../../base/pieces.ts';
import { type Labels, eachLabel } from '../../selector/matcher.ts';
import type { Conditions } from './condition.ts';
import type { Filing } from './filing.ts';
import { Interner } from './interner.ts';
import { grown } from './lists.ts';
import { Marks } from './marks.ts';
import { Relation } from './relation.ts';
import { Scratch } from './scratch.ts';
import { EVERYTHING, type Terms } from './terms.ts';

const NO_LABELS: Labels = new Map();

/**
 * The labels of endpoints, their own and those they inherit (semantics 2.1): an own label wins, then the first parent that has it. A
 * parent that does not exist gives nothing and may come later. Keeps the filing's counts.
 */
export class LabelStore {
  readonly #terms: Terms;
  readonly #conditions: Conditions;
  readonly #filing: Filing;
  readonly #parents = new Interner();
  /** Parents that were set, not merely named. */
  readonly #setParents = new Set<number>();
  /** Rows are endpoints; columns the terms of their own labels. */
  readonly #ownLabels = new Relation();
  /** Rows are parents; columns the terms of their labels. */
  readonly #parentLabels = new Relation();
  /** Rows are endpoints; columns their parents, in order. */
  readonly #inherits = new Relation();

  // Room to work in, empty between calls.
  /** Labels in effect of the endpoint at hand: its term by key, 0 where absent. */
  #effective = new Int32Array(64);
  readonly #effectiveKeys = new Scratch();
  readonly #wanted = new Scratch();
  readonly #missing = new Marks();
  readonly #want = (value: string, name: string): void => {
    const term = this.#terms.acquire(name, value);
    this.#wanted.push(term);
    this.#missing.add(term);
  };

  constructor(terms: Terms, conditions: Conditions, filing: Filing) {
    this.#terms = terms;
    this.#conditions = conditions;
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
  match(endpoint: number, found: Scratch): void {
    this.#loadOwn(endpoint);
    this.#loadInherited(endpoint);
    const keys = this.#effectiveKeys;
    for (let n = 0; n < keys.length; n++) {
      const key = keys.items[n] as number;
      this.#filing.collect(this.#effective[key] as number, this.#effective, found);
      this.#filing.collect(this.#terms.presenceOf(key), this.#effective, found);
    }
    this.#filing.collect(EVERYTHING, this.#effective, found);
    this.#clear();
  }

  /** Whether a condition holds for an endpoint. */
  holds(condition: number, endpoint: number): boolean {
    this.#loadOwn(endpoint);
    // Most conditions are about own labels, and the parents lie elsewhere in memory.
    if (this.#conditions.misses(condition, this.#effective)) this.#loadInherited(endpoint);
    const holds = this.#conditions.holds(condition, this.#effective);
    this.#clear();
    return holds;
  }

  /** Visits each endpoint that has a term itself or through a parent: some of them twice, and some in whom another value wins. */
  *visitHolders(term: number, visit: (endpoint: number) => void): Pieces {
    yield* each(this.#ownLabels.rowsIn(term), visit);
    for (const parent of this.#parentLabels.rowsIn(term)) {
      yield* each(this.#inherits.rowsIn(parent), visit);
      yield;
    }
    yield;
  }

  #relabelParent(parent: number, labels: Labels): Iterable<number> {
    const relevant = this.#replaceLabels(this.#parentLabels, parent, labels, this.#inherits.sizeOf(parent));
    return relevant ? this.#inherits.rowsIn(parent) : [];
  }

  /** Sets the labels of a row for `weight` endpoints; true if one changed that a selector mentions. */
  #replaceLabels(of: Relation, row: number, labels: Labels, weight: number): boolean {
    const terms = this.#terms;
    const wanted = this.#wanted;
    const missing = this.#missing;
    wanted.clear();
    missing.clear();
    eachLabel(labels, this.#want);
    let relevant = false;
    // Backwards, because the last one takes the place of one that goes.
    for (let n = of.rows.lengthOf(row) - 1; n >= 0; n--) {
      const term = of.rows.items[of.rows.startOf(row) + n] as number;
      if (!missing.delete(term)) {
        relevant ||= terms.isMentioned(terms.keyOf(term));
        of.removeAt(row, n);
        this.#count(term, -weight);
      }
      // Given back once: the use that ends, or the second one that was taken above.
      terms.release(term);
    }
    for (let n = 0; n < wanted.length; n++) {
      const term = wanted.items[n] as number;
      if (!missing.delete(term)) continue;
      relevant ||= terms.isMentioned(terms.keyOf(term));
      of.add(row, term);
      this.#count(term, weight);
    }
    return relevant;
  }

  /** True if the list changed. */
  #replaceParents(endpoint: number, parents: readonly string[]): boolean {
    if (this.#hasParents(endpoint, parents)) return false;
    if (this.#inherits.rows.lengthOf(endpoint) > 0) {
      const old = this.#inherits.rows.copy(endpoint);
      this.#inherits.clearRow(endpoint);
      for (const parent of old) {
        this.#countLabelsOf(parent, -1);
        this.#parents.release(parent);
      }
    }
    for (const id of parents.length === 1 ? parents : new Set(parents)) {
      const parent = this.#parents.acquire(id);
      this.#inherits.add(endpoint, parent);
      this.#countLabelsOf(parent, 1);
    }
    return true;
  }

  /** Whether it is plain that these are its parents, in this order. */
  #hasParents(endpoint: number, parents: readonly string[]): boolean {
    const { rows } = this.#inherits;
    const start = rows.startOf(endpoint);
    if (rows.lengthOf(endpoint) !== parents.length) return false;
    return parents.every((id, n) => this.#parents.text(rows.items[start + n] as number) === id);
  }

  #countLabelsOf(parent: number, change: 1 | -1): void {
    const { rows } = this.#parentLabels;
    const start = rows.startOf(parent);
    for (let at = start, end = start + rows.lengthOf(parent); at < end; at++)
      this.#count(rows.items[at] as number, change);
  }

  #count(term: number, change: number): void {
    this.#filing.count(term, change);
    this.#filing.count(this.#terms.presenceOf(this.#terms.keyOf(term)), change);
  }

  /** Puts the endpoint's own labels into `#effective`; `#clear` takes them out again. */
  #loadOwn(endpoint: number): void {
    if (this.#effective.length < this.#terms.endOfKeys) this.#effective = grown(this.#effective, this.#terms.endOfKeys);
    this.#loadRow(this.#ownLabels, endpoint);
  }

  /** Adds what its parents give, where it has nothing yet. */
  #loadInherited(endpoint: number): void {
    const { items } = this.#inherits.rows;
    const start = this.#inherits.rows.startOf(endpoint);
    for (let at = start, end = start + this.#inherits.rows.lengthOf(endpoint); at < end; at++)
      this.#loadRow(this.#parentLabels, items[at] as number);
  }

  #loadRow(labels: Relation, row: number): void {
    const { items } = labels.rows;
    const start = labels.rows.startOf(row);
    for (let at = start, end = start + labels.rows.lengthOf(row); at < end; at++) {
      const term = items[at] as number;
      const key = this.#terms.keyOf(term);
      if (this.#effective[key] !== 0) continue;
      this.#effective[key] = term;
      this.#effectiveKeys.push(key);
    }
  }

  #clear(): void {
    const keys = this.#effectiveKeys;
    for (let n = 0; n < keys.length; n++) this.#effective[keys.items[n] as number] = 0;
    keys.clear();
  }
}
