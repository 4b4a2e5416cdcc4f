import type { Meta } from './resource-meta.ts';
import type { CalicoPolicySpec, KubernetesNetworkPolicy } from './resource-policies.ts';

/** What enforcing a staged policy would do: write the policy (Set), or delete the one of its name. Learn and Ignore are for Calico's tools. */
export type StagedAction = 'Set' | 'Delete' | 'Learn' | 'Ignore';

/** A policy of Calico's that is shown and never enforced (semantics 12). */
export interface StagedCalicoPolicy extends Meta {
  readonly type: 'StagedNetworkPolicy' | 'StagedGlobalNetworkPolicy';
  readonly stagedAction: StagedAction;
  readonly spec: CalicoPolicySpec;
}

/** A Kubernetes NetworkPolicy that is shown and never enforced. */
export interface StagedKubernetesNetworkPolicy extends Omit<KubernetesNetworkPolicy, 'type'> {
  readonly type: 'StagedKubernetesNetworkPolicy';
  readonly stagedAction: StagedAction;
}
