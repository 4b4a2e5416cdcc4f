import type { Blame } from '../../base/catalogue/entry.ts';
import type { Clock } from '../../base/clock.ts';
import type { SallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';

/** Pauses before the next try, by who has to act: the first, and the longest that doubling leads to. `undefined`: no next try. */
const PAUSES: Readonly<Record<Blame, { readonly firstMs: number; readonly longestMs: number } | undefined>> = {
  transient: { firstMs: 500, longestMs: 60_000 },
  // Reading again is the cure; the pause is only there for the case that it does not help.
  conflict: { firstMs: 20, longestMs: 5_000 },
  // The device will say no again, until somebody changes something there that we cannot see.
  rejected: { firstMs: 30_000, longestMs: 600_000 },
  input: { firstMs: 30_000, longestMs: 600_000 },
  bug: undefined,
};

/** Grows with failures of one firewall in a row; looks at the class of the error, never at its message. */
class Pause {
  #failures = 0;
  #blame: Blame | undefined;

  /** How long to wait after this failure; `undefined`: until something changes. */
  after(blame: Blame): number | undefined {
    this.#failures = this.#blame === blame ? this.#failures + 1 : 0;
    this.#blame = blame;
    const pause = PAUSES[blame];
    return pause === undefined ? undefined : Math.min(pause.firstMs * 2 ** this.#failures, pause.longestMs);
  }

  /** Something worked. */
  reset(): void {
    this.#failures = 0;
    this.#blame = undefined;
  }
}

/** Why and until when nothing is tried after a failure, and for which wish. */
export class Setback {
  readonly #clock: Clock;
  readonly #pause = new Pause();
  #last: { readonly error: SallyportError; readonly until: number; readonly wished: Ruleset | undefined } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What was tried for a wish failed. Milliseconds until the next try; `undefined`: none until something changes. */
  after(error: SallyportError, wished: Ruleset | undefined): number | undefined {
    const pauseMs = this.#pause.after(error.blame);
    const until = pauseMs === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() + pauseMs;
    this.#last = { error, until, wished };
    return pauseMs;
  }

  /** Milliseconds left of the pause, unless it was about a wish that is no longer the newest; `undefined`: there is none. */
  left(newest: Ruleset | undefined): number | undefined {
    if (this.#last === undefined) return undefined;
    const { error, until, wished } = this.#last;
    const passing = error.blame === 'transient' || error.blame === 'conflict';
    const left = until - this.#clock.monotonic();
    return left <= 0 || (!passing && wished !== newest) ? undefined : left;
  }

  /** Something else may help: it is tried at once. Pauses after failures in a row go on growing. */
  retry(): void {
    this.#last = undefined;
  }

  /** Something worked. */
  over(): void {
    this.#last = undefined;
    this.#pause.reset();
  }
}
