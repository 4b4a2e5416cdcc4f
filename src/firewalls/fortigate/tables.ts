import { z } from 'zod';
import { SallyportError } from '../../base/error.ts';
import type { Envelope } from './envelope.ts';
import { CONNECTIONS, type FortiosApi } from './fortios-api.ts';
import { isRefusal } from './errors.ts';
import { FORMS, type Row, type TableId, readFresh, readRow } from './rows.ts';
import type { ToldRow } from './told.ts';

/** Rows of one answer; a device may give fewer. */
const PAGE = 1_000;
/** No table of any model is larger; a device that told more would never come to an end. */
const MOST_ROWS = 1_000_000;
/** A table that changes while its pages are read is read again, so often. */
const MOST_READINGS = 3;

const listForm = z.array(z.looseObject({}));
/** One entry, perhaps in a list as all that are read. */
const freshForm = z.union([z.tuple([z.looseObject({})]).transform(([entry]) => entry), z.looseObject({})]);
/** A refusal of the question, not of who asks it or of the moment. */
const SAYS_NOTHING_OF_IT: ReadonlySet<string> = new Set(['DEVICE_REJECTED', 'DEVICE_CHANGED', 'INTERNAL']);
const revisionForm = z.object({ revision: z.string().min(1) });

/** One table as it was read: all of it at one revision, in the device's order. */
export interface Table {
  readonly revision: string;
  readonly rows: readonly Row[];
  /** What new entries have in guarded fields, as far as the device tells it. */
  readonly fresh: Row;
}

export type Tables = ReadonlyMap<TableId, Table>;

/** Reads tables whole, and again only when their revision tells of a change (vendor reference 1.3, 1.6). */
export class TableReader {
  readonly #api: FortiosApi;
  readonly #known = new Map<TableId, Table>();
  /** Of which release everything was read, and what new entries have there. */
  #release: string | undefined;
  readonly #fresh = new Map<TableId, Row>();

  constructor(api: FortiosApi) {
    this.#api = api;
  }

