import type { Clock } from '../../base/clock.ts';
import { elapsed } from '../../base/elapsed.ts';
import { SallyportError, toSallyportError } from '../../base/error.ts';
import type { Log } from '../../base/log.ts';
import { Monitor } from '../../firewalls/nftables/reading/monitor.ts';
import { type Commit, CommitReader } from '../../firewalls/nftables/reading/monitor-lines.ts';
import type { Transport } from '../../firewalls/nftables/reach/transport.ts';
import type { Listener, OwnWrites } from './own-writes.ts';

/** Tables that are ours, all of `inet`. */
const TABLES = ['firewall', 'metal', 'nat'];
/** How often it is looked whether the kernel lost messages to us, and whether to listen is worth it. */
const WHOLE_MS = 5_000;
/** It reads all rules first; one that takes longer is given up. */
const LONGEST_START_MS = 2_000;
/** Until it listens it holds up changes of elements; the next one is started no sooner than so many times as long after it. */
const REST_OF_START = 100;
/** A listener that ends is started again after so long, twice as long each time, until one has lived for the longest of it. */
const FIRST_REST_MS = 500;
const LONGEST_REST_MS = 60_000;

export interface RulesetWatchOptions {
  readonly transport: Transport;
  readonly own: OwnWrites;
  /** Starts what reads all rules first, where that comes to its end: nft begins anew whenever anything is committed meanwhile. */
  readonly quietly: <T>(work: () => Promise<T>) => Promise<T>;
  /** Whether to listen takes little enough; asked before, and now and then. */
  readonly isWorthIt: () => boolean;
  /** Somebody else committed something about our tables. */
  readonly foreign: (commit: Commit) => void;
  /** What was committed before is not known: it begins to listen, or messages were lost. */
  readonly unknown: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Hears of each change of our tables within milliseconds, by `nft monitor`, and tells those of others. Where it cannot, nothing is lost but that time:
 * the kernel is compared by the clock all the same.
 */
export class RulesetWatch implements Listener {
  readonly #options: RulesetWatchOptions;
  #generation: number | undefined;
  #end = (): void => {};
  #pauses = 0;
  #resumed = (): void => {};
  #monitor: Monitor | undefined;
  #failure = '';
  /** How long the last one took until it listened, or until it was given up. */
  #startMs = 0;
  /** The last one did not come to listen. */
  #isLate = false;

  constructor(options: RulesetWatchOptions) {
    this.#options = options;
  }

  async pause(): Promise<void> {
    this.#pauses += 1;
    this.#end();
    // One that waits for whoever asks this to end does not begin any more.
    await this.#monitor?.stop();
  }

  resume(): void {
    this.#pauses -= 1;
    this.#resumed();
  }

  /** Until the signal aborts; nothing that it started is left then. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, own, isWorthIt } = this.#options;
    own.listener = this;
    let rest = FIRST_REST_MS;
    while (!signal.aborted) {
      if (this.#pauses > 0) {
        await this.#untilResumed(signal);
        continue;
      }
      if (!isWorthIt()) {
        await elapsed(clock, WHOLE_MS, signal);
        continue;
      }
      const began = clock.monotonic();
      try {
        await this.#listen(signal);
        this.#failure = '';
      } catch (thrown) {
        const { code, message } = toSallyportError(thrown);
        if (!signal.aborted && this.#failure !== message)
          log.warn({ code, problem: message }, 'changes of rules are not heard of, and only found by the clock');
        this.#failure = message;
      }
      if (signal.aborted) break;
      if (this.#pauses > 0) continue;
      if (clock.monotonic() - began >= LONGEST_REST_MS) rest = FIRST_REST_MS;
      await elapsed(clock, Math.max(rest, this.#startMs * REST_OF_START), signal);
      rest = Math.min(rest * 2, LONGEST_REST_MS);
    }
    own.listener = undefined;
  }

  async #untilResumed(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#resumed = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (this.#pauses === 0 || signal.aborted) resolve();
    });
  }

  /** One run of `nft monitor`, until it ends, lost something, is to pause, or the signal aborts. */
  async #listen(signal: AbortSignal): Promise<void> {
    const { transport, own, quietly, isWorthIt, unknown, clock } = this.#options;
    const over = new AbortController();
    const end = (): void => over.abort();
    this.#end = end;
    signal.addEventListener('abort', end, { once: true });
    this.#generation = undefined;
    const events = { commit: (commit: Commit) => this.#commit(commit, end), broken: end };
    this.#isLate = false;
    this.#startMs = 0;
    const cancel = clock.after(LONGEST_START_MS, () => {
      this.#isLate = true;
      end();
    });
    const start = async (): Promise<Monitor> => {
      const began = clock.monotonic();
      try {
        return await Monitor.start(transport, events, over.signal, new CommitReader(TABLES));
      } finally {
        this.#startMs = clock.monotonic() - began;
      }
    };
    try {
      const monitor = await quietly(async () => (over.signal.aborted ? undefined : (this.#monitor = await start())));
      cancel();
      if (monitor === undefined) return;
      own.forget();
      unknown();
      while (!over.signal.aborted) {
        await elapsed(clock, WHOLE_MS, over.signal);
        if (!over.signal.aborted && !(isWorthIt() && (await monitor.isWhole(over.signal)))) end();
      }
    } catch (thrown) {
      if (this.#isLate)
        throw new SallyportError('DEVICE_UNREACHABLE', 'nft monitor does not come to listen', {}, thrown);
      if (!over.signal.aborted) throw thrown;
    } finally {
      cancel();
      signal.removeEventListener('abort', end);
      await this.#monitor?.stop();
      this.#monitor = undefined;
    }
  }

  #commit(commit: Commit, end: () => void): void {
    const { own, foreign } = this.#options;
    const isNext = this.#generation === undefined || commit.generation === this.#generation + 1;
    this.#generation = commit.generation;
    // The kernel loses messages to a listener that is too slow.
    if (!isNext) return end();
    const isOfOurs = commit.elements.length > 0 || commit.others.length > 0;
    if (isOfOurs && !own.takes(commit)) foreign(commit);
  }
}
