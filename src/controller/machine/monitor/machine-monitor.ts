import { readFile } from 'node:fs/promises';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import { version } from '../../../base/version.ts';
import { nftError } from '../../../firewalls/nftables/error-classes.ts';
import type { Transport } from '../../../firewalls/nftables/transport.ts';
import {
  type ConnectionStatistics,
  type Measured,
  monitorStatus,
  type MonitorTimes,
} from '../../../machine/monitor-status.ts';
import { tableStatistics } from '../../../machine/statistics.ts';
import type { Accounting } from './accounting.ts';
import { askSuricata } from './suricata.ts';

/** As today (reference 3.2). */
const INTERVAL_MS = 10_000;
/** How many times as long as it took to measure nothing is measured. */
const REST = 20;

export interface MonitorOptions {
  readonly transport: Transport;
  /** Of suricata; absent: it is not asked. */
  readonly ids: string | undefined;
  /** A folder of the kernel: `/proc/sys/net/netfilter`. */
  readonly connections: string;
  readonly accounting: Accounting | undefined;
  readonly times: () => MonitorTimes;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Measures what passes, every ten seconds, or more seldom where measuring takes long: rules, the cluster's traffic, connections, intrusion
 * detection. What cannot be asked is left out and told once; nothing else waits for it.
 */
export class MachineMonitor {
  readonly #options: MonitorOptions;
  readonly #told = new Set<string>();
  #latest: object | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** `controllerStatus` of the FirewallMonitor, as it was measured last; `undefined`: not yet. */
  latest(): object | undefined {
    return this.#latest;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const started = clock.monotonic();
      await this.look(signal);
      const took = clock.monotonic() - started;
      await elapsed(clock, Math.max(INTERVAL_MS - took, took * REST), signal);
    }
  }

  /** Measures once. Never throws. */
  async look(signal: AbortSignal): Promise<void> {
    const { clock, accounting, times, ids } = this.#options;
    const tables = await this.#try('rules', () => this.#tables(signal));
    if (tables === undefined) return;
    const measured: Measured = {
      ...tables,
      ids: ids === undefined ? undefined : await this.#try('ids', () => askSuricata(ids, signal)),
      connections: await this.#try('connections', () => this.#connections()),
    };
    const now = clock.wall();
    this.#latest = monitorStatus(measured, version, now, times());
    if (accounting !== undefined) await this.#try('accounting', () => accounting.record(now, measured, signal));
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

  /** Nothing where it fails, which is told when it begins and when it ends. */
  async #try<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    const { log } = this.#options;
    try {
      const done = await work();
      if (this.#told.delete(what)) log.info({ what }, 'it is measured again');
      return done;
    } catch (thrown) {
      const { code, message } = toSallyportError(thrown);
      if (!this.#told.has(what)) log.warn({ what, code, problem: message }, 'it cannot be measured');
      this.#told.add(what);
      return undefined;
    }
  }
}
