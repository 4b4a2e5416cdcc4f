import type { Clock } from './clock.ts';
import { elapsed } from './elapsed.ts';
import type { Pieces } from './pieces.ts';

/**
 * What nobody waits for rests after each turn, by the clock. One turn of the event loop would give others no more than half of the thread for as
 * long as there is work, and who needs more than that would fall behind by all of it.
 */
export interface Rest {
  /** So many times as long as the turn was. */
  readonly times: number;
  /** Somebody waits from its abort on: there is no more rest. */
  readonly signal: AbortSignal;
}

/** Who has had his turn and has more to do. One goes on in each round of the event loop: many at once would stop everything else for all their turns together. */
class Line {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when the event loop has come round, and those who came before have had their turns. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) this.#call();
    });
  }

  #call(): void {
    setImmediate(() => {
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#call();
    });
  }
}

/** There is one thread, however many share it. */
const line = new Line();

/** The turn of somebody whose work is long: in pieces, or with places where it can be left for a while. */
export class Turn {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #rest: Rest | undefined;
  #began: number;

  /** `rest`: absent, somebody waits for the work. */
  constructor(clock: Clock, turnMs: number, rest?: Rest) {
    this.#clock = clock;
    this.#ms = turnMs;
    this.#rest = rest;
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
      } while (this.#took < this.#ms);
      await this.#others();
    }
  }

  /** Where it took its time, the event loop comes round before this resolves. */
  async rest(): Promise<void> {
    if (this.#took >= this.#ms) await this.#others();
  }

  get #took(): number {
    return this.#clock.monotonic() - this.#began;
  }

  async #others(): Promise<void> {
    if (this.#rest !== undefined) await elapsed(this.#clock, this.#took * this.#rest.times, this.#rest.signal);
    else await line.wait();
    this.begin();
  }
}
