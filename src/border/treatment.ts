import type { Endpoint } from '../inventory/model.ts';
import type { Address, Family } from '../ip/address.ts';
import type { Selector } from '../selector/selector.ts';
import type { SourceMatch } from './entry.ts';
import type { Facts } from './facts.ts';
import type { Frame } from './frame.ts';
import type { Profile } from './profile.ts';
import { type Departures, type Leaving, ownAddress } from './seen-address.ts';
import type { Selected, Selection, Selections } from './selection.ts';
import type { Sighting, Sightings } from './sightings.ts';
import type { Pick } from './stages.ts';

/** What becomes of a workload's traffic of one family at one firewall, but for the addresses. */
export interface Treatment {
  readonly firewall: string;
  readonly profile: Profile;
  /** How its source addresses there come about. */
  readonly sightings: readonly Sighting[];
}

const NOTHING: readonly Treatment[] = [];
/** Labels come and go with pods; what was not asked for long is made again. */
const MOST_KNOWN = 50_000;

/**
 * How workloads are treated. Most of them are treated like many others, so the answer is kept by what it depends on: the selectors that
 * match, how the workload leaves its node, and, where a firewall or rule asks for it, its pool and which rules are for its address.
 */
export class Treatments {
  readonly #frames: ReadonlyMap<string, Frame>;
  readonly #selections: Selections;
  readonly #sightings: Sightings;
  readonly #departures: Departures;
  readonly #facts: Facts;
  readonly #asksForPools: boolean;
  /** Policies some of whose rules are for some workloads only. */
  readonly #sourced: readonly { readonly firewall: string; readonly rank: number }[];
  readonly #known = new Map<string, readonly Treatment[]>();

  constructor(
    frames: ReadonlyMap<string, Frame>,
    selections: Selections,
    sightings: Sightings,
    departures: Departures,
    facts: Facts,
  ) {
    this.#frames = frames;
    this.#selections = selections;
    this.#sightings = sightings;
    this.#departures = departures;
    this.#facts = facts;
    this.#asksForPools = facts.firewalls.some((firewall) => firewall.workloads.ipPools !== undefined);
    this.#sourced = [...frames].flatMap(([firewall, frame]) =>
      frame.entries.filter(isSourced).map(({ rank }) => ({ firewall, rank })),
    );
  }

  /** Every firewall that sees traffic of a workload in one family. */
  of(endpoint: Endpoint, family: Family): readonly Treatment[] {
    const leaving = this.#departures.leaving(endpoint, family);
    if (leaving === undefined) return NOTHING;
    const matching = this.#facts.matching(endpoint.id);
    const numbers = this.#selections.numbers(matching);
    if (numbers.length === 0) return NOTHING;
    if (this.#sourced.length > 0) return this.#make(endpoint, family, leaving, matching, numbers);
    const pool = this.#asksForPools ? (this.#poolOf(endpoint, family) ?? '') : '';
    const profiled = this.#facts.profileAllows(endpoint);
    // Pool names come last: they may hold any character.
    const key = `${leaving}${family} ${profiled} ${numbers.join()} ${pool}`;
    let known = this.#known.get(key);
    if (known === undefined) {
      known = this.#make(endpoint, family, leaving, matching, numbers);
      if (this.#known.size >= MOST_KNOWN) this.#known.clear();
      this.#known.set(key, known);
    }
    return known;
  }

  /** Firewalls whose `workloads` take what the workload sends in one family; sorted. */
  takers(endpoint: Endpoint, family: Family, { takers }: Selection = this.#selection(endpoint)): readonly string[] {
    return takers.filter((name) => {
      const pools = this.#frames.get(name)?.firewall.workloads.ipPools;
      return pools === undefined || pools.includes(this.#poolOf(endpoint, family) ?? '');
    });
  }

  #selection(endpoint: Endpoint): Selection {
    return this.#selections.of(this.#selections.numbers(this.#facts.matching(endpoint.id)));
  }

  #poolOf(endpoint: Endpoint, family: Family): string | undefined {
    const own = endpoint.hostNetwork ? undefined : ownAddress(endpoint, family);
    return own === undefined ? undefined : this.#departures.poolOf(own)?.name;
  }

  #make(
    endpoint: Endpoint,
    family: Family,
    leaving: Leaving,
    matching: ReadonlySet<string>,
    numbers: readonly number[],
  ): readonly Treatment[] {
    const selection = this.#selections.of(numbers);
    const takers = this.takers(endpoint, family, selection);
    if (takers.length === 0) return NOTHING;
    const nats = new Map<string, readonly number[]>();
    for (const name of this.#sightings.wayOf(takers)) {
      const here = (selection.byFirewall.get(name)?.nats ?? []).filter(
        (index) => this.#frames.get(name)?.nats[index]?.family === family,
      );
      if (here.length > 0) nats.set(name, here);
    }
    const profiled = this.#facts.profileAllows(endpoint);
    const treatments: Treatment[] = [];
    for (const [firewall, sightings] of this.#sightings.of(takers, leaving, family, nats)) {
      const frame = this.#frames.get(firewall);
      if (frame === undefined) continue;
      const selected = selection.byFirewall.get(firewall);
      const picks = this.#picks(frame, endpoint, family, selected, matching);
      const profile = frame.profile(picks, nats.get(firewall) ?? [], selected?.groups ?? [], family, profiled);
      treatments.push({ firewall, profile, sightings });
    }
    return treatments;
  }

  #picks(
    frame: Frame,
    endpoint: Endpoint,
    family: Family,
    selected: Selected | undefined,
    matching: ReadonlySet<string>,
  ): readonly Pick[] {
    const picks: Pick[] = [];
    for (const rank of selected?.policies ?? []) {
      const entry = frame.entries[rank];
      // Cluster policy does not reach workloads in the node's network (semantics 10.1).
      if (entry === undefined || (entry.layer === 'Tier' && endpoint.hostNetwork)) continue;
      const isFor = (source: SourceMatch | undefined): boolean =>
        source === undefined || this.#isSource(source, endpoint, family, matching);
      picks.push({
        rank,
        bits: isSourced(entry) ? entry.rules.map(({ source }) => (isFor(source) ? '1' : '0')).join('') : '',
      });
    }
    return picks;
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
}

function isSourced(entry: Frame['entries'][number]): boolean {
  return entry.rules.some((rule) => rule.source !== undefined);
}
