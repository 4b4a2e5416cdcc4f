import type { Clock } from '../base/clock.ts';
import { type SallyportError, toSallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import type { Step } from '../plan/step.ts';
import type { Actual, Translation } from './driver.ts';
import type { Report } from './report.ts';
import type { Session } from './session.ts';
import type { WorkerStatus } from './worker-status.ts';

/** What a worker tells; callbacks return at once and do not throw. */
export interface WorkerEvents {
  status?(status: WorkerStatus): void;
  /** A wished ruleset was read back whole; milliseconds since it was wished. */
  confirmed?(version: number, ms: number): void;
  /** Steps are about to be carried out; `plan` works out the digest of the plan that they are. */
  carrying?(plan: () => string): void;
  /** One write was accepted, or refused with an error. */
  wrote?(step: Step, ms: number, error: SallyportError | undefined): void;
}

/** Whether the wish that steps are for still counts. `forbidden`: nothing may be written any more, by nobody's newer wish. */
export type WishStanding = 'newest' | 'overtaken' | 'forbidden';

interface CarrierOptions {
  readonly firewall: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly events?: WorkerEvents;
}

/** Newer wishes may keep connections from being judged, and leftovers from being removed, for so long at a stretch. */
const MOST_LEFT_MS = 500;

/** Carries out steps one after the other: one request under way, each one told. */
export class Carrier<A extends Actual, W extends Translation, S extends Step> {
  readonly #session: Session<A, W, S>;
  readonly #report: Report;
  readonly #options: CarrierOptions;
  /** Since when (monotonic) plans were left for newer ones, none carried out to its end. */
  #leftSince: number | undefined;

  constructor(session: Session<A, W, S>, report: Report, options: CarrierOptions) {
    this.#session = session;
    this.#report = report;
    this.#options = options;
  }

  /**
   * Until the end, or until a newer wish makes the rest old; but a stream of wishes keeps no step waiting for ever. Rejects with what
   * the device said to the step that failed. `lull` resolves when no newer wish is about to come; `releases` as in `Session.apply`.
   */
  async carryOut(
    steps: readonly S[],
    standing: () => WishStanding,
    lull: () => Promise<void>,
    releases: () => boolean,
  ): Promise<'done' | 'left'> {
    for (const [at, step] of steps.entries()) {
      // To judge connections takes longer than to let an address in: what comes in a moment anyway goes first.
      if (step.kind === 'Cut' && at > 0 && standing() === 'newest' && this.#mayLeave(step)) await lull();
      const now = standing();
      if (now === 'forbidden') return 'left';
      if (at > 0 && now === 'overtaken' && this.#mayLeave(step)) {
        this.#leftSince ??= this.#options.clock.monotonic();
        return 'left';
      }
      await this.#carry(step, releases);
    }
    this.#leftSince = undefined;
    return 'done';
  }

  /** Urgent steps come first in every plan: without this, a stream of them would starve all others. */
  #mayLeave({ kind }: S): boolean {
    if (this.#leftSince === undefined) return true;
    const isUnhurried = kind === 'Cut' || kind === 'Clean';
    return isUnhurried && this.#options.clock.monotonic() - this.#leftSince < MOST_LEFT_MS;
  }

  async #carry(step: S, releases: () => boolean): Promise<void> {
    const { clock, events, log, firewall } = this.#options;
    const begin = clock.monotonic();
    try {
      await this.#session.apply(step, releases);
    } catch (thrown) {
      const error = toSallyportError(thrown);
      events?.wrote?.(step, clock.monotonic() - begin, error);
      throw error;
    }
    const ms = clock.monotonic() - begin;
    this.#report.writes++;
    events?.wrote?.(step, ms, undefined);
    log.info({ firewall, step: step.kind, objects: step.objects.length, ms: Math.round(ms) }, step.title);
  }
}
