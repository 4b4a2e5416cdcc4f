import { compareUtf8 } from '../../base/compare.ts';
import type { EndpointId } from '../../inventory/model.ts';
import { type Family, compareAddresses, formatAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { Engine } from '../engine.ts';
import { markAddresses } from './address-marks.ts';
import { type Connection, ConnectionList, subjects } from './connections.ts';
import { Reachability } from './reachability.ts';
import { NO_SERVICES, ServiceAlgebra, type ServiceId } from './service-algebra.ts';
import type { Atom, Point } from './world-atoms.ts';

/** What two worlds differ in. */
export interface WorldDifference {
  /** Allowed in the second world and not in the first; workloads and endpoints as they are in the second. */
  readonly gained: readonly Connection[];
  /** Allowed in the first world and not in the second; workloads and endpoints as they are in the first. */
  readonly lost: readonly Connection[];
  /** Endpoints that only the first world has, and those that only the second has; sorted. All they may, or might, is lost, or gained. */
  readonly gone: readonly EndpointId[];
  readonly come: readonly EndpointId[];
}

const FAMILIES: readonly Family[] = [4, 6];

/**
 * Connections gained and lost between two worlds, exactly. An endpoint is the same in both if it has the same id: where it has one address
 * in each of them, whatever that is now; where it has several, or shares one, address by address. Outside addresses are those that no
 * endpoint has in either world.
 * @example diffWorlds(loadWorld(now), loadWorld(proposed)).gained;
 * @throws SallyportError FLOW_SET_LIMIT
 */
export function diffWorlds(before: { readonly engine: Engine }, after: { readonly engine: Engine }): WorldDifference {
  const [gained, lost] = [new ConnectionList(), new ConnectionList()];
  for (const family of FAMILIES) {
    const algebra = new ServiceAlgebra(family);
    const first = new Reachability(before.engine, algebra);
    const second = new Reachability(after.engine, algebra);
    const pairs = paired(family, first.atoms, second.atoms);
    const inFirst = new PairedRow(
      first,
      pairs.map((pair) => pair.first?.atom),
    );
    const inSecond = new PairedRow(
      second,
      pairs.map((pair) => pair.second?.atom),
    );
    const more = (one: PairedRow, other: PairedRow) => (source: number) => one.minus(other, source, algebra);
    const named = (of: 'first' | 'second') =>
      pairs.map(({ outside, [of]: half }) => ({ outside, points: half?.points ?? [] }));
    gained.add(algebra, named('second'), subjects(after.engine), more(inSecond, inFirst));
    lost.add(algebra, named('first'), subjects(before.engine), more(inFirst, inSecond));
  }
  return {
    gained: gained.sorted(),
    lost: lost.sorted(),
    gone: onlyIn(before.engine, after.engine),
    come: onlyIn(after.engine, before.engine),
  };
}

/** What one world allows, by pair of atoms; nothing where endpoints are not there. */
class PairedRow {
  readonly #reach: Reachability;
  readonly #atoms: readonly (number | undefined)[];
  readonly #row: Uint16Array;

  constructor(reach: Reachability, atoms: readonly (number | undefined)[]) {
    this.#reach = reach;
    this.#atoms = atoms;
    this.#row = new Uint16Array(atoms.length);
  }

  /** What goes from a source in this world and not in another; the same row until the next call. */
  minus(other: PairedRow, source: number, algebra: ServiceAlgebra): Uint16Array {
    const row = this.#from(source);
    const without = other.#from(source);
    for (let place = 0; place < row.length; place++)
      row[place] = algebra.subtract(row[place] as ServiceId, without[place] as ServiceId);
    return row;
  }

  #from(source: number): Uint16Array {
    const row = this.#row;
    const from = this.#atoms[source];
    if (from === undefined) return row.fill(NO_SERVICES);
    const allowed = this.#reach.allowedFrom(from);
    for (let place = 0; place < row.length; place++) {
      const atom = this.#atoms[place];
      row[place] = atom === undefined ? NO_SERVICES : (allowed[atom] as ServiceId);
    }
    return row;
  }
}

