import type { Address } from '../src/ip/address.ts';
import { formatAddress } from '../src/ip/address.ts';
import type { PrefixSet } from '../src/ip/prefix-set.ts';
import type { Namespaces } from './namespaces.ts';

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
  readonly cluster: string;
  readonly border: string;
  readonly outside: string;
}

const host = (address: Address): string => `${formatAddress(address)}/${address.family === 4 ? 32 : 128}`;

/** Makes cluster, border and outside world, joined in a row, every address in place, and nothing filtered yet. */
export async function build(namespaces: Namespaces, plan: TopologyPlan): Promise<Topology> {
  const cluster = await namespaces.add('cluster');
  const border = await namespaces.add('border');
  const outside = await namespaces.add('outside');
  await namespaces.link(
    { namespace: cluster, interface: 'toborder', addresses: ['169.254.71.1/30', 'fd71:1::1/64'] },
    { namespace: border, interface: 'tocluster', addresses: ['169.254.71.2/30', 'fd71:1::2/64'] },
  );
  await namespaces.link(
    { namespace: border, interface: 'tooutside', addresses: ['169.254.72.1/30', 'fd71:2::1/64'] },
    { namespace: outside, interface: 'toborder', addresses: ['169.254.72.2/30', 'fd71:2::2/64'] },
  );
  await namespaces.batch(cluster, ['route add default via 169.254.71.2', 'route add default via fd71:1::2']);
  await namespaces.batch(outside, ['route add default via 169.254.72.1', 'route add default via fd71:2::1']);
  await namespaces.batch(border, [
    'route add default via 169.254.72.2',
    'route add default via fd71:2::2',
    ...plan.clusterRoutes
      .toStrings()
      .map((prefix) => `route add ${prefix} via ${prefix.includes(':') ? 'fd71:1::1' : '169.254.71.1'}`),
    ...plan.owned.toStrings().map((prefix) => `route add blackhole ${prefix}`),
  ]);
  await namespaces.addAddresses(cluster, 'lo', plan.cluster.map(host));
  await namespaces.addAddresses(outside, 'lo', plan.outside.map(host));
  await hide(namespaces, cluster, plan);
  return { cluster, border, outside };
}

/** Adds the addresses of pods that came later. */
export async function addPods(
  namespaces: Namespaces,
  topology: Topology,
  addresses: readonly Address[],
): Promise<void> {
  await namespaces.addAddresses(topology.cluster, 'lo', addresses.map(host));
}

/** The part of the cluster's own CNI that the border notices: `natOutgoing`, on every node of the lab's cluster. */
async function hide(namespaces: Namespaces, cluster: string, plan: TopologyPlan): Promise<void> {
  for (const family of [4, 6] as const) {
    const hidden = plan.hidden.filter(({ pod, node }) => pod.family === family && node.family === family);
    if (hidden.length === 0) continue;
    const word = family === 4 ? 'ip' : 'ip6';
    const pools = plan.poolPrefixes.family(family).toStrings().join(', ');
    const pairs = hidden.map(({ pod, node }) => `${formatAddress(pod)} : ${formatAddress(node)}`).join(', ');
    const nft = (...words: string[]): Promise<string> => namespaces.run(cluster, ['nft', ...words]);
    await nft(
      `add table ${word} cni; add chain ${word} cni out { type nat hook postrouting priority srcnat; }; ` +
        `add rule ${word} cni out oifname "toborder" ${word} daddr != { ${pools} } snat to ${word} saddr map { ${pairs} }`,
    );
  }
}
