import { background } from '../../../base/background.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Log } from '../../../base/log.ts';
import { fqdnState, type NamesNow } from '../../../machine/dns/fqdn-state.ts';
import type { ApiClient } from '../../../kubernetes/api-client.ts';
import type { MachineConfigured } from '../machine-configured.ts';
import type { ClusterAccess } from '../sources/cluster-source.ts';
import type { MachineClusters } from '../sources/machine-clusters.ts';
import type { MachineSources } from '../sources/machine-sources.ts';
import { MachineEvents } from './machine-events.ts';
import type { Outcome } from './outcome.ts';
import { PolicyStatuses } from './policy-statuses.ts';

export interface MachineReportsOptions {
  readonly sources: MachineSources;
  readonly clusters: MachineClusters;
  /** What names come to in the rules in force; `undefined`: that is not known. */
  readonly names: () => NamesNow | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often it is looked what names come to: as often as today rules are looked at (reference 3.2). */
const NAMES_MS = 10_000;

/** Who writes into one cluster, as long as it is reached in the same way. */
interface Desk {
  readonly client: ApiClient;
  readonly statuses: PolicyStatuses;
  readonly events: MachineEvents;
}

/** Writes back to clusters what became of their objects. Its failures harm nothing else. */
export class MachineReports {
  readonly #options: MachineReportsOptions;
  readonly #desks = new Map<string, Desk>();
  #last: Outcome | undefined;
  #namesAt = Number.NEGATIVE_INFINITY;

  constructor(options: MachineReportsOptions) {
    this.#options = options;
  }

  /** What came of making rules. */
  tell(configuration: MachineConfigured, outcome: Outcome): void {
    this.#last = outcome;
    const { machine, name } = configuration;
    const { sources, clusters } = this.#options;
    const [cwnp, service] = [machine.cwnp?.source, machine.service?.source];
    this.#tellPolicies(configuration);
    const home = clusters.homeSource;
    const firewall = sources.raw(machine.firewall.source, 'Firewall').find((each) => each.name === name);
    for (const source of new Set([cwnp, service, home])) {
      if (source === undefined) continue;
      const objects = [
        ...(source === cwnp ? sources.raw(source, 'ClusterwideNetworkPolicy') : []),
        ...(source === service ? sources.raw(source, 'Service') : []),
      ].map((object) => [`${object.kind}/${object.namespace}/${object.name}`, object] as const);
      const access = sources.access(source);
      if (access === undefined) continue;
      const own = { object: source === home ? firewall : undefined, namespace: access.namespace };
      this.#desk(source, access, configuration).events.tell(outcome, new Map(objects), own);
    }
  }

  /** A source says something that no rule follows from: a status, perhaps. */
  seen(configuration: MachineConfigured): void {
    this.#tellPolicies(configuration);
  }

  /** Time passes: resolvers may have said something else. */
  look(configuration: MachineConfigured): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#namesAt < NAMES_MS) return;
    this.#namesAt = now;
    this.#tellNames(configuration);
  }

  async stop(): Promise<void> {
    const desks = [...this.#desks.values()];
    this.#desks.clear();
    await Promise.all(desks.map(close));
  }

  #tellPolicies(configuration: MachineConfigured): void {
    const { sources } = this.#options;
    const source = configuration.machine.cwnp?.source;
    const access = source === undefined ? undefined : sources.access(source);
    if (source === undefined || access === undefined) return;
    const { statuses } = this.#desk(source, access, configuration);
    // Others, in other namespaces, may be another machine's.
    const own = sources
      .raw(source, 'ClusterwideNetworkPolicy')
      .filter(({ namespace }) => namespace === access.namespace);
    statuses.seen(own);
    if (this.#last === undefined) return;
    statuses.tell(this.#last);
    this.#tellNames(configuration);
  }

  #tellNames(configuration: MachineConfigured): void {
    const { sources, names } = this.#options;
    const source = configuration.machine.cwnp?.source;
    const access = source === undefined ? undefined : sources.access(source);
    const now = names();
    if (source === undefined || access === undefined || now === undefined || this.#last?.result.kind !== 'inForce')
      return;
    const states = this.#last.policies
      .filter(({ policy, state }) => state === 'deployed' && policy.namespace === access.namespace)
      .flatMap(({ policy }) => {
        const state = fqdnState(policy, now);
        return state === undefined ? [] : [[`${policy.namespace}/${policy.name}`, state] as const];
      });
    this.#desk(source, access, configuration).statuses.tellNames(new Map(states));
  }

  #desk(source: string, { client }: ClusterAccess, { name }: MachineConfigured): Desk {
    const { clock, log } = this.#options;
    const before = this.#desks.get(source);
    if (before?.client === client) return before;
    if (before !== undefined) background('ending reports', close(before), log);
    const desk: Desk = {
      client,
      statuses: new PolicyStatuses({ client, clock, log }),
      events: new MachineEvents({ client, clock, log, instance: name }),
    };
    this.#desks.set(source, desk);
    return desk;
  }
}

async function close({ statuses, events }: Desk): Promise<void> {
  await Promise.all([statuses.stop(), events.stop()]);
}
