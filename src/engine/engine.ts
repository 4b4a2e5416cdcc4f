import { compareUtf8 } from '../base/compare.ts';
import { type Pieces, atOnce, each } from '../base/pieces.ts';
import { type InventoryChanges, type ValueChanges, touched } from '../inventory/change.ts';
import { effectiveLabels } from '../inventory/labels.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type {
  Endpoint,
  EndpointId,
  NetworkSetInfo,
  Parent,
  Policy,
  PolicyId,
  ProfileRules,
  ServiceSlice,
  TierInfo,
} from '../inventory/model.ts';
import type { Address } from '../ip/address.ts';
import { type Prefix, formatPrefix, prefixOf } from '../ip/prefix.ts';
import { profileRules } from '../inventory/profiles.ts';
import type { Selector } from '../selector/selector.ts';
import { type IndexedEndpoint, LabelIndex, type SetMember } from './label-index/label-index.ts';
import { EndpointPolicies } from './endpoint-policies.ts';
import { Backends, type ServiceBackends } from './backends.ts';
import { type Outside, OutsideSets } from './outside-sets.ts';
import type { Packet } from './packet.ts';
import type { Holder, Party } from './party.ts';
import { PolicyOrder } from './policy-order.ts';
import { type Found, RuleLookups } from './rule-lookup.ts';
import { type Direction, type PolicyList, type TierPolicies, isSubject } from './selected-policies.ts';
import { ruleSelectors } from './rule-selectors.ts';
import { type Verdict, verdictOf } from './verdict.ts';

/** What differs in the engine since its last flush. */
export interface EngineChanges {
  /** What differs in the inventory; the engine has taken it, so it is told here. */
  readonly inventory: InventoryChanges;
  /** Endpoints that came, went or changed, or that other registered selectors or policies select now; in no promised order. */
  readonly touchedEndpoints: ReadonlySet<EndpointId>;
  /** The same, sorted when it is first asked for. */
  readonly changedEndpoints: readonly EndpointId[];
  /** Ids of the selectors that `outsideOf` was asked for and whose nets or domains changed; sorted. */
  readonly changedOutside: readonly string[];
  /** Services, as `namespace/name`, of which a slice came, went or changed. */
  readonly changedServices: ReadonlySet<string>;
  /** What came to the sets of registered selectors, and what left them. */
  readonly members: MemberChanges;
}

/**
 * Addresses in the sets of all registered selectors, net. A selector is registered while anything holds it: `register`, what a policy,
 * enforced or staged, applies to, and after `followRules` the rules of either. When its first holder comes with a flush, all its members
 * are listed as added; another holder changes nothing and its members are not listed again; when its last holder goes, they are not listed
 * as removed. So whoever follows some sets only has to ask `membersOf` for one that becomes of interest, and so for what `register` and
 * `followRules` register, which is between flushes. `first`: there was no endpoint before, and nothing is listed: read the sets with
 * `membersOf`.
 */
export type MemberChanges =
  | { readonly kind: 'first' }
  | { readonly kind: 'differ'; readonly added: readonly SetMember[]; readonly removed: readonly SetMember[] };

