import { type Pieces, each } from '../base/pieces.ts';
import { type MapChanges, touched } from '../inventory/change.ts';
import type { ServiceSlice } from '../inventory/model.ts';
import type { Address } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';

/** What is behind a service: the pods and hosts that its flows end at, never its own address (semantics 11). */
export interface ServiceBackends {
  /** Every address, whatever it serves. */
  readonly addresses: PrefixSet;
  /** By IP protocol number and port: the addresses that serve it. Ascending. */
  readonly ports: readonly { readonly protocol: number; readonly port: number; readonly addresses: PrefixSet }[];
}

const NOTHING: ServiceBackends = { addresses: PrefixSet.empty, ports: [] };

/** What is behind each service. Follows the inventory from flush to flush; a service of which no slice is there has nothing behind it. */
export class Backends {
  readonly #slices = new Map<string, ServiceSlice>();
  readonly #byService = new Map<string, Map<string, ServiceSlice>>();
  /** Made when first asked for: most services are in no rule. */
  readonly #made = new Map<string, ServiceBackends>();

  /** `service`: `namespace/name`. */
  of(service: string): ServiceBackends {
    const slices = this.#byService.get(service);
    if (slices === undefined) return NOTHING;
    let backends = this.#made.get(service);
    if (backends === undefined) {
      backends = backendsOf([...slices.values()]);
      this.#made.set(service, backends);
    }
    return backends;
  }

  /** The slices of a service, in no promised order. */
  slicesOf(service: string): Iterable<ServiceSlice> {
    return this.#byService.get(service)?.values() ?? [];
  }

  /** Whether an address is behind a service, whatever it serves: how a source is matched (semantics 11.2). */
  hasAddress(service: string, address: Address): boolean {
    return this.of(service).addresses.contains(address);
  }

  /** Whether an address serves a port of a service: how a destination is matched (semantics 11.2). */
  serves(service: string, address: Address, protocol: number, port: number): boolean {
    return this.of(service).ports.some(
      (each) => each.port === port && each.protocol === protocol && each.addresses.contains(address),
    );
  }

  /** Takes what changed; the services that had, or have, a slice among it. */
  *take(changes: MapChanges, slices: ReadonlyMap<string, ServiceSlice>): Pieces<ReadonlySet<string>> {
    const services = new Set<string>();
    yield* each(touched(changes), (id) => {
      const before = this.#slices.get(id);
      if (before !== undefined) {
        this.#remove(before);
        services.add(before.service);
      }
      const now = slices.get(id);
      if (now === undefined) return;
      this.#add(now);
      services.add(now.service);
    });
    for (const service of services) this.#made.delete(service);
    return services;
  }

  #add(slice: ServiceSlice): void {
    this.#slices.set(slice.id, slice);
    const slices = this.#byService.get(slice.service);
    if (slices === undefined) this.#byService.set(slice.service, new Map([[slice.id, slice]]));
    else slices.set(slice.id, slice);
  }

  #remove({ id, service }: ServiceSlice): void {
    this.#slices.delete(id);
    const slices = this.#byService.get(service);
    slices?.delete(id);
    if (slices?.size === 0) this.#byService.delete(service);
  }
}

function backendsOf(slices: readonly ServiceSlice[]): ServiceBackends {
  const ports = new Map<number, { readonly protocol: number; readonly port: number; readonly addresses: Address[] }>();
  for (const slice of slices)
    for (const { protocol, port } of slice.ports) {
      const key = protocol * 65_536 + port;
      const known = ports.get(key);
      if (known === undefined) ports.set(key, { protocol, port, addresses: [...slice.addresses] });
      else for (const address of slice.addresses) known.addresses.push(address);
    }
  return {
    addresses: PrefixSet.ofAddresses(slices.flatMap(({ addresses }) => addresses)),
    ports: [...ports]
      .sort(([a], [b]) => a - b)
      .map(([, { addresses, ...served }]) => ({ ...served, addresses: PrefixSet.ofAddresses(addresses) })),
  };
}
