import type { FelixConfiguration } from '../api/resource.ts';
import type { Endpoint, NodeInfo, PoolInfo } from '../inventory/model.ts';
import { type Address, type Family, parseAddress } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';

/**
 * How a workload's traffic of one family leaves its node (design section 2).
 * `Own`: with its own address; `Nat`: Calico's natOutgoing puts the node's in its place for destinations outside every pool;
 * `Host`: the workload is in the node's network; `NoPool`: no IP pool covers it, so nobody but the BorderFirewall can say.
 */
export type Leaving = 'Own' | 'Nat' | 'Host' | 'NoPool';

/** Where the source address of some flows comes from, before any firewall translates. */
export type Face = 'Own' | 'NatAddress' | 'Node' | 'NoPool';

/** Flows to these destinations leave with this face. The departures of one workload never overlap. */
export interface Departure {
  readonly face: Face;
  readonly region: PrefixSet;
}

/** What the firewall that looks says about itself. */
export interface Viewpoint {
  readonly sees: 'Pod' | 'Node' | undefined;
  /** Type of the node address that faces the border. */
  readonly nodeAddress: string;
}

/** An address as a firewall sees it; `blind`: other workloads may send from it by nature, not only for a moment. */
export type Seen =
  | { readonly kind: 'Address'; readonly address: Address; readonly blind: boolean }
  /** Nobody said what a pod without IP pool looks like at the border. */
  | { readonly kind: 'Unsaid' }
  /** It is the node's address, and the node has none of this family and type. */
  | { readonly kind: 'NoNodeAddress'; readonly node: string };

const POLICY_FAMILIES = [4, 6] as const;

/** How addresses leave the cluster: pools, nodes and Felix's settings, at one moment. */
export class Departures {
  /** Enabled pools and node addresses: traffic to here is none of a border's business. */
  readonly inside: PrefixSet;
  readonly #nodes: ReadonlyMap<string, NodeInfo>;
  readonly #pools: readonly PoolInfo[];
  readonly #felix: ReadonlyMap<string, FelixConfiguration>;
  readonly #byLeaving = new Map<string, readonly Departure[]>();
  readonly #exempt: PrefixSet;

  constructor(pools: readonly PoolInfo[], nodes: ReadonlyMap<string, NodeInfo>, felix: readonly FelixConfiguration[]) {
    this.#pools = pools;
    this.#nodes = nodes;
    this.#felix = new Map(felix.map((configuration) => [configuration.name, configuration]));
    const hosts = PrefixSet.ofAddresses(
      [...nodes.values()].flatMap((node) => node.addresses.map((entry) => entry.address)),
    );
    const all = unionOf(pools);
    // Where no pool says what is inside, the nodes' own ranges for pods do: another network plugin hands them out.
    const assigned = pools.length === 0 ? podRanges(nodes) : unionOf(pools.filter((pool) => !pool.disabled));
    this.inside = assigned.union(hosts);
    // Felix exempts destinations in every pool, disabled ones included; node addresses only where it is told so.
    const exclusions = this.#felix.get('default')?.natOutgoingExclusions;
    this.#exempt = exclusions === 'IPPoolsAndHostIPs' ? all.union(hosts) : all;
  }

  /** The pool that covers an address, disabled ones included. Pools do not overlap; of overlapping ones the first by name. */
  poolOf(address: Address): PoolInfo | undefined {
    return this.#pools.find((pool) => pool.family === address.family && pool.cidr.contains(address));
  }

  /** `undefined`: the workload sends nothing in this family. */
  leaving(endpoint: Endpoint, family: Family): Leaving | undefined {
    if (endpoint.hostNetwork) return this.#speaks(endpoint.node, family) ? 'Host' : undefined;
    const own = ownAddress(endpoint, family);
    if (own === undefined) return undefined;
    const pool = this.poolOf(own);
    if (pool === undefined) return 'NoPool';
    return pool.natOutgoing ? 'Nat' : 'Own';
  }

