import type { Clock } from '../../../base/clock.ts';
import type { ManagedFirewall } from './managed.ts';

/** Pauses before the next push to a firewall that refused one, doubling: a push takes minutes, and fails until somebody mends something. */
const FIRST_MS = 30_000;
const LONGEST_MS = 600_000;

interface Rest {
  readonly digest: string;
  readonly words: string;
  readonly pauseMs: number;
  readonly until: number;
}

/** Firewalls that refused what was pushed to them, so that the others need not wait for them. */
export class Resting {
  readonly #clock: Clock;
  readonly #rests = new Map<string, Rest>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  refused({ serial, title }: ManagedFirewall, digest: string, said: string): void {
    const known = this.#rests.get(serial);
    const pauseMs = known?.digest === digest ? Math.min(known.pauseMs * 2, LONGEST_MS) : FIRST_MS;
    const words = `${title} refuses what is pushed to it, and keeps what it has: ${said}`;
    this.#rests.set(serial, { digest, words, pauseMs, until: this.#clock.monotonic() + pauseMs });
  }

  took(serial: string): void {
    this.#rests.delete(serial);
  }

  /** Serials that it is not the time to push to again, with what they refused: something else may help, and is tried at once. */
  now(): ReadonlyMap<string, string> {
    const at = this.#clock.monotonic();
    return new Map([...this.#rests].flatMap(([serial, { digest, until }]) => (at < until ? [[serial, digest]] : [])));
  }

  /** What it said, for people. */
  wordsOf(serial: string): string {
    return this.#rests.get(serial)?.words ?? '';
  }
}
