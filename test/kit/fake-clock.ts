import type { Clock } from '../../src/base/clock.ts';

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  #ahead: number;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  /** `start`: wall time at the beginning, in milliseconds since the epoch. */
  constructor(start = Date.UTC(2026, 0, 5, 12)) {
    this.#ahead = start;
  }

  wall(): number {
    return this.#ahead + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Moves time; timers that come due are called in order, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }

  /** Somebody sets the wall clock, back where `ms` is below 0; or the machine was suspended, which stops the monotonic one. */
  setWall(ms: number): void {
    this.#ahead += ms;
  }

  /** The process is stopped while time goes on: whatever came due is called afterwards, late. */
  stop(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter(({ at }) => at <= this.#now).toSorted((a, b) => a.at - b.at);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { callback } of due) callback();
  }

  /** Moves time step by step, with all that follows from each. */
  async pass(ms: number, step = 1_000): Promise<void> {
    for (let passed = 0; passed < ms; passed += step) {
      this.advance(step);
      await turns();
    }
  }

  /** Milliseconds until the next timer; `undefined`: none is set. */
  next(): number | undefined {
    const times = this.#timers.map(({ at }) => at - this.#now);
    return times.length === 0 ? undefined : Math.min(...times);
  }
}

/** Until what follows from what just happened has happened, as far as it waits for nobody else. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
}
