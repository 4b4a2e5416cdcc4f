import type { BorderFirewall } from '../api/resource.ts';
import type { NodeInfo, PoolInfo } from '../inventory/model.ts';
import { PrefixSet } from '../ip/prefix-set.ts';

/**
 * The prefixes in which every sender must be known (design section 5). Where the owner names none: the pools of its workloads whose
 * pods it sees with their own addresses. From pools alone, never from the pods that are there, so that no pod's coming changes it.
 */
export function networksOf(
  firewall: BorderFirewall,
  pools: readonly PoolInfo[],
  nodes: ReadonlyMap<string, NodeInfo>,
  governed: PrefixSet,
): PrefixSet {
  if (firewall.unknown === 'Ignore') return PrefixSet.empty;
  if (firewall.networks !== undefined) return firewall.networks;
  if (pools.length === 0)
    return firewall.sees === 'Pod' ? union([...nodes.values()].map((node) => node.podCIDRs)) : PrefixSet.empty;
  const names = firewall.workloads.ipPools;
  // natOutgoing leaves a pod its own address towards pools; of those only disabled ones are outside.
  const keepsOwn = union(pools.map((pool) => pool.cidr)).overlaps(governed);
  return union(
    pools
      .filter((pool) => pool.workloads && !pool.disabled)
      .filter((pool) => names === undefined || names.includes(pool.name))
      .filter((pool) => !pool.natOutgoing || keepsOwn)
      .map((pool) => pool.cidr),
  );
}

function union(sets: readonly PrefixSet[]): PrefixSet {
  return PrefixSet.of(sets.flatMap((set) => set.prefixes()));
}
