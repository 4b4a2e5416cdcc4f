import type { BorderFirewall } from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import { workloadSelector } from '../inventory/effective-selector.ts';
import type { Endpoint } from '../inventory/model.ts';
import { type Address, type Family, formatAddress } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';
import type { SourceMatch } from './entry.ts';
import type { Facts } from './facts.ts';
import { type Finding, compareFindings } from './finding.ts';
import { firewallErrors, nameErrors } from './firewall-errors.ts';
import type { Unseen } from './firewall-state.ts';
import { Frame } from './frame.ts';
import { OutsideGroups } from './groups.ts';
import { Ids } from './ids.ts';
import type { Profile, Sending } from './profile.ts';
import { Departures, type Seen, families, ownAddress } from './seen-address.ts';
import { type Hop, Sightings, podKey } from './sightings.ts';
import type { Taken } from './source-nat.ts';
import type { Pick } from './stages.ts';
import { type Chains, chainsOf, claimsOf } from './way.ts';

/** What a selector is for at one firewall. */
type Use =
  | { readonly kind: 'workloads'; readonly firewall: string }
  | { readonly kind: 'policy' | 'nat' | 'group'; readonly firewall: string; readonly index: number };

/** What selects a workload at one firewall, by index. */
interface Selected {
  readonly policies: number[];
  readonly nats: number[];
  readonly groups: number[];
}

/** How one workload shows at the firewalls. */
export interface Appearance {
  /** Its own. */
  readonly addresses: readonly Address[];
  readonly sendings: ReadonlyMap<string, readonly Sending[]>;
  readonly unseen: ReadonlyMap<string, Unseen>;
}

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

/**
 * All that follows from policies, firewalls, pools, nodes and network sets, without any pod: made whole whenever one of these changes.
 * `appearanceOf` then answers for one workload at a time. (One exception, for safety: translations avoid addresses of live pods.)
 */
export class Compilation {
  readonly frames: ReadonlyMap<string, Frame>;
  readonly chains: Chains;
  readonly departures: Departures;
  readonly sightings: Sightings;
  /** Selectors to be registered with the engine, by id. */
  readonly selectors: ReadonlyMap<string, Selector>;
  /** Every address that some translation uses: where a pod gets one of these, all is made again. */
  readonly translated: PrefixSet;
  /** About objects, not about one firewall; sorted. */
  readonly findings: readonly Finding[];
  readonly #facts: Facts;
  readonly #uses = new Map<string, Use[]>();

  constructor(facts: Facts) {
    this.#facts = facts;
    this.departures = new Departures(facts.pools, facts.nodes, facts.felix);
    this.chains = chainsOf(facts.firewalls);
    this.translated = translatedBy(facts);
    this.findings = nameErrors(facts).sort(compareFindings);
    const ids = new Ids();
    const surroundings = {
      facts,
      inside: this.departures.inside,
      taken: this.#taken(),
      outsideGroups: new OutsideGroups(facts, ids),
      ids,
      errors: firewallErrors(facts.firewalls, this.chains),
    };
    const sorted = [...facts.firewalls].sort((a, b) => compareUtf8(a.name, b.name));
    this.frames = new Map(sorted.map((firewall) => [firewall.name, new Frame(firewall, surroundings)]));
    this.sightings = new Sightings(
      new Map([...this.frames].map(([name, frame]) => [name, hopOf(frame)])),
      this.chains,
      this.departures,
    );
    this.selectors = this.#collectSelectors();
  }

  /** Where a workload shows, with which address and treated how. Host endpoints are no workloads. */
  appearanceOf(endpoint: Endpoint): Appearance {
    const { addresses } = endpoint;
    const nowhere = { addresses, sendings: NOTHING, unseen: NOTHING };
    if (endpoint.kind !== 'Pod') return nowhere;
    const matching = this.#facts.matching(endpoint.id);
    const { takers, selected } = this.#select(matching);
    if (takers.length === 0) return nowhere;
    const sendings = new Map<string, Sending[]>();
    const unseen = new Map<string, Unseen>();
    for (const family of families) this.#appear(endpoint, family, takers, selected, matching, sendings, unseen);
    return { addresses, sendings, unseen };
  }

