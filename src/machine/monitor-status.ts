import type { RawMap } from '../api/shape.ts';
import { type TableStatistics, withinRoom } from './statistics.ts';

/** What the intrusion detection saw on one interface. */
export interface IdsStatistics {
  readonly drop: number;
  readonly invalidChecksums: number;
  readonly packets: number;
}

/** Entries of the kernel's table of connections. */
export interface ConnectionStatistics {
  readonly entries: number;
  readonly limit: number;
}

/** What was measured at one time. */
export interface Measured extends TableStatistics {
  /** By interface; `undefined`: it was not asked, or did not answer. */
  readonly ids: Readonly<Record<string, IdsStatistics>> | undefined;
  readonly connections: ConnectionStatistics | undefined;
}

/** Wall times in milliseconds; `undefined`: never. */
export interface MonitorTimes {
  readonly lastRun: number | undefined;
  readonly lastRunAgainstSeed: number | undefined;
}

/**
 * `controllerStatus` of a FirewallMonitor (reference 2.3): what the manager waits for, and the figures. `conntrack` is ours; servers that do not
 * know the field leave it out. `distance`: what the machine announces; absent: it announces none, whatever its Firewall says.
 */
export function monitorStatus(
  measured: Measured,
  version: string,
  now: number,
  times: MonitorTimes,
  distance?: number,
): RawMap {
  const time = (at: number | undefined): string | undefined =>
    at === undefined ? undefined : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
  const lastRunAgainstSeed = time(times.lastRunAgainstSeed);
  return {
    message: `updated firewall monitor resource at ${time(now) ?? ''}`,
    stats: {
      rules: withinRoom(measured.rules),
      devices: measured.devices,
      idsStats: measured.ids ?? {},
      ...(measured.connections !== undefined && { conntrack: measured.connections }),
    },
    controllerVersion: version,
    lastRun: time(now),
    ...(lastRunAgainstSeed !== undefined && { lastRunAgainstSeed }),
    distance: distance ?? 0,
    distanceSupported: distance !== undefined,
  };
}
