import { createHash } from 'node:crypto';
import { type Row, rowText } from './row.ts';

const NONE: ReadonlyMap<string, Row> = new Map();

/** Where global tables are kept. */
export const GLOBAL = '';

/**
 * The tables of a device, by VDOM. `fork` is cheap: a table is copied by whoever writes it first, so a transaction, or what is saved on
 * disk, is a configuration of its own.
 */
export class Configuration {
  readonly #tables: Map<string, Map<string, Row>>;
  readonly #own = new Set<string>();
  /** Digests of tables that nobody has written since. */
  readonly #revisions = new Map<string, string>();

  constructor(tables: Map<string, Map<string, Row>> = new Map()) {
    this.#tables = tables;
  }

  fork(): Configuration {
    this.#own.clear();
    return new Configuration(new Map(this.#tables));
  }

  /** Entries by key, in their order. */
  table(vdom: string, id: string): ReadonlyMap<string, Row> {
    return this.#tables.get(place(vdom, id)) ?? NONE;
  }

  row(vdom: string, id: string, key: string): Row | undefined {
    return this.table(vdom, id).get(key);
  }

  set(vdom: string, id: string, key: string, row: Row): void {
    this.#writable(vdom, id).set(key, row);
  }

  delete(vdom: string, id: string, key: string): void {
    this.#writable(vdom, id).delete(key);
  }

  /** Entries in a new order; `keys` are all keys of the table. */
  order(vdom: string, id: string, keys: readonly string[]): void {
    const before = this.table(vdom, id);
    const ordered = new Map<string, Row>();
    for (const key of keys) {
      const row = before.get(key);
      if (row !== undefined) ordered.set(key, row);
    }
    this.#tables.set(place(vdom, id), ordered);
    this.#own.add(place(vdom, id));
    this.#revisions.delete(place(vdom, id));
  }

  /** A digest of a whole table: 32 hexadecimal digits (reference 1.3). Order counts. */
  revision(vdom: string, id: string): string {
    const at = place(vdom, id);
    let revision = this.#revisions.get(at);
    if (revision === undefined) {
      const digests = [Buffer.from(at), ...Array.from(this.table(vdom, id).values(), digestOf)];
      revision = createHash('md5').update(Buffer.concat(digests)).digest('hex');
      this.#revisions.set(at, revision);
    }
    return revision;
  }

  #writable(vdom: string, id: string): Map<string, Row> {
    const at = place(vdom, id);
    this.#revisions.delete(at);
    let table = this.#tables.get(at);
    if (table === undefined || !this.#own.has(at)) {
      table = new Map(table);
      this.#tables.set(at, table);
      this.#own.add(at);
    }
    return table;
  }
}

const place = (vdom: string, id: string): string => `${vdom}\u0000${id}`;

const digests = new WeakMap<Row, Buffer>();

function digestOf(row: Row): Buffer {
  let digest = digests.get(row);
  if (digest === undefined) {
    digest = createHash('md5').update(rowText(row)).digest();
    digests.set(row, digest);
  }
  return digest;
}
