import { SallyportError } from '../../base/error.ts';
import { type Address, type Family, ipv4Address, ipv6Address } from '../../ip/address.ts';
import { DIFFERENCE, INTERSECTION, UNION } from '../../ip/boundaries.ts';
import type { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type DomainTerm, domainTerms, domainsHold } from './domain-function.ts';
import type { FlowRow } from './flow-row.ts';
import { describeFlows } from './flow-text.ts';
import { type Piecewise, constant, eachPiece, onSpans, valueAt, zip } from './piecewise.ts';
import {
  EVERY_SERVICE,
  NO_SERVICE,
  type ServiceBox,
  type ServiceMatch,
  type ServiceSet,
  combineServices,
  protocolKind,
  serviceBoxes,
  serviceMatching,
} from './service-set.ts';

/** One packet of a connection, in the direction of its first. */
export interface Flow {
  readonly family: Family;
  readonly source: Address;
  readonly destination: Address;
  /** IP protocol number. */
  readonly protocol: number;
  /** Only for TCP, UDP and SCTP; absent: 49152, the first of the ephemeral ports. */
  readonly sourcePort?: number;
  /** Only for TCP, UDP and SCTP; absent: 0, which nothing uses. */
  readonly destinationPort?: number;
  /** Only for the family's ICMP; absent: an echo request. */
  readonly icmpType?: number;
  /** Absent: 0. */
  readonly icmpCode?: number;
}

/**
 * Conditions on a flow; absent ones do not limit, all present ones must hold. Ports hold for TCP, UDP and SCTP only: with another
 * protocol nothing matches, without a protocol all three do. `icmp` and `icmpValues` hold for the family's ICMP only; `notIcmp` excludes
 * nothing but such packets. `domains`: the destination is an address of at least one of them.
 */
export interface FlowMatch extends ServiceMatch {
  /** The other family's prefixes are ignored. */
  readonly destination?: PrefixSet;
}

/** A flow of a set; where the set depends on domains, one whose destination is an address of exactly these of them. */
export type Witness = Omit<Flow, 'source'> & { readonly domains?: readonly string[] };

/** Conditions that go together in every combination; the boxes of a set are disjoint. */
export interface FlowBox {
  readonly destination: PrefixSet;
  readonly protocols: readonly number[];
  /** Absent: any, or the protocols have none. */
  readonly ports?: PortSet;
  readonly sourcePorts?: PortSet;
  /** ICMP type × 256 + code. */
  readonly icmp?: PortSet;
  readonly domains: DomainTerm;
}

type Value = number | bigint;

const MAX_BOXES = 20_000;
const ENDS: Readonly<Record<Family, Value>> = { 4: 2 ** 32, 6: 1n << 128n };
const ZEROS: Readonly<Record<Family, Value>> = { 4: 0, 6: 0n };

/**
 * An exact set of flows of one family, from any source. Its form is canonical: a function from destination addresses, constant on
 * ranges, to what may be sent there; so two sets are equal exactly when they look alike, and long prefix lists cost one walk.
 *
 * Domains are atoms of which nothing is known, the same ones in every set: a set stands for what it is under every possible
 * resolution at once. `isEmpty`, `equals` and `covers` say yes only if it holds under all of them, and no only if there is one under
 * which it does not.
 *
 * Operations throw SallyportError FLOW_SET_LIMIT when a result needs more than 20,000 boxes, never an inexact answer.
 */
export class FlowSet {
  readonly family: Family;
  readonly #pieces: Piecewise<Value, ServiceSet>;

  private constructor(family: Family, pieces: Piecewise<Value, ServiceSet>) {
    this.family = family;
    this.#pieces = pieces;
  }

  /** @example FlowSet.nothing(4).isEmpty; // true */
  static nothing(family: Family): FlowSet {
    return new FlowSet(family, constant(ZEROS[family], NO_SERVICE));
  }

  /** @example FlowSet.everything(4).describe(); // ['all to 0.0.0.0/0'] */
  static everything(family: Family): FlowSet {
    return new FlowSet(family, constant(ZEROS[family], EVERY_SERVICE));
  }

  /** @example FlowSet.matching(4, { protocol: 6, ports: PortSet.of(443) }).describe(); // ['TCP 443 to 0.0.0.0/0'] */
  static matching(family: Family, match: FlowMatch): FlowSet {
    const services = serviceMatching(family, match);
    if (services.key === NO_SERVICE.key) return FlowSet.nothing(family);
    if (match.destination === undefined) return new FlowSet(family, constant(ZEROS[family], services));
    const spans = spansOf(match.destination, family);
    return new FlowSet(family, onSpans(ZEROS[family], ENDS[family], spans, services, NO_SERVICE));
  }

