import { type BorderFirewall, type ResourceKey, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import { background } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { ApiClient } from '../../kubernetes/api-client.ts';
import type { ResourceChange, SourceState } from '../../sources/source.ts';
import { Departure, type DepartureHooks, type DepartureTold } from './departure.ts';

export interface DeparturesOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * BorderFirewalls with `onDelete: Remove`, which a finalizer of ours keeps in the cluster until their devices were left: whoever deletes one
 * while no copy runs has it done when one runs again. A definition (CRD) that goes takes no rule off a device: its objects are let go as they are.
 */
export class Departures {
  readonly #options: DeparturesOptions;
  readonly #each = new Map<ResourceKey, Departure>();
  #hooks: DepartureHooks | undefined;
  #state: SourceState['kind'] = 'loading';

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  start(hooks: DepartureHooks): void {
    this.#hooks = hooks;
  }

  /** What was delivered, once it was computed, and how much the source is worth now. */
  taken(changes: readonly ResourceChange[], state: SourceState['kind'], unread: readonly UnreadFirewall[] = []): void {
    this.#state = state;
    for (const change of changes) {
      if (change.kind === 'delete') this.#end(change.key);
      else if (change.resource.type === 'BorderFirewall') this.#put(change.resource);
    }
    for (const firewall of unread) this.#put(firewall);
    // Nobody is told that one is gone which was never read.
    const keys = new Set(unread.map(resourceKey));
    for (const [key, one] of this.#each) if (!one.wasRead && !keys.has(key)) this.#end(key);
    this.look();
  }

  /** This copy may write to other firewalls than before, or the source is worth another thing. */
  look(): void {
    for (const one of this.#each.values()) one.look(this.#state);
  }

  /**
   * How far a firewall is: `Leaving`: nothing is wished for it any more; `Left`: nothing of ours is on its device, and it is not opened again;
   * `undefined`: it stays.
   */
  stageOf(firewall: string): 'Leaving' | 'Left' | undefined {
    return this.#of(firewall)?.stage;
  }

  /** What people are told of it. */
  toldOf(firewall: string): DepartureTold | undefined {
    return this.#of(firewall)?.told;
  }

  /** Ends the requests under way; objects that are held stay held. */
  async close(): Promise<void> {
    const all = [...this.#each.values()];
    this.#each.clear();
    await Promise.all(all.map((one) => one.stop()));
  }

  #of(name: string): Departure | undefined {
    return this.#each.get(resourceKey({ type: 'BorderFirewall', namespace: '', name }));
  }

  #put(firewall: BorderFirewall | UnreadFirewall): void {
    const key = resourceKey(firewall);
    const known = this.#each.get(key);
    if (known?.uid === firewall.uid) return known?.describe(firewall);
    this.#end(key);
    if (this.#hooks !== undefined && firewall.uid !== undefined)
      this.#each.set(key, new Departure(this.#options, this.#hooks, firewall, firewall.uid));
  }

  #end(key: ResourceKey): void {
    const known = this.#each.get(key);
    this.#each.delete(key);
    if (known !== undefined) background('ending a departure', known.stop(), this.#options.log);
  }
}
