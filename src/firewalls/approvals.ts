import type { Clock } from '../base/clock.ts';

/** How long a yes stands: after it, what the person looked at may be forgotten. */
const LAPSE_MS = 3_600_000;

/** The yes of a person, each to one plan's digest. It lapses after an hour; a plan that changes has another digest. */
export class Approvals {
  readonly #clock: Clock;
  readonly #given = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `ageMs`: how long ago it was said. */
  give(digest: string, ageMs = 0): void {
    this.#given.set(digest, this.#clock.monotonic() - ageMs);
  }

  has(digest: string): boolean {
    const at = this.#given.get(digest);
    if (at === undefined) return false;
    if (this.#clock.monotonic() - at < LAPSE_MS) return true;
    this.#given.delete(digest);
    return false;
  }

  get isEmpty(): boolean {
    return this.#given.size === 0;
  }

  /** Forgets every yes: what they were for was done, or is no longer so. */
  clear(): void {
    this.#given.clear();
  }
}
