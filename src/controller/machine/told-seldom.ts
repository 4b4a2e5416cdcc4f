import type { Clock } from '../../base/clock.ts';

/** What is told again is told after so long at the soonest. */
export const AGAIN_MS = 60_000;

/** What happened since it was told last. */
interface Untold {
  times: number;
  problem: string;
}

/**
 * What anybody can make happen, with each question or answer: it is counted when it happens, and told when `step` finds it, each kind at most once a
 * minute, with how often it happened since. So nobody fills a log from outside.
 */
export class ToldSeldom<Kind extends string> {
  readonly #clock: Clock;
  readonly #tell: (kind: Kind, times: number, problem: string) => void;
  readonly #untold = new Map<Kind, Untold>();
  /** Monotonic. */
  readonly #toldAt = new Map<Kind, number>();

  /** `tell` hears the kind, how often it happened since it was told last, and the problem of the last time. */
  constructor(clock: Clock, tell: (kind: Kind, times: number, problem: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** It happened. `problem`: in words, for what differs from time to time; it may have been made by others. */
  note(kind: Kind, problem = ''): void {
    const untold = this.#untold.get(kind);
    if (untold === undefined) this.#untold.set(kind, { times: 1, problem });
    else {
      untold.times++;
      untold.problem = problem;
    }
  }

  /** Tells what is due. */
  step(): void {
    const now = this.#clock.monotonic();
    for (const [kind, { times, problem }] of this.#untold) {
      if (now - (this.#toldAt.get(kind) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) continue;
      this.#toldAt.set(kind, now);
      this.#untold.delete(kind);
      this.#tell(kind, times, problem);
    }
  }
}
