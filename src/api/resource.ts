import type { Diagnostic, Place } from '../base/diagnostic.ts';
import type { Address } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { PortSet } from '../ip/port-set.ts';
import type { LabelSelector } from '../selector/label-selector.ts';
import type { Selector } from '../selector/selector.ts';
import type { AdminPolicy } from './resource-admin-policy.ts';
import type { OwnResource } from './resource-own.ts';
import type { StagedCalicoPolicy, StagedKubernetesNetworkPolicy } from './resource-staged.ts';

export type { LabelSelector } from '../selector/label-selector.ts';
export type { AdminPeer, AdminPods, AdminPolicy, AdminPort, AdminRule } from './resource-admin-policy.ts';
export type {
  AddressGroup,
  BorderApproval,
  BorderFirewall,
  BorderPolicy,
  BorderPolicyRule,
  BorderPolicySpec,
  ClusterBorderPolicy,
  GuardLimit,
  OnBlind,
  OwnMeta,
  OwnResource,
  SourceNAT,
  Translate,
} from './resource-own.ts';
export type { StagedAction, StagedCalicoPolicy, StagedKubernetesNetworkPolicy } from './resource-staged.ts';

/** What a resource is, in one word; Kubernetes' own NetworkPolicy gets Calico's name for it, because the kinds collide. */
export type ResourceType = Resource['type'];

/** What every object has. Names are the API's; `''` stands for cluster scope. */
export interface Meta {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  /** `metadata.deletionTimestamp` is set. */
  readonly deleting: boolean;
  /** Where it was read. */
  readonly place: Place;
}

/**
 * A part that could be read, or word that it could not. Whoever reads it takes the safe side (design invariant 5): an unreadable
 * selector selects its whole scope, an unreadable Allow rule is absent, an unreadable Deny or Pass rule denies everything. Nobody knows for
 * whom the rules of a policy without readable selectors were meant: `src/api` makes all of them but Deny unreadable.
 */
export type Readable<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

export type RuleAction = 'Allow' | 'Deny' | 'Pass' | 'Log';

/** A rule, or what is known of one that could not be read: its action, `Deny` where even that is unreadable. */
export type ReadableRule<R> =
  | { readonly ok: true; readonly rule: R }
  | { readonly ok: false; readonly action: RuleAction };

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

export interface KubernetesPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: Prefix; readonly except: readonly Prefix[] };
}

export interface KubernetesRule {
  /** Absent or empty: every peer. */
  readonly peers: readonly KubernetesPeer[];
  readonly ports: readonly {
    readonly protocol: 'TCP' | 'UDP' | 'SCTP';
    readonly port?: number | string;
    readonly endPort?: number;
  }[];
}

export interface KubernetesNetworkPolicy extends Meta {
  readonly type: 'KubernetesNetworkPolicy';
  readonly podSelector: Readable<LabelSelector>;
  /** With the API server's default applied (semantics 8.1.2). */
  readonly types: readonly ('Ingress' | 'Egress')[];
  readonly ingress: readonly ReadableRule<KubernetesRule>[];
  readonly egress: readonly ReadableRule<KubernetesRule>[];
}

// ---- Calico -----------------------------------------------------------------------------------------------------------

export interface CalicoEntity {
  readonly nets: readonly Prefix[];
  readonly notNets: readonly Prefix[];
  readonly selector?: Selector;
  readonly notSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly serviceAccounts?: { readonly names: readonly string[]; readonly selector?: Selector };
  readonly services?: { readonly name: string; readonly namespace: string };
  readonly ports?: CalicoPorts;
  readonly notPorts?: CalicoPorts;
  readonly domains: readonly string[];
}

export interface CalicoPorts {
  readonly numbers: PortSet;
  readonly names: readonly string[];
}

export interface IcmpMatch {
  readonly type: number;
  readonly code?: number;
}

export interface CalicoRule {
  readonly action: RuleAction;
  /** Written, or implied by ICMP by name or by the CIDRs, negative ones too (semantics 5, table and 5.4): nobody needs to imply it again. */
  readonly ipVersion?: 4 | 6;
  /** IP protocol number; names are resolved (semantics 5). */
  readonly protocol?: { readonly number: number; readonly byName: boolean };
  readonly notProtocol?: { readonly number: number; readonly byName: boolean };
  readonly icmp?: IcmpMatch;
  readonly notIcmp?: IcmpMatch;
  readonly source: CalicoEntity;
  readonly destination: CalicoEntity;
  /** The rule has an `http` match, which nothing below layer 7 can enforce. */
  readonly http: boolean;
}

export interface CalicoPolicySpec {
  readonly tier: string;
  /** Absent is `Infinity`. */
  readonly order: number;
  /** Absent where nothing is written, which is not the same as `all()`: beside a namespaceSelector that one means "has a namespace" (semantics 3.1.4). */
  readonly selector: Readable<Selector | undefined>;
  readonly namespaceSelector: Readable<Selector | undefined>;
  readonly serviceAccountSelector: Readable<Selector | undefined>;
  readonly types: readonly ('Ingress' | 'Egress')[];
  readonly ingress: readonly ReadableRule<CalicoRule>[];
  readonly egress: readonly ReadableRule<CalicoRule>[];
  readonly doNotTrack: boolean;
  readonly preDNAT: boolean;
  readonly applyOnForward: boolean;
}

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
  /** Whose object it is; there also when the object exists and is too broken to be kept, which is not the same as its being gone. */
  readonly key?: ResourceKey;
  readonly diagnostics: readonly Diagnostic[];
  /** The kind is one that Sallyport does not use; no mistake. */
  readonly ignored?: boolean;
}
