import { SallyportError } from '../base/error.ts';
import { type Labels, labelEntries } from '../selector/matcher.ts';
import { parseSelector } from '../selector/selector.ts';
import { Condition } from './label-index-condition.ts';
import { Changes, type Delta } from './label-index-delta.ts';
import { Filing } from './label-index-filing.ts';
import { Incidence, grown } from './label-index-incidence.ts';
import { Interner } from './label-index-interner.ts';
import { type EndpointPort, type MemberSet, Members, type PortOfSet, readAddressing } from './label-index-members.ts';
import { OverlapFilter } from './label-index-overlaps.ts';
import { EVERYTHING, Terms } from './label-index-terms.ts';

export type { Delta, SetMember } from './label-index-delta.ts';
export type { EndpointPort, PortOfSet } from './label-index-members.ts';

/** Something with labels and addresses: a pod, a host endpoint, a network set. */
export interface IndexedEndpoint {
  readonly labels: Labels;
  /** Addresses and prefixes; host bits are cleared, a prefix of length 0 counts as its two halves. */
  readonly nets: readonly string[];
  readonly ports: readonly EndpointPort[];
  /** What it inherits labels from: its own label wins, then the first parent in this list. They need not exist yet. */
  readonly parents: readonly string[];
}

/** A selector in the index and the set it makes. */
interface IndexedSelector extends MemberSet {
  readonly text: string;
  readonly condition: Condition;
}

const NO_LABELS: Labels = new Map();

/**
 * Which endpoints match which selectors, and which addresses are in the set of each, kept up to date under changes in any order
 * (semantics 2, 4). After each call the state, and the sum of all deltas, is what an index built from scratch would have. Inputs must
 * have been validated: an unreadable selector or address is thrown as `LABEL_INDEX_INPUT` and changes nothing.
 *
 * Labels are interned; a change looks only at the selectors filed under a label that the endpoint has, each filed under the rarest
 * label that its matches must have.
 * @example
 * const index = new LabelIndex();
 * index.setSelector('web', "app == 'web'");
 * index.setEndpoint('pod:shop/a', { labels: { app: 'web' }, nets: ['10.0.0.1'], ports: [], parents: [] }).added;
 * // [{ set: 'web', member: '10.0.0.1/32' }]
 */
export class LabelIndex {
  readonly #terms = new Terms();
  readonly #filing = new Filing();
  readonly #endpoints = new Interner();
  readonly #parents = new Interner();
  /** Parents that were set, not merely named. */
  readonly #setParents = new Set<number>();
  readonly #parentSizes: number[] = [];
  /** Rows are endpoints; columns the terms of their own labels. */
  readonly #ownLabels = new Incidence();
  /** Rows are parents; columns the terms of their labels. */
  readonly #parentLabels = new Incidence();
  /** Rows are endpoints; columns their parents, in order. */
  readonly #inherits = new Incidence();
  /** Rows are endpoints; columns the selectors that match them. */
  readonly #matches = new Incidence();
  readonly #members = new Members(this.#matches);
  readonly #selectorsById = new Map<string, IndexedSelector>();
  readonly #selectors: (IndexedSelector | undefined)[] = [undefined];
  readonly #freeSelectors: number[] = [];
  readonly #overlaps: Map<string, OverlapFilter> | undefined;

  // Room to work in, empty between calls.
  /** Labels in effect of the endpoint at hand: its term by key, 0 where absent. */
  #effective = new Int32Array(64);
  readonly #effectiveKeys: number[] = [];
  readonly #found: number[] = [];
  readonly #marks = new Set<number>();

  /** `suppressOverlaps`: members that another member of their set covers are withheld (semantics 4.7). */
  constructor(options: { readonly suppressOverlaps?: boolean } = {}) {
    this.#overlaps = options.suppressOverlaps === true ? new Map() : undefined;
  }

