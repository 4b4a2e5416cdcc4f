import type { Clock } from '../../src/base/clock.ts';
import { type Range, readEntry } from './addresses.ts';
import { GLOBAL } from './configuration.ts';
import type { Device } from './device.ts';
import type { Dynamic } from './dynamic.ts';
import { canonical, type FeedEntry, readList } from './feed-entries.ts';
import { fetchList } from './fetch-list.ts';
import { readGeneric } from './generic-feed.ts';
import { atLeast } from './release.ts';
import { numberOf, type Row, textOf } from './row.ts';

/** What a feed holds, and how it got it. Times are wall time in milliseconds; 0: never. */
export interface FeedState {
  readonly entries: ReadonlyMap<string, FeedEntry>;
  readonly attempted: number;
  readonly succeeded: number;
  readonly updated: number;
  readonly httpStatus: number;
  readonly error: string;
  readonly fetching: boolean;
}

const EMPTY: FeedState = {
  entries: new Map(),
  attempted: 0,
  succeeded: 0,
  updated: 0,
  httpStatus: 0,
  error: '',
  fetching: false,
};

/** Before 7.4.4, of each feed; from then on, of all feeds together (reference 1.10, "Feed limits"). */
const ENTRIES_EACH = 131_072;
const ENTRIES_TOGETHER = 300_000;
const BYTES_EACH = 10 * 1024 * 1024;
const BYTES_BY_SIZE = { entry: 32, 'mid-range': 64, 'high-end': 128 } as const;

interface Polling {
  readonly resource: Row;
  readonly stop: () => void;
}

/** The lists of a device: fetched ones and pushed ones. */
export class Feeds {
  readonly #device: Device;
  readonly #clock: Clock;
  readonly #dynamic: Dynamic;
  readonly #authority: () => string | undefined;
  readonly #states = new Map<string, FeedState>();
  readonly #polling = new Map<string, Polling>();
  readonly #fetching = new Set<Promise<void>>();

  constructor(device: Device, clock: Clock, dynamic: Dynamic, authority: () => string | undefined) {
    this.#device = device;
    this.#clock = clock;
    this.#dynamic = dynamic;
    this.#authority = authority;
  }

  state(vdom: string, name: string): FeedState {
    return this.#states.get(at(vdom, name)) ?? EMPTY;
  }

