import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import { compareUtf8 } from '../../base/compare.ts';
import { type Epoch, nextEpoch } from '../../base/epoch.ts';
import { SallyportError, toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { type NextRound, Rounds } from '../../base/rounds.ts';
import { type LeasePlace, type LeaseRecord, leasePlace } from './lease.ts';
import { type LeaseStore, isOutdated } from './lease-store.ts';
import { shareOut } from './shares.ts';
import { Sightings } from './sightings.ts';
import { type Right, Tenure, jittered } from './tenure.ts';

/** Whoever works with the Leases. Callbacks return at once and do not throw. */
export interface Tenant {
  /** This copy has the Lease of a firewall; `right` is told for how long. */
  taken(firewall: string): Right;
  /** The right is gone. Resolves when nothing is under way on the firewall any more; rejects where nobody knows. */
  ended(firewall: string): Promise<void>;
  /** Nothing is half done there, so that another copy may go on. */
  idle(firewall: string): boolean;
  /** `isUnkept` says something else now. */
  unkept?(): void;
}

export interface CopiesOptions {
  readonly store: LeaseStore;
  readonly cluster: string;
  /** This process: no other one may ever have the same. */
  readonly identity: string;
  readonly tenant: Tenant;
  readonly clock: Clock;
  readonly log: Log;
  /** Where this copy answers other copies; absent: nowhere. */
  readonly readiness?: string;
  /** 0 to 1, for pauses. */
  readonly random: () => number;
}

/** A copy is believed to stay when it has been there for so long: firewalls are handed over to such alone. */
const SETTLED_MS = 30_000;
/** A firewall is handed over once in this time: it may come back because the other copy has no use for it. */
const HAND_OVER_AGAIN_MS = 600_000;
/** The copy whose share a firewall is goes first: others wait for so long after a Lease ran out, and after its holder let go. */
const AFTER_EXPIRY_MS = 1_000;
const AFTER_RELEASE_MS = 3_000;
/** A copy that is restarted, and its machine with it, is back by then: before, nothing is said of a firewall that nobody has. */
const UNKEPT_MS = 30_000;
const NONE: ReadonlySet<string> = new Set();

/**
 * This copy among all of its cluster: shows that it is alive by a Lease of its own, takes the Leases of firewalls that are free, its
 * share first, and hands over what is the share of another. Every copy comes to the same shares by itself (`shareOut`).
 */
export class Copies {
  readonly #options: CopiesOptions;
  readonly #sightings: Sightings;
  readonly #looks: Rounds;
  readonly #beats: Rounds;
  readonly #self: LeasePlace;
  readonly #began: number;
  readonly #stop = new AbortController();
  readonly #tenures = new Map<string, Tenure>();
  readonly #ending = new Map<string, Promise<void>>();
  readonly #handedOver = new Map<string, number>();
  /** Why a Lease could not be taken, as it was said last. */
  readonly #refused = new Map<string, string>();
  /** With whom each firewall belongs together. */
  #wanted: ReadonlyMap<string, string> | undefined;
  /** Those that this copy cannot work at where it is. */
  #cannot: ReadonlySet<string> = NONE;
  /** Of which of them it was told last that nobody has them. */
  #unkept = '';
  #own: LeaseRecord | undefined;
  #looked = false;
  #told = '';

  constructor(options: CopiesOptions) {
    this.#options = options;
    this.#sightings = new Sightings(options.clock);
    this.#looks = new Rounds(options.clock, () => this.#look());
    this.#beats = new Rounds(options.clock, () => this.#beat());
    this.#self = leasePlace('copy', options.cluster, options.identity);
    this.#began = options.clock.wall();
  }

  /**
   * The firewalls that there are, each with the name of those that belong together: they go to one copy. A copy that was not told yet
   * takes part in nothing. `cannot`: those that this copy cannot work at where it is; it takes none of them, and lets go of those it has.
   */
  want(firewalls: ReadonlyMap<string, string>, cannot: ReadonlySet<string> = NONE): void {
    const before = this.#wanted;
    const unable = this.#cannot.size !== cannot.size || [...cannot].some((name) => !this.#cannot.has(name));
    this.#wanted = new Map(firewalls);
    this.#cannot = cannot;
    const known = before?.size === firewalls.size && [...firewalls].every(([name, unit]) => before.get(name) === unit);
    if (!known || unable) this.#looks.request();
    if (before === undefined) this.#beats.request();
  }

  /**
   * Nobody has taken a firewall that this copy cannot work at, for longer than a restart takes, and it is this copy that says so. As long as
   * they see each other one of all copies that cannot is, and where two are, both say the same.
   */
  isUnkept(firewall: string): boolean {
    const { clock, identity } = this.#options;
    if (!this.#cannot.has(firewall) || !this.#sightings.isFresh) return false;
    const free = this.#sightings.freeFrom(this.#place(firewall).name, identity);
    if (free === undefined || clock.monotonic() < free + UNKEPT_MS) return false;
    const others = [...this.#sightings.copies().keys()].filter((copy) => this.#cannotOf(copy).has(firewall));
    return others.every((copy) => compareUtf8(identity, copy) < 0);
  }

  /** What the holders of a firewall's Lease left there, this copy's own last word included; `undefined`: nothing, or it is not ours. */
  memory(firewall: string): string | undefined {
    return this.#tenures.get(firewall)?.memory;
  }

  /** Leaves something to whoever has the Lease of a firewall next. Rejects where it may not be there. */
  async keep(firewall: string, memory: string): Promise<void> {
    const tenure = this.#tenures.get(firewall);
    if (tenure === undefined) throw new SallyportError('NOT_THE_WRITER', `the Lease of ${firewall} is not held`);
    await tenure.keep(memory);
  }

  /** Whether this copy holds the Lease of a firewall, and in which epoch. */
  epoch(firewall: string): Epoch | undefined {
    const tenure = this.#tenures.get(firewall);
    return tenure?.isHeld === true ? tenure.epoch : undefined;
  }

  /** Who holds it, as seen last; for people. */
  holder(firewall: string): string | undefined {
    if (this.epoch(firewall) !== undefined) return this.#options.identity;
    const holder = this.#sightings.get(this.#place(firewall).name)?.record?.holder;
    return holder === '' ? undefined : holder;
  }

  /** Where the copy that holds a firewall is asked what it has confirmed, as that copy wrote it; `undefined`: it is this copy, or nobody says. */
  readinessOf(firewall: string): string | undefined {
    const holder = this.holder(firewall);
    if (holder === undefined || holder === this.#options.identity) return undefined;
    return this.#sightings.get(leasePlace('copy', this.#options.cluster, holder).name)?.record?.readiness;
  }

  /** The Leases have been seen: who writes what is known. */
  get looked(): boolean {
    return this.#looked;
  }

  /** A device bears a mark of a later epoch of our own Lease. */
  outranked(firewall: string, by: number): void {
    this.#tenures.get(firewall)?.outranked(by);
  }

  /** Nothing is under way on any firewall: gives everything back, so that others need not wait. */
  async close(): Promise<void> {
    await Promise.all([this.#looks.stop(), this.#beats.stop()]);
    await Promise.all(this.#ending.values());
    await Promise.all([...this.#tenures.values()].map((tenure) => tenure.release('empty')));
    this.#tenures.clear();
    if (this.#own !== undefined) await this.#removeCopy(this.#own);
    this.#stop.abort();
  }

  async #look(): Promise<NextRound> {
    const { store, clock, log, identity, random } = this.#options;
    if (this.#wanted === undefined) return undefined;
    const askedAt = clock.monotonic();
    try {
      const records = await store.list(this.#stop.signal);
      this.#told = '';
      this.#looked = true;
      this.#sightings.take(records, askedAt, identity);
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      if (this.#told !== code) log.warn({ code, error: message }, 'the Leases cannot be read');
      this.#told = code;
      this.#tellUnkept();
      return jittered(random);
    }
    const soonest = await this.#takeWhatIsFree();
    this.#handOver();
    this.#tellUnkept();
    return Math.min(jittered(random), Math.max(0, soonest - clock.monotonic()));
  }

  /** Shows that this copy is alive, and tidies up after those that are not. */
  async #beat(): Promise<NextRound> {
    const { store, clock, log, identity, random, readiness } = this.#options;
    const told = readiness === undefined ? {} : { readiness };
    const cannot = this.#cannot;
    const content = { holder: identity, epoch: 0, acquired: this.#began, renewed: clock.wall(), cannot, ...told };
    try {
      this.#own =
        this.#own === undefined
          ? await store.create(this.#self, content, this.#stop.signal)
          : await store.replace(this.#self, content, this.#own, this.#stop.signal);
    } catch (thrown) {
      const error = toSallyportError(thrown);
      if (error.blame === 'transient') return jittered(random);
      // Gone, changed by a hand, or made by a request whose answer was lost: the next time begins from what is there.
      this.#own = await store.get(this.#self.name, this.#stop.signal).catch(() => undefined);
      if (!isOutdated(error))
        log.debug({ code: error.code, error: error.message }, 'this copy could not show that it is alive');
    }
    for (const record of this.#sightings.dead()) await this.#removeCopy(record);
    return jittered(random);
  }

  /** Returns when the next one becomes free (monotonic), as far as is known. */
  async #takeWhatIsFree(): Promise<number> {
    const { clock, identity } = this.#options;
    const now = clock.monotonic();
    let soonest = Number.POSITIVE_INFINITY;
    const due: Promise<void>[] = [];
    for (const firewall of this.#wanted?.keys() ?? []) {
      if (this.#tenures.has(firewall) || this.#cannot.has(firewall)) continue;
      const { name } = this.#place(firewall);
      const free = this.#sightings.freeFrom(name, identity);
      if (free === undefined) continue;
      const from = free + this.#courtesy(firewall);
      if (from <= now) due.push(this.#take(firewall));
      else soonest = Math.min(soonest, from);
    }
    await Promise.all(due);
    return soonest;
  }

  /** How long to wait for the copy whose share a free firewall is. One that let its Lease run out is none. */
  #courtesy(firewall: string): number {
    const { identity } = this.#options;
    const record = this.#sightings.get(this.#place(firewall).name)?.record;
    const released = record?.released === true;
    const copies = [identity, ...this.#sightings.copies().keys()].filter((copy) => released || copy !== record?.holder);
    if (record?.holder === identity || this.#ownerOf(firewall, copies) === identity) return 0;
    return released ? AFTER_RELEASE_MS : AFTER_EXPIRY_MS;
  }

  #ownerOf(firewall: string, copies: readonly string[]): string | undefined {
    const wanted = this.#wanted ?? new Map<string, string>();
    // What belongs together goes to a copy that can work at all of it.
    const unable = new Map(
      copies.map((copy) => [copy, new Set([...this.#cannotOf(copy)].map((name) => wanted.get(name)))] as const),
    );
    const may = (unit: string, copy: string): boolean => unable.get(copy)?.has(unit) !== true;
    return shareOut(wanted.values(), copies, may).get(wanted.get(firewall) ?? '');
  }

  #cannotOf(copy: string): ReadonlySet<string> {
    const { cluster, identity } = this.#options;
    if (copy === identity) return this.#cannot;
    return this.#sightings.get(leasePlace('copy', cluster, copy).name)?.record?.cannot ?? NONE;
  }

  #tellUnkept(): void {
    const unkept = [...this.#cannot].filter((name) => this.isUnkept(name)).join(' ');
    if (unkept === this.#unkept) return;
    this.#unkept = unkept;
    this.#options.tenant.unkept?.();
  }

  async #take(firewall: string): Promise<void> {
    const { store, identity, clock, log, tenant, random } = this.#options;
    const place = this.#place(firewall);
    const before = this.#sightings.get(place.name)?.record;
    const sentAt = clock.monotonic();
    const wall = clock.wall();
    const epoch = before === undefined ? 1 : nextEpoch(before.epoch);
    const content = { holder: identity, epoch, acquired: wall, renewed: wall, memory: before?.memory };
    const { signal } = this.#stop;
    try {
      const record = await (before === undefined
        ? store.create(place, content, signal)
        : store.replace(place, content, before, signal));
      this.#sightings.note(record);
      this.#refused.delete(firewall);
      log.info(
        { firewall, lease: place.name, epoch, from: before?.holder ?? '' },
        'this copy writes to the firewall now',
      );
      const onLost = (): void => this.#end(firewall, 'lost');
      const right = tenant.taken(firewall);
      const options = { store, place, identity, clock, log, random, onLost };
      this.#tenures.set(firewall, new Tenure(options, record, right, sentAt));
    } catch (thrown) {
      // Somebody was quicker, or changed it: the next look tells.
      if (isOutdated(thrown)) return;
      const { code, message } = toSallyportError(thrown);
      // It is tried every two seconds; another reason is worth another line.
      if (this.#refused.get(firewall) === message) return;
      this.#refused.set(firewall, message);
      log.warn({ firewall, lease: place.name, code, error: message }, 'the Lease of a firewall could not be taken');
    }
  }

  /** One firewall at a time, and what is there no more. */
  #handOver(): void {
    const { clock, identity, tenant } = this.#options;
    const now = clock.monotonic();
    const settled = [...this.#sightings.copies()].filter(([, age]) => age >= SETTLED_MS).map(([copy]) => copy);
    let handed = false;
    for (const [firewall, tenure] of this.#tenures) {
      if (!tenure.isHeld || !tenant.idle(firewall)) continue;
      if (this.#wanted?.has(firewall) !== true) this.#end(firewall, 'remove');
      else if (this.#cannot.has(firewall)) this.#end(firewall, 'empty');
      else if (!handed) {
        const to = this.#ownerOf(firewall, [identity, ...settled]);
        if (to === identity) continue;
        if (now - (this.#handedOver.get(firewall) ?? Number.NEGATIVE_INFINITY) < HAND_OVER_AGAIN_MS) continue;
        handed = true;
        this.#handedOver.set(firewall, now);
        this.#options.log.info({ firewall, to }, 'the firewall is handed over to another copy');
        this.#end(firewall, 'empty');
      }
    }
  }

  /** First the right, then the work, then the Lease. */
  #end(firewall: string, how: 'empty' | 'remove' | 'lost'): void {
    const tenure = this.#tenures.get(firewall);
    if (tenure === undefined || this.#ending.has(firewall)) return;
    tenure.end();
    const ending = (async () => {
      try {
        await this.#options.tenant.ended(firewall);
        await tenure.release(how === 'remove' ? 'remove' : 'empty');
      } catch (thrown) {
        // Nobody knows whether something is still under way: others wait until the Lease has run out.
        const { code, message } = toSallyportError(thrown);
        this.#options.log.error({ firewall, code, error: message }, 'work on a firewall did not end as it should');
        await tenure.release('keep');
      } finally {
        this.#tenures.delete(firewall);
        this.#ending.delete(firewall);
      }
    })();
    this.#ending.set(firewall, ending);
    background('giving a Lease back', ending, this.#options.log);
  }

  async #removeCopy(record: LeaseRecord): Promise<void> {
    const { store, log } = this.#options;
    await store.remove(record, this.#stop.signal).catch((thrown: unknown) => {
      const { code, message } = toSallyportError(thrown);
      log.debug({ lease: record.name, code, error: message }, 'the Lease of a copy was not removed');
    });
  }

  #place(firewall: string): LeasePlace {
    return leasePlace('firewall', this.#options.cluster, firewall);
  }
}
