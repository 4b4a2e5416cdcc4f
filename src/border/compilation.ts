import { compareUtf8 } from '../base/compare.ts';
import { type Pieces, each } from '../base/pieces.ts';
import type { Endpoint } from '../inventory/model.ts';
import { networkSetSelector } from '../inventory/effective-selector.ts';
import { type Address, formatAddress } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';
import type { Facts } from './facts.ts';
import { type Finding, compareFindings } from './finding.ts';
import { firewallErrors, nameErrors } from './firewall-errors.ts';
import type { Unseen } from './firewall-state.ts';
import { Frame } from './frame.ts';
import { OutsideGroups } from './groups.ts';
import { Ids } from './ids.ts';
import { layersOf } from './layers.ts';
import type { Profile, Sending } from './profile.ts';
import { Departures, type Seen, families } from './seen-address.ts';
import { Selections } from './selection.ts';
import { type Hop, Sightings } from './sightings.ts';
import type { Taken } from './source-nat.ts';
import { Treatments } from './treatment.ts';
import { type Chains, chainsOf, claimsOf } from './way.ts';

/** How one workload shows at the firewalls. */
export interface Appearance {
  /** Its own. */
  readonly addresses: readonly Address[];
  readonly sendings: readonly Sending[];
  readonly unseen: readonly { readonly firewall: string; readonly why: Unseen }[];
}

const NOTHING: readonly never[] = [];