  /** @example web.union(dns).has(flow); // web.has(flow) || dns.has(flow) */
  union(other: FlowSet): FlowSet {
    if (this.#isNothing(other)) return this;
    if (other.#isNothing(this)) return other;
    return this.#combine(other, UNION);
  }

  /** @example everything.intersect(web).equals(web); // true */
  intersect(other: FlowSet): FlowSet {
    return this.#combine(other, INTERSECTION);
  }

  /** @example web.subtract(web).isEmpty; // true */
  subtract(other: FlowSet): FlowSet {
    if (this.#isNothing(this) || this.#isNothing(other)) return this;
    return this.#combine(other, DIFFERENCE);
  }

  /** No flow, whatever domains resolve to. @example web.subtract(FlowSet.everything(4)).isEmpty; // true */
  get isEmpty(): boolean {
    return this.#pieces.values.every((services) => services.key === NO_SERVICE.key);
  }

  /** The same flows, whatever domains resolve to. @example web.union(dns).equals(dns.union(web)); // true */
  equals(other: FlowSet): boolean {
    const [a, b] = [this.#pieces, other.#pieces];
    if (this.family !== other.family || a.starts.length !== b.starts.length) return false;
    return a.starts.every((start, i) => start === b.starts[i] && a.values[i]?.key === b.values[i]?.key);
  }

  /** Every flow of `other`, whatever domains resolve to. @example everything.covers(web); // true */
  covers(other: FlowSet): boolean {
    return other.subtract(this).isEmpty;
  }

  /**
   * Whether the flow is in the set, given the domains that its destination is an address of; by default of none.
   * @example bank.has(flow, ['api.example.com']);
   */
  has(flow: Omit<Flow, 'source'>, domains: readonly string[] = []): boolean {
    if (flow.family !== this.family || flow.destination.family !== this.family) return false;
    const services = valueAt(this.#pieces, flow.destination.value);
    const [first, second] = valuesOf(flow);
    const held = valueAt(valueAt(valueAt(services.cells, flow.protocol), first), second);
    return domainsHold(held, new Set(domains));
  }

  /**
   * Some flow of the set, the same one for equal sets; a plain one where there is a choice. `undefined` exactly if it is empty.
   * @example web.witness(); // { family: 4, destination: 203.0.113.1, protocol: 6, destinationPort: 80, sourcePort: 49152 }
   */
  witness(): Witness | undefined {
    const boxes = this.boxes();
    const [best] = boxes.toSorted((a, b) => strangeness(a) - strangeness(b));
    return best === undefined ? undefined : flowOf(best, this.family);
  }

  /** Disjoint boxes whose union is the set, in a fixed order. @example web.boxes().length; // 1 */
  boxes(): readonly FlowBox[] {
    return this.rows().flatMap(({ destination, services }) =>
      serviceBoxes(services, this.family).flatMap((box) =>
        domainTerms(box.domains).map((domains) => ({
          destination,
          protocols: box.protocols,
          ...valueSets(box),
          domains,
        })),
      ),
    );
  }

  /**
   * The normal form: what may be sent where; destinations are disjoint and ordered by their first address, services differ.
   * @example web.rows().map((row) => row.destination.toString()); // ['203.0.113.0/24']
   */
  rows(): readonly FlowRow[] {
    const rows = new Map<string, { services: ServiceSet; ranges: [Address, Address][] }>();
    for (const [first, after, services] of eachPiece(this.#pieces, ENDS[this.family])) {
      if (services.key === NO_SERVICE.key) continue;
      const row = rows.get(services.key) ?? { services, ranges: [] };
      rows.set(services.key, row);
      row.ranges.push([addressAt(first), addressBefore(after)]);
    }
    return Array.from(rows.values(), ({ services, ranges }) => ({ services, destination: PrefixSet.ofRanges(ranges) }));
  }

  /**
   * For people, one line for each kind of service and destination: `TCP 80, 443 to 203.0.113.0/24`. At most `limit` lines, of which
   * the last one then says how many are left out. No line for the empty set.
   * @example FlowSet.everything(6).describe(); // ['all to ::/0']
   */
  describe(limit = Number.POSITIVE_INFINITY): readonly string[] {
    return describeFlows(this.rows(), this.family, limit);
  }

  /** Whether nothing need be worked out for the other one. */
  #isNothing(other: FlowSet): boolean {
    return other.family === this.family && other.#pieces.values.length === 1 && other.isEmpty;
  }

  #combine(other: FlowSet, table: number): FlowSet {
    if (this.family !== other.family)
      throw new SallyportError('INTERNAL', `flows of IPv${this.family} meet flows of IPv${other.family}`);
    // Few services meet at many addresses: each pair is combined once, and equal results become one object.
    const known = new Map<ServiceSet, Map<ServiceSet, ServiceSet>>();
    const byKey = new Map<string, ServiceSet>();
    let boxes = 0;
    const join = (a: ServiceSet, b: ServiceSet): ServiceSet => {
      const ofA = known.get(a) ?? new Map<ServiceSet, ServiceSet>();
      known.set(a, ofA);
      const before = ofA.get(b);
      if (before !== undefined) return before;
      const made = combineServices(a, b, table);
      const result = byKey.get(made.key) ?? made;
      ofA.set(b, result);
      if (result === made) {
        byKey.set(made.key, made);
        boxes += made.boxes;
        if (boxes > MAX_BOXES)
          throw new SallyportError('FLOW_SET_LIMIT', `a set of flows needs more than ${MAX_BOXES} boxes`, {
            limit: MAX_BOXES,
          });
      }
      return result;
    };
    return new FlowSet(this.family, zip(this.#pieces, other.#pieces, join, Object.is));
  }
}

function addressAt(value: Value): Address {
  return typeof value === 'number' ? ipv4Address(value) : ipv6Address(value);
}

function addressBefore(value: Value): Address {
  return typeof value === 'number' ? ipv4Address(value - 1) : ipv6Address(value - 1n);
}

function* spansOf(set: PrefixSet, family: Family): Generator<readonly [Value, Value]> {
  for (const [first, last] of set.ranges(family))
    yield [first.value, last.family === 4 ? last.value + 1 : last.value + 1n];
}

/** What the second and third dimension are for a flow's protocol. */
function valuesOf(flow: Omit<Flow, 'source'>): readonly [number, number] {
  switch (protocolKind(flow.protocol, flow.family)) {
    case 'Ports':
      return [flow.destinationPort ?? 0, flow.sourcePort ?? EPHEMERAL];
    case 'Icmp':
      return [(flow.icmpType ?? echoRequest(flow.family)) * 256 + (flow.icmpCode ?? 0), 0];
    case 'Other':
      return [0, 0];
  }
}

const EPHEMERAL = 49152;
/** 192.0.2.1 and 2001:db8::1 (RFC 5737, RFC 3849). */
const EXAMPLES: Readonly<Record<Family, Address>> = {
  4: ipv4Address(0xc0000201),
  6: ipv6Address((0x20010db8n << 96n) + 1n),
};

function echoRequest(family: Family): number {
  return family === 4 ? 8 : 128;
}

function valueSets({ kind, first, second }: ServiceBox): Pick<FlowBox, 'ports' | 'sourcePorts' | 'icmp'> {
  if (kind === 'Icmp') return first.isAll ? {} : { icmp: first };
  return { ...(first.isAll ? {} : { ports: first }), ...(second.isAll ? {} : { sourcePorts: second }) };
}

/** Fewer domains first, then TCP, UDP, ICMP and SCTP before numbers that people seldom see. */
function strangeness(box: FlowBox): number {
  return box.domains.in.length * 1000 + Math.min(...box.protocols.map(protocolRank));
}

const USUAL = [6, 17, 1, 58, 132];

function protocolRank(protocol: number): number {
  const rank = USUAL.indexOf(protocol);
  return rank < 0 ? USUAL.length + protocol : rank;
}

function flowOf(box: FlowBox, family: Family): Witness | undefined {
  const destination = plainAddress(box.destination, family);
  const [protocol] = box.protocols.toSorted((a, b) => protocolRank(a) - protocolRank(b));
  if (destination === undefined || protocol === undefined) return undefined;
  return {
    family,
    destination,
    protocol,
    ...valuesFor(protocolKind(protocol, family), box, family),
    ...(box.domains.in.length === 0 ? {} : { domains: box.domains.in }),
  };
}

/** An address kept for examples if there is one, else the lowest, rather not the first of a net. */
function plainAddress(set: PrefixSet, family: Family): Address | undefined {
  const example = EXAMPLES[family];
  if (set.contains(example)) return example;
  const [range] = set.ranges(family);
  if (range === undefined) return undefined;
  const [first, last] = range;
  return first.value === last.value ? first : set.nth(1n);
}

function valuesFor(
  kind: ReturnType<typeof protocolKind>,
  box: FlowBox,
  family: Family,
): Pick<Flow, 'sourcePort' | 'destinationPort' | 'icmpType' | 'icmpCode'> {
  switch (kind) {
    case 'Ports':
      return { sourcePort: pick(box.sourcePorts, EPHEMERAL), destinationPort: pick(box.ports, 1) };
    case 'Icmp': {
      const value = pick(box.icmp, echoRequest(family) * 256);
      return { icmpType: value >> 8, icmpCode: value & 255 };
    }
    case 'Other':
      return {};
  }
}

/** The wished-for number if it is in the set, else its lowest, rather not 0. */
function pick(set: PortSet | undefined, wish: number): number {
  if (set === undefined || set.contains(wish)) return wish;
  const [[first, last] = [0, 0], next] = set.ranges();
  if (first > 0) return first;
  return last > 0 ? 1 : (next?.[0] ?? 0);
}