function onlyIn(one: Engine, other: Engine): readonly EndpointId[] {
  const there = new Set(subjects(other).map(({ id }) => id));
  return subjects(one)
    .map(({ id }) => id)
    .filter((id) => !there.has(id))
    .sort(compareUtf8);
}

/** Addresses of an atom of one world. */
interface Half {
  readonly atom: number;
  readonly points: Point[];
}

/** Addresses that are in one atom of the first world and in one of the second; a half is absent where the endpoints are not there. */
interface Pair {
  readonly first?: Half;
  readonly second?: Half;
  outside: PrefixSet;
}

function paired(family: Family, first: readonly Atom[], second: readonly Atom[]): readonly Pair[] {
  const pairs = new Map<string, Pair>();
  const pairOf = (one: number | undefined, other: number | undefined): Pair => {
    const key = `${one ?? ''} ${other ?? ''}`;
    let pair = pairs.get(key);
    if (pair === undefined) {
      pair = {
        ...(one === undefined ? {} : { first: { atom: one, points: [] } }),
        ...(other === undefined ? {} : { second: { atom: other, points: [] } }),
        outside: PrefixSet.empty,
      };
      pairs.set(key, pair);
    }
    return pair;
  };
  const movable = commonIds(first, second);
  const [ofFirst, ofSecond] = [placesOf(first, movable), placesOf(second, movable)];
  for (const key of new Set([...ofFirst.keys(), ...ofSecond.keys()])) {
    const [one, other] = [ofFirst.get(key), ofSecond.get(key)];
    const pair = pairOf(one?.atom, other?.atom);
    if (one !== undefined) pair.first?.points.push(one.point);
    if (other !== undefined) pair.second?.points.push(other.point);
  }

  const outside = [...first.entries(), ...second.entries()].filter(([, atom]) => atom.classes.length === 0);
  const ofFirstWorld = first.filter(({ classes }) => classes.length === 0).length;
  const points = new Map(
    [...first, ...second].flatMap(({ points: held }) => held.map(({ address }) => [formatAddress(address), address])),
  );
  const { marks, others } = markAddresses(
    family,
    outside.map(([, atom]) => atom.outside),
    [...points.values()].sort(compareAddresses),
  );
  for (const [number, addresses] of others.entries()) {
    if (addresses.isEmpty) continue;
    const [one, other] = marks[number] ?? [];
    // What nobody has in either world is in one outside atom of each.
    if (one === undefined || other === undefined || one >= ofFirstWorld || other < ofFirstWorld) continue;
    const pair = pairOf(outside[one]?.[0], outside[other]?.[0]);
    pair.outside = pair.outside.union(addresses);
  }
  return [...pairs.values()];
}

/** Endpoints that have one address, and have it alone, in each world in which they are. */
function commonIds(...worlds: readonly (readonly Atom[])[]): ReadonlySet<EndpointId> {
  const alone = new Set<EndpointId>();
  const several = new Set<EndpointId>();
  for (const atoms of worlds) {
    const seen = new Set<EndpointId>();
    for (const { holders } of atoms.flatMap(({ points }) => points))
      for (const holder of holders) {
        if (holders.length > 1 || seen.has(holder)) several.add(holder);
        seen.add(holder);
        alone.add(holder);
      }
  }
  for (const id of several) alone.delete(id);
  return alone;
}

/** Where each address of endpoints stands, by what it is known by in both worlds. */
function placesOf(
  atoms: readonly Atom[],
  movable: ReadonlySet<EndpointId>,
): ReadonlyMap<string, { readonly atom: number; readonly point: Point }> {
  const places = new Map<string, { readonly atom: number; readonly point: Point }>();
  for (const [atom, { points }] of atoms.entries())
    for (const point of points) {
      const [holder = ''] = point.holders;
      places.set(movable.has(holder) ? holder : formatAddress(point.address), { atom, point });
    }
  return places;
}
