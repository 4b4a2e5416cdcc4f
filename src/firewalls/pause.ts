import type { Blame } from '../base/catalogue/entry.ts';

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
export class Pause {
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