  /** All flows of such a workload, by the face they leave with. */
  departures(leaving: Leaving, family: Family): readonly Departure[] {
    const key = `${leaving}${family}`;
    let known = this.#byLeaving.get(key);
    if (known === undefined) {
      known = this.#departures(leaving, PrefixSet.all.family(family)).filter((departure) => !departure.region.isEmpty);
      this.#byLeaving.set(key, known);
    }
    return known;
  }

  #departures(leaving: Leaving, everywhere: PrefixSet): Departure[] {
    switch (leaving) {
      case 'Own':
        return [{ face: 'Own', region: everywhere }];
      case 'Host':
        return [{ face: 'Node', region: everywhere }];
      case 'NoPool':
        return [{ face: 'NoPool', region: everywhere }];
      case 'Nat':
        return [
          { face: 'Own', region: everywhere.intersect(this.#exempt) },
          { face: 'NatAddress', region: everywhere.subtract(this.#exempt) },
        ];
    }
  }

  /** The address behind a face, for one workload, seen from one firewall with nothing translated on the way. */
  resolve(face: Face, endpoint: Endpoint, family: Family, from: Viewpoint): Seen {
    switch (face) {
      case 'Own':
        return this.#own(endpoint, family);
      case 'Node':
        return this.#node(endpoint, family, from);
      case 'NatAddress': {
        const fixed = this.#natOutgoingAddress(endpoint.node, family);
        return fixed === undefined
          ? this.#node(endpoint, family, from)
          : { kind: 'Address', address: fixed, blind: true };
      }
      case 'NoPool':
        if (from.sees === undefined) return { kind: 'Unsaid' };
        return from.sees === 'Pod' ? this.#own(endpoint, family) : this.#node(endpoint, family, from);
    }
  }

  /** Whether a node sends in a family: not where it has addresses, but none of that family. Of one that is not known, anything. */
  #speaks(node: string, family: Family): boolean {
    const addresses = this.#nodes.get(node)?.addresses ?? [];
    return addresses.length === 0 || addresses.some(({ address }) => address.family === family);
  }

  #own(endpoint: Endpoint, family: Family): Seen {
    const address = ownAddress(endpoint, family);
    return address === undefined ? { kind: 'Unsaid' } : { kind: 'Address', address, blind: false };
  }

  #node(endpoint: Endpoint, family: Family, from: Viewpoint): Seen {
    const entry = this.#nodes
      .get(endpoint.node)
      ?.addresses.find((each) => each.type === from.nodeAddress && each.address.family === family);
    return entry === undefined
      ? { kind: 'NoNodeAddress', node: endpoint.node }
      : { kind: 'Address', address: entry.address, blind: true };
  }

  /** A node's own FelixConfiguration is named `node.NAME` and goes before the one named `default`. */
  #natOutgoingAddress(node: string, family: Family): Address | undefined {
    const text = this.#felix.get(`node.${node}`)?.natOutgoingAddress ?? this.#felix.get('default')?.natOutgoingAddress;
    const address = text === undefined ? undefined : parseAddress(text);
    return address?.family === family ? address : undefined;
  }
}

/** The workload's address of a family; it has at most one. */
export function ownAddress(endpoint: Endpoint, family: Family): Address | undefined {
  return endpoint.addresses.find((address) => address.family === family);
}

/** Both families, in the order in which everything is listed. */
export const families: readonly Family[] = POLICY_FAMILIES;

function podRanges(nodes: ReadonlyMap<string, NodeInfo>): PrefixSet {
  return PrefixSet.of([...nodes.values()].flatMap((node) => node.podCIDRs.prefixes()));
}

function unionOf(pools: readonly PoolInfo[]): PrefixSet {
  return PrefixSet.of(pools.flatMap((pool) => pool.cidr.prefixes()));
}
