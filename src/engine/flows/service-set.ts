import type { IcmpMatch } from '../../api/resource.ts';
import type { Family } from '../../ip/address.ts';
import { PortSet } from '../../ip/port-set.ts';
import { type DomainFunction, anyDomain, combineDomains, domainKey, sameDomains } from './domain-function.ts';
import { type Piecewise, constant, eachPiece, onSpans, samePieces, tabulate, zip } from './piecewise.ts';

const PROTOCOLS = 256;
const VALUES = 65536;

/**
 * What a protocol's packets carry that rules can match. `Ports`: first the destination port, then the source port. `Icmp`: first
 * type × 256 + code, then nothing. `Other`: nothing.
 */
export type ProtocolKind = 'Ports' | 'Icmp' | 'Other';

export function icmpProtocol(family: Family): number {
  return family === 4 ? 1 : 58;
}

/** UDPLite (136) counts as other: policies do not match its ports. ICMP of the other family is a number like any. */
export function protocolKind(protocol: number, family: Family): ProtocolKind {
  if (protocol === 6 || protocol === 17 || protocol === 132) return 'Ports';
  return protocol === icmpProtocol(family) ? 'Icmp' : 'Other';
}

type BySecond = Piecewise<number, DomainFunction>;
type ByFirst = Piecewise<number, BySecond>;
type ByProtocol = Piecewise<number, ByFirst>;

/** Everything of a flow but its destination address. Immutable and canonical: equal sets have equal keys. */
export interface ServiceSet {
  readonly cells: ByProtocol;
  readonly key: string;
  /** How many boxes it takes. */
  readonly boxes: number;
}

/** Protocols, values and domains that go together in every combination. */
export interface ServiceBox {
  /** One kind only, unless both value sets are full. */
  readonly protocols: readonly number[];
  readonly kind: ProtocolKind;
  readonly first: PortSet;
  readonly second: PortSet;
  readonly domains: DomainFunction;
}

const NO_VALUE: ByFirst = constant(0, constant<number, DomainFunction>(0, false));

export const NO_SERVICE = serviceSet(constant(0, NO_VALUE));
export const EVERY_SERVICE = serviceSet(constant(0, constant(0, constant<number, DomainFunction>(0, true))));

/** What of a match is not about the destination address. Absent parts do not limit, present ones must all hold. */
export interface ServiceMatch {
  readonly protocol?: number;
  /** Any of these. */
  readonly protocols?: readonly number[];
  readonly notProtocol?: number;
  readonly icmp?: IcmpMatch;
  readonly notIcmp?: IcmpMatch;
  /** Any of these, each type × 256 + code. */
  readonly icmpValues?: PortSet;
  readonly ports?: PortSet;
  readonly sourcePorts?: PortSet;
  readonly domains?: readonly string[];
}

export function serviceMatching(family: Family, match: ServiceMatch): ServiceSet {
  const domains = match.domains === undefined ? true : anyDomain(match.domains);
  const values: Readonly<Record<ProtocolKind, ByFirst>> = {
    Ports: hasIcmp(match) ? NO_VALUE : rectangle(match.ports, match.sourcePorts, domains),
    Icmp: hasPorts(match) ? NO_VALUE : rectangle(icmpValues(match), undefined, domains),
    Other: hasPorts(match) || hasIcmp(match) ? NO_VALUE : rectangle(undefined, undefined, domains),
  };
  const listed = match.protocols === undefined ? undefined : new Set(match.protocols);
  const taken = (protocol: number): boolean =>
    (match.protocol === undefined || protocol === match.protocol) &&
    (listed === undefined || listed.has(protocol)) &&
    protocol !== match.notProtocol;
  const cells = tabulate(
    PROTOCOLS,
    (protocol) => (taken(protocol) ? values[protocolKind(protocol, family)] : NO_VALUE),
    sameFirst,
  );
  return serviceSet(cells);
}

function hasPorts(match: ServiceMatch): boolean {
  return match.ports !== undefined || match.sourcePorts !== undefined;
}

function hasIcmp(match: ServiceMatch): boolean {
  return match.icmp !== undefined || match.icmpValues !== undefined;
}

function icmpValues(match: ServiceMatch): PortSet {
  let wanted = match.icmpValues ?? PortSet.all;
  if (match.icmp !== undefined) wanted = wanted.intersect(icmpRange(match.icmp));
  return match.notIcmp === undefined ? wanted : wanted.subtract(icmpRange(match.notIcmp));
}

function icmpRange({ type, code }: IcmpMatch): PortSet {
  return code === undefined ? PortSet.of([type * 256, type * 256 + 255]) : PortSet.of(type * 256 + code);
}

