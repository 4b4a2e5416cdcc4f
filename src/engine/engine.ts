import { compareUtf8 } from '../base/compare.ts';
import { type InventoryChanges, touched } from '../inventory/change.ts';
import { effectiveLabels } from '../inventory/labels.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type {
  Endpoint,
  EndpointId,
  NetworkSetInfo,
  Parent,
  Policy,
  PolicyId,
  ServiceSlice,
  TierInfo,
} from '../inventory/model.ts';
import { type Address, formatAddress } from '../ip/address.ts';
import type { Selector } from '../selector/selector.ts';
import { type Delta, LabelIndex } from './label-index.ts';
import { Backends, type ServiceBackends } from './backends.ts';
import { type Outside, OutsideSets } from './outside-sets.ts';
import type { Packet } from './packet.ts';
import type { Holder, Party } from './party.ts';
import { PolicyOrder } from './policy-order.ts';
import { type TierPolicies, byTier, isSubject } from './selected-policies.ts';
import { type Verdict, profileRules, verdictOf } from './verdict.ts';

/** What differs in the engine since its last flush. */
export interface EngineChanges {
  /** What differs in the inventory; the engine has taken it, so it is told here. */
  readonly inventory: InventoryChanges;
  /** Endpoints that came, went or changed, or that other registered selectors or policies select now; sorted. */
  readonly changedEndpoints: readonly EndpointId[];
  /** Ids of the selectors that `outsideOf` was asked for and whose nets or domains changed; sorted. */
  readonly changedOutside: readonly string[];
  /** Services, as `namespace/name`, of which a slice came, went or changed. */
  readonly changedServices: ReadonlySet<string>;
}

/** A selector in use, and by how many. */
interface Registration {
  readonly selector: Selector;
  uses: number;
}

const NOBODY: ReadonlySet<string> = new Set();

/**
 * Which endpoints every selector in use selects, and what the policies say to a flow. Follows an inventory: `flush` takes what changed
 * there, and until then all answers are about the state of the last flush. Synchronous; its answers depend on the present state only.
 */
export class Engine {
  readonly inventory: Inventory;
  readonly #index = new LabelIndex();
  readonly #outside: OutsideSets;
  readonly #backends = new Backends();
  readonly #registered = new Map<string, Registration>();
  /** Policies as they stood at the last flush, and by the id of what they apply to. */
  readonly #policies = new Map<PolicyId, Policy>();
  readonly #policiesBySelector = new Map<string, Set<PolicyId>>();
  readonly #endpoints = new Map<EndpointId, Endpoint>();
  readonly #parents = new Map<string, Parent>();
  #tiers: ReadonlyMap<string, TierInfo>;
  /** Endpoints by address, in canonical text. */
  readonly #holders = new Map<string, Set<EndpointId>>();
  #order: PolicyOrder | undefined;

  constructor(inventory: Inventory) {
    this.inventory = inventory;
    this.#tiers = new Map(inventory.tiers);
    this.#outside = new OutsideSets(this.#parents);
  }

  /**
   * Keeps track of which endpoints a selector selects; each call needs one `unregister`. The endpoints selected at once are not reported
   * by the next flush: ask for them with `endpointsOf`.
   */
  register(selector: Selector): void {
    this.#register(selector);
  }

  unregister(selector: Selector): void {
    this.#unregister(selector);
  }

  /** Ids of the registered selectors that select an endpoint, those of policies among them. */
  matching(endpoint: EndpointId): ReadonlySet<string> {
    return this.#endpoints.has(endpoint) ? this.#index.matching(endpoint) : NOBODY;
  }

  /** Endpoints that a registered selector selects; host-network pods among them. */
  endpointsOf(selectorId: string): ReadonlySet<EndpointId> {
    return this.#registered.has(selectorId) ? this.#index.endpointsOf(selectorId) : NOBODY;
  }

  /** Nets and domains of the network sets that a selector selects. From the first call on, changes are reported until `forgetOutside`. */
  outsideOf(selector: Selector): Outside {
    return this.#outside.of(selector);
  }

  forgetOutside(selectorId: string): void {
    this.#outside.forget(selectorId);
  }

  /** What is behind a service, given as `namespace/name`. */
  backendsOf(service: string): ServiceBackends {
    return this.#backends.of(service);
  }

  /** The EndpointSlices of a service, in no promised order. */
  slicesOf(service: string): Iterable<ServiceSlice> {
    return this.#backends.slicesOf(service);
  }

  /** Whether cluster policy, not ours, is about this endpoint. */
  appliesTo(endpoint: EndpointId): boolean {
    const found = this.#endpoints.get(endpoint);
    return found !== undefined && isSubject(found);
  }

  /** The endpoints of the last flush. */
  get endpoints(): ReadonlyMap<EndpointId, Endpoint> {
    return this.#endpoints;
  }

  /** What endpoints and network sets inherit, as of the last flush. */
  get parents(): ReadonlyMap<string, Parent> {
    return this.#parents;
  }

  /** The network sets of the last flush. */
  get networkSets(): ReadonlyMap<string, NetworkSetInfo> {
    return this.#outside.sets;
  }

  /** The policies of the last flush. */
  get policies(): ReadonlyMap<PolicyId, Policy> {
    return this.#policies;
  }

  /** The order in which tiers and policies are evaluated. */
  get order(): PolicyOrder {
    this.#order ??= new PolicyOrder(this.#tiers, this.#policies);
    return this.#order;
  }

