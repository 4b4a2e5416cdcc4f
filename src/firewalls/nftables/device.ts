import { randomBytes } from 'node:crypto';
import { background } from '../../base/background.ts';
import { SallyportError } from '../../base/error.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { Drift } from '../driver.ts';
import type { WriterEpoch } from '../writer-lock.ts';
import { after, type Bookkeeping, fence, laterEpoch, sameWriter, splitBookkeeping, writerChain } from './fence.ts';
import { Mirror } from './reading/mirror.ts';
import type { NftTable } from './table/model.ts';
import { Monitor } from './reading/monitor.ts';
import type { Commit } from './reading/monitor-lines.ts';
import { FENCE_SET } from './table/names.ts';
import type { Nft } from './reach/nft.ts';
import { changesIntervals, isMembership, type Operation, renderOperations } from './table/operation.ts';
import { type Reading, readEverything, readSets, readStructure } from './reading/read.ts';
import { fitsShell, Shell } from './reach/shell.ts';

/** What stands on the device. The same object as long as nothing changed. */
export interface Observed {
  /** `undefined`: nothing of ours is there. Bookkeeping is left out. */
  readonly table: NftTable | undefined;
  /** What somebody else changed since we wrote last, as far as it was seen. */
  readonly drift: readonly Drift[];
  /** Another writer with our marks, after we had written. */
  readonly rival: string | undefined;
}

/** Reading again and again while somebody writes again and again ends after so many rounds. */
const READ_ROUNDS = 6;
/** More sets than this are quicker read with everything else. */
const MOST_SINGLE_SETS = 20;
/** The generation line comes within a millisecond of the commit. */
const ACKNOWLEDGE_MS = 1_000;
/** How often the monitor is asked whether the kernel lost anything. */
const VERIFY_MS = 5_000;
/** A monitor that breaks is started again after this. */
const RESTART_MS = 1_000;
/** Where others commit, everything is read once in this time, and never for more than this part of the time. */
const READ_AGAIN_MS = 60_000;
const READ_PART = 0.02;
/** Longer texts slow down every listener. */
const LONGEST_WATCHED_TEXT = 100_000;

/** Our table on one device: reads it, writes to it, and while it is followed knows it without reading. */
export class Device {
  readonly #nft: Nft;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #shell: Shell;
  readonly #mirror = new Mirror();
  readonly #epoch: WriterEpoch | undefined;
  readonly #random = randomBytes(6).toString('hex');
  /** Our chain in the fence, once we have written. */
  #writer: string | undefined;
  #number = 0;
  #readings = 0;
  /** That the monitor does not start was said. */
  #complained = false;
  /** The fence as it was read, or as we left it; without a table there is none. `undefined`: not known. */
  #known: { readonly bookkeeping: Bookkeeping | undefined } | undefined;
  #observed: Observed | undefined;
  #presented: Reading | undefined;
  #monitor: Monitor | undefined;
  #starting: Promise<Monitor> | undefined;
  /** No monitor may run: a transaction is under way that would break it. */
  #writesAlone = false;
  #follower: { readonly changed: () => void; readonly signal: AbortSignal } | undefined;
  /** When the last complete reading was done (monotonic), and how long it took. */
  #readAt = 0;
  #readMs = 0;
  /** Own transactions whose generation line has not come, by fence number. */
  readonly #awaited = new Map<number, { readonly operations: readonly Operation[]; readonly resolve: () => void }>();

  constructor(nft: Nft, log: Log, clock: Clock, epoch?: WriterEpoch) {
    this.#nft = nft;
    this.#log = log;
    this.#clock = clock;
    this.#shell = new Shell(nft.transport, clock);
    this.#epoch = epoch;
  }

  /** Rises with each complete reading. */
  get readings(): number {
    return this.#readings;
  }