  /** Takes up what the configuration says now: new lists are fetched at once, and then as often as they ask for. */
  follow(): void {
    const wanted = new Map<string, { readonly vdom: string; readonly row: Row }>();
    for (const { vdom, name, row } of this.#all()) wanted.set(at(vdom, name), { vdom, row });
    for (const key of this.#states.keys()) if (!wanted.has(key)) this.#states.delete(key);
    for (const [key, { resource, stop }] of this.#polling) {
      if (wanted.get(key)?.row === resource) continue;
      stop();
      this.#polling.delete(key);
    }
    for (const [key, { vdom, row }] of wanted)
      if (!this.#polling.has(key) && isFetched(row)) this.#poll(key, vdom, row);
  }

  /** Fetches now; the answer comes into `state`. */
  refresh(vdom: string, row: Row): void {
    const key = at(vdom, textOf(row, 'name'));
    if (this.#states.get(key)?.fetching === true) return;
    const before = this.state(vdom, textOf(row, 'name'));
    this.#states.set(key, { ...before, attempted: this.#clock.wall(), fetching: true });
    const work = this.#fetch(key, vdom, row).finally(() => this.#fetching.delete(work));
    this.#fetching.add(work);
  }

  /** Resolves once no list is being fetched. */
  async settled(): Promise<void> {
    while (this.#fetching.size > 0) await Promise.all(this.#fetching);
  }

  /** Adds, removes or replaces pushed entries; gives those that are no addresses. */
  push(
    vdom: string,
    name: string,
    command: 'add' | 'remove' | 'snapshot',
    texts: readonly string[],
  ): readonly string[] {
    const before = this.state(vdom, name);
    const entries = new Map(command === 'snapshot' ? [] : before.entries);
    const invalid: string[] = [];
    for (const text of texts) {
      const range = readEntry(text.trim());
      if (range === undefined) invalid.push(text);
      else if (command === 'remove') entries.delete(canonical(range));
      else entries.set(canonical(range), { text: text.trim(), comment: '', range });
    }
    const now = this.#clock.wall();
    this.#states.set(at(vdom, name), { ...before, entries, succeeded: now, updated: now, attempted: now, error: '' });
    return invalid;
  }

  /** A JSON feed's document; throws an `Error` that says what is wrong with it. */
  putGeneric(vdom: string, row: Row, text: string): void {
    const addresses = readGeneric(text, row);
    this.#dynamic.fromFeed(vdom, textOf(row, 'name'), addresses);
    const now = this.#clock.wall();
    const entries = new Map(
      addresses.flatMap(({ name, ranges }) =>
        ranges.map((range) => [`${name} ${canonical(range)}`, { text: canonical(range), comment: name, range }]),
      ),
    );
    const before = this.state(vdom, textOf(row, 'name'));
    this.#states.set(at(vdom, textOf(row, 'name')), { ...before, entries, succeeded: now, updated: now, error: '' });
  }

  /** The addresses that count: a list, or all of them, is cut off at its limit. */
  accepted(vdom: string, name: string): readonly Range[] {
    const owner = this.#owner(vdom, name);
    const { entries } = this.state(owner, name);
    const { limit } = this.acceptance(owner, name);
    return [...entries.values()].flatMap(({ range }) => (range === undefined ? [] : [range])).slice(0, limit);
  }

  /** How many entries of a feed may count, given what those before it take. */
  acceptance(vdom: string, name: string): { readonly limit: number } {
    if (!atLeast(this.#device.release, '7.4.4')) return { limit: ENTRIES_EACH };
    let left = ENTRIES_TOGETHER;
    // Global ones first, then VDOMs by their names, each in the order of its table.
    for (const one of this.#all()) {
      if (one.vdom === vdom && one.name === name) break;
      left -= Math.min(left, validCount(this.state(one.vdom, one.name)));
    }
    return { limit: left };
  }

  /** Where a feed that a VDOM names is kept. */
  #owner(vdom: string, name: string): string {
    return this.#device.running.row(vdom, 'system/external-resource', name) === undefined ? GLOBAL : vdom;
  }

  /** What a boot leaves. */
  boot(): void {
    const { pushedSurvive, fetchedSurvive } = this.#device.switches;
    for (const { stop } of this.#polling.values()) stop();
    this.#polling.clear();
    for (const { vdom, name, row } of this.#all())
      if (!(isFetched(row) ? fetchedSurvive : pushedSurvive)) this.#states.delete(at(vdom, name));
    this.follow();
  }

  /** Empties every list, pushed or fetched, as nothing should. */
  empty(): void {
    this.#states.clear();
  }

  stop(): void {
    for (const { stop } of this.#polling.values()) stop();
    this.#polling.clear();
  }

  #all(): readonly { readonly vdom: string; readonly name: string; readonly row: Row }[] {
    return [GLOBAL, ...this.#device.vdoms.toSorted()].flatMap((vdom) =>
      [...this.#device.running.table(vdom, 'system/external-resource')].map(([name, row]) => ({ vdom, name, row })),
    );
  }

  #poll(key: string, vdom: string, resource: Row): void {
    let cancel = (): void => undefined;
    const again = (): void => {
      this.refresh(vdom, resource);
      cancel = this.#clock.after(numberOf(resource, 'refresh-rate') * 60_000, again);
    };
    this.#polling.set(key, { resource, stop: () => cancel() });
    again();
  }

  async #fetch(key: string, vdom: string, row: Row): Promise<void> {
    const limit = atLeast(this.#device.release, '7.4.4')
      ? BYTES_BY_SIZE[this.#device.model.size] * 1024 * 1024
      : BYTES_EACH;
    try {
      const { status, text } = await fetchList(row, limit, this.#authority());
      const before = this.#states.get(key);
      if (before === undefined) return;
      if (status !== 200) {
        this.#states.set(key, { ...before, fetching: false, httpStatus: status, error: `HTTP ${status}` });
        return;
      }
      const now = this.#clock.wall();
      this.#states.set(key, { ...before, fetching: false, httpStatus: status, succeeded: now, error: '' });
      if (textOf(row, 'type') === 'generic-address') this.putGeneric(vdom, row, text);
      else {
        const entries = new Map(
          readList(text).map((one) => [one.range === undefined ? one.text : canonical(one.range), one]),
        );
        if (entries.size === 0 && this.#device.switches.emptyFile === 'kept') return;
        this.#states.set(key, { ...this.state(vdom, textOf(row, 'name')), entries, updated: now });
      }
    } catch (thrown) {
      const before = this.#states.get(key);
      const error = thrown instanceof Error ? thrown.message : String(thrown);
      // What it has, it keeps (reference 1.10).
      if (before !== undefined) this.#states.set(key, { ...before, fetching: false, httpStatus: 0, error });
    }
  }
}

const at = (vdom: string, name: string): string => `${vdom}\u0000${name}`;

const isFetched = (row: Row): boolean =>
  textOf(row, 'status') === 'enable' &&
  textOf(row, 'update-method') !== 'push' &&
  textOf(row, 'resource') !== '' &&
  ['address', 'generic-address'].includes(textOf(row, 'type'));

export const validCount = ({ entries }: FeedState): number =>
  [...entries.values()].reduce((count, { range }) => count + (range === undefined ? 0 : 1), 0);
