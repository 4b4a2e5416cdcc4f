import type { Entry } from './entry.ts';
import { keyOf } from './object.ts';

/** One change of one collection. A deletion's entry is the last state, under the version of the deletion. */
export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly entry: Entry;
  readonly previous: Entry | undefined;
}

/** Snapshots that are kept ready for the next page. */
const SNAPSHOTS = 4;

/** One collection: what there is, and the last changes. */
export class Table {
  readonly entries = new Map<string, Entry>();
  readonly #historySize: number;
  /** The newest at the end; older ones than the window are cut off now and then. */
  #events: StoreEvent[] = [];
  /** How many events were cut off. */
  #cut = 0;
  /** Versions before this one are gone, whatever the window holds. */
  #compacted: number;
  readonly #listeners = new Set<(event: StoreEvent) => void>();
  readonly #snapshots = new Map<number, readonly Entry[]>();

  constructor(historySize: number, compacted: number) {
    this.#historySize = historySize;
    this.#compacted = compacted;
  }

  /** The position after the last event; positions count events since the beginning. */
  get end(): number {
    return this.#cut + this.#events.length;
  }

  /** The first position that the window still holds. */
  get #begin(): number {
    return Math.max(this.#cut, this.end - this.#historySize);
  }

  /** `lost`: it has fallen out of the window; `undefined`: it is not there yet. */
  eventAt(position: number): StoreEvent | 'lost' | undefined {
    return position < this.#begin ? 'lost' : this.#events[position - this.#cut];
  }

  /** Where a watch goes on that has seen everything up to `version`; `undefined`: what it missed is gone. */
  positionAfter(version: number): number | undefined {
    if (version < this.oldest) return undefined;
    let low = this.#begin;
    let high = this.end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle - this.#cut]?.version ?? 0) <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The oldest version that a watch can begin from and a list can be taken at. */
  get oldest(): number {
    const before = this.#events[this.#begin - this.#cut - 1];
    return Math.max(this.#compacted, before?.version ?? 0);
  }

  /** Sorted by key, as of a version inside the window; `undefined`: gone. */
  at(version: number): readonly Entry[] | undefined {
    const position = this.positionAfter(version);
    if (position === undefined) return undefined;
    const ready = this.#snapshots.get(position);
    if (ready !== undefined) return ready;
    const state = new Map(this.entries);
    for (let at = this.end - 1; at >= position; at--) {
      const event = this.#events[at - this.#cut];
      if (event === undefined) break;
      const key = keyOf(event.entry.namespace, event.entry.name);
      if (event.previous === undefined) state.delete(key);
      else state.set(key, event.previous);
    }
    const sorted = [...state.keys()].sort().flatMap((key) => state.get(key) ?? []);
    this.#snapshots.set(position, sorted);
    const [first] = this.#snapshots.keys();
    if (this.#snapshots.size > SNAPSHOTS && first !== undefined) this.#snapshots.delete(first);
    return sorted;
  }

  apply(event: StoreEvent): void {
    const key = keyOf(event.entry.namespace, event.entry.name);
    if (event.type === 'DELETED') this.entries.delete(key);
    else this.entries.set(key, event.entry);
    this.#events.push(event);
    if (this.#events.length > 2 * this.#historySize + 1_000) {
      // One more than the window: its version is the oldest that can be asked for.
      const gone = this.#events.length - this.#historySize - 1;
      this.#events = this.#events.slice(gone);
      this.#cut += gone;
      this.#snapshots.clear();
    }
    for (const listener of this.#listeners) listener(event);
  }

  /** Changes what there is without an event: what was missed shows at the next list only. */
  silently(entry: Entry, present: boolean): void {
    const key = keyOf(entry.namespace, entry.name);
    if (present) this.entries.set(key, entry);
    else this.entries.delete(key);
    this.#snapshots.clear();
  }

  /** Forgets history: whoever has seen less than `version` has to list again. */
  compact(version: number): void {
    this.#compacted = version;
    this.#cut += this.#events.length;
    this.#events = [];
    this.#snapshots.clear();
  }

  /** Calls after each event; the returned function ends it. */
  onEvent(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Everything that is stored: one sequence of versions over all collections, as in etcd. */
export class Store {
  readonly #historySize: number;
  readonly #tables = new Map<string, Table>();
  /** Nobody can be told what happened before this version. */
  #compacted: number;
  #version: number;

  /** `historySize`: changes of each collection that watches can still be given; `firstVersion`: of the empty store. */
  constructor(historySize: number, firstVersion: number) {
    this.#historySize = historySize;
    this.#version = firstVersion;
    this.#compacted = firstVersion;
  }

  /** Of the last write. */
  get version(): number {
    return this.#version;
  }

  get tables(): ReadonlyMap<string, Table> {
    return this.#tables;
  }

  table(collection: string): Table {
    let table = this.#tables.get(collection);
    if (table === undefined) {
      table = new Table(this.#historySize, this.#compacted);
      this.#tables.set(collection, table);
    }
    return table;
  }

  get(collection: string, namespace: string, name: string): Entry | undefined {
    return this.#tables.get(collection)?.entries.get(keyOf(namespace, name));
  }

  /** Creates or replaces; `make` gets the version of this write. */
  set(collection: string, make: (version: number) => Entry): Entry {
    const entry = make(++this.#version);
    const table = this.table(collection);
    const previous = table.entries.get(keyOf(entry.namespace, entry.name));
    table.apply({
      type: previous === undefined ? 'ADDED' : 'MODIFIED',
      version: entry.version,
      entry,
      previous,
    });
    return entry;
  }

  /** `make` gives the last state with the version of the deletion. */
  remove(collection: string, namespace: string, name: string, make: (last: Entry, version: number) => Entry): void {
    const table = this.table(collection);
    const previous = table.entries.get(keyOf(namespace, name));
    if (previous === undefined) return;
    const version = ++this.#version;
    table.apply({ type: 'DELETED', version, entry: make(previous, version), previous });
  }

  /** Leaves a gap in the sequence, as writes to other kinds do. */
  advanceTo(version: number): void {
    this.#version = Math.max(this.#version, version);
  }

  /** Forgets the history of everything. */
  compact(): void {
    this.#compacted = this.#version;
    for (const table of this.#tables.values()) table.compact(this.#version);
  }
}
