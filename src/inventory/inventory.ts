import {
  type AddressGroup,
  type BorderFirewall,
  type BorderPolicy,
  type ClusterBorderPolicy,
  type FelixConfiguration,
  type Namespace,
  type Resource,
  type ResourceKey,
  type SourceNAT,
  resourceKey,
} from '../api/resource.ts';
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import { assertNever } from '../base/error.ts';
import { type Pieces, atOnce } from '../base/pieces.ts';
import type { Address } from '../ip/address.ts';
import { calicoPolicyMistakes } from './calico-policy.ts';
import { type InventoryChanges, type MapChanges, type OtherKind, type ResourceChange, touched } from './change.ts';
import { ClusterAddresses, nodeInfo, nodeMistakes, poolInfo, sameNode, samePool } from './cluster-addresses.ts';
import type { Belief } from './credible-address.ts';
import { endpointOfHost, hostEndpointId, hostEndpointMistakes } from './endpoint-of-host.ts';
import { followPod, sameEndpoint } from './endpoint-of-pod.ts';
import { namespaceLabels, namespaceParent, serviceAccountLabels, serviceAccountParent } from './labels.ts';
import { compareDiagnostics } from './mistake.ts';
import type {
  Endpoint,
  EndpointId,
  NetworkSetInfo,
  NodeInfo,
  Parent,
  Policy,
  PolicyId,
  PoolInfo,
  ServiceSlice,
  TierInfo,
} from './model.ts';
import { sameEdit, sameFirewall } from './equality.ts';
import { networkSetInfo, networkSetMistakes, sameNetworkSet } from './network-set.ts';
import { Pods } from './pods.ts';
import { Policies } from './policies.ts';
import { ALLOWS_ALL, NO_RULES, Profiles, profileMistakes } from './profiles.ts';
import { sameSlice, serviceSlice } from './service-slice.ts';
import { Tiers } from './tiers.ts';
import { TrackedMap } from './tracked-map.ts';
import { WorkloadEndpoints } from './workload-endpoints.ts';

/** Where a resource is kept: its type, and its name within the type (`namespace/name` for namespaced types). */
interface Slot {
  readonly type: string;
  readonly name: string;
}

/**
 * What the resources of the cluster mean: endpoints, what they inherit, network sets, policies in Calico's terms, tiers, pools, nodes and
 * our own kinds. Synchronous and incremental; what it shows depends on the present resources only, never on the order or number of the
 * changes that led to them. Every map may be read at any time; an object that changed is a new object.
 */
export class Inventory {
  readonly #endpoints = new TrackedMap<Endpoint>(sameEndpoint);
  readonly #profiles = new Profiles();
  readonly #networkSets = new TrackedMap<NetworkSetInfo>(sameNetworkSet);
  readonly #slices = new TrackedMap<ServiceSlice>(sameSlice);
  readonly #policies = new Policies();
  readonly #tiers = new Tiers();
  readonly #pools = new TrackedMap<PoolInfo>(samePool);
  readonly #nodes = new TrackedMap<NodeInfo>(sameNode);
  readonly #namespaces = new TrackedMap<Namespace>();
  readonly #felix = new TrackedMap<FelixConfiguration>();
  readonly #borderFirewalls = new TrackedMap<BorderFirewall>(sameFirewall);
  readonly #clusterBorderPolicies = new TrackedMap<ClusterBorderPolicy>(sameEdit);
  readonly #borderPolicies = new TrackedMap<BorderPolicy>(sameEdit);
  readonly #addressGroups = new TrackedMap<AddressGroup>(sameEdit);
  readonly #sourceNats = new TrackedMap<SourceNAT>(sameEdit);
  /** Mistakes that one resource alone shows. */
  readonly #mistakes = new Map<ResourceKey, readonly Diagnostic[]>();
  readonly #addresses = new ClusterAddresses(this.#pools.view, this.#nodes.view);
  readonly #pods: Pods;
  /** Pods that were looked at since the last flush. */
  #lookedAt = new Set<EndpointId>();
  readonly #workloads: WorkloadEndpoints;

  /** `Credible` is right for everything that a border opens for; `Calico` answers what the cluster itself does. */
  constructor(belief: Belief = 'Credible') {
    this.#pods = new Pods(this.#addresses, belief);
    this.#workloads = new WorkloadEndpoints(belief);
  }

