import { compareUtf8 } from '../../base/compare.ts';
import type { EndpointId } from '../../inventory/model.ts';
import { type Address, type Family, compareAddresses, formatAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { Engine } from '../engine.ts';
import { inForce } from '../host-endpoints.ts';
import { type Mark, markAddresses } from './address-marks.ts';
import type { EndpointClasses } from './endpoint-classes.ts';
import { ConditionJudge } from './condition-judge.ts';
import type { ServiceAlgebra, ServiceId } from './service-algebra.ts';
import type { SideCondition } from './side-conditions.ts';

/** An address of an endpoint. */
export interface Point {
  readonly address: Address;
  /** Several for the moment in which an address changes hands. Sorted. */
  readonly holders: readonly EndpointId[];
}

/** Addresses that no rule tells apart, and that belong to endpoints with the same policies, or to nobody. */
export interface Atom {
  /** Classes of the holders of each of its points, ascending; empty: nobody's addresses. */
  readonly classes: readonly number[];
  /** Those of them whose policies are asked: of several host endpoints at one address not all are in force (semantics 7.1). */
  readonly asked: readonly number[];
  readonly points: readonly Point[];
  /** Empty, unless the addresses are nobody's; may hold addresses of endpoints where none of the rest is nobody's. */
  readonly outside: PrefixSet;
  /** What each condition leaves at these addresses; conditions that leave nothing are not in it. */
  readonly values: ReadonlyMap<number, ServiceId>;
}

/** Every address of a family as atoms. */
export function atomsOf(
  engine: Engine,
  family: Family,
  algebra: ServiceAlgebra,
  classes: EndpointClasses,
  conditions: readonly SideCondition[],
): readonly Atom[] {
  const points = pointsOf(engine, family);
  const judge = new ConditionJudge(engine, family, algebra, classes, conditions);
  const { marks, ofPoint, others } = markAddresses(
    family,
    judge.sets,
    points.map(({ address }) => address),
  );
  const cells = new Map<string, Cell>();
  const cellOf = (held: readonly number[], asked: readonly number[], number: number): Cell => {
    const key = `${number} ${held.join(' ')} ${asked.join(' ')}`;
    let cell = cells.get(key);
    if (cell === undefined) {
      cell = { classes: held, asked, mark: marks[number] ?? [], points: [], outside: PrefixSet.empty };
      cells.set(key, cell);
    }
    return cell;
  };
  for (const [index, point] of points.entries()) {
    const classesOf = (ids: readonly EndpointId[]): readonly number[] =>
      [...new Set(ids.flatMap((id) => classes.classOf(id) ?? []))].sort((a, b) => a - b);
    const held = classesOf(point.holders);
    const asked = held.length > 1 ? classesOf(inForceOf(engine, point.holders)) : held;
    cellOf(held, asked, ofPoint[index] as number).points.push(point);
  }
  for (const [number, outside] of others.entries()) if (!outside.isEmpty) cellOf([], [], number).outside = outside;

  // Rules may tell labels apart that make no difference to anything that holds for somebody.
  const atoms = new Map<string, Cell & { readonly values: Atom['values'] }>();
  for (const cell of cells.values()) {
    const values = judge.values(cell.classes, cell.mark);
    const policies = cell.asked.map((number) => classes.policyKey(number));
    const key = JSON.stringify([[...new Set(policies)].sort(), [...values]]);
    const same = atoms.get(key);
    if (same === undefined) atoms.set(key, { ...cell, values });
    else {
      for (const point of cell.points) same.points.push(point);
      same.outside = same.outside.union(cell.outside);
    }
  }
  return [...atoms.values()];
}

/** Addresses with the same classes and in the same sets. */
interface Cell {
  readonly classes: readonly number[];
  readonly asked: readonly number[];
  readonly mark: Mark;
  readonly points: Point[];
  outside: PrefixSet;
}

const NO_LABELS: ReadonlyMap<string, string> = new Map();

function inForceOf(engine: Engine, ids: readonly EndpointId[]): readonly EndpointId[] {
  const holders = ids.flatMap((id) => {
    const endpoint = engine.endpoints.get(id);
    return endpoint === undefined ? [] : [{ endpoint, labels: NO_LABELS }];
  });
  return inForce(holders).map(({ endpoint }) => endpoint.id);
}

function pointsOf(engine: Engine, family: Family): readonly Point[] {
  const points = new Map<string, { readonly address: Address; readonly holders: EndpointId[] }>();
  for (const { id, addresses, hostNetwork } of engine.endpoints.values()) {
    if (hostNetwork) continue;
    for (const address of addresses) {
      if (address.family !== family) continue;
      const text = formatAddress(address);
      const point = points.get(text);
      if (point === undefined) points.set(text, { address, holders: [id] });
      else if (!point.holders.includes(id)) point.holders.push(id);
    }
  }
  for (const { holders } of points.values()) holders.sort(compareUtf8);
  return [...points.values()].sort((a, b) => compareAddresses(a.address, b.address));
}
