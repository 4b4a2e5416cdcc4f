import type { Clock } from '../../base/clock.ts';

/** Those who wait are woken so often at most; */
const APART_MS = 200;
/** of many, so many in one turn of the event loop. */
const PORTION = 200;

/** What many wait for: that something is otherwise. Nobody looks while nothing is. */
export class Changes {
  readonly #clock: Clock;
  #number = 0;
  #wokenAt = Number.NEGATIVE_INFINITY;
  #isDue = false;
  #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Grows with each change. */
  get number(): number {
    return this.#number;
  }

  changed(): void {
    this.#number += 1;
    this.#wakeSoon();
  }

  /** Resolves some time after a change that is not among the first `seen`, after `ms`, or with the signal. */
  after(seen: number, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        cancel();
        this.#waiting.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#clock.after(ms, end);
      signal.addEventListener('abort', end, { once: true });
      this.#waiting.add(end);
      if (signal.aborted) end();
      else if (seen !== this.#number) this.#wakeSoon();
    });
  }

  #wakeSoon(): void {
    if (this.#isDue || this.#waiting.size === 0) return;
    this.#isDue = true;
    const left = this.#wokenAt + APART_MS - this.#clock.monotonic();
    this.#clock.after(Math.max(0, left), () => {
      this.#isDue = false;
      this.#wokenAt = this.#clock.monotonic();
      const woken = this.#waiting;
      this.#waiting = new Set();
      wake([...woken]);
    });
  }
}

function wake(all: readonly (() => void)[]): void {
  for (const end of all.slice(0, PORTION)) end();
  if (all.length > PORTION) setImmediate(() => wake(all.slice(PORTION)));
}