/** So many addresses are remembered with everything that is known to have them. */
const PARTIES = 1_024;
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
  /** The inventory's own, which show those of the last flush: a second map would be a thirtieth of what a pod costs. */
  readonly #endpoints: ReadonlyMap<EndpointId, Endpoint>;
  readonly #policies: ReadonlyMap<PolicyId, Policy>;
  readonly #staged: ReadonlyMap<PolicyId, Policy>;
  readonly #parents: ReadonlyMap<string, Parent>;
  #tiers: ReadonlyMap<string, TierInfo>;
  /** Whether network sets and the selectors of rules are in the index too. */
  #followsRules = false;
  #order: PolicyOrder | undefined;
  #shownOrder: PolicyOrder | undefined;
  // Worked out when somebody asks, and good until the next flush.
  #applied: EndpointPolicies | undefined;
  #shown: EndpointPolicies | undefined;
  readonly #lookups = new RuleLookups();
  readonly #parties = new Map<number | bigint, Party>();

  constructor(inventory: Inventory) {
    this.inventory = inventory;
    const { endpoints, parents, policies, staged } = inventory.flushed;
    this.#endpoints = endpoints;
    this.#parents = parents;
    this.#policies = policies;
    this.#staged = staged;
    this.#tiers = new Map(inventory.tiers);
    this.#outside = new OutsideSets(this.#parents);
  }

  /**
   * Keeps track of which endpoints a selector selects; each call needs one `unregister`. The endpoints selected at once are not reported
   * by the next flush: ask for them with `endpointsOf`.
   */
  register(selector: Selector): void {
    atOnce(this.registering(selector));
  }

  /** The same in pieces. */
  *registering(selector: Selector): Pieces {
    yield* this.#index.holding(selector) ?? NOTHING_LEFT;
  }

  unregister(selector: Selector): void {
    atOnce(this.unregistering(selector));
  }

  *unregistering(selector: Selector): Pieces {
    yield* this.#index.releasing(selector) ?? NOTHING_LEFT;
  }

  /**
   * From now on the selectors of all rules, those of staged policies among them, are registered too, and the addresses of network sets are in the sets of selectors: `membersOf`
   * then knows every set of semantics 4 but those of named ports and services.
   */
  followRules(): void {
    if (this.#followsRules) return;
    this.#followsRules = true;
    this.#index.load(() => {
      for (const set of this.networkSets.values()) this.#setNetworkSet(set.id, set);
      for (const policies of [this.#policies, this.#staged])
        for (const policy of policies.values()) for (const selector of ruleSelectors(policy)) this.register(selector);
    });
  }

  /** Ids of the registered selectors that select an endpoint, those of policies among them. */
  matching(endpoint: EndpointId): ReadonlySet<string> {
    return this.#endpoints.has(endpoint) ? this.#index.matching(endpoint) : NOBODY;
  }

  /** Endpoints that a registered selector selects; host-network pods among them. */
  endpointsOf(selectorId: string): ReadonlySet<EndpointId> {
    const found = this.#index.endpointsOf(selectorId);
    if (!this.#followsRules || this.networkSets.size === 0) return found;
    return new Set([...found].filter((id) => this.#endpoints.has(id)));
  }

  /** Addresses in the set of a registered selector, as prefixes, sorted; those of network sets after `followRules` only. */
  membersOf(selectorId: string): readonly string[] {
    return this.#index.membersOf(selectorId);
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

  /** Policies that are shown and never enforced (semantics 12), as of the last flush. */
  get staged(): ReadonlyMap<PolicyId, Policy> {
    return this.#staged;
  }

  /** The order in which tiers and policies are evaluated. */
  get order(): PolicyOrder {
    return atOnce(this.ordering());
  }

  /** The same in pieces. */
  *ordering(): Pieces<PolicyOrder> {
    this.#order ??= yield* PolicyOrder.of(this.#tiers, this.#policies);
    return this.#order;
  }

  /** The same with the staged policies where they would stand (semantics 12). */
  get shownOrder(): PolicyOrder {
    this.#shownOrder ??=
      this.#staged.size === 0
        ? this.order
        : atOnce(PolicyOrder.of(this.#tiers, new Map([...this.#policies, ...this.#staged])));
    return this.#shownOrder;
  }

  /** Tiers and policies of one list that hold for an endpoint, in order (semantics 6.5.1); none for host-network pods. */
  tiersOf(endpoint: EndpointId, list: PolicyList = 'normal'): readonly TierPolicies[] {
    this.#applied ??= this.#endpointPolicies(this.order);
    return this.#tiersOf(this.#applied, endpoint, list);
  }

  /** The same with the staged policies that would hold for it; a tier may have no others. For people to see, never to decide by. */
  shownTiersOf(endpoint: EndpointId, list: PolicyList = 'normal'): readonly TierPolicies[] {
    if (this.#staged.size === 0) return this.tiersOf(endpoint, list);
    this.#shown ??= this.#endpointPolicies(this.shownOrder);
    return this.#tiersOf(this.#shown, endpoint, list);
  }

  /** The rules of a profile (semantics 6.3.4); none for one that does not exist. */
  profile(id: string): ProfileRules {
    return profileRules(id, this.#parents);
  }

  /** All labels of an endpoint that selectors see, inherited ones among them. */
  labelsOf(endpoint: Endpoint): ReadonlyMap<string, string> {
    return effectiveLabels(endpoint, this.#parents);
  }

  /** The first rule of policies that hold for an endpoint, Log rules aside, that matches a packet. */
  firstMatch(
    policies: readonly Policy[],
    direction: Direction,
    packet: Packet,
    source: Party,
    destination: Party,
  ): Found | undefined {
    return this.#lookups.first(policies, direction, packet, source, destination);
  }

  /** Everything that is known to have an address. */
  party(address: Address): Party {
    const known = this.#parties.get(address.value);
    if (known !== undefined) return known;
    if (this.#parties.size >= PARTIES) this.#parties.clear();
    const party = this.#partyOf(address);
    this.#parties.set(address.value, party);
    return party;
  }

  #partyOf(address: Address): Party {
    const holders: Holder[] = [];
    for (const id of [...this.#index.endpointsWith(formatPrefix(prefixOf(address)))].sort(compareUtf8)) {
      const endpoint = this.#endpoints.get(id);
      if (endpoint !== undefined) holders.push({ endpoint, labels: this.labelsOf(endpoint) });
    }
    return {
      address,
      holders,
      sets: this.#outside.labelsOfSetsWith(address),
      backends: this.#backends,
      selected: new Map(),
    };
  }

  /** Whether the cluster lets a flow pass, and why (semantics 6.4). */
  verdict(packet: Packet): Verdict {
    return verdictOf(this, packet, this.party(packet.source), this.party(packet.destination));
  }

  /** Takes what changed in the inventory since the last call. */
  flush(): EngineChanges {
    return atOnce(this.flushing());
  }

  /** The same in pieces; until the end nothing else may be asked, nor the inventory be told anything. */
  *flushing(): Pieces<EngineChanges> {
    const isFirst = this.#endpoints.size === 0;
    const changes = yield* this.inventory.flushing();
    if (changes.other.has('tiers')) this.#tiers = new Map(this.inventory.tiers);
    if (changes.other.has('policies') || changes.other.has('tiers')) this.#order = undefined;
    if (this.#order === undefined || changes.other.has('staged')) this.#shownOrder = undefined;
    this.#forget();
    let changed: Set<EndpointId> | undefined;
    let members: MemberChanges = { kind: 'first' };
    if (isFirst) yield* this.#index.loading(this.#take(changes));
    else {
      const both = (changed = new Set(touched(changes.endpoints)));
      const delta = yield* this.#index.batching(this.#take(changes));
      yield* each(delta.touched, (id) => {
        if (this.#endpoints.has(id)) both.add(id);
      });
      members = { kind: 'differ', added: delta.added, removed: delta.removed };
    }
    const changedOutside = yield* this.#outside.take(changes, this.inventory.networkSets);
    const changedServices = yield* this.#backends.take(changes.slices, this.inventory.slices);
    let sorted: readonly EndpointId[] | undefined;
    return {
      inventory: changes,
      // When somebody asks: of a large cluster's first flush that is a sixth of the work.
      get touchedEndpoints() {
        return (changed ??= new Set(touched(changes.endpoints)));
      },
      get changedEndpoints() {
        return (sorted ??= [...this.touchedEndpoints].sort(compareUtf8));
      },
      changedOutside,
      changedServices,
      members,
    };
  }

  /** Only host endpoints have lists beside the normal one (semantics 7.7). */
  #hasList(endpoint: EndpointId, list: PolicyList): boolean {
    return list === 'normal' || this.#endpoints.get(endpoint)?.kind === 'HostEndpoint';
  }

  /** Nothing that was worked out for answers outlives the state it was worked out from. */
  #forget(): void {
    this.#parties.clear();
    if (this.#order === undefined) this.#applied = undefined;
    if (this.#shownOrder === undefined) this.#shown = undefined;
    this.#applied?.forgetEndpoints();
    this.#shown?.forgetEndpoints();
  }

  #endpointPolicies(order: PolicyOrder): EndpointPolicies {
    return new EndpointPolicies(order, (selectorId) => this.#index.numberOf(selectorId));
  }

  #tiersOf(policies: EndpointPolicies, endpoint: EndpointId, list: PolicyList): readonly TierPolicies[] {
    if (!this.appliesTo(endpoint) || !this.#hasList(endpoint, list)) return [];
    return policies.tiersOf(endpoint, list, () => this.#index.numbersMatching(endpoint));
  }

  *#take(changes: InventoryChanges): Pieces {
    const { parents, networkSets, policies, staged } = this.inventory;
    for (const id of touched(changes.parents)) yield* this.#settingParent(id, parents.get(id));
    yield* each(touched(changes.endpoints), (id) => this.#setEndpoint(id));
    if (this.#followsRules)
      yield* each(touched(changes.networkSets), (id) => this.#setNetworkSet(id, networkSets.get(id)));
    yield* this.#setPolicies(changes.policies, policies);
    yield* this.#setPolicies(changes.staged, staged);
  }

  *#settingParent(id: string, parent: Parent | undefined): Pieces {
    if (parent === undefined) yield* this.#index.deletingParent(id);
    else yield* this.#index.settingParent(id, parent.labels);
    yield;
  }

  #setEndpoint(id: EndpointId): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) return void this.#index.deleteEndpoint(id);
    const nets = endpoint.addresses.map((address) => prefixOf(address));
    this.#index.setEndpoint(id, indexed(endpoint, nets));
  }

  #setNetworkSet(id: string, set: NetworkSetInfo | undefined): void {
    if (set === undefined) this.#index.deleteEndpoint(id);
    else this.#index.setEndpoint(id, indexed(set, set.written));
  }

  *#setPolicies(changes: ValueChanges<Policy>, present: ReadonlyMap<PolicyId, Policy>): Pieces {
    let done = 0;
    for (const id of touched(changes)) {
      const before = changes.before.get(id);
      const policy = present.get(id);
      // First what is new, so that a selector of both is not dropped in between.
      if (policy !== undefined) {
        const rest = this.#index.holding(policy.appliesTo);
        if (rest !== undefined) yield* rest;
        for (const selector of this.#followedOf(policy)) {
          const more = this.#index.holding(selector);
          if (more !== undefined) yield* more;
        }
      }
      if (before !== undefined)
        for (const selector of [before.appliesTo, ...this.#followedOf(before)]) {
          const rest = this.#index.releasing(selector);
          if (rest !== undefined) yield* rest;
        }
      if (++done % 64 === 0) yield;
    }
  }

  #followedOf(policy: Policy): readonly Selector[] {
    return this.#followsRules ? ruleSelectors(policy) : NO_SELECTORS;
  }
}

const NOTHING_LEFT: readonly undefined[] = [];
const NO_SELECTORS: readonly Selector[] = [];

/** What the index has to know of something with labels. Named ports are not in it: rules look at the ports of endpoints themselves. */
function indexed({ labels, parents }: Endpoint | NetworkSetInfo, nets: readonly Prefix[]): IndexedEndpoint {
  return { labels, parents, nets, ports: [] };
}
