import type { BorderFirewall } from '../api/resource.ts';
import { background } from '../base/background.ts';
import type { BucketDifference } from '../base/bucket-map.ts';
import type { Clock } from '../base/clock.ts';
import { elapsed } from '../base/elapsed.ts';
import { toSallyportError } from '../base/error.ts';
import type { Log } from '../base/log.ts';
import { TokenBucket } from '../base/token-bucket.ts';
import type { Driver } from '../firewalls/driver.ts';
import type { BookedDrops } from '../insight/early-drop-book.ts';
import { type EarlyDrops, EarlyDropTally } from '../insight/early-drops.ts';
import type { LiveWorld } from './world/live-world.ts';
import type { Metrics } from './metrics.ts';

export interface EarlyDropWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'unknownDrops'>;
  readonly world: Pick<LiveWorld, 'owners' | 'firewalls'>;
  /** Writes an event on a pod. */
  readonly event: (pod: { readonly namespace: string; readonly name: string }, note: string) => void;
  /** Keeps what was told, for later questions. */
  readonly keep: (drops: BookedDrops) => void;
}

/** The denied packets of one firewall, as long as it is kept. */
export interface FollowedDrops {
  /** Followed is a firewall that is written to and drops what it does not know. */
  configure(firewall: Pick<BorderFirewall, 'mode' | 'unknown'>): void;
  stop(): Promise<void>;
}

/** After a device stopped telling it is asked again after so long, and then after twice as long each time. */
const AGAIN_MS = 5_000;
const LONGEST_AGAIN_MS = 600_000;
/** One that told for so long is asked again soon. */
const STEADY_MS = 60_000;
/** Lines of the log. */
const LINES = { burst: 20, perSecond: 1 / 5 };
const LONGEST_NAME = 200;

/** Follows what firewalls drop of unknown senders, and tells whose packets they were: to the log, as events on pods, and as numbers. */
export class EarlyDropWatch {
  readonly #options: EarlyDropWatchOptions;
  readonly #tally: EarlyDropTally;
  readonly #lines: TokenBucket;
  /** Lines that were left out for their number since the last one. */
  #untold = 0;

  constructor(options: EarlyDropWatchOptions) {
    const { clock, metrics, world } = options;
    this.#options = options;
    this.#lines = new TokenBucket(clock, LINES.burst, LINES.perSecond);
    this.#tally = new EarlyDropTally({
      clock,
      // An address in `networks` that no workload of this firewall has stays unknown to it.
      ownerOf: (firewall, address) =>
        world.firewalls.get(firewall)?.ruleset?.members.has(address) === true ? world.owners.get(address) : undefined,
      tell: (drops) => this.#tell(drops),
      count: (firewall, sender, packets) => metrics.unknownDrops.inc({ firewall, sender }, packets),
    });
  }

  /** Addresses changed hands; what firewalls are to hold is known already. */
  changed({ added, removed, changed }: BucketDifference<string>): void {
    for (const [address, old] of removed) this.#tally.moved(address, old, '');
    for (const [address, old, next] of changed) this.#tally.moved(address, old, next);
    for (const [address, next] of added) this.#tally.moved(address, '', next);
  }

  /** Begins with the first `configure` that asks for it. */
  follow(firewall: string, driver: Pick<Driver, 'drops'>): FollowedDrops {
    let end: AbortController | undefined;
    let running: Promise<void> = Promise.resolve();
    const stop = async (): Promise<void> => {
      end?.abort();
      end = undefined;
      await running;
    };
    const configure = ({ mode, unknown }: Pick<BorderFirewall, 'mode' | 'unknown'>): void => {
      const isWanted = driver.drops !== undefined && mode !== 'Observe' && unknown === 'Drop';
      if (!isWanted) return background('following drops', stop(), this.#options.log);
      if (end !== undefined) return;
      const { signal } = (end = new AbortController());
      running = running.then(() => this.#run(firewall, driver, signal));
      background('following drops', running, this.#options.log);
    };
    return { configure, stop };
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#tally.stop();
  }

  async #run(firewall: string, driver: Pick<Driver, 'drops'>, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    let pauseMs = AGAIN_MS;
    let said = '';
    while (!signal.aborted) {
      const began = clock.monotonic();
      let code = '';
      let error = 'it ended';
      try {
        await driver.drops?.('unknown', ({ source }) => this.#tally.dropped(firewall, source), signal);
      } catch (thrown) {
        ({ code, message: error } = toSallyportError(thrown));
      }
      if (signal.aborted) break;
      if (clock.monotonic() - began > STEADY_MS) [pauseMs, said] = [AGAIN_MS, ''];
      if (said !== code) log.warn({ firewall, code, error }, 'packets of unknown senders are not told for a while');
      said = code;
      await elapsed(clock, pauseMs, signal);
      pauseMs = Math.min(2 * pauseMs, LONGEST_AGAIN_MS);
    }
    this.#tally.forget(firewall);
  }

  #tell({ firewall, address, owner, packets, from, to, before }: EarlyDrops): void {
    const { event, keep, log } = this.#options;
    const [first, last] = [new Date(from).toISOString(), new Date(to).toISOString()];
    const sender = nameOf(owner);
    const doubt = before === undefined ? undefined : nameOf(before);
    const told = { firewall, sender, address, packets, from: first, to: last };
    keep({ ...told, ...(doubt === undefined ? {} : { before: doubt }) });
    if (this.#lines.take() === 0) {
      const untold = this.#untold === 0 ? {} : { untold: this.#untold };
      log.warn({ ...told, before: doubt, ...untold }, 'packets were dropped before the firewall knew their sender');
      this.#untold = 0;
    } else this.#untold += 1;
    const pod = podOf(owner);
    if (pod === undefined) return;
    const some = doubt === undefined ? '' : ` Some may be of ${doubt}, which had the address shortly before.`;
    event(
      pod,
      `${firewall} dropped ${packets} ${packets === 1 ? 'packet' : 'packets'} of ${address} before it knew the pod, ` +
        `from ${first} to ${last}.${some} An init container with \`sallyport wait\` holds a pod until the border knows it.`,
    );
  }
}

/** The one pod that has an address; `undefined`: several workloads have it, or a node. */
function podOf(owner: string): { readonly namespace: string; readonly name: string } | undefined {
  const [, namespace, name] = /^pod:([^/ ]+)\/([^/ ]+)$/.exec(owner) ?? [];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

function nameOf(owner: string): string {
  return owner.replaceAll('pod:', '').slice(0, LONGEST_NAME);
}
