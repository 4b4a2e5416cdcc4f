import type { Clock } from '../../src/base/clock.ts';
import { ManifestsSource } from '../../src/sources/manifests/manifests-source.ts';
import type { Delivery, Source } from '../../src/sources/source.ts';

/** The source sleeps between its looks at least so long; its other waits are shorter. */
const LONG_MS = 1_000;

/** The time of a source alone: it passes when somebody wants the source to look, so that no story waits for a file system to tell. */
class LookClock implements Clock {
  readonly #wall: () => number;
  #sleeper: { readonly ms: number; readonly wake: () => void } | undefined;
  #told: () => void = () => {};

  constructor(wall: () => number) {
    this.#wall = wall;
  }

  wall(): number {
    return this.#wall();
  }

  monotonic(): number {
    return this.#wall();
  }

  after(ms: number, callback: () => void): () => void {
    const sleeper = { ms, wake: callback };
    this.#sleeper = sleeper;
    this.#told();
    return () => {
      if (this.#sleeper === sleeper) this.#sleeper = undefined;
    };
  }

  /** Ends a short sleep, waits for the next one, and so on until the source sleeps for long. */
  async untilIdle(): Promise<void> {
    while ((this.#sleeper?.ms ?? 0) < LONG_MS) {
      const next = new Promise<void>((resolve) => {
        this.#told = resolve;
      });
      this.wake();
      await next;
    }
  }

  wake(): void {
    const sleeper = this.#sleeper;
    this.#sleeper = undefined;
    sleeper?.wake();
  }
}

/** The real source of a folder of manifests, which looks when a story says so. */
export class SteppedSource implements Source {
  readonly name = 'static';
  readonly #clock: LookClock;
  readonly #source: ManifestsSource;

  constructor(path: string, wall: () => number) {
    this.#clock = new LookClock(wall);
    this.#source = new ManifestsSource(this.name, path, this.#clock);
  }

  run(deliver: (delivery: Delivery) => void, signal: AbortSignal): Promise<void> {
    return this.#source.run(deliver, signal);
  }

  /** Resolves when everything that was in the folder at the call has been delivered. */
  async look(): Promise<void> {
    await this.#clock.untilIdle();
    this.#clock.wake();
    await this.#clock.untilIdle();
  }
}
