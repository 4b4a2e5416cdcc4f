import type { Address } from '../src/ip/address.ts';
import { formatAddress } from '../src/ip/address.ts';
import type { PrefixSet } from '../src/ip/prefix-set.ts';
import type { Namespace, Namespaces } from './namespaces.ts';

/** What the namespaces are made from. */
export interface TopologyPlan {
  /** Addresses that live in the cluster: pods, nodes. */
  readonly cluster: readonly Address[];
  /** Prefixes routed to the cluster: pools, node addresses. */
  readonly clusterRoutes: PrefixSet;
  /** Pods whose node hides them (`natOutgoing`), and the node address that is seen instead. */
  readonly hidden: readonly { readonly pod: Address; readonly node: Address }[];
  /** Destinations for which nothing is hidden: inside any pool. */
  readonly poolPrefixes: PrefixSet;
  readonly outside: readonly Address[];
  /** Addresses that the border translates to; routed to it by the outside, and owned by it. */
  readonly owned: PrefixSet;
}

/** The lab's three hosts. */
export interface Topology {
  readonly cluster: Namespace;
  readonly border: Namespace;
  readonly outside: Namespace;
}

const host = (address: Address): string => `${formatAddress(address)}/${address.family === 4 ? 32 : 128}`;

/** Makes cluster, border and outside world, joined in a row, every address in place, and nothing filtered yet. */
export async function build(namespaces: Namespaces, plan: TopologyPlan): Promise<Topology> {
  const cluster = await namespaces.add('cluster', { forwarding: true });
  const border = await namespaces.add('border', { forwarding: true });
  const outside = await namespaces.add('outside');
  await namespaces.link(
    { namespace: cluster, device: 'toborder', addresses: ['169.254.71.1/30', 'fd71:1::1/64'] },
    { namespace: border, device: 'tocluster', addresses: ['169.254.71.2/30', 'fd71:1::2/64'] },
  );
  await namespaces.link(
    { namespace: border, device: 'tooutside', addresses: ['169.254.72.1/30', 'fd71:2::1/64'] },
    { namespace: outside, device: 'toborder', addresses: ['169.254.72.2/30', 'fd71:2::2/64'] },
  );
  await cluster.ip('route add default via 169.254.71.2', 'route add default via fd71:1::2');
  await outside.ip('route add default via 169.254.72.1', 'route add default via fd71:2::1');
  await border.ip(
    'route add default via 169.254.72.2',
    'route add default via fd71:2::2',
    ...plan.clusterRoutes
      .toStrings()
      .map((prefix) => `route add ${prefix} via ${prefix.includes(':') ? 'fd71:1::1' : '169.254.71.1'}`),
    ...plan.owned.toStrings().map((prefix) => `route add blackhole ${prefix}`),
  );
  const topology = { cluster, border, outside };
  await addPods(namespaces, topology, plan.cluster);
  await namespaces.address({ namespace: outside, device: 'lo', addresses: plan.outside.map(host) });
  await hide(cluster, plan);
  return topology;
}

/** Adds the addresses of pods that came later. */
export async function addPods(
  namespaces: Namespaces,
  { cluster }: Topology,
  addresses: readonly Address[],
): Promise<void> {
  await namespaces.address({ namespace: cluster, device: 'lo', addresses: addresses.map(host) });
}

/** The part of the cluster's own CNI that the border notices: `natOutgoing`, on every node of the lab's cluster. */
async function hide(cluster: Namespace, plan: TopologyPlan): Promise<void> {
  for (const family of [4, 6] as const) {
    const hidden = plan.hidden.filter(({ pod, node }) => pod.family === family && node.family === family);
    if (hidden.length === 0) continue;
    const word = family === 4 ? 'ip' : 'ip6';
    const pools = plan.poolPrefixes.family(family).toStrings().join(', ');
    const pairs = hidden.map(({ pod, node }) => `${formatAddress(pod)} : ${formatAddress(node)}`).join(', ');
    const table = [
      `add table ${word} cni`,
      `add chain ${word} cni out { type nat hook postrouting priority srcnat; }`,
      `add rule ${word} cni out oifname "toborder" ${word} daddr != { ${pools} } snat to ${word} saddr map { ${pairs} }`,
    ];
    await cluster.must('nft', ['-f', '-'], `${table.join('\n')}\n`);
  }
}