function rectangle(first = PortSet.all, second = PortSet.all, domains: DomainFunction): ByFirst {
  const inner = onSpans(0, VALUES, halfOpen(second), domains, false);
  if (second.isEmpty || domains === false) return NO_VALUE;
  return onSpans(0, VALUES, halfOpen(first), inner, NO_SECOND);
}

const NO_SECOND: BySecond = constant(0, false);

function* halfOpen(ports: PortSet): Generator<readonly [number, number]> {
  for (const [first, last] of ports.ranges()) yield [first, last + 1];
}

/** `table`: as in `ip/boundaries.ts`. */
export function combineServices(a: ServiceSet, b: ServiceSet, table: number): ServiceSet {
  if (a.key === b.key) return (table >> 3) & 1 ? a : NO_SERVICE;
  if (b.key === NO_SERVICE.key) return (table >> 1) & 1 ? a : NO_SERVICE;
  if (a.key === NO_SERVICE.key) return (table >> 2) & 1 ? b : NO_SERVICE;
  const onSecond = (x: BySecond, y: BySecond): BySecond =>
    zip(x, y, (f, g) => combineDomains(f, g, table), sameDomains);
  const onFirst = (x: ByFirst, y: ByFirst): ByFirst => zip(x, y, onSecond, sameSecond);
  return serviceSet(zip(a.cells, b.cells, onFirst, sameFirst));
}

/** What of a set holds whatever domains resolve to. */
export function certainServices(set: ServiceSet): ServiceSet {
  const none = constant<number, null>(0, null);
  const onSecond = (second: BySecond): BySecond => zip(second, none, (domains) => domains === true, sameDomains);
  const onFirst = (first: ByFirst): ByFirst => zip(first, none, onSecond, sameSecond);
  return serviceSet(zip(set.cells, none, onFirst, sameFirst));
}

function sameSecond(a: BySecond, b: BySecond): boolean {
  return samePieces(a, b, sameDomains);
}

function sameFirst(a: ByFirst, b: ByFirst): boolean {
  return samePieces(a, b, sameSecond);
}

function serviceSet(cells: ByProtocol): ServiceSet {
  return { cells, key: keyOf(cells, firstKey), boxes: countBoxes(cells) };
}

function keyOf<V>(pieces: Piecewise<number, V>, inner: (value: V) => string): string {
  let key = '';
  for (let i = 0; i < pieces.starts.length; i++)
    key += `${i === 0 ? '' : ' '}${pieces.starts[i]}=${inner(pieces.values[i] as V)}`;
  return key;
}

function secondKey(bySecond: BySecond): string {
  return `[${keyOf(bySecond, domainKey)}]`;
}

function firstKey(byFirst: ByFirst): string {
  return `{${keyOf(byFirst, secondKey)}}`;
}

function countBoxes(cells: ByProtocol): number {
  let count = 0;
  for (const byFirst of cells.values)
    for (const bySecond of byFirst.values)
      for (const domains of bySecond.values) if (domains !== false) count += domains === true ? 1 : domains.size;
  return count;
}

/** Disjoint boxes, neighbours joined where that is possible, in order of protocol and values. */
export function serviceBoxes(set: ServiceSet, family: Family): readonly ServiceBox[] {
  const groups = new Map<string, { protocols: number[]; kind: ProtocolKind; values: ByFirst }>();
  for (const [first, after, values] of eachPiece(set.cells, PROTOCOLS)) {
    if (sameFirst(values, NO_VALUE)) continue;
    const plain = values.starts.length === 1 && values.values[0]?.starts.length === 1;
    for (let protocol = first; protocol < after; protocol++) {
      const kind = protocolKind(protocol, family);
      const key = `${plain ? '' : kind}${firstKey(values)}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { protocols: [protocol], kind, values });
      else group.protocols.push(protocol);
    }
  }
  return [...groups.values()].flatMap(({ protocols, kind, values }) =>
    grouped(values, secondKey).flatMap(([first, bySecond]) =>
      grouped(bySecond, domainKey).flatMap(([second, domains]) =>
        domains === false ? [] : [{ protocols, kind, first, second, domains }],
      ),
    ),
  );
}

/** Pieces of equal value as one set of numbers each, in order of their first number. */
function grouped<V>(pieces: Piecewise<number, V>, key: (value: V) => string): (readonly [PortSet, V])[] {
  const groups = new Map<string, { ranges: [number, number][]; value: V }>();
  for (const [first, after, value] of eachPiece(pieces, VALUES)) {
    const text = key(value);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, { ranges: [[first, after - 1]], value });
    else group.ranges.push([first, after - 1]);
  }
  return Array.from(groups.values(), ({ ranges, value }) => [PortSet.of(...ranges), value] as const);
}
