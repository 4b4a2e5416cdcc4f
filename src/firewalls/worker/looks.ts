import type { Clock } from '../../base/clock.ts';

/** Drift is found within this time on devices that do not tell, so that what was read before is worth nothing. */
export const LOOK_MS = 10_000;
/** How often a waiting plan is judged anew, and a device that tells of changes is read all the same. */
export const LOOK_SELDOM_MS = 60_000;

/** What was read of a device last, and whether something since then calls for reading it again. */
export class Looks<A> {
  readonly #clock: Clock;
  readonly #asked: () => void;
  #isAsked = true;
  #last: { readonly actual: A; readonly at: number } | undefined;

  /** `asked`: a round is called for. */
  constructor(clock: Clock, asked: () => void) {
    this.#clock = clock;
    this.#asked = asked;
  }

  /** Something happened that the device may show. A newer wish is nothing of the kind. */
  readonly ask = (): void => {
    this.#isAsked = true;
    this.#asked();
  };

  /** What is asked for while it is read is for the next time. */
  async read(reading: () => Promise<A>): Promise<A> {
    this.#isAsked = false;
    this.#last = undefined;
    const at = this.#clock.monotonic();
    const actual = await reading();
    this.#last = { actual, at };
    return actual;
  }

  /** What was held by a reading, if that is the last one and a new one is not called for. */
  recent<H extends { readonly actual: A }>(held: H | undefined): H | undefined {
    if (this.#isAsked || this.#last === undefined || this.#last.actual !== held?.actual) return undefined;
    return this.#clock.monotonic() - this.#last.at < LOOK_MS ? held : undefined;
  }
}
