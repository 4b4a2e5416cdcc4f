import { type Resource, type ResourceKey, resourceKey } from '../../src/api/resource.ts';
import type { Diagnostic } from '../../src/base/diagnostic.ts';
import type { Delivery } from '../../src/sources/source.ts';

/** What a source has delivered so far, all deliveries together. */
export class DeliveredState {
  readonly resources = new Map<ResourceKey, Resource>();
  readonly deliveries: Delivery[] = [];
  /** Everything that was delivered as gone, in order. */
  readonly deleted: ResourceKey[] = [];

  take(delivery: Delivery): void {
    this.deliveries.push(delivery);
    for (const change of delivery.changes)
      if (change.kind === 'put') this.resources.set(resourceKey(change.resource), change.resource);
      else {
        this.resources.delete(change.key);
        this.deleted.push(change.key);
      }
  }

  get keys(): readonly ResourceKey[] {
    return [...this.resources.keys()].sort();
  }

  get last(): Delivery | undefined {
    return this.deliveries.at(-1);
  }

  get state(): Delivery['state']['kind'] | undefined {
    return this.last?.state.kind;
  }

  /** The reason of the last state. */
  get reason(): string {
    const state = this.last?.state;
    return state !== undefined && 'reason' in state ? state.reason : '';
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.last?.diagnostics ?? [];
  }

  get codes(): readonly string[] {
    return this.diagnostics.map(({ code }) => code);
  }
}
