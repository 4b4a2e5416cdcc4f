import type { ResourceType } from './resource.ts';

/**
 * Whom the loss of a kind concerns. `Every`: every border firewall; `Some`: those that `border/fed-by.ts` names; `None`: what firewalls hold
 * does not depend on it.
 */
export type Feeding = 'Every' | 'Some' | 'None';

/** All others feed every firewall: who leaves through it, from where, seen as what, and what is wanted of it. */
const FEEDING: ReadonlyMap<ResourceType, Feeding> = new Map<ResourceType, Feeding>([
  ['StagedNetworkPolicy', 'None'],
  ['StagedGlobalNetworkPolicy', 'None'],
  ['StagedKubernetesNetworkPolicy', 'None'],
  // Workloads are read from pods; what else is given here is warned about.
  ['WorkloadEndpoint', 'None'],
  // A yes counts once the server has taken the mark that it is used.
  ['BorderApproval', 'None'],
  ['KubernetesNetworkPolicy', 'Some'],
  ['KubernetesClusterNetworkPolicy', 'Some'],
  ['AdminNetworkPolicy', 'Some'],
  ['BaselineAdminNetworkPolicy', 'Some'],
  ['NetworkPolicy', 'Some'],
  ['GlobalNetworkPolicy', 'Some'],
  ['Tier', 'Some'],
  ['EndpointSlice', 'Some'],
  ['NetworkSet', 'Some'],
  ['GlobalNetworkSet', 'Some'],
  ['BorderPolicy', 'Some'],
]);

export function feedingOf(type: ResourceType): Feeding {
  return FEEDING.get(type) ?? 'Every';
}
