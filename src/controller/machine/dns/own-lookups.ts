import { background } from '../../../base/background.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import { TYPE } from '../../../machine/dns/message.ts';

/** Names are asked for anew when their addresses end, but not sooner or later than this. */
const LEAST_MS = 10_000;
const MOST_MS = 3_600_000;
/** A name without addresses is asked for again after. */
const NOTHING_MS = 60_000;
/** Names asked for at a time. */
const MOST_AT_ONCE = 20;

/**
 * Asks for the names that policies spell out, before any client does and whenever their addresses end: clients may know an address from
 * before, or from elsewhere. Patterns are known by what clients ask for alone.
 */
export class OwnLookups {
  readonly #lookUp: (name: string, type: number) => Promise<number | undefined>;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By name, when it is due. */
  #due = new Map<string, number>();
  readonly #asking = new Set<string>();

  constructor(options: {
    readonly lookUp: (name: string, type: number) => Promise<number | undefined>;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#lookUp = options.lookUp;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** The names from now on; new ones are due at once. */
  follow(names: ReadonlySet<string>): void {
    this.#due = new Map([...names].map((name) => [name, this.#due.get(name) ?? Number.NEGATIVE_INFINITY]));
  }

  /** Begins what is due. */
  step(): void {
    const now = this.#clock.monotonic();
    for (const [name, due] of this.#due) {
      if (this.#asking.size >= MOST_AT_ONCE) return;
      if (due > now || this.#asking.has(name)) continue;
      this.#asking.add(name);
      background('DNS lookup', this.#ask(name), this.#log);
    }
  }

  async #ask(name: string): Promise<void> {
    let wait = LEAST_MS;
    try {
      const found = await Promise.all([this.#lookUp(name, TYPE.a), this.#lookUp(name, TYPE.aaaa)]);
      const ends = found.filter((seconds) => seconds !== undefined && seconds > 0) as number[];
      if (ends.length > 0) wait = Math.min(Math.max(Math.min(...ends) * 1_000, LEAST_MS), MOST_MS);
      else if (!found.includes(undefined)) wait = NOTHING_MS;
    } finally {
      this.#asking.delete(name);
      if (this.#due.has(name)) this.#due.set(name, this.#clock.monotonic() + wait);
      this.step();
    }
  }
}
