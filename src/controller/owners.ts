import { BucketMap } from '../base/bucket-map.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Engine, EngineChanges } from '../engine/engine.ts';
import type { EndpointId } from '../inventory/model.ts';
import { formatAddress } from '../ip/address.ts';

/**
 * Who has each address, as text for comparing: the guard never holds back what narrows an address whose owner is gone. Follows the
 * engine; one changed endpoint costs its own addresses.
 */
export class OwnerTable {
  readonly #engine: Engine;
  readonly #addressesOf = new Map<EndpointId, readonly string[]>();
  readonly #holders = new Map<string, Set<EndpointId>>();
  #owners: BucketMap<string> = BucketMap.empty();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Takes what the engine's last flush told, and gives the present table. */
  update(changes: Pick<EngineChanges, 'changedEndpoints'>): BucketMap<string> {
    const touched = new Set<string>();
    for (const id of changes.changedEndpoints) {
      for (const address of this.#addressesOf.get(id) ?? []) {
        touched.add(address);
        this.#holders.get(address)?.delete(id);
      }
      const now = (this.#engine.endpoints.get(id)?.addresses ?? []).map(formatAddress);
      for (const address of now) {
        touched.add(address);
        let holders = this.#holders.get(address);
        if (holders === undefined) this.#holders.set(address, (holders = new Set()));
        holders.add(id);
      }
      if (now.length === 0) this.#addressesOf.delete(id);
      else this.#addressesOf.set(id, now);
    }
    this.#owners = this.#owners.with([...touched].map((address) => [address, this.#textOf(address)] as const));
    return this.#owners;
  }

  #textOf(address: string): string | undefined {
    const holders = this.#holders.get(address);
    if (holders !== undefined && holders.size > 0) return [...holders].sort(compareUtf8).join(' ');
    this.#holders.delete(address);
    return undefined;
  }
}
