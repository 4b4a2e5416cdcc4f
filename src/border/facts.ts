import type {
  AddressGroup,
  BorderFirewall,
  BorderPolicy,
  ClusterBorderPolicy,
  FelixConfiguration,
  SourceNAT,
} from '../api/resource.ts';
import type { ServiceBackends } from '../engine/backends.ts';
import type { Endpoint, EndpointId, NodeInfo, Policy, PoolInfo, TierInfo } from '../inventory/model.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';

/** What network sets (not pods) contribute to a selector's addresses. */
export interface OutsideContent {
  readonly nets: PrefixSet;
  readonly domains: readonly string[];
}

/** All that the border reads of the cluster, at one moment. Lists are in the order in which they count, or by name. */
export interface Facts {
  endpoints(): Iterable<Endpoint>;
  endpoint(id: EndpointId): Endpoint | undefined;
  /** Ids of the registered selectors that match the endpoint. */
  matching(id: EndpointId): ReadonlySet<string>;
  /** Whether the endpoint's profiles allow all that no tier decided (semantics 6.3); not so where its Namespace is missing. */
  profileAllows(endpoint: Endpoint): boolean;
  outsideOf(selector: Selector): OutsideContent;
  /** What is behind a service, given as `namespace/name`. */
  readonly backendsOf: (service: string) => ServiceBackends;
  /** Services that `backendsOf` was asked for, and what it answered. */
  readonly askedServices: ReadonlyMap<string, ServiceBackends>;
  /** Ids of the selectors that `outsideOf` was asked for. */
  readonly askedOutside: ReadonlySet<string>;
  readonly pools: readonly PoolInfo[];
  readonly nodes: ReadonlyMap<string, NodeInfo>;
  readonly felix: readonly FelixConfiguration[];
  /** In order, those that policies name without there being one included (semantics 6.1.1). */
  readonly tiers: readonly TierInfo[];
  /** Cluster policies of one tier in order. */
  policiesOf(tier: string): readonly Policy[];
  /** Labels of a namespace, `projectcalico.org/name` included, without prefix; absent where there is no such namespace. */
  namespaceLabels(namespace: string): ReadonlyMap<string, string> | undefined;
  readonly firewalls: readonly BorderFirewall[];
  readonly clusterBorderPolicies: readonly ClusterBorderPolicy[];
  readonly borderPolicies: readonly BorderPolicy[];
  readonly addressGroups: readonly AddressGroup[];
  readonly sourceNats: readonly SourceNAT[];
}
