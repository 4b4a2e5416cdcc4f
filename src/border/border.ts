import type { BorderFirewall } from '../api/resource.ts';
import type { Engine, EngineChanges } from '../engine/engine.ts';
import type { EndpointId } from '../inventory/model.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { type Appearance, Compilation } from './compilation.ts';
import { type Outgoing, type WayExplanation, explain } from './explain.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';
import { type FindingTables, findingsOf, tablesOf } from './firewall-findings.ts';
import { FirewallState } from './firewall-state.ts';
import type { Frame } from './frame.ts';
import { factsOf } from './inventory-facts.ts';
import type { Ruleset } from './ruleset.ts';
import { outsideBackends } from './tier-policies.ts';

/** What one border firewall must hold, and what keeps it from being all that was asked for. One version; it never changes. */
export interface FirewallView {
  readonly firewall: BorderFirewall;
  /** Absent: the firewall's own mistakes leave nothing to plan; its device keeps what it holds. */
  readonly ruleset?: Ruleset;
  /** Sorted. */
  readonly findings: readonly Finding[];
}

/**
 * From policy to border rules (design section 8), for all border firewalls. Synchronous and incremental: a change of pods costs what the
 * change is worth, anything else makes all anew; either way the result is that of starting from nothing.
 */
export class Border {
  readonly #engine: Engine;
  readonly #cluster: string;
  #facts: Facts | undefined;
  #compilation: Compilation | undefined;
  #states: ReadonlyMap<string, FirewallState> = new Map();
  #appearances = new Map<EndpointId, Appearance>();
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
    return this.#compilation?.findings ?? [];
  }

  /**
   * The ways of a workload's flow through the border: the address seen, verdict and translation at each firewall. Empty where no firewall
   * takes it, or the workload is not known. At each firewall the flow counts as the first packet of a connection.
   */
  explain(endpoint: EndpointId, flow: Outgoing): readonly WayExplanation[] {
    const found = this.#engine.endpoints.get(endpoint);
    if (found?.kind !== 'Pod' || this.#compilation === undefined) return [];
    return explain(this.#compilation, this.#views, found, flow);
  }

  /** Takes what the engine's last flush told; to be called after each, once. */
  update(changes: EngineChanges): void {
    const compilation = this.#compilation;
    if (
      compilation === undefined ||
      this.#concernsAll(changes) ||
      this.#meetsTranslation(changes, compilation) ||
      this.#meetsService(changes, compilation)
    ) {
      this.#rebuild();
      return;
    }
    if (changes.changedOutside.length > 0) {
      if (!compilation.refreshGroups(changes.changedOutside)) return this.#rebuild();
      for (const state of this.#states.values()) state.noteGroups();
    }
    for (const id of changes.changedEndpoints) this.#place(id, compilation);
    for (const id of this.#losingProfiles(changes)) this.#place(id, compilation);
    this.#publish(false);
  }

  /** Whether anything changed that classes, rules or translations are made from. */
  #concernsAll({ inventory: { other } }: EngineChanges): boolean {
    const facts = this.#facts;
    if (facts === undefined) return true;
    if (other.has('ours') || other.has('pools') || other.has('nodes') || other.has('felix')) return true;
    const repeats = facts.firewalls.some((firewall) => firewall.tiers.length > 0);
    if (repeats && (other.has('policies') || other.has('tiers') || other.has('profileRules'))) return true;
    return other.has('namespaces') && facts.borderPolicies.length > 0;
  }

  /** Pods of namespaces that came or went: with the Namespace goes the profile that allows what no tier decides. */
  *#losingProfiles({ inventory: { parents } }: EngineChanges): Generator<EndpointId> {
    const moved = new Set([...parents.added, ...parents.removed]);
    if (moved.size === 0 || this.#facts?.firewalls.every((firewall) => firewall.tiers.length === 0) !== false) return;
    for (const { id, parents: own } of this.#engine.endpoints.values())
      if (own.some((parent) => moved.has(parent))) yield id;
  }

  /** Whether a pod got or gave back an address that a translation uses: translations avoid addresses of live pods. */
  #meetsTranslation(changes: EngineChanges, { translated }: Compilation): boolean {
    if (translated.isEmpty) return false;
    return changes.changedEndpoints.some((id) => {
      const before = this.#appearances.get(id)?.addresses ?? [];
      const now = this.#engine.endpoints.get(id)?.addresses ?? [];
      return [...before, ...now].some((address) => translated.contains(address));
    });
  }

  /** Whether a service in a repeated tier has other backends outside the cluster now. Those inside are in no rule. */
  #meetsService({ changedServices }: EngineChanges, { departures }: Compilation): boolean {
    for (const service of changedServices) {
      const asked = this.#facts?.askedServices.get(service);
      if (asked === undefined) continue;
      const outside = PrefixSet.all.subtract(departures.inside);
      const [before, now] = [asked, this.#engine.backendsOf(service)].map((backends) =>
        outsideBackends(backends, outside).map((each) => [
          each.protocol,
          each.ports.toString(),
          each.addresses.toString(),
        ]),
      );
      if (JSON.stringify(before) !== JSON.stringify(now)) return true;
    }
    return false;
  }

  #rebuild(): void {
    const old = { selectors: this.#compilation?.selectors ?? new Map(), outside: this.#facts?.askedOutside ?? [] };
    const facts = factsOf(this.#engine);
    const compilation = new Compilation(facts);
    // First the new ones, so that a selector of both is not dropped in between.
    for (const selector of compilation.selectors.values()) this.#engine.register(selector);
    for (const selector of old.selectors.values()) this.#engine.unregister(selector);
    this.#facts = facts;
    this.#compilation = compilation;
    this.#states = new Map([...compilation.frames].map(([name, frame]) => [name, new FirewallState(frame)]));
    this.#appearances = new Map();
    for (const endpoint of facts.endpoints()) this.#place(endpoint.id, compilation);
    for (const id of old.outside) if (!facts.askedOutside.has(id)) this.#engine.forgetOutside(id);
    this.#publish(true);
  }

  /** Puts a workload where it is now, and takes it from where it was. */
  #place(id: EndpointId, compilation: Compilation): void {
    const before = this.#appearances.get(id);
    const endpoint = this.#engine.endpoints.get(id);
    const now = endpoint === undefined ? undefined : compilation.appearanceOf(endpoint);
    for (const each of before?.sendings ?? []) this.#states.get(each.firewall)?.remove(each);
    for (const each of now?.sendings ?? []) this.#states.get(each.firewall)?.add(each);
    for (const { firewall } of before?.unseen ?? []) this.#states.get(firewall)?.noteUnseen(id, undefined);
    for (const { firewall, why } of now?.unseen ?? []) this.#states.get(firewall)?.noteUnseen(id, why);
    if (now === undefined) this.#appearances.delete(id);
    else this.#appearances.set(id, now);
  }

  #publish(all: boolean): void {
    const views = new Map(all ? [] : this.#views);
    let changed = all;
    for (const [name, state] of this.#states) {
      if (!state.settle() && !all) continue;
      changed = true;
      views.set(name, new View(state, this.#cluster));
    }
    if (changed) this.#views = views;
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
