import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import type { Drop } from '../../../machine/drops/drop-line.ts';

export interface ShipperOptions {
  /** Resolves when a drop has arrived. */
  readonly push: (drop: Drop, signal: AbortSignal) => Promise<void>;
  /** How many wait at most while nobody takes them. */
  readonly limit: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What became of the lines so far. */
export interface ShipperCounts {
  readonly seen: number;
  readonly shipped: number;
  /** Given up for newer ones, since nobody took them. */
  readonly overflowed: number;
  /** The server will never take them. */
  readonly refused: number;
  readonly waiting: number;
}

const FIRST_AGAIN_MS = 100;
const LAST_AGAIN_MS = 5_000;

/** Sends drops one after the other, in their order. While nobody takes them as many as there is room for wait; each is counted, whatever becomes of it. */
export class DropShipper {
  readonly #options: ShipperOptions;
  #waiting: Drop[] = [];
  #seen = 0;
  #shipped = 0;
  #overflowed = 0;
  #refused = 0;
  #isLost = false;
  #wake = (): void => {};

  constructor(options: ShipperOptions) {
    this.#options = options;
  }

  add(drop: Drop): void {
    this.#seen += 1;
    this.#waiting.push(drop);
    if (this.#waiting.length > this.#options.limit) {
      this.#waiting.shift();
      this.#overflowed += 1;
    }
    this.#wake();
  }

  /** The server takes drops, as far as is known; `false`: they wait. */
  get arrives(): boolean {
    return !this.#isLost;
  }

  counts(): ShipperCounts {
    return {
      seen: this.#seen,
      shipped: this.#shipped,
      overflowed: this.#overflowed,
      refused: this.#refused,
      waiting: this.#waiting.length,
    };
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { push, clock, log } = this.#options;
    let again = FIRST_AGAIN_MS;
    while (!signal.aborted) {
      const [drop] = this.#waiting;
      if (drop === undefined) {
        await this.#added(signal);
        continue;
      }
      try {
        await push(drop, signal);
        this.#shipped += 1;
        this.#leave(drop);
        if (this.#isLost) log.info(this.counts(), 'drops arrive again');
        this.#isLost = false;
        again = FIRST_AGAIN_MS;
      } catch (thrown) {
        if (signal.aborted) return;
        const { code, message } = toSallyportError(thrown);
        if (code === 'DROPTAILER_REFUSED') {
          this.#refused += 1;
          this.#leave(drop);
          continue;
        }
        if (!this.#isLost) log.warn({ code, problem: message, ...this.counts() }, 'drops do not arrive; they wait');
        this.#isLost = true;
        await elapsed(clock, again, signal);
        again = Math.min(again * 2, LAST_AGAIN_MS);
      }
    }
  }

  /** The first of those that wait, unless it had to give way meanwhile. */
  #leave(drop: Drop): void {
    if (this.#waiting[0] === drop) this.#waiting.shift();
    else this.#overflowed -= 1;
  }

  #added(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.#wake = end;
      if (this.#waiting.length > 0 || signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  }
}
