import type { Clock } from '../../base/clock.ts';

/** So many looks come at once; they count for so long. */
const FREE = 5;
const COUNT_MS = 60_000;
const FIRST_WAIT_MS = 250;

/**
 * How soon what somebody else changed is looked at: at once, and the more seldom the oftener he does it, so that two programs that
 * write again and again do not fight at full speed.
 */
export class LookPace {
  readonly #clock: Clock;
  readonly #longestMs: number;
  #isAsked = false;
  #looks = 0;
  #last = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, longestMs: number) {
    this.#clock = clock;
    this.#longestMs = longestMs;
  }

  ask(): void {
    this.#isAsked = true;
  }

  /** Milliseconds until it is time to look; `undefined`: nobody asks. */
  get due(): number | undefined {
    return this.#isAsked ? Math.max(0, this.#last + this.#wait - this.#clock.monotonic()) : undefined;
  }

  /** It is looked now, for whoever asked before. `true`: this is the first one that had to wait. */
  look(): boolean {
    const wasWaiting = this.#wait > 0;
    if (this.#clock.monotonic() - this.#last > COUNT_MS) this.#looks = 0;
    this.#isAsked = false;
    this.#looks += 1;
    this.#last = this.#clock.monotonic();
    return this.#wait > 0 && !wasWaiting;
  }

  get #wait(): number {
    return this.#looks < FREE ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (this.#looks - FREE), this.#longestMs);
  }
}
