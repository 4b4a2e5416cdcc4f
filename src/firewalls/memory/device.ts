import { BucketMap } from '../../base/bucket-map.ts';
import { SallyportError } from '../../base/error.ts';
import { type Program, emptyProgram } from './program.ts';

/** One transaction: all of it or nothing. `undefined` removes. */
export interface Transaction {
  /** The state that it was made for; any other is refused. */
  readonly from: string;
  /** The state after it; unique to its content, so that the same transaction sent twice is known. */
  readonly to: string;
  readonly objects: ReadonlyMap<string, string | undefined>;
  readonly rows: ReadonlyMap<string, readonly (readonly [string, string | undefined])[]>;
}

/** Everything a reader of the device gets at one moment. */
export interface Snapshot {
  /** Changes with every change of ours or of somebody else's to what is ours. */
  readonly state: string;
  readonly program: Program;
  /** Names of objects of ours that somebody else changed last, and who. */
  readonly edited: ReadonlyMap<string, string>;
  /** Whoever committed last; absent: nobody, or somebody's hand alone. */
  readonly writer: object | undefined;
  /** Rules of others, in the device's order; ours stand after the first `before`. */
  readonly foreign: readonly string[];
}

/** Where a process dies while it talks to the device: before anything was sent, or with the answer lost. */
export type DeathPoint = 'before' | 'after';

/** What `process died` looks like to the code that awaits an answer. */
export class Death extends Error {
  override readonly name = 'Death';
}

/**
 * A firewall in memory: a public fake with the manners of a real one. Transactions are all or nothing and are refused when the device
 * is no longer what they were made for; other people's rules stand beside ours; what we write is text that we read back.
 */
export class MemoryDevice {
  #program: Program = emptyProgram;
  #edits = new Map<string, string>();
  #state = 'initial';
  #editCount = 0;
  #writer: object | undefined;
  #writes = 0;
  #failures: SallyportError[] = [];
  #death: DeathPoint | undefined;
  readonly #foreign: readonly string[];
  readonly #watchers = new Set<() => void>();

  constructor(foreign: readonly string[] = []) {
    this.#foreign = [...foreign];
  }

  /** Transactions that changed something. */
  get writes(): number {
    return this.#writes;
  }

  /** The next request fails with this error and does nothing; queued. */
  failNext(error: SallyportError): void {
    this.#failures.push(error);
  }

  /** The next transaction ends in `Death`; after `'after'` it has been done all the same. */
  dieAt(point: DeathPoint): void {
    this.#death = point;
  }

  read(): Snapshot {
    this.#fail();
    return {
      state: this.#state,
      program: this.#program,
      edited: new Map(this.#edits),
      writer: this.#writer,
      foreign: this.#foreign,
    };
  }

  commit(transaction: Transaction, writer?: object): void {
    this.#fail();
    const death = this.#death;
    this.#death = undefined;
    if (death === 'before') throw new Death('before the transaction');
    // The same transaction again, its answer lost: done already.
    if (this.#state !== transaction.to) {
      if (this.#state !== transaction.from)
        throw new SallyportError(
          'DEVICE_CHANGED',
          `made for state ${transaction.from}, the device is at ${this.#state}`,
        );
      this.#program = changed(this.#program, transaction);
      this.#state = transaction.to;
      this.#writer = writer;
      for (const key of [...transaction.objects.keys(), ...transaction.rows.keys()]) this.#edits.delete(key);
      this.#writes++;
      this.#notify();
    }
    if (death === 'after') throw new Death('after the transaction');
  }

  /** Somebody else's hand: sets an object's text, or removes it and its table with `undefined`. */
  edit(object: string, text: string | undefined, by = 'admin'): void {
    const rows =
      text === undefined
        ? [...(this.#program.tables.get(object) ?? BucketMap.empty<string>()).keys()].map(
            (key) => [key, undefined] as const,
          )
        : [];
    this.#edited(object, by, { objects: new Map([[object, text]]), rows: new Map([[object, rows]]) });
  }

  /** Somebody else's hand: sets or removes one row of a table. */
  editRow(table: string, key: string, text: string | undefined, by = 'admin'): void {
    this.#edited(table, by, { objects: new Map(), rows: new Map([[table, [[key, text]]]]) });
  }

  /** Calls back after every change; returns the end of it. */
  onChange(callback: () => void): () => void {
    this.#watchers.add(callback);
    return () => {
      this.#watchers.delete(callback);
    };
  }

  /** Everything on the device, ours and others', canonical. */
  dump(): string {
    const lines = this.#foreign.map((line) => `foreign ${JSON.stringify(line)}`);
    for (const [key, text] of [...this.#program.objects].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      lines.push(`object ${key} = ${text}`);
    for (const [table, rows] of [...this.#program.tables].toSorted(([a], [b]) => (a < b ? -1 : 1)))
      for (const [key, text] of [...rows.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)))
        lines.push(`row ${table}: ${key} = ${text}`);
    return lines.map((line) => `${line}\n`).join('');
  }

  /** What is not ours, canonical. */
  dumpForeign(): string {
    return this.#foreign.map((line) => `${line}\n`).join('');
  }

  #edited(name: string, by: string, change: Pick<Transaction, 'objects' | 'rows'>): void {
    this.#program = changed(this.#program, change);
    this.#edits.set(name, by);
    this.#state = `edit-${++this.#editCount}`;
    this.#notify();
  }

  #fail(): void {
    const failure = this.#failures.shift();
    if (failure !== undefined) throw failure;
  }

  #notify(): void {
    for (const callback of this.#watchers) callback();
  }
}

function changed(program: Program, change: Pick<Transaction, 'objects' | 'rows'>): Program {
  const objects = new Map(program.objects);
  for (const [key, text] of change.objects)
    if (text === undefined) objects.delete(key);
    else objects.set(key, text);
  const tables = new Map(program.tables);
  for (const [table, rows] of change.rows) {
    const next = (tables.get(table) ?? BucketMap.empty<string>()).with(rows);
    if (next.size === 0) tables.delete(table);
    else tables.set(table, next);
  }
  return { objects, tables };
}
