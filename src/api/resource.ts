import type { Diagnostic } from '../base/diagnostic.ts';
import type { Address } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { Selector } from '../selector/selector.ts';
import type { AdminPolicy } from './resource-admin-policy.ts';
import type { Meta, ReadableRule } from './resource-meta.ts';
import type { OwnResource, UnreadFirewall } from './resource-own.ts';
import type { CalicoPolicySpec, CalicoRule, KubernetesNetworkPolicy } from './resource-policies.ts';
import type { StagedCalicoPolicy, StagedKubernetesNetworkPolicy } from './resource-staged.ts';

export type { LabelSelector } from '../selector/label-selector.ts';
export type { AdminPeer, AdminPods, AdminPolicy, AdminPort, AdminRule } from './resource-admin-policy.ts';
export type { Meta, Readable, ReadableRule, RuleAction } from './resource-meta.ts';
export type {
  AddressGroup,
  BorderApproval,
  BorderFirewall,
  BorderPolicy,
  BorderPolicyRule,
  BorderPolicySpec,
  ClusterBorderPolicy,
  FirewallSettings,
  GuardLimit,
  OnBlind,
  OwnMeta,
  OwnResource,
  SourceNAT,
  Translate,
  UnreadFirewall,
} from './resource-own.ts';
export type {
  CalicoEntity,
  CalicoPolicySpec,
  CalicoPorts,
  CalicoRule,
  IcmpMatch,
  KubernetesNetworkPolicy,
  KubernetesPeer,
  KubernetesRule,
} from './resource-policies.ts';
export type { StagedAction, StagedCalicoPolicy, StagedKubernetesNetworkPolicy } from './resource-staged.ts';

/** What a resource is, in one word; Kubernetes' own NetworkPolicy gets Calico's name for it, because the kinds collide. */
export type ResourceType = Resource['type'];

// ---- Kubernetes -------------------------------------------------------------------------------------------------------

export interface ContainerPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
}

export interface Pod extends Meta {
  readonly type: 'Pod';
  readonly nodeName?: string | undefined;
  readonly serviceAccountName?: string | undefined;
  /** What made the pod, from `metadata.ownerReferences`, as `Kind/name`: `ReplicaSet/web-6d4cf56db6`. */
  readonly owner?: string | undefined;
  readonly hostNetwork: boolean;
  readonly phase: string;
  /** `status.podIPs`, else `status.podIP`: the kubelet's word. What is no address stays as it was written. */
  readonly podIPs: readonly (Address | string)[];
  /** Named ports of containers and init containers. */
  readonly ports: readonly ContainerPort[];
  /** The pod asks to be ready only when the border is (readiness gate `sallyport.dev/border`), and what stands there now; absent: it does not. */
  readonly gate?: BorderCondition | undefined;
}

/** The condition `sallyport.dev/border` of a pod, as written; texts are empty where it has none. */
export interface BorderCondition {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export interface Namespace extends Meta {
  readonly type: 'Namespace';
}

export interface ServiceAccount extends Meta {
  readonly type: 'ServiceAccount';
}

export interface Node extends Meta {
  readonly type: 'Node';
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
  readonly podCIDRs: readonly string[];
}

/** Some of the endpoints behind a service. */
export interface EndpointSlice extends Meta {
  readonly type: 'EndpointSlice';
  /** The service's name, in the slice's own namespace; absent: the slice belongs to none. */
  readonly service?: string;
  readonly addresses: readonly Address[];
  /** By IP protocol number. Each address serves each of them. */
  readonly ports: readonly { readonly protocol: number; readonly port: number }[];
}

// ---- Calico -----------------------------------------------------------------------------------------------------------

export interface NetworkPolicy extends Meta {
  readonly type: 'NetworkPolicy';
  readonly spec: CalicoPolicySpec;
}

export interface GlobalNetworkPolicy extends Meta {
  readonly type: 'GlobalNetworkPolicy';
  readonly spec: CalicoPolicySpec;
}

export interface Tier extends Meta {
  readonly type: 'Tier';
  readonly order: number;
  readonly defaultAction: 'Deny' | 'Pass';
}

export interface NetworkSet extends Meta {
  /** `GlobalNetworkSet` has namespace `''`. */
  readonly type: 'NetworkSet' | 'GlobalNetworkSet';
  readonly nets: readonly Prefix[];
  readonly domains: readonly string[];
}

export interface IPPool extends Meta {
  readonly type: 'IPPool';
  readonly cidr: Prefix;
  readonly natOutgoing: boolean;
  readonly disabled: boolean;
  readonly nodeSelector: Selector;
  readonly allowedUses: readonly string[];
}

export interface Profile extends Meta {
  readonly type: 'Profile';
  readonly labelsToApply: ReadonlyMap<string, string>;
  readonly ingress: readonly ReadableRule<CalicoRule>[];
  readonly egress: readonly ReadableRule<CalicoRule>[];
}

/** The endpoint of a workload's interface, given directly. */
export interface WorkloadEndpoint extends Meta {
  readonly type: 'WorkloadEndpoint';
  readonly node: string;
  /** `k8s` for pods. */
  readonly orchestrator: string;
  /** The interface inside the workload; that of a pod is `eth0`. */
  readonly endpoint: string;
  /** There for pods. */
  readonly pod?: string;
  readonly serviceAccountName?: string;
  readonly addresses: readonly Address[];
  readonly profiles: readonly string[];
  readonly ports: readonly ContainerPort[];
}

export interface HostEndpoint extends Meta {
  readonly type: 'HostEndpoint';
  readonly node: string;
  readonly interfaceName: string;
  readonly expectedIPs: readonly string[];
  readonly profiles: readonly string[];
  readonly ports: readonly ContainerPort[];
}

export interface FelixConfiguration extends Meta {
  readonly type: 'FelixConfiguration';
  readonly natOutgoingAddress?: string;
  readonly natOutgoingExclusions: 'IPPoolsOnly' | 'IPPoolsAndHostIPs';
  readonly interfacePrefix?: string;
  readonly dropActionOverride?: string;
  readonly egressIPSupport?: string;
}

export type Resource =
  | Pod
  | Namespace
  | ServiceAccount
  | Node
  | EndpointSlice
  | KubernetesNetworkPolicy
  | AdminPolicy
  | NetworkPolicy
  | GlobalNetworkPolicy
  | StagedCalicoPolicy
  | StagedKubernetesNetworkPolicy
  | Tier
  | NetworkSet
  | IPPool
  | Profile
  | HostEndpoint
  | WorkloadEndpoint
  | FelixConfiguration
  | OwnResource;

/** `Type/namespace/name`, or `Type/name` for cluster scope; the identity of a resource everywhere. */
export type ResourceKey = string;

export function resourceKey(resource: {
  readonly type: string;
  readonly namespace: string;
  readonly name: string;
}): ResourceKey {
  const { type, namespace, name } = resource;
  // In one piece: it is a key of many maps, and V8 keeps the parts of what was put together along with it.
  return (namespace === '' ? [type, name] : [type, namespace, name]).join('/');
}

/** What reading one API object gave. No resource: nothing could be kept of it, or its kind is not ours to read. */
export interface ReadResource {
  readonly resource?: Resource;
  /** What can be read of a BorderFirewall that is no resource. */
  readonly unread?: UnreadFirewall;
  /** Whose object it is; there also when the object exists and is too broken to be kept, which is not the same as its being gone. */
  readonly key?: ResourceKey;
  readonly diagnostics: readonly Diagnostic[];
  /** The kind is one that Sallyport does not use; no mistake. */
  readonly ignored?: boolean;
}