  /** The exits that a workload's flow to a destination takes, with the firewalls on the way to each; sorted by exit. */
  waysOf(
    endpoint: Endpoint,
    destination: Address,
  ): readonly { readonly exit: string; readonly chain: readonly string[] }[] {
    const { takers } = this.#select(this.#facts.matching(endpoint.id));
    const exits = takers
      .map(({ firewall }) => firewall)
      .filter((firewall) => takesFamily(firewall, endpoint, destination.family, this.#facts));
    return [...claimsOf(exits)].flatMap(([exit, claimed]) =>
      claimed.contains(destination) ? [{ exit, chain: this.chains.byExit.get(exit) ?? [exit] }] : [],
    );
  }

  /** The source address that a firewall sees of a workload's flow if no firewall before it translates. */
  seenBy(firewall: string, endpoint: Endpoint, destination: Address): Seen {
    const { family } = destination;
    const leaving = this.departures.leaving(endpoint, family);
    const departure =
      leaving === undefined
        ? undefined
        : this.departures.departures(leaving, family).find(({ region }) => region.contains(destination));
    if (departure === undefined) return { kind: 'Unsaid' };
    return this.sightings.resolve({ face: departure.face, translations: [] }, endpoint, family, firewall);
  }

  #appear(
    endpoint: Endpoint,
    family: Family,
    takers: readonly Frame[],
    selected: ReadonlyMap<string, Selected>,
    matching: ReadonlySet<string>,
    sendings: Map<string, Sending[]>,
    unseen: Map<string, Unseen>,
  ): void {
    const leaving = this.departures.leaving(endpoint, family);
    if (leaving === undefined) return;
    const taking = takers
      .filter((frame) => takesFamily(frame.firewall, endpoint, family, this.#facts))
      .map((frame) => frame.firewall.name);
    if (taking.length === 0) return;
    const nats = new Map<string, readonly number[]>();
    for (const name of this.sightings.wayOf(taking)) {
      const here = (selected.get(name)?.nats ?? []).filter(
        (index) => this.frames.get(name)?.nats[index]?.family === family,
      );
      if (here.length > 0) nats.set(name, here);
    }
    for (const [name, seen] of this.sightings.of(taking, leaving, family, nats)) {
      const frame = this.frames.get(name);
      if (frame === undefined) continue;
      let profile: Profile | undefined;
      const found = sendings.get(name) ?? [];
      for (const sighting of seen) {
        const result = this.sightings.resolve(sighting, endpoint, family, name);
        if (result.kind !== 'Address') {
          unseen.set(name, result);
          continue;
        }
        profile ??= this.#profile(frame, endpoint, family, selected.get(name), nats.get(name) ?? [], matching);
        const address = formatAddress(result.address);
        const same = found.findIndex((each) => each.address === address);
        const blind = result.blind || found[same]?.blind === true;
        const sending = { endpoint: endpoint.id, address, blind, profile, key: podKey(endpoint) };
        if (same >= 0) found[same] = sending;
        else found.push(sending);
      }
      if (found.length > 0) sendings.set(name, found);
    }
  }

  #profile(
    frame: Frame,
    endpoint: Endpoint,
    family: Family,
    selected: Selected | undefined,
    nats: readonly number[],
    matching: ReadonlySet<string>,
  ): Profile {
    const picks: Pick[] = [];
    for (const rank of selected?.policies ?? []) {
      const entry = frame.entries[rank];
      // Cluster policy does not reach workloads in the node's network (semantics 10.1).
      if (entry === undefined || (entry.layer === 'Tier' && endpoint.hostNetwork)) continue;
      const bits = entry.rules.some((rule) => rule.source !== undefined)
        ? entry.rules
            .map((rule) =>
              rule.source === undefined || this.#isSource(rule.source, endpoint, family, matching) ? '1' : '0',
            )
            .join('')
        : '';
      picks.push({ rank, bits });
    }
    return frame.profile(picks, nats, selected?.groups ?? [], family);
  }

  /** Whether the source side of a rule holds for a workload's own address. */
  #isSource(source: SourceMatch, endpoint: Endpoint, family: Family, matching: ReadonlySet<string>): boolean {
    const address = ownAddress(endpoint, family);
    if (address === undefined) return false;
    if (source.nets?.isEmpty === false && !source.nets.contains(address)) return false;
    if (source.notNets?.isEmpty === false) {
      // A list of the other family's nets alone leaves no rule for this one (semantics 5.4).
      if (source.notNets.family(family).isEmpty || source.notNets.contains(address)) return false;
    }
    if (source.selector !== undefined && !this.#inSet(source.selector, address, matching)) return false;
    return source.notSelector === undefined || !this.#inSet(source.notSelector, address, matching);
  }

  #inSet(selector: Selector, address: Address, matching: ReadonlySet<string>): boolean {
    return matching.has(selector.id) || this.#facts.outsideOf(selector).nets.contains(address);
  }

  #select(matching: ReadonlySet<string>): { takers: readonly Frame[]; selected: ReadonlyMap<string, Selected> } {
    const takers: Frame[] = [];
    const selected = new Map<string, Selected>();
    for (const id of matching)
      for (const use of this.#uses.get(id) ?? []) {
        if (use.kind === 'workloads') {
          const frame = this.frames.get(use.firewall);
          if (frame !== undefined) takers.push(frame);
          continue;
        }
        let here = selected.get(use.firewall);
        if (here === undefined) {
          here = { policies: [], nats: [], groups: [] };
          selected.set(use.firewall, here);
        }
        if (use.kind === 'policy') here.policies.push(use.index);
        else if (use.kind === 'nat') here.nats.push(use.index);
        else here.groups.push(use.index);
      }
    if (takers.length === 0) return { takers, selected };
    for (const { policies, nats, groups } of selected.values())
      for (const list of [policies, nats, groups]) list.sort((a, b) => a - b);
    return { takers: takers.sort((a, b) => compareUtf8(a.firewall.name, b.firewall.name)), selected };
  }

