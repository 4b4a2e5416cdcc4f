import { SallyportError } from '../../base/error.ts';
import { type Pieces, atOnce, each } from '../../base/pieces.ts';
import type { Prefix } from '../../ip/prefix.ts';
import { type Labels, type Selector, parseSelector } from '../../selector/selector.ts';
import { Conditions } from './condition.ts';
import { type BatchDelta, Changes, type Delta } from './delta.ts';
import { Filing } from './filing.ts';
import { Interner } from './interner.ts';
import { LabelStore } from './labels.ts';
import { Marks } from './marks.ts';
import { type MemberSet, Members, readAddressing } from './members.ts';
import { OverlapFilter } from './overlaps.ts';
import type { EndpointPort, PortOfSet } from './ports.ts';
import { Relation } from './relation.ts';
import { Scratch } from './scratch.ts';
import { EVERYTHING, Terms } from './terms.ts';

export type { Delta, SetMember } from './delta.ts';
export type { EndpointPort, PortOfSet } from './ports.ts';

/** Something with labels and addresses: a pod, a host endpoint, a network set. */
export interface IndexedEndpoint {
  readonly labels: Labels;
  /** Addresses and prefixes; host bits of texts are cleared, a prefix of length 0 counts as its two halves. */
  readonly nets: readonly (string | Prefix)[];
  readonly ports: readonly EndpointPort[];
  /** What it inherits labels from: its own label wins, then the first parent in this list. They need not exist yet. */
  readonly parents: readonly string[];
}

