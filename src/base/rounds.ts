import type { Clock } from './clock.ts';

/** Milliseconds until the next round if nobody asks for one earlier; `undefined` or `Infinity`: none. */
export type NextRound = number | undefined;

/**
 * One piece of work, done again and again: at most once at a time, and requests that come while it is under way become one more round.
 * The work itself decides when it wants to be done next without being asked.
 */
export class Rounds {
  readonly #clock: Clock;
  readonly #round: () => Promise<NextRound>;
  #wanted = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #cancelTimer: () => void = () => {};
  /** Takes back the round that is asked for in a while; absent: none is. */
  #cancelGathering: (() => void) | undefined;
  #waiters: (() => void)[] = [];

  /** `round` must not reject: what goes wrong in it is its own business. */
  constructor(clock: Clock, round: () => Promise<NextRound>) {
    this.#clock = clock;
    this.#round = round;
  }

  /** Asks for a round that begins after this call. */
  request(): void {
    if (this.#stopped) return;
    this.#wanted = true;
    this.#running ??= this.#run();
  }

  /** Asks for a round that begins so many milliseconds after the first of such calls, unless one begins earlier: what comes meanwhile is one round. */
  gather(ms: number): void {
    if (this.#stopped || this.#wanted) return;
    this.#cancelGathering ??= this.#clock.after(ms, () => this.request());
  }

  /** Resolves when no round is under way and none is asked for; a timer does not count, and what is gathered waits no longer. */
  settled(): Promise<void> {
    if (this.#cancelGathering !== undefined) this.request();
    return this.#running === undefined ? Promise.resolve() : new Promise((resolve) => this.#waiters.push(resolve));
  }

  /** No round begins any more; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer();
    this.#gathered();
    await this.#running;
  }

  #gathered(): void {
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
  }

  async #run(): Promise<void> {
    // The first round begins in a turn of its own, so that requests of one turn become one round.
    await Promise.resolve();
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      this.#cancelTimer();
      this.#gathered();
      const next = await this.#round();
      // A timer of the system takes an endless wait for none, and would begin the next round at once.
      if (next !== undefined && next !== Number.POSITIVE_INFINITY && !this.#stopped)
        this.#cancelTimer = this.#clock.after(next, () => this.request());
    }
    this.#running = undefined;
    for (const resolve of this.#waiters.splice(0)) resolve();
  }
}
