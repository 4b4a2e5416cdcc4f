import { readFile } from 'node:fs/promises';
import type { RawMap } from '../../../api/shape.ts';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import type { Log } from '../../../base/log.ts';
import { version } from '../../../base/version.ts';
import { nftError } from '../../../firewalls/nftables/reach/error-classes.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import {
  type ConnectionStatistics,
  type Measured,
  monitorStatus,
  type MonitorTimes,
} from '../../../machine/monitor-status.ts';
import { tableStatistics } from '../../../machine/statistics.ts';
import { ToldOnce } from '../told-once.ts';
import type { Accounting } from './accounting.ts';
import { askSuricata } from './suricata.ts';

/** As today (reference 3.2). */
const INTERVAL_MS = 10_000;
/** The manager takes a machine for gone that was silent for two minutes (reference 11.6). */
const LONGEST_INTERVAL_MS = 60_000;
const SHORTEST_INTERVAL_MS = 1_000;
/** How many times as long as it took to measure nothing is measured. */
const REST = 20;

export interface MonitorOptions {
  readonly transport: Transport;
  /** Of suricata; absent: it is not asked. */
  readonly ids: string | undefined;
  /** A folder of the kernel: `/proc/sys/net/netfilter`. */
  readonly connections: string;
  readonly accounting: Pick<Accounting, 'isWanted' | 'record'>;
  readonly times: () => MonitorTimes;
  /** The distance that is announced; absent, or nothing: none is. */
  readonly distance?: () => number | undefined;
  /** Whether anybody asks for figures now; absent: always. */
  readonly isWanted?: () => boolean;
  /** The Firewall's `spec.interval` in milliseconds; absent: as today. */
  readonly interval?: () => number | undefined;
  /** Takes the figures to the cluster; absent: nobody asks for that. */
  readonly report?: (status: RawMap, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What is measured, and where it is reported. */
type MeasuredPart = 'rules' | 'ids' | 'connections' | 'FirewallMonitor' | 'accounting';

/**
 * Measures what passes, every ten seconds or as often as the Firewall says, or more seldom where measuring takes long: rules, the cluster's traffic, connections, intrusion
 * detection. What cannot be asked is left out and told once; nothing else waits for it.
 */
export class MachineMonitor {
  readonly #options: MonitorOptions;
  readonly #works: ToldOnce<MeasuredPart>;
  #latest: RawMap | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
    const { log } = options;
    this.#works = new ToldOnce<MeasuredPart>({
      failed: (what, { code, message }) =>
        log.warn({ what, code, problem: message }, 'it cannot be measured or reported'),
      mended: (what) => log.info({ what }, 'it is measured and reported again'),
    });
  }

  /** How often each part was measured or written. */
  get counts(): ToldOnce['counts'] {
    return this.#works.counts;
  }

  /** `controllerStatus` of the FirewallMonitor, as it was measured last; `undefined`: not yet. */
  latest(): RawMap | undefined {
    return this.#latest;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const started = clock.monotonic();
      if (this.#options.isWanted?.() !== false) await this.look(signal);
      const took = clock.monotonic() - started;
      await elapsed(clock, Math.max(this.#interval() - took, Math.min(took * REST, LONGEST_INTERVAL_MS)), signal);
    }
  }

  /** Measures once. Never throws. */
  async look(signal: AbortSignal): Promise<void> {
    const { clock, accounting, times, ids, report } = this.#options;
    const tables = await this.#works.try('rules', () => this.#tables(signal), signal);
    if (tables === undefined) return;
    const measured: Measured = {
      ...tables,
      ids: ids === undefined ? undefined : await this.#works.try('ids', () => askSuricata(ids, signal), signal),
      connections: await this.#works.try('connections', () => this.#connections(), signal),
    };
    const now = clock.wall();
    const status = monitorStatus(measured, version, now, times(), this.#options.distance?.());
    this.#latest = status;
    if (report !== undefined) await this.#works.try('FirewallMonitor', () => report(status, signal), signal);
    if (accounting.isWanted)
      await this.#works.try('accounting', () => accounting.record(now, measured, signal), signal);
  }

  #interval(): number {
    const wanted = this.#options.interval?.() ?? INTERVAL_MS;
    return Math.min(Math.max(wanted, SHORTEST_INTERVAL_MS), LONGEST_INTERVAL_MS);
  }

  async #tables(signal: AbortSignal): Promise<ReturnType<typeof tableStatistics>> {
    const { code, stdout, stderr } = await this.#options.transport.run('nft', ['list', 'ruleset'], signal);
    if (code !== 0) throw nftError(stderr, 'nft list ruleset');
    return tableStatistics(stdout);
  }

  async #connections(): Promise<ConnectionStatistics> {
    const [entries, limit] = await Promise.all(
      ['nf_conntrack_count', 'nf_conntrack_max'].map(async (name) =>
        Number(await readFile(`${this.#options.connections}/${name}`, 'utf8')),
      ),
    );
    return { entries: entries ?? 0, limit: limit ?? 0 };
  }
}
