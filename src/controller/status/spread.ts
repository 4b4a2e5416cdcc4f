import type { z } from 'zod';
import type { spread } from '../../api/status-parts.ts';
import type { Clock } from '../../base/clock.ts';

/** How long something took, as a status tells it. */
export type Spread = z.infer<typeof spread>;

const WINDOW_MS = 3_600_000;
/** In a busy hour the newest so many speak for it. */
const MOST = 10_000;

/** Lengths of time of the last hour. */
export class Spreads {
  readonly #clock: Clock;
  #measured: { readonly at: number; readonly ms: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(ms: number): void {
    this.#measured.push({ at: this.#clock.monotonic(), ms });
    if (this.#measured.length >= 2 * MOST) this.#measured = this.#measured.slice(-MOST);
  }

  /** Absent: nothing was measured in the last hour. */
  summary(): Spread | undefined {
    const from = this.#clock.monotonic() - WINDOW_MS;
    this.#measured = this.#measured.filter(({ at }) => at > from).slice(-MOST);
    const sorted = this.#measured.map(({ ms }) => Math.round(ms)).toSorted((a, b) => a - b);
    const longest = sorted.at(-1);
    if (longest === undefined) return undefined;
    const rank = (part: number): number => sorted[Math.ceil(sorted.length * part) - 1] ?? longest;
    return {
      windowSeconds: WINDOW_MS / 1_000,
      count: sorted.length,
      p50Milliseconds: rank(0.5),
      p99Milliseconds: rank(0.99),
      longestMilliseconds: longest,
    };
  }
}
