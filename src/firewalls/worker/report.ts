import type { Diagnostic } from '../../base/diagnostic.ts';
import type { SallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Confirmed, WorkerSettings } from './course.ts';
import type { Actual, Capabilities, Drift, LeftOut, ListBehind, TableUse, Translation } from '../driver.ts';
import { isWithoutRoom } from './no-room.ts';
import { nearlyFull } from '../table-use.ts';
import type { Wish, Wishes } from './wishes.ts';
import { type WaitingPlan, type WorkerStatus, conditionsOf } from './worker-status.ts';

/** What is confirmed, and the reading that confirmed it. */
export interface Basis<A> extends Confirmed {
  readonly actual: A;
}

/** What a worker found and did, for its status. */
export class Report {
  error: SallyportError | undefined;
  waiting: WaitingPlan | undefined;
  /** Everything that is wanted was there when last read. */
  settled = false;
  drift: readonly Drift[] = [];
  /** What of the device could not be read, or does not take what it is given, when last read. */
  unreached: readonly string[] = [];
  /** Lists that the device does not show as they are wanted. */
  behind: readonly ListBehind[] = [];
  /** How full the tables of the device are, as it told last. */
  tables: readonly TableUse[] = [];
  /** What the device cannot say of what is wanted now. */
  refusals: readonly Diagnostic[] = [];
  writes = 0;
  repairs = 0;
  readonly #firewall: string;
  readonly #connectionsStay: () => string | undefined;
  #confirmedVersion: number | undefined;
  #confirmedAt: number | undefined;
  #told = '';
  #device = '';
  #leftOut: readonly LeftOut[] = [];
  #confirmed: { readonly basis: Confirmed; readonly told: Confirmed } | undefined;

  /** `connectionsStay`: of the driver. */
  constructor(firewall: string, connectionsStay: () => string | undefined) {
    this.#firewall = firewall;
    this.#connectionsStay = connectionsStay;
  }

  confirmed(version: number, wall: number): void {
    this.#confirmedVersion = version;
    this.#confirmedAt = wall;
    this.waiting = undefined;
    this.settled = true;
    this.#told = '';
  }

  /** Something went wrong, and is tried again after so long; `undefined`: when somebody asks. */
  failed(error: SallyportError, pauseMs: number | undefined, log: Log): void {
    this.error = error;
    this.settled = false;
    log.warn(
      { firewall: this.#firewall, code: error.code, error: error.message, pauseMs },
      'the firewall could not be brought up to date',
    );
  }

  /** The device answered; what it is, what is worth knowing of it, and what of it is not reached, is told once, and again when it is another. */
  answered(
    device: Pick<Capabilities, 'device' | 'notes'> | undefined,
    { unreached = [], tables = [] }: Pick<Actual, 'unreached' | 'tables'>,
    log: Log,
  ): void {
    this.tables = tables;
    for (const what of unreached)
      if (!this.unreached.includes(what))
        log.warn({ firewall: this.#firewall, what }, 'a part of the firewall is not reached');
    this.unreached = unreached;
    if (device === undefined) return;
    const text = JSON.stringify([device.device, device.notes]);
    if (text === this.#device) return;
    this.#device = text;
    log.info({ firewall: this.#firewall, device: device.device }, 'the firewall answers');
    for (const note of device.notes) log.warn({ firewall: this.#firewall, note }, 'worth knowing of the firewall');
  }

  /** What the device cannot say of what is wanted now, and what it has yet to fetch, which is told once for each text. */
  translated(
    { refusals, leftOut = [] }: Pick<Translation, 'refusals' | 'leftOut'>,
    behind: readonly ListBehind[],
    log: Log,
  ): void {
    this.refusals = refusals;
    this.#leftOut = leftOut;
    for (const { list, text } of behind)
      if (!this.behind.some((one) => one.list === list))
        log.info({ firewall: this.#firewall, list, what: text }, 'a list is not there yet as it is wanted');
    this.behind = behind;
  }

  /** What is confirmed, with what lists do not hold and who was left out of groups; the same object as long as all are the same. */
  toldOf(basis: Confirmed | undefined): Confirmed | undefined {
    const { behind } = this;
    const leftOut = this.#leftOut;
    if (basis === undefined || behind.length + leftOut.length === 0) return basis;
    const { told } = this.#confirmed ?? {};
    if (this.#confirmed?.basis !== basis || told?.behind !== behind || told.leftOut !== leftOut)
      this.#confirmed = { basis, told: { ...basis, behind, leftOut } };
    return this.#confirmed?.told;
  }

  /**
   * Everything that is wanted is there, but not where nobody can read it, nor in lists that the device has yet to fetch: that is not confirmed.
   * Asked when the rest is found.
   */
  partly(): boolean {
    const is = this.unreached.length > 0 || this.behind.length > 0;
    if (is) {
      this.waiting = undefined;
      this.settled = false;
      this.#told = '';
    }
    return is;
  }

  /** A wish came after another one; that nothing is planned for it is told once. */
  wished(before: Wish | { readonly kind: 'none' }, wish: Wish, log: Log): void {
    if (wish.kind === 'ruleset' || (before.kind === wish.kind && before.reason === wish.reason)) return;
    log.warn({ firewall: this.#firewall, state: wish.kind, reason: wish.reason }, 'nothing new is planned');
  }

  /** Somebody changed what is ours; `objects`: how many of them. */
  changed(drift: readonly Drift[], objects: number, mode: WorkerSettings['drift'], log: Log): void {
    this.drift = drift;
    log.warn({ firewall: this.#firewall, drift: drift.slice(0, 5), objects, mode }, 'somebody changed what is ours');
  }

  /** Something waits; one line of log for each plan, not for each look at it. */
  waits(waiting: WaitingPlan, digest: string | undefined, log: Log): void {
    this.waiting = waiting;
    const text = `${digest ?? ''} ${waiting.reasons.join('; ')}`;
    if (text === this.#told) return;
    this.#told = text;
    log.info({ firewall: this.#firewall, digest, reasons: waiting.reasons }, 'a plan waits');
  }

  status<A>(
    wishes: Wishes,
    basis: Basis<A> | undefined,
    device: string | undefined,
    writer: boolean,
    drifted: boolean,
  ): WorkerStatus {
    const { error, settled, drift, unreached, behind, refusals, waiting, writes, repairs, tables } = this;
    const ruleset = basis?.ruleset;
    const waits = waiting?.reasons ?? [];
    const beside = ruleset?.established === 'Cut' ? this.#connectionsStay() : undefined;
    return {
      firewall: this.#firewall,
      device,
      conditions: conditionsOf({
        wish: wishes.latest,
        writer,
        error,
        settled,
        waits,
        unreached,
        behind: behind.map(({ text }) => text),
        noRoom: behind.filter(isWithoutRoom).map(({ text }) => text),
        full: nearlyFull(tables),
        drifted,
        drift,
        beside,
      }),
      counts: {
        senders: ruleset?.members.size ?? 0,
        classes: ruleset?.classes.size ?? 0,
        groups: ruleset?.groups.size ?? 0,
        translations: ruleset?.nats.reduce((sum, nat) => sum + nat.sources.size, 0) ?? 0,
      },
      desiredVersion: wishes.version,
      confirmedVersion: this.#confirmedVersion,
      confirmedAt: this.#confirmedAt,
      waiting,
      refusals,
      drift,
      tables,
      writes,
      repairs,
    };
  }
}

/** Work that is done when somebody first asks for its result. */
export function once<T>(work: () => T): () => T {
  let result: { readonly value: T } | undefined;
  return () => {
    result ??= { value: work() };
    return result.value;
  };
}
