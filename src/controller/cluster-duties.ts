import { BORDER_GATE } from '../api/pod.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { EventRecorder } from '../kubernetes/events.ts';
import { StatusWriter } from '../kubernetes/status-writer.ts';
import { ClusterApprovals } from './approvals/cluster-approvals.ts';
import type { ControllerOptions } from './controller-options.ts';
import { Departures } from './departure/departures.ts';
import type { Metrics } from './metrics.ts';
import { Reporter } from './status/reporter.ts';
import type { OnThisMachine } from './devices/on-this-machine.ts';
import { LeasedWriters } from './devices/writers.ts';

/** Where our Leases lie if nobody says whose namespace we are. */
const OWN_NAMESPACE = 'sallyport';

export interface ClusterDutiesOptions {
  readonly client: ApiClient;
  /** Our own; absent: `sallyport`. */
  readonly namespace: string | undefined;
  readonly cluster: string;
  /** Of this process. */
  readonly name: string;
  /** Where other copies ask this one what its firewalls have confirmed; absent: nowhere. */
  readonly readiness: string | undefined;
  /** Conditions of pods are written, by one copy. */
  readonly gate: boolean;
  /** What cannot be worked at from here is left to other copies; absent: all can. */
  readonly onThisMachine?: OnThisMachine;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What a controller does in a cluster besides reading it: one writer for each firewall, statuses and events, approvals, firewalls that go. */
export function clusterDuties(
  options: ClusterDutiesOptions,
): Required<Pick<ControllerOptions, 'writers' | 'reporter' | 'approvals' | 'departures'>> {
  const {
    client,
    namespace = OWN_NAMESPACE,
    cluster,
    name,
    clock,
    log,
    metrics,
    readiness,
    gate,
    onThisMachine,
  } = options;
  const events = new EventRecorder({
    client,
    clock,
    log,
    instance: name,
    measure: (result) => metrics.events.inc({ result }),
  });
  const writer = new StatusWriter({
    client,
    clock,
    log,
    measure: (result) => metrics.statusRequests.inc({ result }),
  });
  return {
    writers: new LeasedWriters({
      client,
      namespace,
      cluster,
      name,
      clock,
      log,
      duties: gate ? [BORDER_GATE] : [],
      ...(onThisMachine === undefined ? {} : { onThisMachine }),
      ...(readiness === undefined ? {} : { readiness }),
    }),
    reporter: new Reporter({ writer, events, clock, name, cluster }),
    departures: new Departures({ client, clock, log }),
    approvals: new ClusterApprovals({ client, clock, log, events }),
  };
}
