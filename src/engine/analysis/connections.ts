import { compareUtf8 } from '../../base/compare.ts';
import type { Endpoint } from '../../inventory/model.ts';
import type { Family } from '../../ip/address.ts';
import { domainTerms } from '../flows/domain-function.ts';
import type { Engine } from '../engine.ts';
import { describeService, domainText } from '../flows/flow-text.ts';
import { isSubject } from '../selected-policies.ts';
import { type ServiceBox, serviceBoxes } from '../flows/service-set.ts';
import { type ConnectionEnd, ConnectionEnds } from './connection-ends.ts';
import { Reachability } from './reachability.ts';
import { type AllowedFrom, rectangles } from './rectangles.ts';
import { NO_SERVICES, ServiceAlgebra, type ServiceId } from './service-algebra.ts';
import type { Atom } from './world-atoms.ts';

/** First and last, both included. */
export type NumberRange = readonly [first: number, last: number];

/** Packets that go together in every combination of what is given. Absent parts do not limit, or the protocols have none. */
export interface ConnectionService {
  /** For people: `TCP 80, 443`. */
  readonly text: string;
  /** IP protocol numbers. */
  readonly protocols: readonly NumberRange[];
  /** Of the destination. */
  readonly ports?: readonly NumberRange[];
  readonly sourcePorts?: readonly NumberRange[];
  /** Of ICMP: type × 256 + code. */
  readonly icmp?: readonly NumberRange[];
  /** The destination is an address of all domains of `in` and of none of `out`; what they resolve to is not known here. */
  readonly domains?: { readonly in: readonly string[]; readonly out: readonly string[] };
}

/**
 * Everything from one end to the other that the services say, except what an endpoint sends to itself, which nothing filters (semantics 8.3).
 * The services of one connection are disjoint, and so are connections: each allowed flow is in exactly one.
 */
export interface Connection {
  /** IPv4, IPv6, or both: then all of it holds for each of them. */
  readonly families: readonly Family[];
  readonly from: ConnectionEnd;
  readonly to: ConnectionEnd;
  readonly services: readonly ConnectionService[];
}

const FAMILIES: readonly Family[] = [4, 6];

/**
 * Everything that a world allows with an endpoint at one end or both, by workload: the union of all connections is exactly what
 * `World.verdict` allows, and what it would allow where domains are given addresses. Sorted by bytes.
 * @throws SallyportError FLOW_SET_LIMIT
 */
export function connectionsOf(engine: Engine): readonly Connection[] {
  const list = new ConnectionList();
  for (const family of FAMILIES) {
    const reach = new Reachability(engine, new ServiceAlgebra(family));
    list.add(reach.algebra, reach.atoms, subjects(engine), (source) => reach.allowedFrom(source));
  }
  return list.sorted();
}

/** Endpoints that cluster policy is about. */
export function subjects(engine: Engine): readonly Endpoint[] {
  return [...engine.endpoints.values()].filter(isSubject);
}

/** Connections of several families, joined where they say the same. */
export class ConnectionList {
  readonly #ends = new Map<string, ConnectionEnd>();
  readonly #keys = new Map<ConnectionEnd, string>();
  readonly #found = new Map<string, { families: Family[]; connection: Omit<Connection, 'families'> }>();

  /** Adds what is allowed between some atoms; flows that depend on domains become connections of their own. */
  add(
    algebra: ServiceAlgebra,
    atoms: readonly Pick<Atom, 'points' | 'outside'>[],
    endpoints: Iterable<Endpoint>,
    allowedFrom: AllowedFrom,
  ): void {
    const ends = new ConnectionEnds(algebra.family, atoms, endpoints);
    const certain = new PartOfServices((services) => algebra.certain(services));
    const rest = new PartOfServices((services) => algebra.subtract(services, algebra.certain(services)));
    for (const part of [certain, rest]) {
      // Domains are in few worlds, and whoever has none needs no second look.
      if (part === rest && certain.isWhole) break;
      const found = rectangles(atoms.length, (source) => part.of(allowedFrom(source)));
      for (const { services, sources, destinations } of found) {
        const from = withoutSelf(atoms, sources, destinations);
        const to = withoutSelf(atoms, destinations, sources);
        if (!ends.isSelf(from, to)) this.#put(algebra, services, ends.of(from), ends.of(to));
      }
    }
  }

