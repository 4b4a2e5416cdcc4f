import type { Clock } from '../base/clock.ts';
import type { Epoch } from '../base/epoch.ts';

/** The right to write to one firewall (design invariant 8). */
export interface WriterLock {
  /** True only while one more request, at its longest, ends before the right does. Asked before each write; never waits. */
  held(): boolean;
  /** Calls back whenever `held` may give something else than it gave last; returns the end of it. */
  onChange(callback: () => void): () => void;
}

/** For a process that is alone by other means: a lock file, one run of `sallyport apply`. */
export const soleWriter: WriterLock = { held: () => true, onChange: () => () => {} };

/**
 * A lease, judged by this process's own monotonic clock: whoever renews it tells when the request for the renewal was *sent*, because
 * the lease runs from then at the earliest. A process that slept finds it expired before it writes again; so does one whose machine was
 * suspended, where the monotonic clock stood still and only the wall clock tells.
 */
export class TimedLock implements WriterLock {
  readonly #clock: Clock;
  readonly #marginMs: number;
  readonly #watchers = new Set<() => void>();
  #until = Number.NEGATIVE_INFINITY;
  /** How far the wall clock was ahead of the monotonic one at the last renewal. */
  #ahead = 0;
  /** Somebody may believe that it is not held. */
  #isDenied = true;

  /** `marginMs`: longer than the deadline of one write. */
  constructor(clock: Clock, marginMs: number) {
    this.#clock = clock;
    this.#marginMs = marginMs;
  }

  held(): boolean {
    const now = this.#clock.monotonic();
    const suspended = Math.max(0, this.#clock.wall() - now - this.#ahead);
    const isHeld = now + suspended + this.#marginMs < this.#until;
    this.#isDenied ||= !isHeld;
    return isHeld;
  }

  /** The lease was granted for `durationMs` by a request that was sent at `sentAt` (monotonic). */
  renewed(sentAt: number, durationMs: number): void {
    const isAsBefore = this.held() && !this.#isDenied;
    this.#until = sentAt + durationMs;
    this.#ahead = this.#clock.wall() - this.#clock.monotonic();
    // Most renewals change nothing for anybody, and whoever is called reads a device.
    if (isAsBefore && this.held()) return;
    this.#isDenied = false;
    this.#notify();
  }

  /** The lease was given up or is somebody else's. */
  lost(): void {
    this.#until = Number.NEGATIVE_INFINITY;
    this.#notify();
  }

  onChange(callback: () => void): () => void {
    this.#watchers.add(callback);
    return () => {
      this.#watchers.delete(callback);
    };
  }

  #notify(): void {
    for (const callback of this.#watchers) callback();
  }
}

/** Which of all writers of a firewall this one is, for devices that keep a mark of that. */
export interface WriterEpoch {
  now(): Epoch;
  /** The device has the mark of a later epoch of the same Lease: this copy writes nothing before it has a later one still. */
  outranked(by: number): void;
}
