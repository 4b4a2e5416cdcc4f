import type { Clock } from '../../base/clock.ts';
import { LEASE_MS, type LeaseRecord, RENEW_DEADLINE_MS } from './lease.ts';

/** A Lease as it was seen last. */
export interface Sighting {
  /** `undefined`: it was there once, and is gone. */
  readonly record: LeaseRecord | undefined;
  /** Since when (monotonic) it has been seen as it is. */
  readonly changedAt: number;
}

/** A copy counts as gone when its Lease has stood still for so long; then anybody may remove that. */
const FORGET_MS = 4 * LEASE_MS;

/**
 * What was seen of all Leases, and when by this process's own clock: the times that stand in them are never read. Nothing is concluded
 * from a time in which nobody looked: after a gap every Lease is taken for freshly renewed.
 */
export class Sightings {
  readonly #clock: Clock;
  #seen: ReadonlyMap<string, Sighting> = new Map();
  /** Since when there was no gap, and the last look. */
  #since: number | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Since when each other copy has been seen alive without a break. */
  readonly #copies = new Map<string, number>();
  /** Another copy was seen, alive or not. */
  #company = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A look that was asked for at `askedAt` has come. */
  take(records: readonly LeaseRecord[], askedAt: number, self: string): void {
    const now = this.#clock.monotonic();
    const gap = askedAt - this.#lookedAt > RENEW_DEADLINE_MS;
    if (gap) this.#since = now;
    this.#lookedAt = now;
    const seen = new Map<string, Sighting>();
    const found = new Map(records.map((record) => [record.name, record]));
    for (const name of new Set([...this.#seen.keys(), ...found.keys()])) {
      const before = this.#seen.get(name);
      const record = found.get(name);
      const same =
        before !== undefined &&
        before.record?.resourceVersion === record?.resourceVersion &&
        before.record?.uid === record?.uid;
      const changedAt = same && !gap ? before.changedAt : now;
      if (record === undefined && now - changedAt > FORGET_MS) continue;
      seen.set(name, same && !gap ? before : { record, changedAt });
    }
    this.#seen = seen;
    this.#countCopies(self, now, gap);
  }

  get(name: string): Sighting | undefined {
    return this.#seen.get(name);
  }

  /** Own writes are known before they are seen. */
  note(record: LeaseRecord): void {
    const seen = new Map(this.#seen);
    seen.set(record.name, { record, changedAt: this.#clock.monotonic() });
    this.#seen = seen;
  }

  /** Somebody looked so lately that what was seen still stands. */
  get isFresh(): boolean {
    return this.#clock.monotonic() - this.#lookedAt <= RENEW_DEADLINE_MS;
  }

  /** Others that are alive, and for how long already. */
  copies(): ReadonlyMap<string, number> {
    const now = this.#clock.monotonic();
    return new Map([...this.#copies].map(([copy, since]) => [copy, now - since]));
  }

  /** Leases of copies that are gone. */
  dead(): readonly LeaseRecord[] {
    const now = this.#clock.monotonic();
    return [...this.#seen.values()].flatMap(({ record, changedAt }) =>
      record?.copyOf !== undefined && now - changedAt > FORGET_MS ? [record] : [],
    );
  }

  /**
   * From when on (monotonic) nobody can believe that a Lease is theirs. `undefined`: that cannot be said before the next look.
   * A holder that lets go says so; everything else, an empty holder by somebody's hand and a Lease that was deleted included, counts
   * from when it was seen last.
   */
  freeFrom(name: string, self: string): number | undefined {
    const sighting = this.#seen.get(name);
    if (this.#since === undefined) return undefined;
    if (sighting === undefined) {
      // Who was alone all the time needs to wait for nobody.
      return this.#company ? this.#since + LEASE_MS : this.#since;
    }
    const { record, changedAt } = sighting;
    if (record?.released === true || record?.holder === self) return changedAt;
    return changedAt + LEASE_MS;
  }

  #countCopies(self: string, now: number, gap: boolean): void {
    if (gap) this.#copies.clear();
    const live = new Set<string>();
    for (const { record, changedAt } of this.#seen.values()) {
      const copy = record?.copyOf;
      if (copy === undefined || copy === self) continue;
      this.#company = true;
      if (now - changedAt < LEASE_MS) live.add(copy);
    }
    for (const copy of this.#copies.keys()) if (!live.has(copy)) this.#copies.delete(copy);
    for (const copy of live) if (!this.#copies.has(copy)) this.#copies.set(copy, now);
  }
}
