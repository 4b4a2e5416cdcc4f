import type { Clock } from '../base/clock.ts';

/** So short a while before a write it was looked at, answers included. */
const RIGHT_BEFORE_MS = 500;

/**
 * What a write rests on, looked at right before it for the question whether a plan may go from an earlier reading: the first write of that plan need not ask
 * the same once more. By both clocks, since a process that sleeps may have been overtaken: one of them stands still on a machine that is suspended.
 */
export class LastLook<T> {
  readonly #clock: Clock;
  #last: { readonly found: T; readonly monotonic: number; readonly wall: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Looks; `undefined`: something is not as it was read. */
  async look(asking: () => Promise<T | undefined>): Promise<T | undefined> {
    this.#last = undefined;
    const [monotonic, wall] = [this.#clock.monotonic(), this.#clock.wall()];
    const found = await asking();
    this.#last = found === undefined ? undefined : { found, monotonic, wall };
    return found;
  }

  /** What was found, if that was right before now; it counts once. */
  take(): T | undefined {
    const last = this.#last;
    this.#last = undefined;
    if (last === undefined || this.#clock.monotonic() - last.monotonic >= RIGHT_BEFORE_MS) return undefined;
    return Math.abs(this.#clock.wall() - last.wall) < RIGHT_BEFORE_MS ? last.found : undefined;
  }
}
