import type { Clock } from './clock.ts';

/** So many at once, and then so many a second. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(clock: Clock, burst: number, perSecond: number) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#at = clock.monotonic();
  }

  /** Takes one and gives 0; else takes none and gives the milliseconds until there is one. */
  take(): number {
    const now = this.#clock.monotonic();
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#at) / 1_000) * this.#perSecond);
    this.#at = now;
    // What is lacking to a whole one by rounding would cost a timer of nothing.
    if (this.#left >= 1 - 1e-6) {
      this.#left -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil(((1 - this.#left) / this.#perSecond) * 1_000));
  }
}
