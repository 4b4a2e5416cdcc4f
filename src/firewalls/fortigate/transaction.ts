import { z } from 'zod';
import { deadline } from '../../base/deadline.ts';
import { SallyportError } from '../../base/error.ts';
import type { MayGoOn } from '../driver.ts';
import { isGone } from './errors.ts';
import type { Ask, FortiosApi } from './fortios-api.ts';
import type { Dialect } from './release.ts';
import { type Row, type TableId, bodyOf, bodyOfNew } from './rows.ts';

/**
 * Seconds after which the device gives up a transaction that nobody ends, or more if the change may take longer: what a process that dies
 * leaves locked is free then.
 */
export const TRANSACTION_SECONDS = 30;
/** How long giving up a transaction may take, whatever became of the caller. */
const ABORT_MS = 5_000;

const startForm = z.union([
  z.object({ 'transaction-id': z.int() }).transform((results) => results['transaction-id']),
  z.object({ transaction_id: z.int() }).transform((results) => results.transaction_id),
]);

/** One write to one table. `key`: how the entry is named in its path. */
export type Write =
  | { readonly kind: 'create'; readonly table: TableId; readonly row: Row }
  | { readonly kind: 'change'; readonly table: TableId; readonly key: string; readonly row: Row }
  | { readonly kind: 'delete'; readonly table: TableId; readonly key: string }
  | {
      readonly kind: 'move';
      readonly table: TableId;
      readonly key: string;
      readonly side: 'before' | 'after';
      readonly target: string;
    };

/** An open transaction (vendor reference 1.8): nobody sees its writes before the commit, and what it touched is locked. */
export class Transaction {
  readonly #api: FortiosApi;
  readonly #id: number;
  readonly #mayGoOn: MayGoOn;
  readonly #signal: AbortSignal;
  readonly #ports: string;

  private constructor(api: FortiosApi, id: number, dialect: Dialect, mayGoOn: MayGoOn, signal: AbortSignal) {
    this.#api = api;
    this.#ports = dialect.serviceWithPorts;
    this.#id = id;
    this.#mayGoOn = mayGoOn;
    this.#signal = signal;
  }

  /** Runs work in a transaction and commits it; whatever goes wrong, nothing of it stays. */
  static async run<T>(
    api: FortiosApi,
    { dialect, longestMs }: { readonly dialect: Dialect; readonly longestMs: number },
    mayGoOn: MayGoOn,
    signal: AbortSignal,
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    mayGoOn();
    const { results } = await api.ask(
      {
        method: 'POST',
        path: 'cmdb',
        query: { action: 'transaction-start' },
        body: { timeout: Math.max(TRANSACTION_SECONDS, Math.ceil(longestMs / 1_000)) },
      },
      signal,
    );
    const id = startForm.safeParse(results).data;
    if (id === undefined) throw new SallyportError('DEVICE_UNREADABLE', 'a transaction was begun and has no number');
    mayGoOn.named?.(`transaction ${id}`);
    const transaction = new Transaction(api, id, dialect, mayGoOn, signal);
    try {
      const result = await work(transaction);
      await transaction.#end('transaction-commit', signal);
      return result;
    } catch (thrown) {
      using limit = deadline(new AbortController().signal, ABORT_MS, 'DEVICE_UNREACHABLE');
      // It ends by itself otherwise; the first failure is what people have to know.
      await transaction.#end('transaction-abort', limit.signal).catch(() => undefined);
      throw thrown;
    }
  }

  /** Sends one write; gives the key that the device chose for a new entry. What was to be deleted and is gone is done. */
  async write(write: Write): Promise<string | undefined> {
    this.#mayGoOn();
    try {
      const { mkey } = await this.#api.ask({ ...requestOf(write, this.#ports), transaction: this.#id }, this.#signal);
      return mkey === undefined || mkey === null ? undefined : String(mkey);
    } catch (thrown) {
      if (write.kind === 'delete' && isGone(thrown)) return undefined;
      throw thrown;
    }
  }

  async #end(action: 'transaction-commit' | 'transaction-abort', signal: AbortSignal): Promise<void> {
    if (action === 'transaction-commit') this.#mayGoOn();
    const body = { 'transaction-id': this.#id };
    // Whether the header is needed here is not proven; it does no harm.
    await this.#api.ask({ method: 'POST', path: 'cmdb', query: { action }, body, transaction: this.#id }, signal);
  }
}

/** The request of one write. `ports`: what the release calls a service with ports. */
export function requestOf(write: Write, ports: string): Ask {
  const path = 'key' in write ? `cmdb/${write.table}/${encodeURIComponent(write.key)}` : `cmdb/${write.table}`;
  switch (write.kind) {
    case 'create':
      return { method: 'POST', path, body: bodyOfNew(write.row) };
    case 'change':
      return { method: 'PUT', path, body: bodyOf(write.row, ports) };
    case 'delete':
      return { method: 'DELETE', path };
    case 'move':
      return { method: 'PUT', path, query: { action: 'move', [write.side]: write.target }, body: {} };
  }
}