  /** Tiers and policies that hold for an endpoint, in order (semantics 6.5.1); none for host-network pods. */
  tiersOf(endpoint: EndpointId): readonly TierPolicies[] {
    if (!this.appliesTo(endpoint)) return [];
    const selecting: Policy[] = [];
    for (const selectorId of this.matching(endpoint))
      for (const id of this.#policiesBySelector.get(selectorId) ?? []) {
        const policy = this.#policies.get(id);
        if (policy !== undefined) selecting.push(policy);
      }
    return byTier(selecting, this.order);
  }

  /** The rules of a profile (semantics 6.3.4). */
  profile(id: string): 'Allow' | 'None' {
    return profileRules(id, this.#parents);
  }

  /** All labels of an endpoint that selectors see, inherited ones among them. */
  labelsOf(endpoint: Endpoint): ReadonlyMap<string, string> {
    return effectiveLabels(endpoint, this.#parents);
  }

  /** Everything that is known to have an address. */
  party(address: Address): Party {
    const holders: Holder[] = [];
    for (const id of [...(this.#holders.get(formatAddress(address)) ?? [])].sort(compareUtf8)) {
      const endpoint = this.#endpoints.get(id);
      if (endpoint !== undefined) holders.push({ endpoint, labels: this.labelsOf(endpoint) });
    }
    return { address, holders, sets: this.#outside.labelsOfSetsWith(address), backends: this.#backends };
  }

  /** Whether the cluster lets a flow pass, and why (semantics 6.4). */
  verdict(packet: Packet): Verdict {
    return verdictOf(this, packet, this.party(packet.source), this.party(packet.destination));
  }

  /** Takes what changed in the inventory since the last call. */
  flush(): EngineChanges {
    const changes = this.inventory.flush();
    const changed = new Set<EndpointId>();
    const note = (delta: Delta): void => {
      for (const id of delta.changed) changed.add(id);
    };
    if (changes.other.has('tiers')) this.#tiers = new Map(this.inventory.tiers);
    if (changes.other.has('policies') || changes.other.has('tiers')) this.#order = undefined;
    for (const id of touched(changes.parents)) note(this.#setParent(id, this.inventory.parents.get(id)));
    const { endpoints } = this.inventory;
    for (const id of touched(changes.endpoints)) {
      changed.add(id);
      note(this.#setEndpoint(id, endpoints.get(id)));
    }
    for (const id of touched(changes.policies)) this.#setPolicy(id, this.inventory.policies.get(id), note);
    return {
      inventory: changes,
      changedEndpoints: [...changed].sort(compareUtf8),
      changedOutside: this.#outside.take(changes, this.inventory.networkSets),
      changedServices: this.#backends.take(changes.slices, this.inventory.slices),
    };
  }

  #setParent(id: string, parent: Parent | undefined): Delta {
    if (parent === undefined) {
      this.#parents.delete(id);
      return this.#index.deleteParent(id);
    }
    this.#parents.set(id, parent);
    return this.#index.setParent(id, parent.labels);
  }

  #setEndpoint(id: EndpointId, endpoint: Endpoint | undefined): Delta {
    for (const address of this.#endpoints.get(id)?.addresses ?? []) {
      const text = formatAddress(address);
      const holders = this.#holders.get(text);
      holders?.delete(id);
      if (holders?.size === 0) this.#holders.delete(text);
    }
    if (endpoint === undefined) {
      this.#endpoints.delete(id);
      return this.#index.deleteEndpoint(id);
    }
    this.#endpoints.set(id, endpoint);
    for (const address of endpoint.addresses) {
      const text = formatAddress(address);
      const holders = this.#holders.get(text);
      if (holders === undefined) this.#holders.set(text, new Set([id]));
      else holders.add(id);
    }
    // Members of sets are found by address; the index keeps only who is selected.
    return this.#index.setEndpoint(id, {
      labels: endpoint.labels,
      parents: endpoint.parents,
      nets: [],
      ports: [],
    });
  }

  #setPolicy(id: PolicyId, policy: Policy | undefined, note: (delta: Delta) => void): void {
    const before = this.#policies.get(id);
    if (policy === undefined) this.#policies.delete(id);
    else this.#policies.set(id, policy);
    if (before?.appliesTo.id === policy?.appliesTo.id) return;
    if (before !== undefined) {
      const users = this.#policiesBySelector.get(before.appliesTo.id);
      users?.delete(id);
      if (users?.size === 0) this.#policiesBySelector.delete(before.appliesTo.id);
      note(this.#unregister(before.appliesTo));
    }
    if (policy !== undefined) {
      const users = this.#policiesBySelector.get(policy.appliesTo.id);
      if (users === undefined) this.#policiesBySelector.set(policy.appliesTo.id, new Set([id]));
      else users.add(id);
      note(this.#register(policy.appliesTo));
    }
  }

  #register(selector: Selector): Delta {
    const registration = this.#registered.get(selector.id);
    if (registration !== undefined) {
      registration.uses++;
      return NOTHING;
    }
    this.#registered.set(selector.id, { selector, uses: 1 });
    return this.#index.setSelector(selector.id, selector.canonical);
  }

  #unregister(selector: Selector): Delta {
    const registration = this.#registered.get(selector.id);
    if (registration === undefined) return NOTHING;
    registration.uses--;
    if (registration.uses > 0) return NOTHING;
    this.#registered.delete(selector.id);
    return this.#index.deleteSelector(selector.id);
  }
}

const NOTHING: Delta = { added: [], removed: [], changed: [] };
