import type { MachineConfigured } from '../machine-configured.ts';
import type { ClusterAccess } from './cluster-source.ts';
import type { ClusterObject } from './machine-kinds.ts';
import type { MachineSources } from './machine-sources.ts';

/** The FirewallMonitor of this machine, and where it is. */
export interface OwnMonitor {
  readonly access: ClusterAccess;
  /** As it was seen last. */
  readonly object: ClusterObject;
}

/** The clusters that a machine writes into, as far as they can be reached now. */
export class MachineClusters {
  readonly #sources: MachineSources;
  readonly #configuration: () => MachineConfigured;

  constructor(sources: MachineSources, configuration: () => MachineConfigured) {
    this.#sources = sources;
    this.#configuration = configuration;
  }

  /** The cluster of one controller's source; `undefined`: it has none, or it cannot be reached yet. */
  accessOf(controller: 'cwnp' | 'service' | 'monitor'): ClusterAccess | undefined {
    const source = this.#configuration().machine[controller]?.source;
    return source === undefined ? undefined : this.#sources.access(source);
  }

  /** The source of the workload cluster: where the machine reports, else where its policies or Services come from. */
  get homeSource(): string | undefined {
    const { monitor, cwnp, service } = this.#configuration().machine;
    return [monitor, cwnp, service].find((each) => each && this.#sources.access(each.source) !== undefined)?.source;
  }

  /** The workload cluster; `undefined`: there is none, or it cannot be reached yet. */
  get home(): ClusterAccess | undefined {
    const source = this.homeSource;
    return source === undefined ? undefined : this.#sources.access(source);
  }

  /** Whether the configuration wants drops to be shipped. */
  get shipsDrops(): boolean {
    return this.#configuration().machine.firewall.droptailer;
  }

  /** The Firewall of this machine; `undefined`: it is not known, or stands in no cluster. */
  get firewall(): ClusterObject | undefined {
    const { machine, name } = this.#configuration();
    return this.#sources.raw(machine.firewall.source, 'Firewall').find((each) => each.name === name);
  }

  /** Whether the configuration wants reports into a FirewallMonitor. */
  get isReporting(): boolean {
    return this.#configuration().machine.monitor !== undefined;
  }

  /** `undefined`: nobody made one yet, it is being deleted, or its cluster cannot be reached. It is never made here. */
  get monitor(): OwnMonitor | undefined {
    const { machine, name } = this.#configuration();
    const access = this.accessOf('monitor');
    if (machine.monitor === undefined || access === undefined) return undefined;
    const object = this.#sources
      .raw(machine.monitor.source, 'FirewallMonitor')
      .find((each) => each.name === name && each.namespace === access.namespace && !each.isLeaving);
    return object && { access, object };
  }
}
