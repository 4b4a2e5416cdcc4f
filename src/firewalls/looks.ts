import type { Clock } from '../base/clock.ts';

/** What was read of a device last, and whether something since then calls for reading it again. */
export class Looks<A> {
  readonly #clock: Clock;
  readonly #longestMs: number;
  readonly #asked: () => void;
  #isAsked = true;
  #last: { readonly actual: A; readonly at: number } | undefined;

  /** What was read is worth nothing after `longestMs`. `asked`: a round is called for. */
  constructor(clock: Clock, longestMs: number, asked: () => void) {
    this.#clock = clock;
    this.#longestMs = longestMs;
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

  /** A reading, if it is the last one and a new one is not called for. */
  recent(actual: A | undefined): A | undefined {
    if (this.#isAsked || this.#last === undefined || this.#last.actual !== actual) return undefined;
    return this.#clock.monotonic() - this.#last.at < this.#longestMs ? actual : undefined;
  }
}
