import type { Clock } from '../../base/clock.ts';
import { type Epoch, isLaterEpoch, nextEpoch } from '../../base/epoch.ts';
import { SallyportError, toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { type NextRound, Rounds } from '../../base/rounds.ts';
import { LEASE_MS, type LeasePlace, type LeaseRecord, RENEW_DEADLINE_MS, RETRY_MS } from './lease.ts';
import { type LeaseStore, isOutdated } from './lease-store.ts';

/** What a Lease gives, while it is held: `TimedLock` is one. */
export interface Right {
  /** Granted for `durationMs` by a request that was sent at `sentAt` (monotonic). */
  renewed(sentAt: number, durationMs: number): void;
  lost(): void;
}

export interface TenureOptions {
  readonly store: LeaseStore;
  readonly place: LeasePlace;
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  /** The Lease is somebody else's, or nobody can tell whose. */
  readonly onLost: () => void;
}

/** After a look that showed the Lease to be ours all the same. */
const AT_ONCE_MS = 50;

/** The first may find that somebody changed the Lease, or that our own last write was carried out untold. */
const MOST_KEEPS = 3;

/** The time between two tries: never longer than RETRY_MS, and not the same for all. */
export function jittered(random: () => number): number {
  return RETRY_MS * (0.75 + random() / 4);
}

/** A Lease that this process holds, renewed until it is given up or lost. */
export class Tenure {
  readonly #options: TenureOptions;
  readonly #right: Right;
  readonly #rounds: Rounds;
  readonly #stop = new AbortController();
  readonly #acquired: number;
  #record: LeaseRecord;
  /** When the request was sent (monotonic) that renewed it last. */
  #renewedAt: number;
  #cancelDeadline: () => void = () => {};
  #state: 'held' | 'ending' | 'over' = 'held';
  #wantedEpoch: number;
  #memory: string | undefined;
  #told = '';

  /** `record`: as a request that was sent at `sentAt` left it. */
  constructor(options: TenureOptions, record: LeaseRecord, right: Right, sentAt: number) {
    this.#options = options;
    this.#right = right;
    this.#record = record;
    this.#wantedEpoch = record.epoch;
    this.#memory = record.memory;
    this.#renewedAt = sentAt;
    this.#acquired = options.clock.wall();
    this.#rounds = new Rounds(options.clock, () => this.#renew());
    this.#extend(sentAt, 0);
    options.clock.after(jittered(options.random), () => this.#rounds.request());
  }

  get epoch(): Epoch {
    return { lease: this.#record.uid, number: this.#record.epoch };
  }

  get isHeld(): boolean {
    return this.#state === 'held';
  }

  /** The device has a mark of a later epoch than ours. If the Lease is ours all the same, we go beyond it; else we learn so at once. */
  outranked(by: number): void {
    if (!isLaterEpoch(by, this.#wantedEpoch)) return;
    this.#wantedEpoch = nextEpoch(by);
    this.#rounds.request();
  }

  /** What is left to whoever comes after this holder. */
  get memory(): string | undefined {
    return this.#memory;
  }

  /** Leaves something to whoever comes after this holder. It is in the Lease once this resolves; rejects where it may not be. */
  async keep(memory: string): Promise<void> {
    this.#memory = memory;
    for (let tries = 0; tries < MOST_KEEPS && this.#state === 'held'; tries++) {
      this.#rounds.request();
      await this.#rounds.settled();
      if (this.#record.memory === memory) return;
    }
    throw new SallyportError('API_FAILED', `the Lease ${this.#options.place.name} could not be written`);
  }

  /** Ends the right at once; the Lease stays ours until `release`, so that nobody begins while our last request is under way. */
  end(): void {
    if (this.#state === 'held') this.#state = 'ending';
    this.#cancelDeadline();
    this.#right.lost();
  }

  /**
   * Only when nothing is under way any more: lets go of the Lease, or removes it. What fails is logged: it runs out by itself. `keep`: something
   * may be, so nothing is said to others; it runs out as well.
   */
  async release(how: 'empty' | 'remove' | 'keep'): Promise<void> {
    this.end();
    const held = this.#state === 'ending';
    this.#state = 'over';
    await this.#rounds.stop();
    const { store, place, log } = this.#options;
    const { signal } = this.#stop;
    if (!held || how === 'keep') return;
    try {
      if (how === 'remove') await store.remove(this.#record, signal);
      else await store.replace(place, this.#content(''), this.#record, signal);
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      log.warn({ lease: place.name, code, error: message }, 'a Lease was not given back; it runs out by itself');
    }
  }

  #content(holder: string): Parameters<LeaseStore['replace']>[1] {
    const { clock } = this.#options;
    const renewed = clock.wall();
    return { holder, epoch: this.#wantedEpoch, acquired: this.#acquired, renewed, memory: this.#memory };
  }

  async #renew(): Promise<NextRound> {
    if (this.#state === 'over') return undefined;
    const { store, place, identity, clock, random } = this.#options;
    const sentAt = clock.monotonic();
    const skew = clock.wall() - sentAt;
    try {
      this.#record = await store.replace(place, this.#content(identity), this.#record, this.#stop.signal);
      this.#extend(sentAt, skewSince(clock, skew));
    } catch (thrown) {
      if (isOutdated(thrown)) return await this.#lookAgain();
      this.#failed(thrown);
    }
    return jittered(random);
  }

  /** Somebody changed the Lease, or our own last write was carried out without our being told. */
  async #lookAgain(): Promise<NextRound> {
    const { store, place, identity, clock, random } = this.#options;
    try {
      const found = await store.get(place.name, this.#stop.signal);
      // What a hand changed counts as ours only while nobody else can have taken it meanwhile.
      const alone = clock.monotonic() - this.#renewedAt < LEASE_MS;
      if (found !== undefined && found.holder === identity && (alone || found.epoch === this.#record.epoch)) {
        this.#record = found;
        return AT_ONCE_MS;
      }
      if (found === undefined && alone) {
        const sentAt = clock.monotonic();
        this.#record = await store.create(place, this.#content(identity), this.#stop.signal);
        this.#extend(sentAt, 0);
        return jittered(random);
      }
      this.#lose(found);
      return undefined;
    } catch (thrown) {
      this.#failed(thrown);
      return jittered(random);
    }
  }

  /** `slept`: by so much the wall clock went ahead of the monotonic one meanwhile, as it does while a machine is suspended. */
  #extend(sentAt: number, slept: number): void {
    const { clock, log, place } = this.#options;
    this.#renewedAt = sentAt;
    if (this.#told !== '') log.info({ lease: place.name }, 'the Lease is renewed again');
    this.#told = '';
    if (this.#state !== 'held') return;
    this.#right.renewed(sentAt, LEASE_MS - Math.max(0, slept));
    this.#cancelDeadline();
    const left = sentAt + RENEW_DEADLINE_MS - clock.monotonic();
    this.#cancelDeadline = clock.after(Math.max(0, left), () => this.#right.lost());
  }

  #failed(thrown: unknown): void {
    const { log, place } = this.#options;
    const { code, message } = toSallyportError(thrown);
    if (this.#told === code || this.#stop.signal.aborted) return;
    this.#told = code;
    log.warn(
      { lease: place.name, code, error: message },
      'a Lease could not be renewed; nothing is written without it',
    );
  }

  #lose(found: LeaseRecord | undefined): void {
    const { log, place, onLost } = this.#options;
    this.#cancelDeadline();
    this.#right.lost();
    if (this.#state === 'over') return;
    this.#state = 'over';
    log.warn({ lease: place.name, holder: found?.holder ?? '' }, 'the Lease is somebody else’s now');
    onLost();
  }
}

function skewSince(clock: Clock, before: number): number {
  return clock.wall() - clock.monotonic() - before;
}
