import type { Clock } from '../../base/clock.ts';
import { type SallyportError, toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import type { Step } from '../../plan/step.ts';
import { type Moved, besideStep } from './beside-step.ts';
import type { Connections } from '../connections.ts';
import { Cutting } from './cutting.ts';
import type { Actual, Translation } from '../driver.ts';
import type { Joining } from './newcomers.ts';
import type { Report } from './report.ts';
import type { Session } from './session.ts';
import type { WishStanding, Wished } from './wishes.ts';
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

interface CarrierOptions {
  readonly firewall: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly events?: WorkerEvents;
  /** A round over connections has ended, well or not. */
  readonly judged: () => void;
  readonly driver: { readonly connections?: Connections | undefined };
  /** This process may write, and is not about to leave. */
  readonly mayCut: () => boolean;
}

/** The wishes that follow the one in hand. */
export interface WishStream {
  /** What to go for by now; `undefined` where nothing may be planned. */
  readonly wished: Wished | undefined;
  /** Resolves when no newer wish is about to come, or with the signal. */
  lull(signal: AbortSignal): Promise<void>;
  /** Resolves when a newer one comes, or with the signal. */
  next(signal: AbortSignal): Promise<void>;
}

/** What the steps of one plan are carried out by. */
export interface Carrying {
  readonly standing: () => WishStanding;
  readonly stream: WishStream;
  /** As in `Session.apply`. */
  readonly releases: () => boolean;
  /** Who may join beside a step of the plan by now; `undefined`: nobody. */
  readonly joining: (wished: Wished) => Joining | undefined;
}

/** Newer wishes may keep connections from being judged, and leftovers from being removed, for so long at a stretch. */
const MOST_LEFT_MS = 500;

/** A round over connections that goes on though newer wishes are gone for. */
export interface Judging {
  readonly isDone: boolean;
}

/** What became of steps. `judging`: everything before the round over connections was carried out, and the round was begun. */
export interface Carried {
  readonly ended: 'done' | 'left';
  readonly judging?: Judging;
}

/** Carries out steps one after the other, each one told: one request under way, and beside it one round over connections at most. */
export class Carrier<A extends Actual, W extends Translation, S extends Step> {
  readonly #session: Session<A, W, S>;
  readonly #report: Report;
  readonly #options: CarrierOptions;
  readonly #stop: AbortSignal;
  /** Since when (monotonic) plans were left for newer ones, none carried out to its end. */
  #leftSince: number | undefined;
  /** The round over connections that is under way; it does not reject. */
  #judging: Promise<void> | undefined;
  /** What the last round failed with, once nobody waited for it any more. */
  #failure: { readonly thrown: unknown } | undefined;

  /** The last write succeeded. */
  #joins = true;
  /** Of devices whose steps do not end connections. */
  readonly cutting: Cutting;

  constructor(
    session: Session<A, W, S>,
    report: Report,
    options: CarrierOptions,
    wishes: Pick<WishStream, 'wished'>,
    stop: AbortSignal,
  ) {
    this.#session = session;
    this.#report = report;
    this.#options = options;
    this.#stop = stop;
    this.cutting = new Cutting({
      ...options,
      connections: () => options.driver.connections,
      mayWrite: options.mayCut,
      wished: () => wishes.wished,
      told: options.judged,
      stop,
    });
  }

  /**
   * Until the end, or until a newer wish makes the rest old; but a stream of wishes keeps no step waiting for ever. Rejects with what
   * the device said to the step that failed. A newer wish does not wait for connections to be judged where
   * the driver says that it need not (`Step.beside`): then what is left of the plan is found again when they are.
   */
  async carryOut(steps: readonly S[], carrying: Carrying): Promise<Carried> {
    const { standing, stream, releases } = carrying;
    let judging: Judging | undefined;
    const left = (): Carried => ({ ended: 'left', ...(judging === undefined ? {} : { judging }) });
    for (const [at, step] of this.#inOneGo(steps, standing).entries()) {
      // To judge connections takes longer than to let an address in: what comes in a moment anyway goes first.
      if (step.kind === 'Cut' && at > 0 && standing() === 'newest' && this.#mayLeave(step))
        await stream.lull(this.#stop);
      const now = standing();
      if (now === 'forbidden') return left();
      if (at > 0 && now === 'overtaken' && this.#mayLeave(step)) {
        this.#leftSince ??= this.#options.clock.monotonic();
        return left();
      }
      if (step.kind === 'Cut' && this.#judging !== undefined) {
        // Those who are being judged need not be judged again: the next plan knows of them.
        if (now === 'newest') await overtakes(this.#judging, stream);
        return left();
      }
      if (step.beside === true) {
        judging = this.#judge(step, releases);
        this.#leftSince = undefined;
        if (now === 'newest') await overtakes(this.judged(), stream);
        if (this.#judging !== undefined) return left();
        this.rethrow();
      } else {
        this.#joins = false;
        const hasMoved = await this.#carryOne(step, carrying);
        this.#joins = true;
        if (hasMoved) return left();
      }
    }
    this.#leftSince = undefined;
    return { ended: 'done', ...(judging === undefined ? {} : { judging }) };
  }

  /**
   * The first two steps as one where the driver says that neither loses by it: whoever comes waits for one request, not two. After a write that
   * failed each goes alone, because what is urgent must not fail for the sake of what is not; and so does it where a newer wish would leave
   * the second one out.
   */
  #inOneGo(steps: readonly S[], standing: () => WishStanding): readonly S[] {
    const [first, second, ...rest] = steps;
    if (!this.#joins || first === undefined || second === undefined) return steps;
    const now = standing();
    if (now === 'forbidden' || (now === 'overtaken' && this.#mayLeave(second))) return steps;
    const both = this.#session.together(first, second);
    return both === undefined ? steps : [both, ...rest];
  }

  /** Resolves when no connections are being judged, with whether some were. */
  async judged(): Promise<boolean> {
    const judging = this.#judging;
    await judging;
    const wasCutting = await this.cutting.settled();
    return judging !== undefined || wasCutting;
  }

  /** Throws what a round over connections failed with, once. */
  rethrow(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.thrown;
  }

  #judge(step: S, releases: () => boolean): Judging {
    const judging = { isDone: false };
    const work = async (): Promise<void> => {
      try {
        await this.#carry(step, releases);
        judging.isDone = true;
      } catch (thrown) {
        this.#failure = { thrown };
      }
      this.#judging = undefined;
      this.#options.judged();
    };
    this.#judging = work();
    return judging;
  }

  /** Urgent steps come first in every plan: without this, a stream of them would starve all others. */
  #mayLeave({ kind, quick }: S): boolean {
    if (quick === true) return false;
    if (this.#leftSince === undefined) return true;
    const isUnhurried = kind === 'Cut' || kind === 'Clean';
    return isUnhurried && this.#options.clock.monotonic() - this.#leftSince < MOST_LEFT_MS;
  }

  /** Resolves with whether addresses left or joined beside it, so that what was planned to follow it is old. */
  async #carryOne(step: S, { standing, stream, releases, joining }: Carrying): Promise<boolean> {
    const work = this.#carry(step, releases);
    if (step.lets !== true) return await work.then(() => false);
    return await besideStep(work, {
      clock: this.#options.clock,
      newer: () => (standing() === 'overtaken' ? stream.wished : undefined),
      next: (signal) => stream.next(signal),
      release: (isGivenUp) => this.#beside(() => this.#session.releasing(isGivenUp), true),
      join: async (wished) => {
        let joins: Joining | undefined;
        const make = (): S | undefined => {
          joins = step.exposes === undefined ? joining(wished) : undefined;
          return joins && this.#session.joining(joins);
        };
        const moved = await this.#beside(make, false);
        return { moved, owners: moved === 'nothing' ? new Map() : (joins?.owners ?? new Map()) };
      },
    });
  }

  /** What it failed with the next reading finds too, and who did not leave or join by then does so. */
  async #beside(make: () => S | undefined, releases: boolean): Promise<Moved> {
    const { log, firewall } = this.#options;
    try {
      const step = make();
      if (step === undefined) return 'nothing';
      await this.#carry(step, () => releases);
      return 'sent';
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      log.warn({ firewall, code, error: message }, 'addresses could not leave or join beside a step');
      return 'failed';
    }
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
    for (const warning of this.#session.warnings()) log.warn({ firewall, warning }, 'the firewall warns');
  }
}

/** Resolves with the work, or with a wish that overtakes it. */
async function overtakes(work: Promise<unknown>, stream: WishStream): Promise<void> {
  const ended = new AbortController();
  await Promise.race([work, stream.next(ended.signal)]);
  ended.abort();
}
