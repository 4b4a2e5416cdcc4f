import type { BorderFirewall, ResourceType } from '../api/resource.ts';
import { type Pieces, atOnce, each } from '../base/pieces.ts';
import type { Engine, EngineChanges } from '../engine/engine.ts';
import type { EndpointId } from '../inventory/model.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { type Appearance, Compilation } from './compilation.ts';
import { type LeavingOf, type Outgoing, type WayExplanation, explain } from './explain.ts';
import type { Facts } from './facts.ts';
import { fedBy } from './fed-by.ts';
import type { Finding } from './finding.ts';
import { type FindingTables, findingsOf, tablesOf } from './firewall-findings.ts';
import { FirewallState } from './firewall-state.ts';
import type { FirewallView } from './firewall-view.ts';
import type { Frame } from './frame.ts';
import { factsOf } from './inventory-facts.ts';
import type { Ruleset } from './ruleset.ts';
import { outsideBackends } from './tier-policies.ts';

/** All that follows from one state of everything but pods, and where the pods are in it. */
interface Made {
  readonly facts: Facts;
  readonly compilation: Compilation;
  readonly states: ReadonlyMap<string, FirewallState>;
  readonly appearances: Map<EndpointId, Appearance>;
}

/**
 * From policy to border rules (design section 8), for all border firewalls. Synchronous and incremental: a change of pods costs what the
 * change is worth, anything else makes all anew; either way the result is that of starting from nothing.
 */
export class Border {
  readonly #engine: Engine;
  readonly #cluster: string;
  #made: Made | undefined;
  #views: ReadonlyMap<string, FirewallView> = new Map();

  /** `cluster`: the owner of what is created on devices (design section 3). */
  constructor(engine: Engine, cluster: string) {
    this.#engine = engine;
    this.#cluster = cluster;
  }

  /** By name of the BorderFirewall. Versions share what did not change; the map of an earlier update stays as it was. */
  firewalls(): ReadonlyMap<string, FirewallView> {
    return this.#views;
  }

  /** About objects that concern no one firewall, e.g. a policy that names one which does not exist; sorted. */
  findings(): readonly Finding[] {
    return this.#made?.compilation.findings ?? [];
  }

  /** Names of the firewalls for which nothing new may be planned while these kinds are lost. */
  fedBy(kinds: ReadonlySet<ResourceType>): ReadonlySet<string> {
    return this.#made === undefined ? new Set() : fedBy(kinds, this.#made.facts);
  }

  /** How a workload shows at the firewalls on its way; `undefined` where it is not known, or has no address that is believed. */
  appearanceOf(endpoint: EndpointId): Appearance | undefined {
    const appearance = this.#made?.appearances.get(endpoint);
    return appearance !== undefined && this.#hasAddress(endpoint) ? appearance : undefined;
  }