  /** What stands there now: at no cost while it is followed and nothing changed, else read from the device. */
  async observe(signal: AbortSignal): Promise<Observed> {
    for (let round = 0; round < READ_ROUNDS; round++) {
      await this.#monitorSettled();
      if (this.#monitor === undefined) this.#mirror.distrust();
      const known = this.#mirror.reading;
      if (known !== undefined) return this.#present(known);
      const changes = this.#mirror.changes;
      this.#mirror.take(await this.#read(signal), changes);
      if (this.#monitor === undefined) {
        const reading = this.#mirror.reading;
        if (reading !== undefined) return this.#present(reading);
      }
    }
    throw new SallyportError(
      'DEVICE_BUSY',
      'somebody else changes our table all the time; `nft monitor` names the process',
    );
  }

  /**
   * One transaction, void unless the device is as `observe` said last, or as the last `write` left it. Resolves once the device has confirmed it. Rejects with
   * DEVICE_CHANGED if somebody else wrote meanwhile; after an abort or DEVICE_UNREACHABLE it may have been committed or not.
   */
  async write(operations: readonly Operation[], signal: AbortSignal): Promise<void> {
    await this.#monitorSettled();
    const known = this.#known;
    if (known === undefined) throw new SallyportError('INTERNAL', 'a device is read before it is written to');
    const writer = writerChain(this.#random, this.#epoch?.now());
    this.#refuseLateEpoch(known.bookkeeping?.writer);
    // A number is a mark: 32 bits. `fence` empties the set where higher ones are left.
    const number = this.#number >= 0xffffffff ? 1 : this.#number + 1;
    const around = fence(operations, known.bookkeeping, writer, number);
    const text = `${around.before}${renderOperations(operations)}${around.after}`;
    this.#number = number;
    // Until it is confirmed, nothing is known.
    this.#known = undefined;
    const watched =
      this.#monitor !== undefined && text.length < LONGEST_WATCHED_TEXT && !operations.some(changesIntervals);
    if (watched) await this.#writeWatched(text, number, operations, signal);
    else await this.#writeAlone(text, signal);
    this.#writer = writer;
    this.#known = { bookkeeping: after(known.bookkeeping, operations, writer, number) };
    this.#mirror.settle();
  }

  /** A copy whose clocks deceived it about its lease is kept out by what its successor left. */
  #refuseLateEpoch(present: string | undefined): void {
    const own = this.#epoch?.now();
    const later = own === undefined ? undefined : laterEpoch(present, own);
    if (own === undefined || later === undefined) return;
    this.#epoch?.outranked(later);
    throw new SallyportError(
      'NOT_THE_WRITER',
      `epoch ${own.number} of our Lease is over: the firewall was written to in epoch ${later}`,
    );
  }

  /**
   * Calls back whenever our table changed or may have, until abort. Meanwhile `observe` costs nothing and small writes are quick.
   * Rejects if the device cannot be followed at all.
   */
  async follow(changed: () => void, signal: AbortSignal): Promise<void> {
    if (this.#follower !== undefined) throw new SallyportError('INTERNAL', 'a device is followed once');
    signal.throwIfAborted();
    this.#follower = { changed, signal };
    try {
      await this.#startMonitor();
      const verify = setInterval(() => background('nft monitor check', this.#verify(signal), this.#log), VERIFY_MS);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      clearInterval(verify);
    } finally {
      this.#follower = undefined;
      await this.#stopMonitor();
      this.#shell.stop();
    }
  }

  async #readEverything(signal: AbortSignal): Promise<Reading> {
    const begin = this.#clock.monotonic();
    const reading = await readEverything(this.#nft, signal);
    this.#readAt = this.#clock.monotonic();
    this.#readMs = this.#readAt - begin;
    this.#readings++;
    return reading;
  }

  async #read(signal: AbortSignal): Promise<Reading> {
    const { doubt, believed } = this.#mirror;
    if (doubt.about !== 'structure' || believed === undefined || doubt.sets.size > MOST_SINGLE_SETS)
      return this.#readEverything(signal);
    const structure = await readStructure(this.#nft, signal);
    const known = believed.table;
    const isUnread = (name: string): boolean => doubt.sets.has(name) || !(known.sets.has(name) || known.maps.has(name));
    const unread = [...structure.table.sets.keys(), ...structure.table.maps.keys()].filter(isUnread);
    if (unread.length > MOST_SINGLE_SETS) return this.#readEverything(signal);
    return readSets(this.#nft, structure, unread, known, signal);
  }

  #present(reading: Reading): Observed {
    const { drift } = this.#mirror;
    const split = reading.present ? splitBookkeeping(reading.table) : undefined;
    this.#known = { bookkeeping: split?.bookkeeping };
    for (const number of split?.bookkeeping.numbers ?? []) this.#number = Math.max(this.#number, number);
    if (this.#observed !== undefined && this.#presented === reading && this.#observed.drift === drift)
      return this.#observed;
    this.#presented = reading;
    const writer = split?.bookkeeping.writer;
    const isOther = writer !== undefined && this.#writer !== undefined && !sameWriter(writer, this.#writer);
    this.#observed = { table: split?.table, drift, rival: isOther ? writer : undefined };
    return this.#observed;
  }

  /** While the monitor listens: its generation line is the confirmation, which comes before nft itself ends. */
  async #writeWatched(
    text: string,
    number: number,
    operations: readonly Operation[],
    signal: AbortSignal,
  ): Promise<void> {
    const acknowledged = new Promise<void>((resolve) => this.#awaited.set(number, { operations, resolve }));
    try {
      if (operations.every(isMembership) && fitsShell(text)) await this.#shell.run(text, acknowledged);
      else {
        await this.#nft.run(text, signal);
        await this.#within(ACKNOWLEDGE_MS, acknowledged);
      }
    } catch (error) {
      this.#mirror.distrust();
      throw error;
    } finally {
      this.#awaited.delete(number);
    }
  }

  /** Any listener slows big transactions, and nft 1.0.6's breaks at intervals: it is stopped before, and what stands there read after. */
  async #writeAlone(text: string, signal: AbortSignal): Promise<void> {
    this.#writesAlone = true;
    try {
      await this.#stopMonitor();
      await this.#nft.run(text, signal);
    } finally {
      this.#writesAlone = false;
      if (this.#follower !== undefined)
        background('nft monitor restart', this.#restart(this.#follower.signal), this.#log);
    }
  }

  async #within(ms: number, acknowledged: Promise<void>): Promise<void> {
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.#clock.after(ms, () => {
        // nft itself said that it was done; only what we know of it is in doubt.
        this.#mirror.distrust();
        resolve();
      });
    });
    await Promise.race([acknowledged, late]);
    cancel();
  }

  async #startMonitor(): Promise<void> {
    const follower = this.#follower;
    if (follower === undefined || follower.signal.aborted || this.#monitor !== undefined || this.#writesAlone) return;
    this.#mirror.distrust();
    const events = { commit: (commit: Commit) => this.#seen(commit), broken: () => this.#broken() };
    this.#starting ??= Monitor.start(this.#nft.transport, events, follower.signal);
    try {
      this.#monitor = await this.#starting;
    } finally {
      this.#starting = undefined;
    }
  }

  /** What is read, or written, while the monitor starts would have to be read again. */
  async #monitorSettled(): Promise<void> {
    await this.#starting?.catch(() => undefined);
  }

  async #stopMonitor(): Promise<void> {
    // One that is being started is stopped once it has; that it could not start is then no loss.
    const monitor = (await this.#starting?.catch(() => undefined)) ?? this.#monitor;
    this.#monitor = undefined;
    this.#mirror.distrust();
    await monitor?.stop();
  }

  #seen(commit: Commit): void {
    const own = commit.elements.flatMap(({ change, name, element }) =>
      name === FENCE_SET && change === 'add' && this.#awaited.has(Number(element)) ? [Number(element)] : [],
    );
    const sent = own.flatMap((number) => this.#awaited.get(number) ?? []);
    const about = this.#mirror.commit(
      commit,
      sent.length === 0 ? undefined : sent.flatMap(({ operations }) => operations),
    );
    for (const { resolve } of sent) resolve();
    if (about) this.#follower?.changed();
  }

