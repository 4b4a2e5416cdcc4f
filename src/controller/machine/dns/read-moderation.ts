import { type Clock, systemClock } from '../../../base/clock.ts';

/** A thread that waits for each datagram by itself is woken ten thousand times a second; so long a pause brings it some together. */
const PAUSE_MS = 0.5;
/** So many datagrams in a millisecond make a pause worth it: whoever reads fewer answers each at once. */
const MANY_PER_MS = 2;
/** For so long they are counted. */
const WINDOW_MS = 10;
/** So many datagrams of a socket are read before others have their turn (libuv). Who reads as many in one round is behind, and makes no pause. */
const READ_AT_ONCE = 32;

/**
 * Interrupt moderation, as network drivers do it: while datagrams come fast the thread rests a moment after each round of reading, and finds the next ones
 * together. What a round costs (to be woken, to look for what is there, to find that there is no more) is then shared by all of them, and so it is for whoever
 * is sent to.
 */
export class ReadModeration {
  readonly #clock: Clock;
  readonly #afterRound: (run: () => void) => void;
  readonly #pause: (ms: number) => void;
  #isCalled = false;
  #inRound = 0;
  #inWindow = 0;
  #windowBegan: number;
  #isFast = false;

  /** `afterRound`: calls when all that lies there has been read. `pause`: stops the thread. */
  constructor(
    clock: Clock = systemClock,
    afterRound: (run: () => void) => void = setImmediate,
    pause: (ms: number) => void = stopThread,
  ) {
    this.#clock = clock;
    this.#afterRound = afterRound;
    this.#pause = pause;
    this.#windowBegan = clock.monotonic();
  }

  /** A datagram was read. */
  note(): void {
    this.#inRound++;
    if (this.#isCalled) return;
    this.#isCalled = true;
    this.#afterRound(this.#end);
  }

  readonly #end = (): void => {
    this.#isCalled = false;
    const inRound = this.#inRound;
    this.#inRound = 0;
    this.#inWindow += inRound;
    const now = this.#clock.monotonic();
    const passed = now - this.#windowBegan;
    if (passed >= WINDOW_MS) {
      this.#isFast = this.#inWindow >= passed * MANY_PER_MS;
      this.#inWindow = 0;
      this.#windowBegan = now;
    }
    if (this.#isFast && inRound < READ_AT_ONCE) this.#pause(PAUSE_MS);
  };
}

/** There is one thread that reads. */
export const readModeration = new ReadModeration();

const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

function stopThread(ms: number): void {
  Atomics.wait(cell, 0, 0, ms);
}