  #hasAddress(endpoint: EndpointId): boolean {
    const found = this.#engine.endpoints.get(endpoint);
    return found !== undefined && (found.hostNetwork || found.addresses.length > 0);
  }

  /**
   * The ways of a workload's flow through the border: the address seen, verdict and translation at each firewall. Empty where no firewall
   * takes it, or the workload is not known. At each firewall the flow counts as the first packet of a connection. `leaving`: what is known of
   * devices; firewalls behind are asked about that source. `ruleless`: firewalls that get no rules of ours, by their kind or options.
   */
  explain(
    endpoint: EndpointId,
    flow: Outgoing,
    leaving?: LeavingOf,
    ruleless: ReadonlySet<string> = new Set(),
  ): readonly WayExplanation[] {
    const found = this.#engine.endpoints.get(endpoint);
    if (found?.kind !== 'Pod' || this.#made === undefined) return [];
    return explain(this.#made.compilation, this.#views, found, flow, ruleless, leaving);
  }

  /** Takes what the engine's last flush told; to be called after each, once. */
  update(changes: EngineChanges): void {
    atOnce(this.updating(changes));
  }

  /** The same in pieces; views and findings are those of before until it ends. */
  *updating(changes: EngineChanges): Pieces {
    const made = this.#made;
    if (
      made === undefined ||
      this.#concernsAll(changes, made.facts) ||
      (yield* this.#meetsTranslation(changes, made)) ||
      this.#meetsService(changes, made)
    )
      return yield* this.#rebuild();
    if (changes.changedOutside.length > 0) {
      if (!made.compilation.refreshGroups(changes.changedOutside)) return yield* this.#rebuild();
      for (const state of made.states.values()) state.noteGroups();
    }
    const place = (id: EndpointId): void => this.#place(id, made);
    yield* each(changes.touchedEndpoints, place);
    yield* each(this.#losingProfiles(changes, made.facts), place);
    const views = new Map(this.#views);
    let changed = false;
    for (const [name, state] of made.states) {
      if (!(yield* state.settle())) continue;
      changed = true;
      views.set(name, new View(state, this.#cluster));
    }
    if (changed) this.#views = views;
  }

  /** Whether anything changed that classes, rules or translations are made from. */
  #concernsAll({ inventory: { other } }: EngineChanges, facts: Facts): boolean {
    if (other.has('ours') || other.has('pools') || other.has('nodes') || other.has('felix')) return true;
    const repeats = facts.firewalls.some((firewall) => firewall.tiers.length > 0);
    if (repeats && (other.has('policies') || other.has('tiers') || other.has('profileRules'))) return true;
    return other.has('namespaces') && facts.borderPolicies.length > 0;
  }

  /** Pods of namespaces that came or went: with the Namespace goes the profile that allows what no tier decides. */
  *#losingProfiles({ inventory: { parents } }: EngineChanges, { firewalls }: Facts): Generator<EndpointId> {
    const moved = new Set([...parents.added, ...parents.removed]);
    if (moved.size === 0 || firewalls.every((firewall) => firewall.tiers.length === 0)) return;
    for (const { id, parents: own } of this.#engine.endpoints.values())
      if (own.some((parent) => moved.has(parent))) yield id;
  }

  /** Whether a pod got or gave back an address that a translation uses: translations avoid addresses of live pods. */
  *#meetsTranslation({ touchedEndpoints }: EngineChanges, { compilation, appearances }: Made): Pieces<boolean> {
    const { translated } = compilation;
    if (translated.isEmpty) return false;
    let meets = false;
    yield* each(touchedEndpoints, (id) => {
      const before = appearances.get(id)?.addresses ?? [];
      const now = this.#engine.endpoints.get(id)?.addresses ?? [];
      meets ||= [...before, ...now].some((address) => translated.contains(address));
    });
    return meets;
  }

  /** Whether a service in a repeated tier has other backends outside the cluster now. Those inside are in no rule. */
  #meetsService({ changedServices }: EngineChanges, { facts, compilation }: Made): boolean {
    for (const service of changedServices) {
      const asked = facts.askedServices.get(service);
      if (asked === undefined) continue;
      const outside = PrefixSet.all.subtract(compilation.departures.inside);
      const [before, now] = [asked, this.#engine.backendsOf(service)].map((backends) =>
        outsideBackends(backends, outside).map(({ protocol, ports, addresses }) => [
          protocol,
          ports.toString(),
          addresses.toString(),
        ]),
      );
      if (JSON.stringify(before) !== JSON.stringify(now)) return true;
    }
    return false;
  }

  *#rebuild(): Pieces {
    const old = this.#made;
    const facts = factsOf(this.#engine);
    // Only then somebody asks for it; it is made here because it may take a while.
    if (facts.firewalls.some(({ tiers }) => tiers.length > 0)) yield* this.#engine.ordering();
    const compilation = yield* Compilation.of(facts);
    yield;
    // First the new ones, so that a selector of both is not dropped in between.
    for (const selector of compilation.selectors.values()) yield* this.#engine.registering(selector);
    for (const selector of old?.compilation.selectors.values() ?? []) yield* this.#engine.unregistering(selector);
    const states = new Map([...compilation.frames].map(([name, frame]) => [name, new FirewallState(frame)]));
    const made: Made = { facts, compilation, states, appearances: new Map() };
    yield* each(facts.endpoints(), ({ id }) => this.#place(id, made));
    for (const id of old?.facts.askedOutside ?? []) if (!facts.askedOutside.has(id)) this.#engine.forgetOutside(id);
    const views = new Map<string, FirewallView>();
    for (const [name, state] of states) {
      yield* state.settle();
      views.set(name, new View(state, this.#cluster));
    }
    this.#made = made;
    this.#views = views;
  }

  /** Puts a workload where it is now, and takes it from where it was. */
  #place(id: EndpointId, { compilation, states, appearances }: Made): void {
    const before = appearances.get(id);
    const endpoint = this.#engine.endpoints.get(id);
    const now = endpoint === undefined ? undefined : compilation.appearanceOf(endpoint);
    for (const sending of before?.sendings ?? []) states.get(sending.firewall)?.remove(sending);
    for (const sending of now?.sendings ?? []) states.get(sending.firewall)?.add(sending);
    for (const { firewall } of before?.unseen ?? []) states.get(firewall)?.noteUnseen(id, undefined);
    for (const { firewall, why } of now?.unseen ?? []) states.get(firewall)?.noteUnseen(id, why);
    if (now === undefined) appearances.delete(id);
    else appearances.set(id, now);
  }
}

/** Findings are made when somebody asks for them: most versions of a firewall are looked at by its worker alone. */
class View implements FirewallView {
  readonly firewall: BorderFirewall;
  declare readonly ruleset?: Ruleset;
  readonly #frame: Frame;
  readonly #tables: FindingTables;
  #findings: readonly Finding[] | undefined;

  constructor(state: FirewallState, cluster: string) {
    this.firewall = state.frame.firewall;
    if (!state.frame.isRefused) this.ruleset = state.ruleset(cluster);
    this.#frame = state.frame;
    this.#tables = tablesOf(state);
  }

  get findings(): readonly Finding[] {
    this.#findings ??= findingsOf(this.#frame, this.#tables);
    return this.#findings;
  }
}
