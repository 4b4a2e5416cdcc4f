import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { Owners } from '../guard/interim.ts';

/** What a firewall should hold, or why nobody can say. */
export type Wish =
  | { readonly kind: 'ruleset'; readonly ruleset: Ruleset; readonly owners?: Owners; readonly version?: number }
  /** A source that feeds it has not delivered, or its own object is broken: nothing is planned and nothing written. */
  | { readonly kind: 'unknown'; readonly reason: string }
  /** A source is lost: what was wished last stays, or the ruleset that comes along: the same less what another source proves gone. */
  | { readonly kind: 'frozen'; readonly reason: string; readonly ruleset?: Ruleset; readonly owners?: Owners };

/** A ruleset that was wished for. */
export interface Wished {
  readonly ruleset: Ruleset;
  readonly owners: Owners | undefined;
  readonly version: number;
}

/** Whether the wish that steps are for still counts. `forbidden`: nothing may be written any more, by nobody's newer wish. */
export type WishStanding = 'newest' | 'overtaken' | 'forbidden';

/** A version that was confirmed, and the milliseconds since it was wished for. */
export interface Fulfilled {
  readonly version: number;
  readonly ms: number;
}

/** While a plan waits for days, only so many of the wishes since then are timed. */
const MOST_OPEN = 10_000;

/** Wishes that follow one another within this time are a stream; of the same instant they are one. */
const STREAM_MS = 50;

/** Nothing follows from some wishes but that they are confirmed: so long they wait for more of that kind, as there may be a hundred a second. */
export const GATHER_MS = 100;

/** The newest wish, and how long the ones that are not fulfilled have been waiting. */
export class Wishes {
  readonly #clock: Clock;
  #latest: Wish | { readonly kind: 'none' } = { kind: 'none' };
  #wished: Wished | undefined;
  #open: { readonly version: number; readonly at: number }[] = [];
  /** When the newest wish came (monotonic), and how long after the one before. */
  #cameAt = Number.NEGATIVE_INFINITY;
  #gap = Number.POSITIVE_INFINITY;
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get latest(): Wish | { readonly kind: 'none' } {
    return this.#latest;
  }

  /** What to go for; `undefined` where nothing may be planned. */
  get wished(): Wished | undefined {
    return this.#latest.kind === 'unknown' ? undefined : this.#wished;
  }

  get version(): number | undefined {
    return this.#wished?.version;
  }

  /** What became of a wish while its steps are carried out. */
  standingOf(wished: Wished): WishStanding {
    const newest = this.wished;
    if (newest === undefined) return 'forbidden';
    return newest === wished ? 'newest' : 'overtaken';
  }

  /**
   * Takes over a wish. `held`: what the device holds as it is wished; absent: it does not. Gives whether nothing follows from it: it is for the very ruleset
   * that is held, and no address changed hands but such as nobody had before, or nobody has now, which that ruleset lets nobody send from.
   */
  wish(wish: Wish, held?: { readonly ruleset: Ruleset }): boolean {
    const before = this.#latest.kind === 'ruleset' ? this.#wished : undefined;
    this.#take(wish);
    const now = wish.kind === 'ruleset' ? this.#wished : undefined;
    if (held === undefined || now?.ruleset !== held.ruleset || before?.ruleset !== held.ruleset) return false;
    if (before.owners === undefined || now.owners === undefined) return before.owners === now.owners;
    return before.owners.difference(now.owners).changed.length === 0;
  }

  #take(wish: Wish): void {
    this.#latest = wish;
    const now = this.#clock.monotonic();
    this.#gap = now - this.#cameAt;
    this.#cameAt = now;
    for (const resolve of this.#waiting) resolve();
    if (wish.kind === 'unknown' || wish.ruleset === undefined) return;
    // What a lost source leaves is of the version it was made from: nothing of a later one is in it.
    const last = this.#wished?.version ?? 0;
    const version = wish.kind === 'frozen' ? last : (wish.version ?? last + 1);
    this.#wished = { ruleset: wish.ruleset, owners: wish.owners, version };
    if (this.#open.length < MOST_OPEN) this.#open.push({ version, at: now });
  }

  /** In a stream of wishes: resolves when the next one comes, when it is time that it had come, or with the signal. Else at once. */
  async lull(signal: AbortSignal): Promise<void> {
    const left = STREAM_MS - (this.#clock.monotonic() - this.#cameAt);
    if (this.#gap === 0 || this.#gap > STREAM_MS || left <= 0) return;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    signal.addEventListener('abort', end, { once: true });
    await Promise.race([elapsed(this.#clock, left, ended.signal), this.next(ended.signal)]);
    signal.removeEventListener('abort', end);
    end();
  }

  /** Resolves when the next wish comes, or with the signal. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.#waiting.delete(end);
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.#waiting.add(end);
      signal.addEventListener('abort', end, { once: true });
    });
  }

  /** A wish was read back whole; earlier ones that it overtook are fulfilled with it. */
  fulfil(version: number): readonly Fulfilled[] {
    const now = this.#clock.monotonic();
    const done = this.#open.filter((one) => one.version <= version);
    this.#open = this.#open.filter((one) => one.version > version);
    return done.map((one) => ({ version: one.version, ms: now - one.at }));
  }
}