  /** Adds an endpoint, or replaces all of it. */
  setEndpoint(id: string, { labels, nets, ports, parents }: IndexedEndpoint): Delta {
    const addressing = readAddressing(nets, ports);
    const changes = new Changes();
    const known = this.#endpoints.find(id);
    const endpoint = known === 0 ? this.#endpoints.acquire(id) : known;
    if (known === 0) this.#filing.count(EVERYTHING, 1);
    if (known === 0 || this.#members.differs(endpoint, addressing)) {
      changes.contested = true;
      for (const set of this.#setsOf(endpoint)) this.#members.leave(set, endpoint, changes);
      this.#members.replace(endpoint, addressing);
      for (const set of this.#setsOf(endpoint)) this.#members.enter(set, endpoint, changes);
    }
    const inherits = this.#replaceParents(endpoint, parents);
    const relabelled = this.#replaceLabels(this.#ownLabels, endpoint, labels, 1);
    if (known === 0 || inherits || relabelled) this.#rematch(endpoint, changes);
    return this.#finish(changes);
  }

  deleteEndpoint(id: string): Delta {
    const changes = new Changes();
    const endpoint = this.#endpoints.find(id);
    if (endpoint === 0) return changes.delta();
    for (let cell = this.#matches.firstInRow(endpoint); cell !== 0; ) {
      const next = this.#matches.nextInRow(cell);
      this.#unmatch(cell, changes);
      cell = next;
    }
    this.#replaceLabels(this.#ownLabels, endpoint, NO_LABELS, 1);
    this.#replaceParents(endpoint, []);
    this.#members.replace(endpoint, { nets: [], ports: [] });
    this.#filing.count(EVERYTHING, -1);
    this.#endpoints.release(endpoint);
    return this.#finish(changes);
  }

  /** Adds a parent, or replaces its labels. */
  setParent(id: string, labels: Labels): Delta {
    const changes = new Changes();
    let parent = this.#parents.find(id);
    if (!this.#setParents.has(parent)) {
      parent = this.#parents.acquire(id);
      this.#setParents.add(parent);
    }
    this.#relabelParent(parent, labels, changes);
    return this.#finish(changes);
  }

  /** Its endpoints inherit nothing from it until it is set again. */
  deleteParent(id: string): Delta {
    const changes = new Changes();
    const parent = this.#parents.find(id);
    if (!this.#setParents.delete(parent)) return changes.delta();
    this.#relabelParent(parent, NO_LABELS, changes);
    this.#parents.release(parent);
    return this.#finish(changes);
  }

  /** Adds a selector under an id of the caller's choice, or replaces it; its set then goes on with what is different. */
  setSelector(id: string, selector: string, port?: PortOfSet): Delta {
    const changes = new Changes();
    const old = this.#selectorsById.get(id);
    if (old?.text === selector && isSamePort(old.port, port)) return changes.delta();
    const { value, diagnostics } = parseSelector(selector);
    if (value === undefined)
      throw new SallyportError('LABEL_INDEX_INPUT', diagnostics[0]?.message ?? 'unreadable selector', { selector });
    if (old === undefined) this.#overlaps?.set(id, new OverlapFilter());
    else {
      changes.contested = true;
      this.#unmatchAll(old, changes);
      this.#free(old);
    }
    const slot = this.#freeSelectors.pop() ?? this.#selectors.length;
    const entry = { id, slot, text: selector, port, condition: new Condition(value, this.#terms) };
    this.#selectors[slot] = entry;
    this.#selectorsById.set(id, entry);
    this.#filing.add(slot, entry.condition);
    this.#matchAll(entry, changes);
    return this.#finish(changes);
  }

  /** Deletes a selector and its set; the members are not listed. */
  deleteSelector(id: string): Delta {
    const changes = new Changes();
    const entry = this.#selectorsById.get(id);
    if (entry === undefined) return changes.delta();
    for (let cell = this.#matches.firstInColumn(entry.slot); cell !== 0; ) {
      const next = this.#matches.nextInColumn(cell);
      changes.touch(this.#idOf(this.#matches.rowOf(cell)));
      this.#matches.remove(cell);
      cell = next;
    }
    this.#free(entry);
    this.#selectorsById.delete(id);
    this.#overlaps?.delete(id);
    return changes.delta();
  }

  /** Ids of the selectors that match an endpoint; empty for one that is not there. */
  matching(endpointId: string): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const { id } of this.#setsOf(this.#endpoints.find(endpointId))) ids.add(id);
    return ids;
  }

  /** Ids of the endpoints that a selector matches; empty for one that is not there. */
  endpointsOf(selectorId: string): ReadonlySet<string> {
    const ids = new Set<string>();
    const slot = this.#selectorsById.get(selectorId)?.slot ?? 0;
    for (let cell = this.#matches.firstInColumn(slot); cell !== 0; cell = this.#matches.nextInColumn(cell))
      ids.add(this.#idOf(this.#matches.rowOf(cell)));
    return ids;
  }

  /** All members of a selector's set, withheld ones included, sorted; empty for one that is not there. */
  membersOf(selectorId: string): readonly string[] {
    const entry = this.#selectorsById.get(selectorId);
    return entry === undefined ? [] : this.#members.list(entry);
  }

  #relabelParent(parent: number, labels: Labels, changes: Changes): void {
    if (!this.#replaceLabels(this.#parentLabels, parent, labels, this.#parentSizes[parent] ?? 0)) return;
    for (let cell = this.#inherits.firstInColumn(parent); cell !== 0; cell = this.#inherits.nextInColumn(cell))
      this.#rematch(this.#inherits.rowOf(cell), changes);
  }

  /** Sets the labels of a row for `weight` endpoints; true if one changed that a selector mentions. */
  #replaceLabels(of: Incidence, row: number, labels: Labels, weight: number): boolean {
    const wanted = this.#marks;
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

  /** Finds the selectors of an endpoint anew and changes what is different. */
  #rematch(endpoint: number, changes: Changes): void {
    const found = this.#found;
    this.#load(endpoint);
    for (const key of this.#effectiveKeys) {
      this.#filing.collect(this.#effective[key] as number, this.#effective, found);
      this.#filing.collect(this.#terms.presenceOf(key), this.#effective, found);
    }
    this.#filing.collect(EVERYTHING, this.#effective, found);
    this.#clear();

    const wanted = this.#marks;
    for (const selector of found) wanted.add(selector);
    found.length = 0;
    for (let cell = this.#matches.firstInRow(endpoint); cell !== 0; ) {
      const next = this.#matches.nextInRow(cell);
      if (!wanted.delete(this.#matches.columnOf(cell))) this.#unmatch(cell, changes);
      cell = next;
    }
    for (const selector of wanted) {
      this.#match(this.#selectorAt(selector), endpoint, changes);
      changes.touch(this.#idOf(endpoint));
    }
    wanted.clear();
  }

  /** Finds the endpoints of a new selector among those that have one of the terms it is filed under. */
  #matchAll(entry: IndexedSelector, changes: Changes): void {
    const visit = (endpoint: number): void => {
      this.#load(endpoint);
      const holds = entry.condition.holds(this.#effective);
      this.#clear();
      // An endpoint can be met twice, by its own label and by a parent's. The newest match comes first in its row.
      const first = this.#matches.firstInRow(endpoint);
      if (!holds || (first !== 0 && this.#matches.columnOf(first) === entry.slot)) return;
      this.#match(entry, endpoint, changes);
      changes.toggle(this.#idOf(endpoint));
    };
    for (const term of this.#filing.termsOf(entry.slot)) {
      if (term === EVERYTHING) {
        for (let endpoint = 1; endpoint < this.#endpoints.end; endpoint++)
          if (this.#endpoints.text(endpoint) !== undefined) visit(endpoint);
      } else for (const value of this.#terms.valuesOf(term)) this.#visitHolders(value, visit);
    }
  }

  /** Visits each endpoint that has a label itself or through a parent, some of them twice. */
  #visitHolders(term: number, visit: (endpoint: number) => void): void {
    for (let cell = this.#ownLabels.firstInColumn(term); cell !== 0; cell = this.#ownLabels.nextInColumn(cell))
      visit(this.#ownLabels.rowOf(cell));
    for (let cell = this.#parentLabels.firstInColumn(term); cell !== 0; cell = this.#parentLabels.nextInColumn(cell)) {
      const parent = this.#parentLabels.rowOf(cell);
      for (let child = this.#inherits.firstInColumn(parent); child !== 0; child = this.#inherits.nextInColumn(child))
        visit(this.#inherits.rowOf(child));
    }
  }

  #match(entry: IndexedSelector, endpoint: number, changes: Changes): void {
    this.#members.enter(entry, endpoint, changes);
    this.#matches.add(endpoint, entry.slot);
  }

  #unmatch(cell: number, changes: Changes): void {
    const endpoint = this.#matches.rowOf(cell);
    const entry = this.#selectorAt(this.#matches.columnOf(cell));
    this.#matches.remove(cell);
    this.#members.leave(entry, endpoint, changes);
    changes.touch(this.#idOf(endpoint));
  }

  #unmatchAll(entry: IndexedSelector, changes: Changes): void {
    for (let cell = this.#matches.firstInColumn(entry.slot); cell !== 0; ) {
      const next = this.#matches.nextInColumn(cell);
      this.#unmatch(cell, changes);
      cell = next;
    }
  }

  /** Gives back what a selector without matches uses. */
  #free(entry: IndexedSelector): void {
    this.#filing.remove(entry.slot);
    entry.condition.release();
    this.#selectors[entry.slot] = undefined;
    this.#freeSelectors.push(entry.slot);
  }

  #setsOf(endpoint: number): readonly IndexedSelector[] {
    const sets: IndexedSelector[] = [];
    for (let cell = this.#matches.firstInRow(endpoint); cell !== 0; cell = this.#matches.nextInRow(cell))
      sets.push(this.#selectorAt(this.#matches.columnOf(cell)));
    return sets;
  }

  #selectorAt(slot: number): IndexedSelector {
    return this.#selectors[slot] as IndexedSelector;
  }

  #idOf(endpoint: number): string {
    return this.#endpoints.text(endpoint) as string;
  }

  #finish(changes: Changes): Delta {
    if (this.#overlaps !== undefined)
      changes.filter((set, added, removed) => this.#overlaps?.get(set)?.apply(added, removed) ?? { added, removed });
    return changes.delta();
  }
}

function isSamePort(a: PortOfSet | undefined, b: PortOfSet | undefined): boolean {
  return a?.namedPort === b?.namedPort && a?.namedPortProtocol === b?.namedPortProtocol;
}
