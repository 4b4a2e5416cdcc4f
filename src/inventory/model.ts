import type { IcmpMatch, RuleAction, StagedAction } from '../api/resource.ts';
import type { Place } from '../base/diagnostic.ts';
import type { Address } from '../ip/address.ts';
import type { PortSet } from '../ip/port-set.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';

/** `pod:namespace/name`, `hep:name`, or `wep:namespace/name` for a workload endpoint that is no pod's. */
export type EndpointId = string;

export interface NamedPort {
  readonly name: string;
  /** IP protocol number. */
  readonly protocol: number;
  readonly port: number;
}

/**
 * Something with labels and addresses (semantics 2 and 10). Pods that are not scheduled, or that have finished, are no endpoints.
 * Host-network pods are kept, because our own kinds select them as blind workloads, but no cluster policy applies to them.
 */
export interface Endpoint {
  readonly id: EndpointId;
  readonly kind: 'Pod' | 'HostEndpoint' | 'WorkloadEndpoint';
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** What made a pod, as `Kind/name`; only people's readings rest on it. */
  readonly owner?: string | undefined;
  readonly hostNetwork: boolean;
  /** Of a host endpoint: the interface it is for, `*` for all; absent: the one that has its addresses. */
  readonly interfaceName?: string;
  /** Own labels in effect: `pcns.`/`pcsa.` of the pod dropped, `projectcalico.org/*` set. */
  readonly labels: ReadonlyMap<string, string>;
  /** Profiles it inherits from, first wins: `kns.<ns>`, `ksa.<ns>.<sa>`. */
  readonly parents: readonly string[];
  /** Canonical; at most one per family for pods. For a host-network pod: none (its traffic has the node's). */
  readonly addresses: readonly Address[];
  readonly ports: readonly NamedPort[];
}

/** What a profile decides about its endpoints after the last tier; without Pass. */
export interface ProfileRules {
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
  /** As of a policy. */
  readonly idle?: readonly Rule[];
}

/** A profile: a namespace (`kns.`), a service account (`ksa.`), or one that is given as an object. */
export interface Parent {
  readonly id: string;
  /** Inherited by its endpoints; those of a namespace or service account already prefixed `pcns.` / `pcsa.`. */
  readonly labels: ReadonlyMap<string, string>;
  readonly rules: ProfileRules;
}

export interface NetworkSetInfo {
  /** `NetworkSet/ns/name` or `GlobalNetworkSet/name`. */
  readonly id: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly parents: readonly string[];
  readonly nets: PrefixSet;
  /** The same, one by one as they are written; host bits are cleared. */
  readonly written: readonly Prefix[];
  readonly domains: readonly string[];
}

/** Some of the endpoints behind a service. */
export interface ServiceSlice {
  /** `EndpointSlice/namespace/name`. */
  readonly id: string;
  /** `namespace/name`. */
  readonly service: string;
  readonly addresses: readonly Address[];
  /** By IP protocol number; each address serves each of them. */
  readonly ports: readonly { readonly protocol: number; readonly port: number }[];
}

export interface PoolInfo {
  readonly name: string;
  readonly cidr: PrefixSet;
  readonly family: 4 | 6;
  readonly natOutgoing: boolean;
  readonly disabled: boolean;
  /** `allowedUses` holds Workload. */
  readonly workloads: boolean;
}

export interface NodeInfo {
  readonly name: string;
  readonly addresses: readonly { readonly type: string; readonly address: Address }[];
  /** Ranges that the node hands to its pods, where the network plugin takes them from the Node. */
  readonly podCIDRs: PrefixSet;
}

/** `Kind/namespace/name` or `Kind/name`, e.g. `KubernetesNetworkPolicy/shop/web`, `ClusterBorderPolicy/bank`. */
export type PolicyId = string;

/** One side of a rule. Absent parts do not limit. */
export interface RuleSide {
  readonly nets?: PrefixSet | undefined;
  readonly notNets?: PrefixSet | undefined;
  /** Effective selector (semantics 3.2): addresses of endpoints and network sets that match. */
  readonly selector?: Selector | undefined;
  /** Only where there is no positive selector (semantics 3.3.2). */
  readonly notSelector?: Selector | undefined;
  readonly ports?: { readonly numbers: PortSet; readonly names: readonly string[] } | undefined;
  readonly notPorts?: { readonly numbers: PortSet; readonly names: readonly string[] } | undefined;
  /** What is behind a service: of a source by address, of a destination by address, protocol and port (semantics 11.2). */
  readonly services?: { readonly name: string; readonly namespace: string } | undefined;
  readonly domains: readonly string[];
}

/** A rule in effect. Broken rules have become nothing (Allow) or a rule that denies everything (Deny, Pass) before they get here. */
export interface Rule {
  readonly action: RuleAction;
  /** Index in the written list (Kubernetes kinds: in the converted list). */
  readonly index: number;
  /** Index in the written list, of Kubernetes kinds, whose rules become several; elsewhere it is `index`. */
  readonly written?: number | undefined;
  readonly ipVersion?: 4 | 6 | undefined;
  readonly protocol?: number | undefined;
  readonly notProtocol?: number | undefined;
  readonly icmp?: IcmpMatch | undefined;
  readonly notIcmp?: IcmpMatch | undefined;
  readonly source: RuleSide;
  readonly destination: RuleSide;
  /** This rule stands in for one that could not be read; it denies everything. */
  readonly broken: boolean;
}

/** A cluster policy of any kind in Calico's terms. */
export interface Policy {
  readonly id: PolicyId;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly tier: string;
  readonly order: number;
  /** Where it was read. */
  readonly place: Place;
  /** Effective selector of the endpoints it applies to (semantics 3.1). */
  readonly appliesTo: Selector;
  /** In which directions it takes part: there it has rules. */
  readonly directions: Directions;
  readonly ingress: readonly Rule[] | undefined;
  /** `undefined`: the policy takes no part in this direction; empty: it takes part and matches nothing. */
  readonly egress: readonly Rule[] | undefined;
  /** The selectors of these rules where they are known without the rules, which then are made when somebody reads them. */
  readonly selectors?: readonly Selector[] | undefined;
  /** Rules that decide nothing: of directions in which the policy takes no part, and those with an HTTP match. Calico keeps sets for them too. */
  readonly idle?: readonly Rule[] | undefined;
  readonly doNotTrack: boolean;
  readonly preDNAT: boolean;
  readonly applyOnForward: boolean;
  /** There: the policy is shown and never enforced (semantics 12). */
  readonly staged?: Staged | undefined;
}

export interface Directions {
  readonly ingress: boolean;
  readonly egress: boolean;
}

/** What enforcing a staged policy would do. */
export interface Staged {
  readonly action: StagedAction;
  /** The policy that would be written, or with `Delete` deleted; whether or not it exists. */
  readonly target: PolicyId;
}

export interface TierInfo {
  readonly name: string;
  readonly order: number;
  readonly defaultAction: 'Deny' | 'Pass';
}