  #broken(): void {
    this.#monitor = undefined;
    this.#mirror.distrust();
    const follower = this.#follower;
    if (follower === undefined || follower.signal.aborted) return;
    follower.changed();
    setTimeout(() => {
      if (this.#follower === follower) background('nft monitor restart', this.#restart(follower.signal), this.#log);
    }, RESTART_MS);
  }

  /** Starts the monitor, now or as soon as it can be; calls back in any case, because what happened meanwhile was not told. */
  async #restart(signal: AbortSignal): Promise<void> {
    try {
      await this.#startMonitor();
    } catch (error) {
      if (signal.aborted) return;
      if (!this.#complained)
        this.#log.warn({ device: this.#nft.transport.name, error: String(error) }, 'nft monitor does not start');
      this.#complained = true;
      this.#broken();
      return;
    }
    this.#complained = false;
    this.#follower?.changed();
  }

  /** The kernel loses messages to a listener that is too slow, without a word to it: then what we know is worth nothing. */
  async #verify(signal: AbortSignal): Promise<void> {
    const monitor = this.#monitor;
    const age = this.#clock.monotonic() - this.#readAt;
    if (this.#mirror.othersCommitted && age > Math.max(READ_AGAIN_MS, this.#readMs / READ_PART)) {
      this.#mirror.distrust();
      this.#follower?.changed();
    }
    if (monitor === undefined || (await monitor.isWhole(signal)) || this.#monitor !== monitor || signal.aborted) return;
    this.#log.warn({ device: this.#nft.transport.name }, 'nft monitor lost changes');
    await this.#stopMonitor();
    await this.#restart(signal);
  }
}
