import type { Clock } from '../../src/base/clock.ts';
import { type Configuration, GLOBAL } from './configuration.ts';
import { type Change, edit, rename, type Rules, uuidMaker } from './edit.ts';
import { CmdbFault } from './fault.ts';
import { factoryConfiguration, type Surroundings } from './factory.ts';
import { convert } from './firmware.ts';
import type { Model } from './models.ts';
import type { Release } from './release.ts';
import { textOf } from './row.ts';
import type { Switches } from './switches.ts';
import { refuseInTransaction, type Transaction, Transactions } from './transactions.ts';

/** Who makes a change: an account, and the transaction that it stands in. */
export interface Editor {
  readonly name: string;
  readonly transaction?: Transaction;
}

/** What is told to others about the configuration. */
export interface DeviceEvents {
  /** After each change that everybody sees. */
  readonly changed: () => void;
  /** The device starts again by itself: `cfg-save revert`. */
  readonly revert: () => void;
}

/** The configuration of one device: what runs, what is on its disk, and transactions between. */
export class Device {
  readonly model: Model;
  readonly switches: Switches;
  readonly transactions: Transactions;
  readonly vdoms: readonly string[];
  readonly #clock: Clock;
  readonly #events: DeviceEvents;
  readonly #nextUuid: () => string;
  #release: Release;
  #factory: Configuration;
  #running: Configuration;
  /** What is on the disk, if that is not what runs. */
  #saved: Configuration | undefined;
  #cancelRevert: (() => void) | undefined;

  constructor(
    model: Model,
    release: Release,
    switches: Switches,
    surroundings: Surroundings,
    clock: Clock,
    events: DeviceEvents,
  ) {
    this.model = model;
    this.#release = release;
    this.switches = switches;
    this.#clock = clock;
    this.#events = events;
    this.vdoms = surroundings.vdoms;
    this.transactions = new Transactions(clock);
    this.#nextUuid = uuidMaker(model.serial);
    this.#factory = factoryConfiguration(surroundings, this.#rules(new Set()));
    this.#running = this.#factory.fork();
  }

  get release(): Release {
    return this.#release;
  }

  /** What nobody configured. */
  get factory(): Configuration {
    return this.#factory;
  }

  get running(): Configuration {
    return this.#running;
  }

  get isSaved(): boolean {
    return this.#saved === undefined;
  }

  /** Makes a change; throws `CmdbFault`. `changed`: others see a difference. */
  change(change: Change, by: Editor): { readonly key: string; readonly changed: boolean } {
    const { transaction } = by;
    const { vdom, table } = change;
    if (change.kind !== 'create') this.#refuseLocked(vdom, table.id, change.key, transaction);
    else {
      const named = (change.body as Record<string, unknown>)[table.key];
      this.#refuseLocked(
        vdom,
        table.id,
        typeof named === 'string' || typeof named === 'number' ? String(named) : '',
        transaction,
      );
    }
    const rules = this.#rules(this.transactions.taken(vdom, table.id));
    if (transaction !== undefined) {
      refuseInTransaction(change);
      const key = edit(transaction.working, change, rules);
      this.transactions.record(transaction, change, key);
      return { key, changed: false };
    }
    const before = this.#running.revision(vdom, table.id);
    const kept = this.#saveMode === 'automatic' || this.#saved !== undefined ? undefined : this.#running.fork();
    const key = edit(this.#running, change, rules);
    const changed = this.#running.revision(vdom, table.id) !== before;
    if (changed) this.#afterChange(kept);
    return { key, changed };
  }

  /** An administrator's `rename`. */
  rename(vdom: string, change: Pick<Change, 'table'>, key: string, to: string): void {
    const kept = this.#saveMode === 'automatic' || this.#saved !== undefined ? undefined : this.#running.fork();
    rename(this.#running, { vdom, table: change.table }, key, to, this.#rules(new Set()));
    this.#afterChange(kept);
  }

  /** Makes the changes of a transaction visible, all or none; `atMost`: the power fails after so many. */
  commit(transaction: Transaction, atMost = Number.POSITIVE_INFINITY): void {
    const next = this.#running.fork();
    const kept = this.#saveMode === 'automatic' || this.#saved !== undefined ? undefined : this.#running.fork();
    for (const [index, change] of transaction.changes.entries()) {
      if (index >= atMost) break;
      edit(next, change, this.#rules(new Set()));
    }
    this.#running = next;
    this.transactions.end(transaction.id);
    this.#afterChange(kept);
  }

  /** Writes what runs to the disk. */
  save(): void {
    this.#cancelRevert?.();
    this.#cancelRevert = undefined;
    this.#saved = undefined;
  }

  /** What a boot leaves: the configuration on the disk, no transactions. `release`: of the firmware that starts. */
  boot(release: Release): void {
    this.transactions.endAll();
    this.#cancelRevert?.();
    this.#cancelRevert = undefined;
    if (this.#saved !== undefined) this.#running = this.#saved;
    this.#saved = undefined;
    if (release.text !== this.#release.text) {
      this.#release = release;
      this.#running = convert(this.#running, this.vdoms, release);
      this.#factory = convert(this.#factory, this.vdoms, release);
    }
  }

  /** Puts another configuration in the place of what runs, saved. */
  replace(configuration: Configuration): void {
    this.#running = configuration;
    this.save();
    this.#events.changed();
  }

  /** Rules for a configuration that is not this one's. */
  rules(): Rules {
    return this.#rules(new Set());
  }

  get #saveMode(): string {
    return textOf(this.#running.row(GLOBAL, 'system/global', '') ?? {}, 'cfg-save');
  }

  #afterChange(kept: Configuration | undefined): void {
    if (kept !== undefined && this.#saveMode !== 'automatic') {
      this.#saved = kept;
      if (this.#saveMode === 'revert') {
        const seconds = this.#running.row(GLOBAL, 'system/global', '')?.['cfg-revert-timeout'];
        this.#cancelRevert = this.#clock.after(Number(seconds) * 1_000, this.#events.revert);
      }
    }
    this.#events.changed();
  }

  #refuseLocked(vdom: string, table: string, key: string, mine: Transaction | undefined): void {
    const holder = this.transactions.holder(vdom, table, key, mine);
    if (holder === undefined) return;
    const { http, error } = this.switches.locked;
    throw new CmdbFault(error, `${table} ${key} is locked by ${holder.owner} in transaction ${holder.id}\n`, http);
  }

  #rules(taken: ReadonlySet<string>): Rules {
    return { release: this.#release, switches: this.switches, model: this.model, taken, nextUuid: this.#nextUuid };
  }
}
