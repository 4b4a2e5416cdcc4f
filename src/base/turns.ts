import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from './clock.ts';
import type { Pieces } from './pieces.ts';

/** Does work in turns of so many milliseconds, and lets the event loop come round in between. What fits into the first is done at once. */
export async function inTurns<T>(work: Pieces<T>, clock: Clock, turnMs: number): Promise<T> {
  for (;;) {
    const end = clock.monotonic() + turnMs;
    do {
      const { done, value } = work.next();
      if (done === true) return value;
    } while (clock.monotonic() < end);
    await nextTurn();
  }
}

/** The turn of somebody whose work is not in pieces but has places where it can be left for a while. */
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

  /** Where it took its time, the event loop comes round before this resolves. */
  async rest(): Promise<void> {
    if (this.#clock.monotonic() - this.#began < this.#ms) return;
    await nextTurn();
    this.begin();
  }
}