  /** `seen` is given every answer. The same table object as before where nothing changed. */
  async read(
    tables: readonly TableId[],
    release: string,
    signal: AbortSignal,
    seen: (envelope: Envelope) => void = () => undefined,
  ): Promise<Tables> {
    if (release !== this.#release) {
      this.#known.clear();
      this.#fresh.clear();
      this.#release = release;
    }
    return await forEach(tables, (table) => this.#table(table, signal, seen));
  }

  async revisions(tables: Iterable<TableId>, signal: AbortSignal): Promise<ReadonlyMap<TableId, string>> {
    return await forEach(tables, (id) => this.#revision(id, signal));
  }

  async #revision(
    id: TableId,
    signal: AbortSignal,
    seen: (envelope: Envelope) => void = () => undefined,
  ): Promise<string> {
    const envelope = await this.#api.ask({ method: 'GET', path: `cmdb/${id}`, query: { action: 'revision' } }, signal);
    seen(envelope);
    const revision = revisionForm.safeParse(envelope.results).data?.revision ?? envelope.revision;
    if (revision === undefined)
      throw new SallyportError('DEVICE_UNREADABLE', `cmdb/${id}: the answer tells no revision`);
    return revision;
  }

  async #table(id: TableId, signal: AbortSignal, seen: (envelope: Envelope) => void): Promise<Table> {
    const known = this.#known.get(id);
    if (known !== undefined && (await this.#revision(id, signal, seen)) === known.revision) return known;
    for (let reading = 0; reading < MOST_READINGS; reading++) {
      const table = await this.#pages(id, signal, seen);
      if (table === undefined) continue;
      this.#known.set(id, table);
      return table;
    }
    throw changed(id);
  }

  async #pages(id: TableId, signal: AbortSignal, seen: (envelope: Envelope) => void): Promise<Table | undefined> {
    const fresh = await this.#freshOf(id, signal, seen);
    const pages = await readPages(this.#api, id, signal, seen);
    return pages && { revision: pages.revision, rows: pages.rows.map((told) => readRow(id, told, fresh)), fresh };
  }

  /** The reference names the question alone (1.2): a device that refuses it leaves open what new entries have. */
  async #freshOf(id: TableId, signal: AbortSignal, seen: (envelope: Envelope) => void): Promise<Row> {
    const known = this.#fresh.get(id);
    if (known !== undefined) return known;
    const fresh = FORMS[id].asNew === undefined ? {} : readFresh(id, await this.#askFresh(id, signal, seen));
    this.#fresh.set(id, fresh);
    return fresh;
  }

  async #askFresh(id: TableId, signal: AbortSignal, seen: (envelope: Envelope) => void): Promise<ToldRow> {
    try {
      const envelope = await this.#api.ask({ method: 'GET', path: `cmdb/${id}`, query: { action: 'default' } }, signal);
      seen(envelope);
      return freshForm.safeParse(envelope.results).data ?? {};
    } catch (thrown) {
      if (isRefusal(thrown) && SAYS_NOTHING_OF_IT.has(thrown.code)) return {};
      throw thrown;
    }
  }
}

/**
 * A table as the device tells it, all pages of one revision; `undefined`: it changed in between. The end is a page without rows: how many
 * there are is not proven.
 */
async function readPages(
  api: FortiosApi,
  id: string,
  signal: AbortSignal,
  seen: (envelope: Envelope) => void,
): Promise<{ readonly revision: string; readonly rows: readonly ToldRow[] } | undefined> {
  const rows: ToldRow[] = [];
  let revision: string | undefined;
  for (;;) {
    const query = { start: String(rows.length), count: String(PAGE) };
    const envelope = await api.ask({ method: 'GET', path: `cmdb/${id}`, query }, signal);
    seen(envelope);
    const list = listForm.safeParse(envelope.results).data;
    if (list === undefined || envelope.revision === undefined)
      throw new SallyportError('DEVICE_UNREADABLE', `cmdb/${id}: the answer holds no list with a revision`);
    if (revision !== undefined && envelope.revision !== revision) return undefined;
    revision = envelope.revision;
    if (list.length === 0) return { revision, rows };
    if (rows.length >= MOST_ROWS) throw new SallyportError('DEVICE_LIMIT', `${id} has more than ${MOST_ROWS} entries`);
    rows.push(...list);
  }
}

/** All entries of a table with all their fields, in the device's order. For what is read once; what is kept in step is `TableReader`'s. */
export async function readWholeTable(api: FortiosApi, id: string, signal: AbortSignal): Promise<readonly ToldRow[]> {
  for (let reading = 0; reading < MOST_READINGS; reading++) {
    const pages = await readPages(api, id, signal, () => undefined);
    if (pages !== undefined) return pages.rows;
  }
  throw changed(id);
}

function changed(id: string): SallyportError {
  return new SallyportError(
    'DEVICE_BUSY',
    `cmdb/${id} changed ${MOST_READINGS} times while its pages were read; it is read again`,
  );
}

/** Asks for each of some things, a few at a time. */
export async function forEach<K, V>(keys: Iterable<K>, ask: (key: K) => Promise<V>): Promise<ReadonlyMap<K, V>> {
  const found = new Map<K, V>();
  const list = [...keys];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < list.length; at = next++) {
      const key = list[at];
      if (key !== undefined) found.set(key, await ask(key));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return new Map(
    list.flatMap((key) => {
      const value = found.get(key);
      return value === undefined ? [] : [[key, value] as const];
    }),
  );
}

/** The key of an entry. */
export function keyOf(id: TableId, row: Row): string {
  const key = row[FORMS[id].key];
  if (typeof key !== 'string' || key === '')
    throw new SallyportError('DEVICE_UNREADABLE', `cmdb/${id}: an entry has no ${FORMS[id].key}`);
  return key;
}
