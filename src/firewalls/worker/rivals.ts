import type { Clock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Actual } from '../driver.ts';

/** So often another writer's work is overruled at once: somebody's `apply`, a copy that took over. */
const AT_ONCE = 3;
/** Pauses before each time more, doubling. */
const FIRST_MS = 30_000;
const LONGEST_MS = 600_000;
/** Until it counts as new again. */
const REMEMBERED_MS = 3_600_000;

/**
 * Two installations with one cluster name and one firewall undo each other's work for ever. Where the device tells that somebody with our
 * marks wrote, it is overruled with growing pauses only, and people are told. Hands without our marks are another matter: what they
 * change is repaired at once, always.
 */
export class Rivals {
  readonly #clock: Clock;
  #overruled: readonly number[] = [];
  #present: string | undefined;
  /** Something was written beside a pause, so that the device names us now, though the other one's work still stands. */
  #hurried = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a reading told of. */
  seen(rival: string | undefined): void {
    if (rival !== undefined || !this.#hurried) this.#present = rival;
  }

  /** Another one's work stands on the device: what is written may have to wait. */
  get isNear(): boolean {
    return this.#present !== undefined;
  }

  /**
   * Before each write; throws RIVAL_WRITER where it has to wait. `releases`: it takes an address away that we gave up, which waits for
   * nobody; asked only where there is a pause.
   */
  overrule(releases: () => boolean): void {
    if (this.#present === undefined) return;
    const now = this.#clock.monotonic();
    this.#overruled = this.#overruled.filter((at) => now - at < REMEMBERED_MS);
    const more = this.#overruled.length - AT_ONCE;
    const pause = more < 0 ? 0 : Math.min(FIRST_MS * 2 ** more, LONGEST_MS);
    const left = (this.#overruled.at(-1) ?? Number.NEGATIVE_INFINITY) + pause - now;
    if (left > 0 && releases()) this.#hurried = true;
    else if (left > 0)
      throw new SallyportError(
        'RIVAL_WRITER',
        `another Sallyport with the same cluster name (its mark: ${this.#present}) undid our work ${this.#overruled.length} times within the hour; overruled again in ${Math.ceil(left / 1_000)} s`,
      );
    else {
      this.#overruled = [...this.#overruled, now];
      this.#present = undefined;
      this.#hurried = false;
    }
  }
}

/** Whether the device has an address that it had of us, as it was confirmed last, and that is wanted no more. */
export function holdsGivenUp({ behaviour }: Actual, confirmed: Ruleset | undefined, wanted: Ruleset): boolean {
  if (confirmed === undefined) return false;
  for (const address of behaviour.senders.keys())
    if (confirmed.members.has(address) && !wanted.members.has(address)) return true;
  return false;
}