  #collectSelectors(): ReadonlyMap<string, Selector> {
    const selectors = new Map<string, Selector>();
    const use = (selector: Selector, what: Use): void => {
      selectors.set(selector.id, selector);
      const uses = this.#uses.get(selector.id);
      if (uses === undefined) this.#uses.set(selector.id, [what]);
      else uses.push(what);
    };
    for (const [firewall, frame] of this.frames) {
      const { selector, namespaceSelector } = frame.firewall.workloads;
      use(workloadSelector('', { selector, namespaceSelector }), { kind: 'workloads', firewall });
      for (const [index, entry] of frame.entries.entries()) {
        use(entry.selector, { kind: 'policy', firewall, index });
        for (const { source } of entry.rules)
          for (const each of [source?.selector, source?.notSelector])
            if (each !== undefined) selectors.set(each.id, each);
      }
      for (const [index, nat] of frame.nats.entries()) use(nat.selector, { kind: 'nat', firewall, index });
      for (const [index, group] of frame.groups.entries()) use(group.selector, { kind: 'group', firewall, index });
    }
    return selectors;
  }

  #taken(): Taken {
    const { pools, nodes } = this.#facts;
    const assignable = PrefixSet.of(
      pools.filter((pool) => pool.workloads && !pool.disabled).flatMap((pool) => pool.cidr.prefixes()),
    );
    const nodeAddresses = [...nodes.values()].flatMap((node) => node.addresses.map((entry) => entry.address));
    const pods: Address[] = [];
    if (!this.translated.isEmpty)
      for (const endpoint of this.#facts.endpoints())
        for (const address of endpoint.addresses)
          if (endpoint.kind === 'Pod' && this.translated.contains(address) && !assignable.contains(address))
            pods.push(address);
    return { assignable, nodes: PrefixSet.ofAddresses(nodeAddresses), pods: PrefixSet.ofAddresses(pods) };
  }
}

function hopOf({ firewall, governed, nats }: Frame): Hop {
  const { name, destinations, behind, sees, nodeAddress } = firewall;
  return { name, destinations, behind, sees, nodeAddress, governed, nats };
}

function takesFamily({ workloads }: BorderFirewall, endpoint: Endpoint, family: Family, facts: Facts): boolean {
  if (workloads.ipPools === undefined) return true;
  const address = endpoint.hostNetwork ? undefined : ownAddress(endpoint, family);
  if (address === undefined) return false;
  const names = workloads.ipPools;
  return facts.pools.some((pool) => names.includes(pool.name) && pool.cidr.contains(address));
}

function translatedBy(facts: Facts): PrefixSet {
  return facts.sourceNats.reduce((sum, { translate }) => {
    if (!translate.ok) return sum;
    if (translate.value.kind === 'Addresses') return sum.union(translate.value.addresses);
    if (translate.value.kind === 'None') return sum;
    const { pool } = translate.value;
    return sum.union(facts.pools.find((each) => each.name === pool)?.cidr ?? PrefixSet.empty);
  }, PrefixSet.empty);
}