  sorted(): readonly Connection[] {
    const ranks = new Map([...this.#ends.keys()].sort(compareUtf8).map((key, rank) => [this.#ends.get(key), rank]));
    const rank = (end: ConnectionEnd): number => ranks.get(end) ?? 0;
    return [...this.#found.values()]
      .map(({ families, connection }) => ({ families, ...connection }))
      .sort(
        (a, b) =>
          rank(a.from) - rank(b.from) ||
          rank(a.to) - rank(b.to) ||
          (a.families[0] ?? 0) - (b.families[0] ?? 0) ||
          compareUtf8(textOf(a), textOf(b)),
      );
  }

  #put(algebra: ServiceAlgebra, services: ServiceId, from: ConnectionEnd, to: ConnectionEnd): void {
    if (services === NO_SERVICES) return;
    const boxes = serviceBoxes(algebra.set(services), algebra.family).flatMap(servicesOf);
    const connection = { from: this.#shared(from), to: this.#shared(to), services: boxes };
    const key = `${this.#keys.get(connection.from)} ${this.#keys.get(connection.to)} ${JSON.stringify(boxes)}`;
    const before = this.#found.get(key);
    if (before === undefined) this.#found.set(key, { families: [algebra.family], connection });
    else before.families.push(algebra.family);
  }

  /** One object for equal ends, whatever family they were found in. */
  #shared(end: ConnectionEnd): ConnectionEnd {
    if (this.#keys.has(end)) return end;
    const text = JSON.stringify([end.workloads, end.endpoints, end.addresses, end.nets]);
    const before = this.#ends.get(text);
    if (before !== undefined) return before;
    this.#keys.set(end, `${this.#ends.size}`);
    this.#ends.set(text, end);
    return end;
  }
}

/** Without an address that is all there is at the other end: nothing that it sends to itself is in a connection. */
function withoutSelf(
  atoms: readonly Pick<Atom, 'points'>[],
  here: readonly number[],
  there: readonly number[],
): readonly number[] {
  const [only = -1, ...more] = there;
  if (here.length < 2 || more.length > 0 || atoms[only]?.points.length !== 1) return here;
  return here.filter((atom) => atom !== only);
}

/** A part of each set of services, found once for each. */
class PartOfServices {
  /** Whether every part asked for was the whole. */
  isWhole = true;
  readonly #part: (services: ServiceId) => ServiceId;
  readonly #known: ServiceId[] = [];
  #row = new Uint16Array();

  constructor(part: (services: ServiceId) => ServiceId) {
    this.#part = part;
  }

  /** The same row until the next call. */
  of(row: ArrayLike<ServiceId>): Uint16Array {
    if (this.#row.length !== row.length) this.#row = new Uint16Array(row.length);
    for (let place = 0; place < row.length; place++) {
      const services = row[place] as ServiceId;
      const part = (this.#known[services] ??= this.#part(services));
      if (part !== services) this.isWhole = false;
      this.#row[place] = part;
    }
    return this.#row;
  }
}

function textOf({ services }: Connection): string {
  return services.map(({ text }) => text).join('\n');
}

function servicesOf(box: ServiceBox): readonly ConnectionService[] {
  const { protocols, kind, first, second } = box;
  const values = kind === 'Icmp' ? 'icmp' : 'ports';
  const service = {
    text: describeService(box),
    protocols: rangesOf(protocols),
    ...(first.isAll ? {} : { [values]: first.ranges() }),
    ...(second.isAll ? {} : { sourcePorts: second.ranges() }),
  };
  return domainTerms(box.domains).map((domains) => {
    if (domains.in.length + domains.out.length === 0) return service;
    const names = [...domains.in.map(domainText), ...domains.out.map((domain) => `not ${domainText(domain)}`)];
    return { ...service, text: `${service.text} to ${names.join(' and ')}`, domains };
  });
}

function rangesOf(numbers: readonly number[]): readonly NumberRange[] {
  const ranges: [number, number][] = [];
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
