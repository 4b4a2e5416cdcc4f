/** A tick comes this often where the process may run. */
const TICK_MS = 20;
/** What a tick counts at most: a busy machine is late by a little; by more, nobody ran here. */
const MOST_MS = 5 * TICK_MS;

/** Measures the time in which this process could run, for promises of it in seconds: a machine that stood still promised nothing. */
export class AwakeTime {
  #ms = 0;
  readonly #began = performance.now();
  #last = this.#began;
  readonly #timer = setInterval(() => this.#count(), TICK_MS);

  /** Milliseconds since the start. */
  get ms(): number {
    this.#count();
    return this.#ms;
  }

  /** Milliseconds since the start in which it could not. */
  get asleepMs(): number {
    this.#count();
    return this.#last - this.#began - this.#ms;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #count(): void {
    const now = performance.now();
    this.#ms += Math.min(now - this.#last, MOST_MS);
    this.#last = now;
  }
}
