import type { Clock } from '../../base/clock.ts';
import { HOUR_MS } from './guard-memory.ts';

/** How long a yes stands: after it, what the person looked at may be forgotten. */
const LAPSE_MS = HOUR_MS;

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

  /** The yes to one plan stands for another one as well: for what is left of it. */
  extend(digest: string, to: string): void {
    const at = this.#given.get(digest);
    if (at !== undefined) this.#given.set(to, at);
  }

  /** Each yes that still stands, and when it was said (milliseconds since the epoch). */
  standing(): [string, number][] {
    const ahead = this.#clock.wall() - this.#clock.monotonic();
    return [...this.#given]
      .filter(([digest]) => this.has(digest))
      .map(([digest, at]) => [digest, Math.max(0, Math.floor(at + ahead))]);
  }

  /** Takes over what an earlier process was told. What was said in times to come does not count: nobody knows how old it is. */
  takeOver(standing: readonly (readonly [string, number])[]): void {
    for (const [digest, at] of standing) {
      const ageMs = this.#clock.wall() - at;
      if (ageMs >= 0 && ageMs < LAPSE_MS && !this.#given.has(digest)) this.give(digest, ageMs);
    }
  }

  get isEmpty(): boolean {
    return this.#given.size === 0;
  }

  /** Forgets every yes: what they were for was done, or is no longer so. */
  clear(): void {
    this.#given.clear();
  }
}
