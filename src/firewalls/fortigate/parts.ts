import type { Clock } from '../../base/clock.ts';
import type { TableId } from './rows.ts';

/** What a whole reading reads, piece by piece: the mode of translation, tables, and what is in feeds of ours. */
export type Part = 'mode' | `table ${TableId}` | `feed ${string}`;

/** However fast changes of members follow each other, everything is read so often. */
export const WHOLE_MS = 10_000;
/** In a stream of changes parts are read beside them, so that all have had their turn by then. */
export const TURN_MS = 8_000;

/** When each part was read that a snapshot consists of. */
export class Parts {
  readonly #clock: Clock;
  readonly #readAt = new Map<Part, number>();
  /** How many have their turn, and since when (monotonic) more come to that. */
  #turns = 0;
  #since = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** These are all, and were read from then on (monotonic). */
  all(parts: Iterable<Part>, at: number): void {
    this.#readAt.clear();
    for (const part of parts) this.#readAt.set(part, at);
    this.#turns = 0;
    this.#since = at;
  }

  /** These were read anew, from then on, and are as they were. */
  read(parts: Iterable<Part>, at: number): void {
    for (const part of parts) this.#readAt.set(part, at);
  }

  /** How long ago (in milliseconds) a part was read; endless where it was not. */
  age(part: Part): number {
    return this.#clock.monotonic() - (this.#readAt.get(part) ?? Number.NEGATIVE_INFINITY);
  }

  /** Something was read too long ago, or nothing was read yet. */
  get areDue(): boolean {
    let oldest = this.#readAt.size === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    for (const at of this.#readAt.values()) oldest = Math.min(oldest, at);
    return this.#clock.monotonic() - oldest >= WHOLE_MS;
  }

  /**
   * Those whose turn it is, the oldest first, but for some that are read anyway. As many turns come as are enough for the others: whoever is older than
   * one of them is one of them too, or was read meanwhile.
   */
  next(but: ReadonlySet<Part>): readonly Part[] {
    const now = this.#clock.monotonic();
    const others = [...this.#readAt].filter(([part]) => !but.has(part)).toSorted(([, a], [, b]) => a - b);
    this.#turns = Math.min(others.length, this.#turns + (others.length * (now - this.#since)) / TURN_MS);
    this.#since = now;
    const found = others.slice(0, Math.floor(this.#turns)).map(([part]) => part);
    this.#turns -= found.length;
    return found;
  }
}
