import type { IPPool, Node } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { type Address, addressProblem, compareAddresses, formatAddress, parseAddress } from '../ip/address.ts';
import { type Prefix, parsePrefix } from '../ip/prefix.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { sameList } from './equality.ts';
import { diagnosticOn } from './mistake.ts';
import type { NodeInfo, PoolInfo } from './model.ts';
import type { Cluster } from './pods.ts';

/** Types of node addresses that are names, not addresses. */
const NAME_TYPES: ReadonlySet<string> = new Set(['Hostname', 'InternalDNS', 'ExternalDNS']);

export function poolInfo(pool: IPPool): PoolInfo {
  return {
    name: pool.name,
    cidr: PrefixSet.of([pool.cidr]),
    family: pool.cidr.family,
    natOutgoing: pool.natOutgoing,
    disabled: pool.disabled,
    workloads: pool.allowedUses.includes('Workload'),
  };
}

export function samePool(a: PoolInfo, b: PoolInfo): boolean {
  return (
    a.name === b.name &&
    a.natOutgoing === b.natOutgoing &&
    a.disabled === b.disabled &&
    a.workloads === b.workloads &&
    a.cidr.equals(b.cidr)
  );
}

/** A node with the addresses that can be read; host names are none. */
export function nodeInfo(node: Node): NodeInfo {
  const addresses = node.addresses.flatMap(({ type, address: text }) => {
    const address = parseAddress(text);
    return address === undefined ? [] : [{ type, address }];
  });
  const podCIDRs = node.podCIDRs.flatMap((text) => readPodCIDR(text) ?? []);
  return { name: node.name, addresses, podCIDRs: PrefixSet.of(podCIDRs) };
}

function readPodCIDR(text: string): Prefix | undefined {
  const prefix = parsePrefix(text, { hostBits: 'mask' });
  return 'value' in prefix ? prefix.value : undefined;
}

export function sameNode(a: NodeInfo, b: NodeInfo): boolean {
  return (
    a.name === b.name &&
    a.podCIDRs.equals(b.podCIDRs) &&
    sameList(a.addresses, b.addresses, (x, y) => x.type === y.type && compareAddresses(x.address, y.address) === 0)
  );
}

/** Addresses of a node that cannot be read. */
export function nodeMistakes(node: Node): readonly Diagnostic[] {
  return node.addresses.flatMap(({ type, address }, index) =>
    NAME_TYPES.has(type) || parseAddress(address) !== undefined
      ? []
      : [
          diagnosticOn(
            node,
            'warning',
            'ADDRESS_UNREADABLE',
            `status.addresses[${index}].address`,
            addressProblem(address),
          ),
        ],
  );
}

/** What pools and nodes say about an address; computed again after `changed`. */
export class ClusterAddresses implements Cluster {
  readonly #pools: ReadonlyMap<string, PoolInfo>;
  readonly #nodes: ReadonlyMap<string, NodeInfo>;
  #all: PrefixSet | undefined;
  #workloads: PrefixSet | undefined;
  #natted: PrefixSet | undefined;
  #nodeAddresses: ReadonlySet<string> | undefined;
  #podCIDRs: PrefixSet | undefined;

  constructor(pools: ReadonlyMap<string, PoolInfo>, nodes: ReadonlyMap<string, NodeInfo>) {
    this.#pools = pools;
    this.#nodes = nodes;
  }

  poolsChanged(): void {
    this.#all = undefined;
    this.#workloads = undefined;
    this.#natted = undefined;
  }

  nodesChanged(): void {
    this.#nodeAddresses = undefined;
    this.#podCIDRs = undefined;
  }

  get hasPools(): boolean {
    return this.#pools.size > 0;
  }

  inPool(address: Address): boolean {
    this.#all ??= unionOf(Array.from(this.#pools.values(), ({ cidr }) => cidr));
    return this.#all.contains(address);
  }

  inWorkloadPool(address: Address): boolean {
    this.#workloads ??= unionOf(
      [...this.#pools.values()].filter(({ workloads, disabled }) => workloads && !disabled).map(({ cidr }) => cidr),
    );
    return this.#workloads.contains(address);
  }

  inNatPool(address: Address): boolean {
    this.#natted ??= unionOf(
      [...this.#pools.values()].filter(({ natOutgoing }) => natOutgoing).map(({ cidr }) => cidr),
    );
    return this.#natted.contains(address);
  }

  ofNode(address: Address): boolean {
    this.#nodeAddresses ??= new Set(
      [...this.#nodes.values()].flatMap((node) => node.addresses.map((entry) => formatAddress(entry.address))),
    );
    this.#podCIDRs ??= unionOf(Array.from(this.#nodes.values(), ({ podCIDRs }) => podCIDRs));
    return this.#nodeAddresses.has(formatAddress(address)) || this.#podCIDRs.contains(address);
  }

  nodeExists(name: string): boolean {
    return this.#nodes.has(name);
  }
}

function unionOf(sets: readonly PrefixSet[]): PrefixSet {
  return PrefixSet.of(sets.flatMap((set) => set.prefixes()));
}
