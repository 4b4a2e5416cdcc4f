import type { Family } from '../ip/address.ts';
import { DIFFERENCE } from '../ip/boundaries.ts';
import { PortSet } from '../ip/port-set.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import { type DomainFunction, readableTerms } from './domain-function.ts';
import type { FlowRow } from './flow-set.ts';
import { EVERY_SERVICE, type ServiceBox, combineServices, serviceBoxes } from './service-set.ts';

const SHOWN_PREFIXES = 6;
const PROTOCOLS = 256;

const names: ReadonlyMap<number, string> = new Map([
  [1, 'ICMP'],
  [2, 'IGMP'],
  [6, 'TCP'],
  [17, 'UDP'],
  [47, 'GRE'],
  [50, 'ESP'],
  [51, 'AH'],
  [58, 'ICMPv6'],
  [132, 'SCTP'],
  [136, 'UDPLite'],
]);

/** One line for each service of each row, at most `limit`. */
export function describeFlows(rows: readonly FlowRow[], family: Family, limit: number): readonly string[] {
  const lines = rows.flatMap((row) => describeRow(row, family));
  if (lines.length <= limit) return lines;
  const shown = Math.max(0, limit - 1);
  return [...lines.slice(0, shown), `… and ${lines.length - shown} more`];
}

/** In words of what is there, or of what is not if that is shorter. */
function describeRow({ destination, services }: FlowRow, family: Family): readonly string[] {
  const boxes = serviceBoxes(services, family);
  const missing = serviceBoxes(combineServices(EVERY_SERVICE, services, DIFFERENCE), family);
  if (missing.length > 0 && missing.length < boxes.length && missing.every((box) => box.domains === true)) {
    const text = missing.map((box) => describeService(box)).join(' and ');
    return [`all except ${text} to ${describePrefixes(destination)}`];
  }
  return boxes.map((box) => `${describeService(box)} to ${describeDestination(destination, box.domains)}`);
}

function describeService({ protocols, kind, first, second }: ServiceBox): string {
  const name = describeProtocols(protocols);
  if (kind === 'Icmp') return name + describeIcmp(first);
  const source = second.isAll ? '' : ` from source port${describePorts(second)}`;
  return name + describePorts(first) + source;
}

function describeProtocols(protocols: readonly number[]): string {
  if (protocols.length === PROTOCOLS) return 'all';
  if (protocols.length > PROTOCOLS / 2) {
    const there = new Set(protocols);
    const missing = Array.from({ length: PROTOCOLS }, (_, n) => n).filter((n) => !there.has(n));
    return `all protocols except ${missing.map(protocolName).join(', ')}`;
  }
  return protocols.map(protocolName).join('/');
}

function protocolName(protocol: number): string {
  return names.get(protocol) ?? `protocol ${protocol}`;
}

function describePorts(ports: PortSet): string {
  if (ports.isAll) return '';
  const without = ports.complement();
  return without.ranges().length < ports.ranges().length ? ` except ${without.toString()}` : ` ${ports.toString()}`;
}

/** From sets of type × 256 + code. */
function describeIcmp(values: PortSet): string {
  if (values.isAll) return '';
  const there = icmpParts(values);
  const missing = icmpParts(values.complement());
  return missing.length < there.length ? ` except ${missing.join(', ')}` : ` ${there.join(', ')}`;
}

function icmpParts(values: PortSet): readonly string[] {
  const whole: number[] = [];
  const parts: string[] = [];
  for (let type = 0; type < 256; type++) {
    const codes = values.intersect(PortSet.of([type * 256, type * 256 + 255]));
    if (codes.isEmpty) continue;
    const ranges = codes.ranges().map(([first, last]) => [first & 255, last & 255] as const);
    const [[first, last] = [0, 0]] = ranges;
    if (first === 0 && last === 255) whole.push(type);
    else parts.push(`type ${type} code ${PortSet.of(...ranges).toString()}`);
  }
  if (whole.length === 0) return parts;
  return [`type ${PortSet.of(...whole).toString()}`, ...parts];
}

function describeDestination(destination: PrefixSet, domains: DomainFunction): string {
  const prefixes = describePrefixes(destination);
  if (domains === true) return prefixes;
  const terms = readableTerms(domains).map((term) => {
    const inside = term.in.join(' and ');
    const outside = term.out.join(', ');
    if (inside === '') return `all but ${outside}`;
    return outside === '' ? inside : `${inside} but not ${outside}`;
  });
  // Everything is one prefix of length 0.
  return prefixes.endsWith('/0') ? terms.join(', ') : `${terms.join(', ')} within ${prefixes}`;
}

function describePrefixes(set: PrefixSet): string {
  const texts = set.toStrings();
  if (texts.length <= SHOWN_PREFIXES) return texts.join(', ');
  return `${texts.slice(0, SHOWN_PREFIXES).join(', ')} and ${texts.length - SHOWN_PREFIXES} more`;
}