/** A selector in the index and the set it makes. */
interface IndexedSelector extends MemberSet {
  readonly selector: Selector;
  /** How many hold it by `holding`. */
  uses: number;
}

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
  /** By the slot of their selector. */
  readonly #conditions = new Conditions(this.#terms);
  readonly #filing = new Filing(this.#conditions);
  readonly #labels = new LabelStore(this.#terms, this.#conditions, this.#filing);
  readonly #endpoints = new Interner();
  /** Rows are endpoints; columns the selectors that match them. */
  readonly #matches = new Relation();
  readonly #members = new Members(this.#matches);
  readonly #selectorsById = new Map<string, IndexedSelector>();
  readonly #selectors: (IndexedSelector | undefined)[] = [undefined];
  readonly #freeSelectors: number[] = [];
  readonly #overlaps: Map<string, OverlapFilter> | undefined;

  /** Takes what several calls change, while `batch` or `load` runs them. */
  #collecting: Changes | undefined;
  /** `load` runs: endpoints are matched when it ends. */
  #loading = false;

  // Room to work in, empty between calls.
  readonly #found = new Scratch();
  readonly #lost: IndexedSelector[] = [];
  readonly #gained: IndexedSelector[] = [];
  readonly #missing = new Marks();

  /** `suppressOverlaps`: members that another member of their set covers are withheld (semantics 4.7). */
  constructor(options: { readonly suppressOverlaps?: boolean } = {}) {
    this.#overlaps = options.suppressOverlaps === true ? new Map() : undefined;
  }

  /**
   * Runs several changes and tells what they changed together; `changed` may list endpoints that came out as they were. Not for an index
   * that suppresses overlaps.
   */
  batch(run: () => void): Delta {
    return atOnce(this.batching(all(run)));
  }

  /** The same in pieces. What it runs uses the methods that work in pieces, and until the end nobody else may ask or change anything. */
  *batching(work: Pieces): Pieces<BatchDelta> {
    const changes = this.#collect(new Changes());
    try {
      yield* work;
    } finally {
      this.#collecting = undefined;
    }
    yield* changes.settle((set) => this.#selectorsById.has(set));
    return this.#finish(changes);
  }

  /**
   * Runs many changes and tells nothing. Each endpoint is matched once, at the end, when it is known which labels are rare; until then
   * nothing may be asked. Not for an index that suppresses overlaps.
   */
  load(run: () => void): void {
    atOnce(this.loading(all(run)));
  }

  /** The same in pieces. */
  *loading(work: Pieces): Pieces {
    this.#collect(new Changes('untold'));
    this.#loading = true;
    try {
      yield* work;
    } finally {
      this.#loading = false;
      yield* this.#rematchAll(this.#allEndpoints());
      this.#collecting = undefined;
    }
  }

  /** Adds an endpoint, or replaces all of it. */
  setEndpoint(id: string, { labels, nets, ports, parents }: IndexedEndpoint): Delta {
    const addressing = readAddressing(nets, ports);
    const changes = this.#begin();
    const known = this.#endpoints.find(id);
    const endpoint = known === 0 ? this.#endpoints.acquire(id) : known;
    if (known === 0) this.#filing.count(EVERYTHING, 1);
    if (!this.#members.isSame(endpoint, addressing))
      this.#members.set(endpoint, addressing, this.#setsOf(endpoint), changes);
    if (this.#labels.set(endpoint, labels, parents) || known === 0) this.#rematch(endpoint, changes);
    return this.#finish(changes);
  }

  deleteEndpoint(id: string): Delta {
    const changes = this.#begin();
    const endpoint = this.#endpoints.find(id);
    if (endpoint === 0) return this.#finish(changes);
    this.#setMatches(endpoint, this.#found, changes);
    this.#labels.delete(endpoint);
    this.#members.delete(endpoint);
    this.#filing.count(EVERYTHING, -1);
    this.#endpoints.release(endpoint);
    return this.#finish(changes);
  }

  /** Adds a parent, or replaces its labels. */
  setParent(id: string, labels: Labels): Delta {
    return atOnce(this.settingParent(id, labels));
  }

  /** The same in pieces. */
  settingParent(id: string, labels: Labels): Pieces<Delta> {
    return this.#rematchAll(this.#labels.setParent(id, labels));
  }

  /** Its endpoints inherit nothing from it until it is set again. */
  deleteParent(id: string): Delta {
    return atOnce(this.deletingParent(id));
  }

  /** The same in pieces. */
  deletingParent(id: string): Pieces<Delta> {
    return this.#rematchAll(this.#labels.deleteParent(id));
  }

  /** Adds a selector, or its text, under an id of the caller's choice, or replaces it; its set then goes on with what is different. */
  setSelector(id: string, selector: string | Selector, port?: PortOfSet): Delta {
    return atOnce(this.#settingSelector(id, selector, port));
  }

  /**
   * Lets one more holder use a selector, under its own id; each needs one `releasing`. Gives the rest of the work, in pieces: nothing if
   * there is none, which it is mostly, because somebody holds it already or everything is being loaded.
   */
  holding(selector: Selector): Pieces<unknown> | undefined {
    const { id } = selector;
    const held = this.#selectorsById.get(id);
    if (held !== undefined) held.uses++;
    else if (this.#loading) this.#enter(id, selector, undefined).uses++;
    else return this.#holdingNew(selector);
    return undefined;
  }

  *#holdingNew(selector: Selector): Pieces {
    yield* this.#settingSelector(selector.id, selector, undefined);
    const entry = this.#selectorsById.get(selector.id);
    if (entry !== undefined) entry.uses++;
  }

  /** Ends one use; the last one deletes the selector. What was never held is nothing. */
  releasing({ id }: Selector): Pieces<unknown> | undefined {
    const held = this.#selectorsById.get(id);
    if (held === undefined || --held.uses > 0) return undefined;
    return this.#deletingSelector(id);
  }

  *#settingSelector(id: string, selector: string | Selector, port: PortOfSet | undefined): Pieces<Delta> {
    const changes = this.#begin();
    const wanted = typeof selector === 'string' ? readSelector(selector) : selector;
    const old = this.#selectorsById.get(id);
    if (old !== undefined && old.selector.canonical === wanted.canonical && isSamePort(old.port, port))
      return this.#finish(changes);
    if (old === undefined) this.#overlaps?.set(id, new OverlapFilter());
    else {
      changes.contested = true;
      yield* this.#unmatchAll(old, changes, 'tell members');
      this.#free(old);
    }
    const entry = this.#enter(id, wanted, port);
    entry.uses = old?.uses ?? 0;
    yield* this.#matchAll(entry, changes);
    return this.#finish(changes);
  }

  /** Deletes a selector and its set; the members are not listed. */
  deleteSelector(id: string): Delta {
    return atOnce(this.#deletingSelector(id));
  }

  *#deletingSelector(id: string): Pieces<Delta> {
    const changes = this.#begin();
    const entry = this.#selectorsById.get(id);
    if (entry === undefined) return this.#finish(changes);
    // In a batch it may come back.
    yield* this.#unmatchAll(entry, changes, changes === this.#collecting ? 'tell members' : 'be silent');
    this.#free(entry);
    this.#selectorsById.delete(id);
    this.#overlaps?.delete(id);
    return this.#finish(changes);
  }

  /** Ids of the selectors that match an endpoint; empty for one that is not there. */
  matching(endpointId: string): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const { id } of this.#setsOf(this.#endpoints.find(endpointId))) ids.add(id);
    return ids;
  }

  /** A number that stands for a selector while it is there; 0 for one that is not. */
  numberOf(selectorId: string): number {
    return this.#selectorsById.get(selectorId)?.slot ?? 0;
  }

  /** Numbers of the selectors that match an endpoint, to be read before the next change; empty for one that is not there. */
  numbersMatching(endpointId: string): Int32Array {
    const { rows } = this.#matches;
    const endpoint = this.#endpoints.find(endpointId);
    const start = rows.startOf(endpoint);
    return rows.items.subarray(start, start + rows.lengthOf(endpoint));
  }

  /** Ids of the endpoints that a selector matches; empty for one that is not there. */
  endpointsOf(selectorId: string): ReadonlySet<string> {
    const ids = new Set<string>();
    const slot = this.#selectorsById.get(selectorId)?.slot ?? 0;
    for (const endpoint of this.#matches.rowsIn(slot)) ids.add(this.#idOf(endpoint));
    return ids;
  }

  /** Ids of the endpoints that bring this address or prefix, given in canonical text with its length. */
  endpointsWith(member: string): readonly string[] {
    return Array.from(this.#members.bringersOf(member), (endpoint) => this.#idOf(endpoint));
  }

  /** All members of a selector's set, withheld ones included, sorted; empty for one that is not there. */
  membersOf(selectorId: string): readonly string[] {
    const entry = this.#selectorsById.get(selectorId);
    return entry === undefined ? [] : this.#members.list(entry);
  }

  *#rematchAll(endpoints: Iterable<number>): Pieces<Delta> {
    const changes = this.#begin();
    yield* each(endpoints, (endpoint) => this.#rematch(endpoint, changes));
    return this.#finish(changes);
  }

  /** Finds the selectors of an endpoint anew and changes what is different. */
  #rematch(endpoint: number, changes: Changes): void {
    if (this.#loading) return;
    this.#labels.match(endpoint, this.#found);
    this.#setMatches(endpoint, this.#found, changes);
    this.#found.clear();
  }

  #setMatches(endpoint: number, selectors: Scratch, changes: Changes): void {
    const { rows } = this.#matches;
    const missing = this.#missing;
    missing.clear();
    for (let n = 0; n < selectors.length; n++) missing.add(selectors.items[n] as number);
    const lost = this.#lost;
    const gained = this.#gained;
    let differs = false;
    // Backwards, because the last one takes the place of one that goes.
    for (let n = rows.lengthOf(endpoint) - 1; n >= 0; n--) {
      const selector = rows.items[rows.startOf(endpoint) + n] as number;
      if (missing.delete(selector)) continue;
      this.#matches.removeAt(endpoint, n);
      differs = true;
      if (!changes.untold) lost.push(this.#selectorAt(selector));
    }
    for (let n = 0; n < selectors.length; n++) {
      const selector = selectors.items[n] as number;
      if (!missing.delete(selector)) continue;
      this.#matches.add(endpoint, selector);
      differs = true;
      if (!changes.untold) gained.push(this.#selectorAt(selector));
    }
    if (!differs || changes.untold) return;
    this.#members.leave(lost, endpoint, changes);
    this.#members.enter(gained, endpoint, changes);
    lost.length = 0;
    gained.length = 0;
    changes.touch(this.#idOf(endpoint));
  }

  /** All of a new selector but its matches. */
  #enter(id: string, selector: Selector, port: PortOfSet | undefined): IndexedSelector {
    const slot = this.#freeSelectors.pop() ?? this.#selectors.length;
    const entry = { id, slot, selector, port, uses: 0 };
    this.#selectors[slot] = entry;
    this.#selectorsById.set(id, entry);
    this.#conditions.add(slot, selector.node);
    this.#filing.add(slot);
    return entry;
  }

  /** Finds the endpoints of a new selector among those that have one of the terms it is filed under. */
  *#matchAll(entry: IndexedSelector, changes: Changes): Pieces {
    if (this.#loading) return;
    const only = [entry];
    const visit = (endpoint: number): void => {
      if (!this.#labels.holds(entry.slot, endpoint)) return;
      // An endpoint can be met twice, by its own label and by a parent's.
      if (this.#matches.has(endpoint, entry.slot)) return;
      this.#members.enter(only, endpoint, changes);
      this.#matches.add(endpoint, entry.slot);
      if (changes === this.#collecting) changes.touch(this.#idOf(endpoint));
      else changes.toggle(this.#idOf(endpoint));
    };
    for (const term of this.#filing.termsOf(entry.slot)) {
      if (term === EVERYTHING) yield* each(this.#allEndpoints(), visit);
      else for (const value of this.#terms.valuesOf(term)) yield* this.#labels.visitHolders(value, visit);
    }
  }

  *#allEndpoints(): Generator<number> {
    for (let endpoint = 1; endpoint < this.#endpoints.end; endpoint++)
      if (this.#endpoints.text(endpoint) !== undefined) yield endpoint;
  }

  *#unmatchAll(entry: IndexedSelector, changes: Changes, telling: 'tell members' | 'be silent'): Pieces {
    const only = [entry];
    yield* each(this.#matches.rowsIn(entry.slot), (endpoint) => {
      this.#matches.remove(endpoint, entry.slot);
      if (telling === 'tell members') this.#members.leave(only, endpoint, changes);
      changes.touch(this.#idOf(endpoint));
    });
  }

  /** Gives back what a selector without matches uses. */
  #free(entry: IndexedSelector): void {
    this.#filing.remove(entry.slot);
    this.#conditions.remove(entry.slot);
    this.#selectors[entry.slot] = undefined;
    this.#freeSelectors.push(entry.slot);
  }

  #setsOf(endpoint: number): readonly IndexedSelector[] {
    const sets: IndexedSelector[] = [];
    const { rows } = this.#matches;
    const start = rows.startOf(endpoint);
    for (let at = start, end = start + rows.lengthOf(endpoint); at < end; at++)
      sets.push(this.#selectorAt(rows.items[at] as number));
    return sets;
  }

  #selectorAt(slot: number): IndexedSelector {
    return this.#selectors[slot] as IndexedSelector;
  }

  #idOf(endpoint: number): string {
    return this.#endpoints.text(endpoint) as string;
  }

  #begin(): Changes {
    return this.#collecting ?? new Changes();
  }

  #collect(changes: Changes): Changes {
    if (this.#collecting !== undefined || this.#overlaps !== undefined)
      throw new SallyportError('INTERNAL', 'batches do not nest, and are not for an index that suppresses overlaps');
    changes.contested = true;
    this.#collecting = changes;
    return changes;
  }

  #finish(changes: Changes): BatchDelta {
    if (changes === this.#collecting) return NOTHING;
    if (this.#overlaps !== undefined)
      changes.filter((set, added, removed) => this.#overlaps?.get(set)?.apply(added, removed) ?? { added, removed });
    return changes.delta();
  }
}

const NOTHING: BatchDelta = { added: [], removed: [], changed: [], touched: new Set() };

/** All of it is one piece. */
function* all(run: () => void): Pieces {
  run();
  yield;
}

function readSelector(text: string): Selector {
  const { value, diagnostics } = parseSelector(text);
  if (value !== undefined) return value;
  throw new SallyportError('LABEL_INDEX_INPUT', diagnostics[0]?.message ?? 'unreadable selector', { selector: text });
}

function isSamePort(a: PortOfSet | undefined, b: PortOfSet | undefined): boolean {
  return a?.namedPort === b?.namedPort && a?.namedPortProtocol === b?.namedPortProtocol;
}
