import { isMap } from '../../../api/shape.ts';
import type { Clock } from '../../../base/clock.ts';
import { elapsed } from '../../../base/elapsed.ts';
import { toSallyportError } from '../../../base/error.ts';
import type { Log } from '../../../base/log.ts';
import type { Transport } from '../../../firewalls/nftables/reach/transport.ts';
import { resourcePath } from '../../../kubernetes/resource-path.ts';
import type { ClusterAccess } from '../sources/cluster-source.ts';
import { type ClusterObject, machineKinds } from '../sources/machine-kinds.ts';
import { restartUnit, restartUnitSoon } from './units.ts';

/** On the FirewallMonitor: units to be restarted, separated by commas (metal-stack reference, 2.7). */
export const RESTART_ANNOTATION = 'firewall.metal-stack.io/restart-systemd-services';
/** On the Firewall: what may be restarted, instead of what may be ever. */
export const WHITELIST_ANNOTATION = 'firewall.metal-stack.io/restart-systemd-services-whitelist';

/** What may be restarted where the Firewall does not say it (metal-stack reference, 9.5). */
const WHITELIST = ['droptailer', 'firewall-controller', 'nftables-exporter', 'node-exporter', 'tailscaled'].map(
  unitName,
);
const OWN_UNIT = 'firewall-controller.service';
const LOOK_MS = 1_000;
const RETRY_MS = 10_000;

/** An event about the FirewallMonitor. */
export interface RestartEvent {
  readonly type: 'Normal' | 'Warning';
  readonly note: string;
}

export interface ServiceRestartsOptions {
  /** The FirewallMonitor of this machine; `undefined`: there is none, or it cannot be reached. */
  readonly monitor: () => { readonly access: ClusterAccess; readonly object: ClusterObject } | undefined;
  /** The Firewall; `undefined`: it is not known, or not of a cluster. */
  readonly firewall: () => ClusterObject | undefined;
  readonly transport: Transport;
  readonly tell: (event: RestartEvent) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Restarts services as the annotation of the FirewallMonitor asks, which users of the cluster may write: those of the whitelist alone, each once.
 * Our own comes last, when the annotation is gone, or it would be asked for again after the restart.
 */
export class ServiceRestarts {
  readonly #options: ServiceRestartsOptions;
  /** What was done and still stands there. */
  #done: string | undefined;
  #isOwnDue = false;

  constructor(options: ServiceRestartsOptions) {
    this.#options = options;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      let pause = LOOK_MS;
      try {
        await this.look(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        const { code, message } = toSallyportError(thrown);
        log.warn({ code, problem: message }, 'the annotation that asks for restarts could not be taken away');
        pause = RETRY_MS;
      }
      await elapsed(clock, pause, signal);
    }
  }

  /** Does what is asked for now. Rejects where the annotation cannot be taken away; nothing is restarted twice for that. */
  async look(signal: AbortSignal): Promise<void> {
    const monitor = this.#options.monitor();
    const asked = monitor && annotationsOf(monitor.object)[RESTART_ANNOTATION];
    if (monitor === undefined || typeof asked !== 'string') {
      this.#done = undefined;
      return;
    }
    const { object, access } = monitor;
    const request = `${object.uid ?? ''} ${asked}`;
    if (this.#done !== request) {
      this.#done = request;
      this.#isOwnDue = false;
      await this.#restartAll(asked, signal);
    }
    const { group, version, plural } = machineKinds.FirewallMonitor;
    const { namespace, name, uid } = object;
    await access.client.call(
      {
        method: 'PATCH',
        path: resourcePath({ group, version, plural }, { namespace, name }),
        contentType: 'application/merge-patch+json',
        body: { metadata: { uid, annotations: { [RESTART_ANNOTATION]: null } } },
      },
      signal,
    );
    if (!this.#isOwnDue) return;
    this.#isOwnDue = false;
    await this.#restart(OWN_UNIT, signal);
  }

  async #restartAll(asked: string, signal: AbortSignal): Promise<void> {
    const { firewall, tell, log } = this.#options;
    const own = firewall();
    const given = own && annotationsOf(own)[WHITELIST_ANNOTATION];
    const whitelist = typeof given === 'string' ? unitsIn(given) : WHITELIST;
    for (const unit of unitsIn(asked)) {
      if (!whitelist.includes(unit)) {
        log.warn({ unit, whitelist }, 'a restart was asked for that is not allowed');
        tell({ type: 'Warning', note: `skipped restart of ${unit}, because it is not whitelisted` });
      } else if (unit === OWN_UNIT) this.#isOwnDue = true;
      else await this.#restart(unit, signal);
    }
  }

  async #restart(unit: string, signal: AbortSignal): Promise<void> {
    const { transport, tell, log } = this.#options;
    try {
      // Told before: this process ends by it.
      if (unit === OWN_UNIT) {
        tell({ type: 'Normal', note: `restarted ${unit}` });
        await restartUnitSoon(transport, unit, signal);
      } else {
        await restartUnit(transport, unit, signal);
        tell({ type: 'Normal', note: `restarted ${unit}` });
      }
      log.info({ unit }, 'restarted as the FirewallMonitor asks');
    } catch (thrown) {
      const { message } = toSallyportError(thrown);
      log.error({ unit, problem: message }, 'a restart that was asked for failed');
      tell({ type: 'Warning', note: `failed to restart ${unit}: ${message}` });
    }
  }
}

/** The units of a list, each once, in order, without what is no name of a unit. */
function unitsIn(list: string): readonly string[] {
  const words = list.split(',').map((word) => word.trim());
  return [...new Set(words.filter((word) => /^[\w@:.\\-]{1,200}$/.test(word)).map(unitName))];
}

function unitName(word: string): string {
  return word.endsWith('.service') ? word : `${word}.service`;
}

function annotationsOf({ raw }: ClusterObject): Readonly<Record<string, unknown>> {
  const metadata = raw['metadata'];
  const annotations = isMap(metadata) ? metadata['annotations'] : undefined;
  return isMap(annotations) ? annotations : {};
}
