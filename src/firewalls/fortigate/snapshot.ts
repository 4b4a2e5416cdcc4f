import type { FeedContent } from './feeds.ts';
import type { Row, TableId } from './rows.ts';
import { type Tables, keyOf } from './tables.ts';

/** Tables and feeds as they were read at one time. */
export class Snapshot {
  readonly #tables: Tables;
  readonly #feeds: ReadonlyMap<string, FeedContent>;
  readonly #byKey = new Map<TableId, ReadonlyMap<string, Row>>();

  constructor(tables: Tables, feeds: ReadonlyMap<string, FeedContent>) {
    this.#tables = tables;
    this.#feeds = feeds;
  }

  /** In the device's order. Nothing of a table that was not read: the device does not have it. */
  rows(table: TableId): readonly Row[] {
    return this.#tables.get(table)?.rows ?? [];
  }

  /** What new entries of a table have in guarded fields. */
  fresh(table: TableId): Row {
    return this.#tables.get(table)?.fresh ?? {};
  }

  row(table: TableId, key: string): Row | undefined {
    return this.keyed(table).get(key);
  }

  keyed(table: TableId): ReadonlyMap<string, Row> {
    const known = this.#byKey.get(table) ?? new Map(this.rows(table).map((row) => [keyOf(table, row), row] as const));
    this.#byKey.set(table, known);
    return known;
  }

  /** Names of feeds of ours. */
  get feeds(): readonly string[] {
    return [...this.#feeds.keys()];
  }

  /** What a feed of ours holds, as the device tells it. */
  entries(feed: string): readonly string[] {
    return this.#feeds.get(feed)?.entries ?? [];
  }

  /** Feeds of ours of whose entries the device leaves some out. */
  get overfull(): readonly string[] {
    return [...this.#feeds].flatMap(([name, { isOverfull }]) => (isOverfull ? [name] : []));
  }

  /** The name of one of these feeds that holds something else than what was read, or of whose entries the device leaves some out by now, or no longer does. */
  differing(feeds: ReadonlyMap<string, FeedContent>): string | undefined {
    for (const [name, { entries, isOverfull }] of feeds) {
      const known = this.#feeds.get(name);
      if (isOverfull !== known?.isOverfull || !sameEntries(entries, known.entries)) return name;
    }
    return undefined;
  }

  /** The same tables, and what some feeds hold by now. */
  withFeeds(changed: ReadonlyMap<string, FeedContent>): Snapshot {
    return new Snapshot(this.#tables, new Map([...this.#feeds, ...changed]));
  }

  equals(other: Snapshot): boolean {
    if (this.#tables.size !== other.#tables.size || this.#feeds.size !== other.#feeds.size) return false;
    for (const [id, table] of this.#tables) if (other.#tables.get(id) !== table) return false;
    return this.differing(other.#feeds) === undefined;
  }

  get revisions(): ReadonlyMap<TableId, string> {
    return new Map([...this.#tables].map(([table, { revision }]) => [table, revision] as const));
  }
}

/** In whichever order the device tells them. */
function sameEntries(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const known = new Set(a);
  return known.size === a.length && b.every((entry) => known.has(entry));
}