/** What a compilation is made of. */
interface Parts {
  readonly facts: Facts;
  readonly departures: Departures;
  readonly chains: Chains;
  readonly translated: PrefixSet;
  readonly outsideGroups: OutsideGroups;
  readonly frames: ReadonlyMap<string, Frame>;
  readonly selections: Selections;
  readonly decisive: ReadonlySet<string>;
}

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
  readonly #treatments: Treatments;
  readonly #outsideGroups: OutsideGroups;
  /** Ids of selectors whose network sets decide more than what is in a group. */
  readonly #decisive: ReadonlySet<string>;

  private constructor({ facts, departures, chains, translated, outsideGroups, frames, selections, decisive }: Parts) {
    this.departures = departures;
    this.chains = chains;
    this.translated = translated;
    this.findings = nameErrors(facts).sort(compareFindings);
    this.#outsideGroups = outsideGroups;
    this.frames = frames;
    const hops = new Map([...frames].map(([name, frame]) => [name, hopOf(frame)]));
    this.sightings = new Sightings(hops, chains, departures);
    this.#decisive = decisive;
    this.selectors = selections.selectors;
    this.#treatments = new Treatments(frames, selections, this.sightings, departures, facts);
  }

  /** In pieces: a firewall that repeats tiers takes along every policy of theirs. */
  static *of(facts: Facts): Pieces<Compilation> {
    const departures = new Departures(facts.pools, facts.nodes, facts.felix);
    const chains = chainsOf(facts.firewalls);
    const translated = translatedBy(facts);
    const ids = new Ids();
    const outsideGroups = new OutsideGroups(facts, ids);
    const { inside } = departures;
    const taken = takenBy(facts, translated);
    const surroundings = { facts, inside, taken, outsideGroups, ids, errors: firewallErrors(facts.firewalls, chains) };
    const frames = new Map<string, Frame>();
    for (const firewall of [...facts.firewalls].sort((x, y) => compareUtf8(x.name, y.name))) {
      yield;
      const layers = yield* layersOf(firewall, firewall.destinations.subtract(inside), facts);
      frames.set(firewall.name, new Frame(firewall, layers, surroundings));
    }
    const selections = yield* Selections.of(frames.values());
    const decisive = yield* decisiveSelectors(frames.values(), facts);
    return new Compilation({ facts, departures, chains, translated, outsideGroups, frames, selections, decisive });
  }

  /**
   * Takes new content of network sets, given the selectors that have other content now. False: more than groups depends on them, and all
   * has to be made anew.
   */
  refreshGroups(selectorIds: readonly string[]): boolean {
    return !selectorIds.some((id) => this.#decisive.has(id)) && this.#outsideGroups.refresh(selectorIds);
  }

  /** Where a workload shows, with which address and treated how. Host endpoints are no workloads. */
  appearanceOf(endpoint: Endpoint): Appearance {
    const { addresses } = endpoint;
    if (endpoint.kind !== 'Pod') return { addresses, sendings: NOTHING, unseen: NOTHING };
    const sendings: Sending[] = [];
    let unseen: { readonly firewall: string; readonly why: Unseen }[] | undefined;
    for (const family of families)
      for (const { firewall, profile, sightings } of this.#treatments.of(endpoint, family))
        for (const sighting of sightings) {
          const seen = this.sightings.resolve(sighting, endpoint, family, firewall);
          if (seen.kind !== 'Address') {
            unseen ??= [];
            unseen.push({ firewall, why: { kind: seen.kind, objects: this.#objectsOf(firewall, profile) } });
            continue;
          }
          const address = formatAddress(seen.address);
          // The same address may come about in two ways; it is blind if it is in either.
          const same = sendings.findIndex((each) => each.firewall === firewall && each.address === address);
          const blind = seen.blind || sendings[same]?.blind === true;
          const sending = { firewall, endpoint: endpoint.id, address, blind, profile };
          if (same >= 0) sendings[same] = sending;
          else sendings.push(sending);
        }
    return { addresses, sendings, unseen: unseen ?? NOTHING };
  }

  /** The exits that a workload's flow to a destination takes, with the firewalls on the way to each; sorted by exit. */
  waysOf(
    endpoint: Endpoint,
    destination: Address,
  ): readonly { readonly exit: string; readonly chain: readonly string[] }[] {
    const exits = this.#treatments
      .takers(endpoint, destination.family)
      .flatMap((name) => this.frames.get(name)?.firewall ?? []);
    const ways = [...claimsOf(exits)].flatMap(([exit, claimed]) =>
      claimed.contains(destination) ? [{ exit, chain: this.chains.byExit.get(exit) ?? [exit] }] : [],
    );
    // An exit that another one stands behind is on the way to that, not beside it.
    return ways.filter(({ exit }) => ways.every((other) => other.exit === exit || !other.chain.includes(exit)));
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

  /** Everything that a profile's workloads are selected by, by name. */
  #objectsOf(firewall: string, { entries, nats, groups }: Profile): readonly string[] {
    const frame = this.frames.get(firewall);
    return [
      ...entries.map((entry) => entry.id),
      ...nats.flatMap((index) => frame?.nats[index]?.origin.policy ?? []),
      ...groups.flatMap((index) => frame?.groups[index]?.resource.name ?? []).map((name) => `AddressGroup/${name}`),
    ];
  }
}

/** What translations are not to use. */
function takenBy(facts: Facts, translated: PrefixSet): Taken {
  const { pools, nodes } = facts;
  const assignable = PrefixSet.of(
    pools.filter((pool) => pool.workloads && !pool.disabled).flatMap((pool) => pool.cidr.prefixes()),
  );
  const nodeAddresses = [...nodes.values()].flatMap((node) => node.addresses.map((entry) => entry.address));
  const pods: Address[] = [];
  if (!translated.isEmpty)
    for (const endpoint of facts.endpoints())
      for (const address of endpoint.addresses)
        if (endpoint.kind === 'Pod' && translated.contains(address) && !assignable.contains(address))
          pods.push(address);
  return { assignable, nodes: PrefixSet.ofAddresses(nodeAddresses), pods: PrefixSet.ofAddresses(pods) };
}

function hopOf({ firewall, governed, nats }: Frame): Hop {
  const { name, destinations, behind, sees, nodeAddress } = firewall;
  return { name, destinations, behind, sees, nodeAddress, governed, nats };
}

/**
 * In repeated tiers a rule is there only if its destination reaches outside, and its source can be a network set; where `accepts` limits
 * destinations, a BorderPolicy counts only while its network sets lie within.
 */
function* decisiveSelectors(
  frames: Iterable<Frame>,
  { firewalls, borderPolicies }: Facts,
): Pieces<ReadonlySet<string>> {
  const ids = new Set<string>();
  for (const { entries } of frames)
    yield* each(entries, ({ layer, rules }) => {
      for (const { match, source } of layer === 'Tier' ? rules : [])
        for (const selector of [match.selector, match.notSelector, source?.selector, source?.notSelector])
          if (selector !== undefined) ids.add(selector.id);
    });
  if (firewalls.some(({ accepts }) => accepts.some(({ destinations }) => destinations !== undefined)))
    for (const { namespace, spec } of borderPolicies)
      for (const read of spec.egress)
        if (read.ok && read.rule.selector !== undefined) ids.add(networkSetSelector(namespace, read.rule.selector).id);
  return ids;
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
