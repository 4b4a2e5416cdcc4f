import type { Clock } from '../../base/clock.ts';
import { HOUR_MS } from './guard-memory.ts';

/** Counts of one minute are kept together. */
const MINUTE_MS = 60_000;

/** Who changed within the last hour, in one direction. An owner counts once, but for those of an earlier process, whose names are not kept. */
export class GuardHour {
  readonly #clock: Clock;
  /** Owner → monotonic time of its last change. */
  readonly #owners = new Map<string, number>();
  /** Of earlier processes: monotonic time, which may lie before the start, and how many. */
  #nameless: (readonly [at: number, count: number])[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many changed within the hour, if these do now. */
  with(owners: ReadonlySet<string>): number {
    this.#forget();
    const nameless = this.#nameless.reduce((sum, [, count]) => sum + count, 0);
    return nameless + new Set([...this.#owners.keys(), ...owners]).size;
  }

  add(owners: ReadonlySet<string>): void {
    const now = this.#clock.monotonic();
    for (const owner of owners) this.#owners.set(owner, now);
  }

  /** How many changed about which moment (milliseconds since the epoch), at most an hour ago; told as late as may be. */
  counts(): [number, number][] {
    this.#forget();
    const ahead = this.#clock.wall() - this.#clock.monotonic();
    const minutes = new Map<number, number>();
    const put = (at: number, count: number): void => {
      const minute = Math.ceil((at + ahead) / MINUTE_MS) * MINUTE_MS;
      minutes.set(minute, (minutes.get(minute) ?? 0) + count);
    };
    for (const at of this.#owners.values()) put(at, 1);
    for (const [at, count] of this.#nameless) put(at, count);
    return [...minutes].toSorted(([a], [b]) => a - b);
  }

  /** Takes over what an earlier process counted. What is said to come yet was just now: the clock was set back. */
  takeOver(counts: readonly (readonly [number, number])[]): void {
    const now = this.#clock.monotonic();
    const ahead = this.#clock.wall() - now;
    for (const [at, count] of counts) this.#nameless.push([Math.min(at - ahead, now), count]);
  }

  get isEmpty(): boolean {
    this.#forget();
    return this.#owners.size === 0 && this.#nameless.length === 0;
  }

  #forget(): void {
    const before = this.#clock.monotonic() - HOUR_MS;
    for (const [owner, at] of this.#owners) if (at <= before) this.#owners.delete(owner);
    this.#nameless = this.#nameless.filter(([at]) => at > before);
  }
}
