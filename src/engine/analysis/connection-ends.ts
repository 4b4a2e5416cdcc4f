import { compareUtf8 } from '../../base/compare.ts';
import type { Endpoint, EndpointId } from '../../inventory/model.ts';
import { type Family, compareAddresses, formatAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type WorkloadId, workloadOf } from './workload.ts';
import type { Atom, Point } from './world-atoms.ts';

/**
 * One end of connections: the addresses, of the connection's families, of everything that is listed. A workload stands for all its
 * endpoints, an endpoint for all its addresses; an address stands alone only where its endpoint is not meant with all of them. Each list
 * is sorted, and nothing is listed twice.
 */
export interface ConnectionEnd {
  readonly workloads: readonly WorkloadId[];
  readonly endpoints: readonly EndpointId[];
  readonly addresses: readonly string[];
  /** Prefixes; of them, every address that no endpoint of the world has. */
  readonly nets: readonly string[];
}

/** Something listed, with the addresses that it stands for. */
interface Whole {
  readonly id: string;
  /** How many times one of its endpoints has an address of the family. */
  size: number;
}

/** Gives atoms of one family the names that people know. */
export class ConnectionEnds {
  readonly #atoms: readonly Pick<Atom, 'points' | 'outside'>[];
  readonly #workloads = new Map<EndpointId, Whole>();
  readonly #endpoints = new Map<EndpointId, Whole>();
  readonly #known = new Map<readonly number[], ConnectionEnd>();

  /** `endpoints`: those that the points of the atoms name. */
  constructor(family: Family, atoms: readonly Pick<Atom, 'points' | 'outside'>[], endpoints: Iterable<Endpoint>) {
    this.#atoms = atoms;
    const workloads = new Map<WorkloadId, Whole>();
    for (const endpoint of endpoints) {
      const { id, addresses } = endpoint;
      const workload = workloadOf(endpoint);
      const size = new Set(addresses.filter((address) => address.family === family).map(({ value }) => value)).size;
      const whole = workloads.get(workload) ?? { id: workload, size: 0 };
      whole.size += size;
      workloads.set(workload, whole);
      this.#workloads.set(id, whole);
      this.#endpoints.set(id, { id, size });
    }
  }

  /** The same end for the same list. */
  of(atoms: readonly number[]): ConnectionEnd {
    let end = this.#known.get(atoms);
    if (end === undefined) {
      end = this.#make(atoms.flatMap((atom) => this.#atoms[atom] ?? []));
      this.#known.set(atoms, end);
    }
    return end;
  }

  /** Whether every flow between the two ends would be one of an endpoint with itself. */
  isSelf(sources: readonly number[], destinations: readonly number[]): boolean {
    const [source, ...more] = this.#holders(sources);
    const [destination, ...others] = this.#holders(destinations);
    return source !== undefined && source === destination && more.length + others.length === 0;
  }

  /** At most two: who wants to know whether there is only one needs no more. Nobody counts as somebody. */
  #holders(atoms: readonly number[]): readonly (EndpointId | symbol)[] {
    const found = new Set<EndpointId | symbol>();
    for (const atom of atoms) {
      if (this.#atoms[atom]?.outside.isEmpty === false) found.add(NOBODY);
      for (const { holders } of this.#atoms[atom]?.points ?? [])
        for (const holder of holders) {
          found.add(holder);
          if (found.size > 1) return [...found];
        }
    }
    return [...found];
  }

  #make(atoms: readonly Pick<Atom, 'points' | 'outside'>[]): ConnectionEnd {
    const points = atoms.flatMap((atom) => atom.points);
    const [workloads, afterWorkloads] = this.#take(points, this.#workloads);
    const [endpoints, alone] = this.#take(afterWorkloads, this.#endpoints);
    const nets = PrefixSet.ofRanges(atoms.flatMap(({ outside }) => [...outside.ranges(4), ...outside.ranges(6)]));
    return {
      workloads,
      endpoints,
      addresses: alone
        .map(({ address }) => address)
        .sort(compareAddresses)
        .map(formatAddress),
      nets: nets.toStrings(),
    };
  }

  /** What is there with all its addresses, and the points that nothing of it has. */
  #take(
    points: readonly Point[],
    wholes: ReadonlyMap<EndpointId, Whole>,
  ): readonly [readonly string[], readonly Point[]] {
    const counts = new Map<Whole, number>();
    for (const { holders } of points)
      for (const holder of holders) {
        const whole = wholes.get(holder);
        if (whole !== undefined) counts.set(whole, (counts.get(whole) ?? 0) + 1);
      }
    const complete = (holder: EndpointId): boolean => {
      const whole = wholes.get(holder);
      return whole !== undefined && counts.get(whole) === whole.size;
    };
    const ids = [...counts].filter(([{ size }, count]) => size === count).map(([{ id }]) => id);
    return [ids.sort(compareUtf8), points.filter(({ holders }) => !holders.some(complete))];
  }
}

const NOBODY = Symbol('nobody');
