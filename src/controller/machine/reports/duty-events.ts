import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import type { Log } from '../../../base/log.ts';
import type { ApiClient } from '../../../kubernetes/api-client.ts';
import { CORE_V1 } from '../../../kubernetes/event-forms.ts';
import { EventRecorder } from '../../../kubernetes/events.ts';
import type { MachineClusters } from '../sources/machine-clusters.ts';
import type { ClusterObject } from '../sources/machine-kinds.ts';
import { statusObject } from './policy-statuses.ts';

/** Something that a duty did or could not do. */
export interface DutyEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

/** Who says what, as today (metal-stack reference, 3.3). */
const REPORTERS = { Firewall: 'FirewallController', FirewallMonitor: 'FirewallMonitorAnnotation' } as const;
const FLUSH_MS = 1_000;
/** So long the end of the process waits for what is under way. */
const END_MS = 3_000;
const MOST_WAITING = 20;

/**
 * Events of duties that may happen before the workload cluster is reached, as an update that ended with a restart: they wait until it is. All
 * stand in the workload cluster, those of the Firewall too.
 */
export class DutyEvents {
  readonly #options: DutyEventsOptions;
  #recorder: { readonly client: ApiClient; readonly events: EventRecorder } | undefined;
  #waiting: { readonly about: keyof typeof REPORTERS; readonly event: DutyEvent }[] = [];

  constructor(options: DutyEventsOptions) {
    this.#options = options;
  }

  tell(about: keyof typeof REPORTERS, event: DutyEvent): void {
    this.#waiting.push({ about, event });
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.#flush();
  }

  /** Until the signal aborts; then what is under way is written. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      this.#flush();
      await elapsed(clock, FLUSH_MS, signal);
    }
    const end = new AbortController();
    const events = this.#recorder?.events;
    if (events === undefined) return;
    await Promise.race([events.settled(), elapsed(clock, END_MS, end.signal)]);
    end.abort();
    await events.stop();
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    const { clusters, clock, log, instance } = this.#options;
    const { home, firewall, monitor } = clusters;
    if (home === undefined) return;
    if (this.#recorder?.client !== home.client)
      this.#recorder = {
        client: home.client,
        events: new EventRecorder({ client: home.client, clock, log, instance: instance(), form: CORE_V1 }),
      };
    const { events } = this.#recorder;
    this.#waiting = this.#waiting.filter(({ about, event }) => {
      const object: ClusterObject | undefined =
        about === 'Firewall' ? firewall && { ...firewall, namespace: home.namespace } : monitor?.object;
      if (object === undefined) return true;
      events.record({ object: statusObject(object), ...event, action: 'Reconcile', reporter: REPORTERS[about] });
      return false;
    });
  }
}

export interface DutyEventsOptions {
  readonly clusters: Pick<MachineClusters, 'home' | 'firewall' | 'monitor'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The name of the machine. */
  readonly instance: () => string;
}
