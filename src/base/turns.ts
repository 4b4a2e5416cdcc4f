import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { Pieces } from './pieces.ts';

/** The turn of somebody whose work is long: in pieces, or with places where it can be left for a while. */
export class Turn {
  readonly #clock: Clock;
  readonly #ms: number;
  #began: number;

  constructor(clock: Clock, turnMs: number) {
    this.#clock = clock;
    this.#ms = turnMs;
    this.#began = clock.monotonic();
  }

  /** It begins now: there was something to wait for. */
  begin(): void {
    this.#began = this.#clock.monotonic();
  }

  /** Does work to its end: what is left of this turn first, then whole ones. */
  async finish<T>(work: Pieces<T>): Promise<T> {
    for (;;) {
      do {
        const { done, value } = work.next();
        if (done === true) return value;
      } while (this.#clock.monotonic() - this.#began < this.#ms);
      await nextTurn();
      this.begin();
    }
  }

  /** Where it took its time, the event loop comes round before this resolves. */
  async rest(): Promise<void> {
    if (this.#clock.monotonic() - this.#began < this.#ms) return;
    await nextTurn();
    this.begin();
  }
}
