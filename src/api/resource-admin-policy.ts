import type { Prefix } from '../ip/prefix.ts';
import type { LabelSelector } from '../selector/label-selector.ts';
import type { Meta, Readable, ReadableRule, RuleAction } from './resource-meta.ts';

/** Pods by the labels of their namespaces and, where `podSelector` is there, by their own. */
export interface AdminPods {
  readonly namespaceSelector: LabelSelector;
  readonly podSelector?: LabelSelector;
}

export type AdminPeer =
  | ({ readonly kind: 'Pods' } & AdminPods)
  /** Addresses in these networks, those of pods among them. */
  | { readonly kind: 'Networks'; readonly nets: readonly Prefix[] };

/** A destination port: by number, with the protocol (all of its ports if there is none), or by name, for any protocol. */
export interface AdminPort {
  readonly protocol?: 'TCP' | 'UDP' | 'SCTP';
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface AdminRule {
  /** Accept, as the newer kind calls it, is Allow; Log does not occur. */
  readonly action: RuleAction;
  /** At least one. */
  readonly peers: readonly AdminPeer[];
  /** Empty: all traffic. */
  readonly ports: readonly AdminPort[];
}

/**
 * The cluster-wide policies of `policy.networking.k8s.io` (semantics 9): ClusterNetworkPolicy of v1alpha2, which has Calico's own name for
 * it, and the two kinds of v1alpha1 that it replaces. They differ in words and limits only.
 */
export interface AdminPolicy extends Meta {
  readonly type: 'KubernetesClusterNetworkPolicy' | 'AdminNetworkPolicy' | 'BaselineAdminNetworkPolicy';
  readonly tier: string;
  /** The priority; lower goes first. */
  readonly order: number;
  readonly subject: Readable<AdminPods>;
  readonly ingress: readonly ReadableRule<AdminRule>[];
  readonly egress: readonly ReadableRule<AdminRule>[];
}
