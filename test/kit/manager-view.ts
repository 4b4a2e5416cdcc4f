/** What the firewall-controller-manager makes of a FirewallMonitor (metal-stack reference, 11.6). Written from that page alone. */

export interface MonitorAsSeen {
  readonly controllerStatus?: {
    readonly lastRun?: string;
    readonly lastRunAgainstSeed?: string;
    readonly distance?: number;
    readonly distanceSupported?: boolean;
  };
}

export interface ConnectionConditions {
  readonly Connected: string;
  readonly SeedConnected: string;
  readonly Distance: string;
}

/** The reasons of the conditions that depend on what the machine reports, at a time of day. `distance`: of the Firewall. */
export function managerView(monitor: MonitorAsSeen, now: number, distance = 0): ConnectionConditions {
  const status = monitor.controllerStatus;
  if (status === undefined) return { Connected: 'NotConnected', SeedConnected: 'Unset', Distance: 'NotConnected' };
  const fresh = (at: string | undefined, minutes: number): string => {
    if (at === undefined) return 'NotConnected';
    return now - Date.parse(at) > minutes * 60_000 ? 'StoppedReconciling' : 'Connected';
  };
  return {
    Connected: fresh(status.lastRun, 2),
    SeedConnected: fresh(status.lastRunAgainstSeed, 3),
    Distance:
      status.distanceSupported !== true ? 'NotChecking' : status.distance === distance ? 'Configured' : 'NotConfigured',
  };
}

/** Every one of them is true. */
export const CONNECTED: ConnectionConditions = {
  Connected: 'Connected',
  SeedConnected: 'Connected',
  Distance: 'NotChecking',
};