  /** Endpoints, parents and policies as they were at the last flush: nobody need keep them once more to know what changed. */
  get flushed(): Pick<Inventory, 'endpoints' | 'parents' | 'policies' | 'staged'> {
    const { enforced, staged } = this.#policies;
    const [endpoints, parents] = [this.#endpoints.taken, this.#profiles.taken];
    return { endpoints, parents, policies: enforced.taken, staged: staged.taken };
  }

  /** Pods and host endpoints, by id. */
  get endpoints(): ReadonlyMap<EndpointId, Endpoint> {
    atOnce(this.#settle());
    return this.#endpoints.view;
  }

  /** Profiles by name: namespaces, service accounts, and those that are given. */
  get parents(): ReadonlyMap<string, Parent> {
    return this.#profiles.view;
  }

  /** By `NetworkSet/namespace/name` or `GlobalNetworkSet/name`. */
  get networkSets(): ReadonlyMap<string, NetworkSetInfo> {
    return this.#networkSets.view;
  }

  /** By `EndpointSlice/namespace/name`; those of services only. */
  get slices(): ReadonlyMap<string, ServiceSlice> {
    return this.#slices.view;
  }

  /** Policies that are enforced. */
  get policies(): ReadonlyMap<PolicyId, Policy> {
    return this.#policies.enforced.view;
  }

  /** Policies that are shown and never enforced. */
  get staged(): ReadonlyMap<PolicyId, Policy> {
    return this.#policies.staged.view;
  }

  /** Tiers that exist; policies may name others. */
  get tiers(): ReadonlyMap<string, TierInfo> {
    return this.#tiers.view;
  }

  get pools(): ReadonlyMap<string, PoolInfo> {
    return this.#pools.view;
  }

  get nodes(): ReadonlyMap<string, NodeInfo> {
    return this.#nodes.view;
  }

  get namespaces(): ReadonlyMap<string, Namespace> {
    return this.#namespaces.view;
  }

  /** By name: `default` for the cluster, `node.NAME` for one node. */
  get felix(): ReadonlyMap<string, FelixConfiguration> {
    return this.#felix.view;
  }

  get borderFirewalls(): ReadonlyMap<string, BorderFirewall> {
    return this.#borderFirewalls.view;
  }

  get clusterBorderPolicies(): ReadonlyMap<string, ClusterBorderPolicy> {
    return this.#clusterBorderPolicies.view;
  }

  /** By `namespace/name`. */
  get borderPolicies(): ReadonlyMap<string, BorderPolicy> {
    return this.#borderPolicies.view;
  }

  get addressGroups(): ReadonlyMap<string, AddressGroup> {
    return this.#addressGroups.view;
  }

  get sourceNats(): ReadonlyMap<string, SourceNAT> {
    return this.#sourceNats.view;
  }

  /**
   * Addresses that the kubelet shows for a pod that lives, whether or not they are believed. No policy is about them; but who asks
   * whether an address has been given up must not take one that is no longer credible, because its pool went, for one that is free.
   */
  statusAddresses(id: EndpointId): readonly Address[] {
    return this.#pods.statusAddresses(id);
  }

  /** Of the pod that an endpoint stands for; `undefined` where there is none, or it has none. */
  uidOf(id: EndpointId): string | undefined {
    return this.#pods.uidOf(id);
  }

  /** Where a policy of the cluster was read; `undefined` for one that does not exist. */
  placeOf(policy: PolicyId): Place | undefined {
    return this.#policies.placeOf(policy);
  }

  /** Takes one change. Nothing is lost or doubled if it comes again, or if intermediate states were skipped. */
  apply(change: ResourceChange): void {
    if (change.kind === 'put') this.#put(change.resource);
    else this.#delete(change.key);
  }

  /** What differs since the last call. */
  flush(): InventoryChanges {
    return atOnce(this.flushing());
  }

  /** The same in pieces. */
  *flushing(): Pieces<InventoryChanges> {
    yield* this.#settle();
    const { parents, rules } = yield* this.#profiles.take();
    const networkSets = yield* this.#networkSets.take();
    const slices = yield* this.#slices.take();
    const policies = yield* this.#policies.enforced.take();
    const staged = yield* this.#policies.staged.take();
    const other = new Set<OtherKind>();
    const note = (kind: OtherKind, changes: MapChanges): void => {
      if (touched(changes).length > 0) other.add(kind);
    };
    note('parents', parents);
    if (rules) other.add('profileRules');
    note('networkSets', networkSets);
    note('slices', slices);
    note('policies', policies);
    note('staged', staged);
    note('tiers', yield* this.#tiers.take());
    note('pools', yield* this.#pools.take());
    note('nodes', yield* this.#nodes.take());
    note('namespaces', yield* this.#namespaces.take());
    note('felix', yield* this.#felix.take());
    for (const map of [
      this.#borderFirewalls,
      this.#clusterBorderPolicies,
      this.#borderPolicies,
      this.#addressGroups,
      this.#sourceNats,
    ])
      note('ours', yield* map.take());
    const endpoints = yield* this.#endpoints.take();
    const lookedAt = this.#lookedAt;
    this.#lookedAt = new Set();
    return { endpoints, lookedAt, parents, networkSets, slices, policies, staged, other };
  }

  /** Every mistake in the present resources that reading one object alone does not show; sorted. */
  diagnostics(): readonly Diagnostic[] {
    atOnce(this.#settle());
    const all = [...this.#mistakes.values()].flat();
    for (const mistake of this.#pods.mistakes()) all.push(mistake);
    for (const mistake of this.#workloads.mistakes((id) => this.#pods.has(id))) all.push(mistake);
    const services = (): ReadonlySet<string> =>
      new Set(Array.from(this.#slices.view.values(), ({ service }) => service));
    for (const mistake of this.#policies.mistakes(this.#tiers.view, services)) all.push(mistake);
    for (const [namespace, pods] of this.#pods.namespaces) {
      if (this.#namespaces.view.has(namespace)) continue;
      all.push({
        severity: 'warning',
        code: 'NAMESPACE_MISSING',
        object: `Namespace/${namespace}`,
        path: '',
        message: `${pods} pod(s) are in the namespace ${JSON.stringify(namespace)}, whose Namespace object is not there`,
      });
    }
    return all.sort(compareDiagnostics);
  }

  #put(resource: Resource): void {
    // The two kinds of which there are very many need no name from here.
    if (resource.type === 'Pod') return this.#pods.put(resource);
    if (resource.type === 'KubernetesNetworkPolicy') return this.#policies.put(resource);
    const key = resourceKey(resource);
    const { name } = slotOf(key);
    switch (resource.type) {
      case 'Namespace':
        this.#namespaces.put(name, resource);
        return this.#profiles.derive(namespaceParent(name), {
          id: namespaceParent(name),
          labels: namespaceLabels(resource),
          rules: ALLOWS_ALL,
        });
      case 'ServiceAccount': {
        const id = serviceAccountParent(resource.namespace, resource.name);
        return this.#profiles.derive(id, { id, labels: serviceAccountLabels(resource), rules: NO_RULES });
      }
      case 'Profile':
        this.#profiles.give(name, resource);
        return this.#note(key, profileMistakes(resource));
      case 'Node':
        this.#nodesChanged(this.#nodes.put(name, nodeInfo(resource)));
        return this.#note(key, nodeMistakes(resource));
      case 'EndpointSlice':
        this.#slices.put(key, serviceSlice(resource));
        return;
      case 'AdminNetworkPolicy':
      case 'BaselineAdminNetworkPolicy':
        this.#tiers.entail(key, resource.tier);
        return this.#policies.put(resource);
      case 'NetworkPolicy':
      case 'GlobalNetworkPolicy':
        this.#note(key, calicoPolicyMistakes(resource));
        return this.#policies.put(resource);
      case 'KubernetesClusterNetworkPolicy':
      case 'StagedNetworkPolicy':
      case 'StagedGlobalNetworkPolicy':
      case 'StagedKubernetesNetworkPolicy':
        return this.#policies.put(resource);
      case 'Tier':
        this.#tiers.put(name, resource);
        return;
      case 'NetworkSet':
      case 'GlobalNetworkSet':
        this.#networkSets.put(key, networkSetInfo(resource));
        return this.#note(key, networkSetMistakes(resource));
      case 'IPPool':
        return this.#poolsChanged(this.#pools.put(name, poolInfo(resource)));
      case 'HostEndpoint':
        this.#endpoints.put(hostEndpointId(name), endpointOfHost(resource));
        return this.#note(key, hostEndpointMistakes(resource));
      case 'WorkloadEndpoint':
        return this.#workloads.put(resource);
      case 'FelixConfiguration':
        this.#felix.put(name, resource);
        return;
      case 'BorderFirewall':
        this.#borderFirewalls.put(name, resource);
        return;
      case 'ClusterBorderPolicy':
        this.#clusterBorderPolicies.put(name, resource);
        return;
      case 'BorderPolicy':
        this.#borderPolicies.put(name, resource);
        return;
      case 'AddressGroup':
        this.#addressGroups.put(name, resource);
        return;
      case 'SourceNAT':
        this.#sourceNats.put(name, resource);
        return;
      case 'BorderApproval':
        // A yes is for who carries out plans; nothing is computed from it.
        return;
      default:
        return assertNever(resource);
    }
  }

  #delete(key: ResourceKey): void {
    const { type, name } = slotOf(key);
    this.#mistakes.delete(key);
    switch (type) {
      case 'Pod':
        return this.#pods.delete(key);
      case 'Namespace':
        this.#namespaces.put(name, undefined);
        return this.#profiles.derive(namespaceParent(name), undefined);
      case 'ServiceAccount': {
        const [namespace = '', account = ''] = name.split('/');
        return this.#profiles.derive(serviceAccountParent(namespace, account), undefined);
      }
      case 'Profile':
        return this.#profiles.give(name, undefined);
      case 'Node':
        return this.#nodesChanged(this.#nodes.put(name, undefined));
      case 'EndpointSlice':
        this.#slices.put(key, undefined);
        return;
      case 'AdminNetworkPolicy':
      case 'BaselineAdminNetworkPolicy':
        this.#tiers.release(key);
        return this.#policies.delete(key);
      case 'KubernetesNetworkPolicy':
      case 'KubernetesClusterNetworkPolicy':
      case 'NetworkPolicy':
      case 'GlobalNetworkPolicy':
      case 'StagedNetworkPolicy':
      case 'StagedGlobalNetworkPolicy':
      case 'StagedKubernetesNetworkPolicy':
        return this.#policies.delete(key);
      case 'Tier':
        this.#tiers.put(name, undefined);
        return;
      case 'NetworkSet':
      case 'GlobalNetworkSet':
        this.#networkSets.put(key, undefined);
        return;
      case 'IPPool':
        return this.#poolsChanged(this.#pools.put(name, undefined));
      case 'HostEndpoint':
        this.#endpoints.put(hostEndpointId(name), undefined);
        return;
      case 'WorkloadEndpoint':
        return this.#workloads.delete(key);
      case 'FelixConfiguration':
        this.#felix.put(name, undefined);
        return;
      case 'BorderFirewall':
        this.#borderFirewalls.put(name, undefined);
        return;
      case 'ClusterBorderPolicy':
        this.#clusterBorderPolicies.put(name, undefined);
        return;
      case 'BorderPolicy':
        this.#borderPolicies.put(name, undefined);
        return;
      case 'AddressGroup':
        this.#addressGroups.put(name, undefined);
        return;
      case 'SourceNAT':
        this.#sourceNats.put(name, undefined);
        return;
      default:
        return;
    }
  }

  #note(key: ResourceKey, mistakes: readonly Diagnostic[]): void {
    if (mistakes.length === 0) this.#mistakes.delete(key);
    else this.#mistakes.set(key, mistakes);
  }

  #poolsChanged(changed: boolean): void {
    if (!changed) return;
    this.#addresses.poolsChanged();
    this.#pods.poolsChanged();
  }

  #nodesChanged(changed: boolean): void {
    if (!changed) return;
    this.#addresses.nodesChanged();
    this.#pods.nodesChanged();
  }

  *#settle(): Pieces {
    const lookedAt = yield* this.#pods.settle((id, endpoint) => {
      const now = this.#pods.has(id) ? endpoint : this.#workloads.endpointOf(id);
      if (!this.#endpoints.put(id, now)) followPod(this.#endpoints.view.get(id), now);
    });
    if (this.#lookedAt.size === 0) this.#lookedAt = lookedAt;
    else for (const id of lookedAt) this.#lookedAt.add(id);
    yield* this.#workloads.settle((id) => {
      if (!this.#pods.has(id)) this.#endpoints.put(id, this.#workloads.endpointOf(id));
    });
  }
}

function slotOf(key: ResourceKey): Slot {
  const slash = key.indexOf('/');
  return { type: key.slice(0, slash), name: key.slice(slash + 1) };
}
