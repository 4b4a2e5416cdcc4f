import { compareUtf8 } from '../base/compare.ts';
import { Departures } from '../border/seen-address.ts';
import type { LiveWorld } from '../controller/world/live-world.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Endpoint, PoolInfo } from '../inventory/model.ts';
import { type Address, compareAddresses, formatAddress } from '../ip/address.ts';

/** Somebody who has an address, or whose packets have it as source beyond the nodes or beyond a border firewall. */
export interface Holder {
  readonly kind: 'pod' | 'host endpoint' | 'node' | 'leaves as' | 'translated';
  readonly name: string;
  readonly detail: string;
}

/** Who has an address now, in the cluster and beyond each border firewall; sorted. `nameOf`: who sends from an address, for people. */
export function holdersOf(
  world: LiveWorld,
  address: Address,
  nameOf: (address: string) => string | undefined,
): readonly Holder[] {
  const is = (other: Address): boolean => compareAddresses(other, address) === 0;
  const holders: Holder[] = [];
  const { nodes } = world.inventory;
  for (const node of nodes.values())
    for (const own of node.addresses)
      if (is(own.address)) holders.push({ kind: 'node', name: node.name, detail: own.type });
  const leavesAs = departing(world, address);
  for (const endpoint of world.engine.endpoints.values()) {
    const name = endpoint.namespace === '' ? endpoint.name : `${endpoint.namespace}/${endpoint.name}`;
    const kind = endpoint.kind === 'HostEndpoint' ? 'host endpoint' : 'pod';
    if (endpoint.addresses.some(is)) holders.push({ kind, name, detail: `on node ${endpoint.node}` });
    else if (endpoint.hostNetwork && nodes.get(endpoint.node)?.addresses.some((own) => is(own.address)) === true)
      holders.push({ kind, name, detail: `in the network of node ${endpoint.node}` });
    else if (leavesAs(endpoint))
      holders.push({ kind: 'leaves as', name, detail: `natOutgoing on node ${endpoint.node}` });
  }
  const canonical = formatAddress(address);
  for (const [firewall, { ruleset }] of world.firewalls)
    for (const nat of ruleset?.nats ?? [])
      for (const [source, target] of nat.sources.entries())
        if (target.kind === 'Address' && target.address === canonical) {
          const name = nameOf(source) ?? source;
          holders.push({ kind: 'translated', name, detail: `from ${source} by ${nat.origin.policy} at ${firewall}` });
        }
  return holders.sort(
    (a, b) => compareUtf8(a.kind, b.kind) || compareUtf8(a.name, b.name) || compareUtf8(a.detail, b.detail),
  );
}

/** How addresses leave the cluster. */
export function departuresOf({ pools, nodes, felix }: Inventory): Departures {
  return new Departures(poolsByName(pools), nodes, [...felix.values()]);
}

/** IP pools in the order in which they count. */
export function poolsByName(pools: Inventory['pools']): readonly PoolInfo[] {
  return [...pools].sort(([a], [b]) => compareUtf8(a, b)).map(([, pool]) => pool);
}

/** Whether packets of a pod leave its node with an address, because its pool has `natOutgoing`. */
function departing({ inventory }: LiveWorld, address: Address): (endpoint: Endpoint) => boolean {
  const departures = departuresOf(inventory);
  // The types of node addresses that some border firewall sees; without any, the one that is the default.
  const types = new Set([...inventory.borderFirewalls.values()].map(({ nodeAddress }) => nodeAddress));
  if (types.size === 0) types.add('InternalIP');
  return (endpoint) => {
    if (endpoint.kind !== 'Pod' || departures.leaving(endpoint, address.family) !== 'Nat') return false;
    return [...types].some((nodeAddress) => {
      const seen = departures.resolve('NatAddress', endpoint, address.family, { sees: undefined, nodeAddress });
      return seen.kind === 'Address' && compareAddresses(seen.address, address) === 0;
    });
  };
}
