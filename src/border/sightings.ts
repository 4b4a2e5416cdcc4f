import type { Endpoint, EndpointId } from '../inventory/model.ts';
import { type Address, type Family, formatAddress, parseAddress } from '../ip/address.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import { signature } from './ids.ts';
import type { Departures, Face, Leaving, Seen, Viewpoint } from './seen-address.ts';
import { type CompiledNat, isTotal, targetFor } from './source-nat.ts';
import { type Chains, type Exit, claimsOf } from './way.ts';

/** A firewall as the ways of flows need it. */
export interface Hop extends Exit, Viewpoint {
  /** The destinations that it judges and translates for: `destinations` without what is inside. */
  readonly governed: PrefixSet;
  readonly nats: readonly CompiledNat[];
}

/** How a source address comes about: a face, translated by firewalls nearer to the pods. */
export interface Sighting {
  readonly face: Face;
  /** Nearest first. */
  readonly translations: readonly { readonly hop: Hop; readonly nat: CompiledNat }[];
}

/** Some flows on their way, all with one source address. */
interface Stream extends Sighting {
  readonly region: PrefixSet;
}

/** By firewall, the indexes of its translations that select a workload in one family; absent: none. */
export type NatSelection = ReadonlyMap<string, readonly number[]>;

/**
 * Which source addresses each firewall can see of a workload: the way of a flow (design section 5) followed for all destinations at
 * once. Equal for all workloads that leave alike, are taken by the same firewalls and translated by the same objects, and made once for
 * each such kind.
 */
export class Sightings {
  readonly #hops: ReadonlyMap<string, Hop>;
  readonly #chains: Chains;
  readonly #departures: Departures;
  readonly #known = new Map<string, ReadonlyMap<string, readonly Sighting[]>>();
  readonly #viewpoints = new Map<string, Viewpoint>();

  constructor(hops: ReadonlyMap<string, Hop>, chains: Chains, departures: Departures) {
    this.#hops = hops;
    this.#chains = chains;
    this.#departures = departures;
    for (const [name, hop] of hops) {
      // Who does not say what it sees is believed to see what the one before it sees.
      const sees = (chains.byExit.get(name) ?? [])
        .map((each) => hops.get(each)?.sees)
        .reduce((nearer, own) => own ?? nearer, undefined);
      this.#viewpoints.set(name, { sees, nodeAddress: hop.nodeAddress });
    }
  }

  /** Every firewall that a workload's flows can meet, given those whose `workloads` take it. */
  wayOf(takers: readonly string[]): ReadonlySet<string> {
    return new Set(takers.flatMap((name) => this.#chains.byExit.get(name) ?? [name]));
  }

  /** By firewall: the ways in which it can see the workload's traffic of one family; firewalls that never see any are absent. */
  of(
    takers: readonly string[],
    leaving: Leaving,
    family: Family,
    selected: NatSelection,
  ): ReadonlyMap<string, readonly Sighting[]> {
    const key = signature(leaving, family, ...takers, '', ...[...selected].flatMap(([name, nats]) => [name, ...nats]));
    let known = this.#known.get(key);
    if (known === undefined) {
      known = this.#follow(takers, leaving, family, selected);
      this.#known.set(key, known);
    }
    return known;
  }

  #follow(
    takers: readonly string[],
    leaving: Leaving,
    family: Family,
    selected: NatSelection,
  ): ReadonlyMap<string, readonly Sighting[]> {
    const exits = takers.flatMap((name) => this.#hops.get(name) ?? []);
    const found = new Map<string, Map<string, Sighting>>();
    for (const [exit, claimed] of claimsOf(exits)) {
      let streams: readonly Stream[] = this.#departures
        .departures(leaving, family)
        .map(({ face, region }) => ({ face, translations: [], region: region.intersect(claimed) }));
      for (const name of this.#chains.byExit.get(exit) ?? []) {
        const hop = this.#hops.get(name);
        if (hop === undefined) continue;
        for (const { face, translations, region } of streams) {
          if (!region.overlaps(hop.governed)) continue;
          const seen = found.get(name) ?? new Map<string, Sighting>();
          seen.set(sightingKey({ face, translations }), { face, translations });
          found.set(name, seen);
        }
        streams = streams.flatMap((stream) => this.#translate(stream, hop, selected.get(name) ?? []));
      }
    }
    return new Map([...found].map(([name, seen]) => [name, [...seen.values()]]));
  }

  /**
   * What leaves a firewall. Whether a translation takes hold of an address that several workloads send from depends on the others, so
   * there both outcomes are possible; so they are where it takes only some protocols or ports.
   */
  #translate(stream: Stream, hop: Hop, selected: readonly number[]): readonly Stream[] {
    const out: Stream[] = [];
    let left = stream.region;
    for (const index of selected) {
      const nat = hop.nats[index];
      if (nat === undefined) continue;
      const taken = left.intersect(nat.destination).intersect(hop.governed);
      if (taken.isEmpty) continue;
      if (nat.choice.kind === 'Choose')
        out.push({ ...stream, translations: [...stream.translations, { hop, nat }], region: taken });
      if (nat.choice.kind === 'Exempt') out.push({ ...stream, region: taken });
      if (isTotal(nat) && !isBlind(stream)) left = left.subtract(taken);
    }
    return left.isEmpty ? out : [...out, { ...stream, region: left }];
  }

  /** The address that a firewall sees of a workload by one sighting. */
  resolve(sighting: Sighting, endpoint: Endpoint, family: Family, at: string): Seen {
    const [first, ...rest] = sighting.translations;
    if (first === undefined) return this.#departures.resolve(sighting.face, endpoint, family, this.#viewpoint(at));
    const start = this.#departures.resolve(sighting.face, endpoint, family, this.#viewpoint(first.hop.name));
    if (start.kind !== 'Address') return start;
    let address = translated(first.nat, start.blind ? formatAddress(start.address) : choiceKey(endpoint.id));
    // After a translation the address is not one workload's alone, so the address is what the next choice is made for.
    for (const { nat } of rest) address = translated(nat, formatAddress(address));
    return { kind: 'Address', address, blind: true };
  }

  #viewpoint(name: string): Viewpoint {
    return this.#viewpoints.get(name) ?? { sees: undefined, nodeAddress: 'InternalIP' };
  }
}

/** What a pod's choice among several addresses depends on: its `namespace/name`. */
export function choiceKey(endpoint: EndpointId): string {
  return endpoint.slice(endpoint.indexOf(':') + 1);
}

/** Whether other workloads may send from the address by nature. A pod without pool may be seen with its own: then too much is thought possible, never too little. */
function isBlind(sighting: Sighting): boolean {
  return sighting.face !== 'Own' || sighting.translations.length > 0;
}

function translated(nat: CompiledNat, key: string): Address {
  const target = targetFor(nat.choice, key);
  const address = target.kind === 'Address' ? parseAddress(target.address) : undefined;
  if (address === undefined) throw new RangeError(`${nat.id} translates to no address`);
  return address;
}

function sightingKey({ face, translations }: Sighting): string {
  return signature(face, ...translations.map(({ nat, hop }) => `${hop.name}/${nat.id}`));
}
