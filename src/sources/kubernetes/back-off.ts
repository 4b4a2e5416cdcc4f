const SHORTEST_MS = 500;
const LONGEST_MS = 30_000;

/** How long to wait after a failure: longer each time, between half a second and thirty, and never all at the same time. */
export class BackOff {
  readonly #random: () => number;
  #failures = 0;

  /** `random`: from 0 up to 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** In a row. */
  get failures(): number {
    return this.#failures;
  }

  /** It works. */
  reset(): void {
    this.#failures = 0;
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    const most = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    return Math.max(SHORTEST_MS, most * (0.5 + 0.5 * this.#random()));
  }
}
