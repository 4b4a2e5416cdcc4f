import type { Clock } from '../../src/base/clock.ts';
import type { Configuration } from './configuration.ts';
import type { Change } from './edit.ts';
import { CmdbFault, code } from './fault.ts';

/** Changes that become visible together (reference 1.8). */
export interface Transaction {
  readonly id: number;
  readonly vdom: string;
  readonly owner: string;
  /** Wall time in milliseconds. */
  readonly expires: number;
  /** The configuration as its owner sees it. */
  readonly working: Configuration;
  readonly changes: Change[];
  /** Entries that nobody else may edit now. */
  readonly locked: Set<string>;
  /** Tables that no other transaction may edit now. */
  readonly tables: Set<string>;
  readonly stop: () => void;
}

const tableAt = (vdom: string, table: string): string => `${vdom}\u0000${table}`;
const entryAt = (vdom: string, table: string, key: string): string => `${vdom}\u0000${table}\u0000${key}`;

/** Tables that may not be edited inside a transaction, with the fields if not all (reference 1.8). */
const FORBIDDEN: Readonly<Record<string, readonly string[] | 'all'>> = {
  'system/vdom-property': 'all',
  'system/settings': ['opmode'],
  'system/global': ['vdom-mode'],
};

/** The open transactions of a device. A reboot ends them all. */
export class Transactions {
  readonly #clock: Clock;
  readonly #open = new Map<number, Transaction>();
  #last = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  start(vdom: string, owner: string, seconds: number, running: Configuration): Transaction {
    this.#last += 1;
    const id = this.#last;
    const transaction: Transaction = {
      id,
      vdom,
      owner,
      expires: this.#clock.wall() + seconds * 1_000,
      working: running.fork(),
      changes: [],
      locked: new Set(),
      tables: new Set(),
      stop: this.#clock.after(seconds * 1_000, () => this.end(id)),
    };
    this.#open.set(id, transaction);
    return transaction;
  }

  /** The one that a request names; throws `CmdbFault` if it is not there or not the owner's. */
  find(id: number, owner: string): Transaction {
    const found = this.#open.get(id);
    if (found === undefined || found.owner !== owner)
      throw new CmdbFault(code.notFound, `transaction ${id} is not there, or not yours\n`, 404);
    return found;
  }

  end(id: number): void {
    this.#open.get(id)?.stop();
    this.#open.delete(id);
  }

  endAll(): void {
    for (const id of this.#open.keys()) this.end(id);
  }

  list(): readonly Transaction[] {
    return [...this.#open.values()];
  }

  /** Who holds an entry, or its table against transactions; `mine`: the editor's own transaction. */
  holder(vdom: string, table: string, key: string, mine: Transaction | undefined): Transaction | undefined {
    for (const one of this.#open.values()) {
      if (one === mine) continue;
      if (one.locked.has(entryAt(vdom, table, key))) return one;
      if (mine !== undefined && one.tables.has(tableAt(vdom, table))) return one;
    }
    return undefined;
  }

  /** Remembers a change that was made in a transaction. */
  record(transaction: Transaction, change: Change, key: string): void {
    transaction.changes.push(
      change.kind === 'create' && change.table.keyKind === 'number' ? { ...change, id: Number(key) } : change,
    );
    this.hold(transaction, change.vdom, change.table.id, key);
  }

  hold(transaction: Transaction, vdom: string, table: string, key: string): void {
    transaction.locked.add(entryAt(vdom, table, key));
    transaction.tables.add(tableAt(vdom, table));
  }

  /** Numbers that are given away in a table but not yet to be seen. */
  taken(vdom: string, table: string): ReadonlySet<string> {
    const taken = new Set<string>();
    for (const { changes } of this.#open.values())
      for (const change of changes)
        if (change.kind === 'create' && change.id !== undefined && change.vdom === vdom && change.table.id === table)
          taken.add(String(change.id));
    return taken;
  }
}

/** Refuses what transactions do not take. */
export function refuseInTransaction(change: Change): void {
  const forbidden = FORBIDDEN[change.table.id];
  const named = 'body' in change ? Object.keys(change.body) : [];
  if (forbidden === 'all' || forbidden?.some((field) => named.includes(field)))
    throw new CmdbFault(code.conflictsWithSettings, `${change.table.id} cannot be changed in a transaction\n`);
}
