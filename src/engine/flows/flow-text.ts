import { type Family, quoteForMessage } from '../../ip/address.ts';
import { DIFFERENCE } from '../../ip/boundaries.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type DomainFunction, domainKey, readableTerms } from './domain-function.ts';
import type { FlowRow } from './flow-row.ts';
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

/** One service and everywhere it may go. */
interface Sentence {
  readonly service: string;
  readonly destination: PrefixSet;
  readonly domains: DomainFunction;
  /** Place among the others: what is wide first, then by protocol and first value. */
  readonly rank: readonly number[];
}

/** One line for each service, at most `limit` lines. */
export function describeFlows(rows: readonly FlowRow[], family: Family, limit: number): readonly string[] {
  const sentences = new Map<string, Sentence>();
  for (const sentence of rows.flatMap((row) => sentencesOf(row, family))) {
    const key = JSON.stringify([sentence.service, domainKey(sentence.domains)]);
    const before = sentences.get(key);
    const destination = before?.destination.union(sentence.destination) ?? sentence.destination;
    sentences.set(key, { ...sentence, destination });
  }
  const lines = [...sentences.values()]
    .map((sentence) => ({
      ...sentence,
      text: describeSentence(sentence.service, describeDestination(sentence, family)),
    }))
    .sort((a, b) => compareRanks(a.rank, b.rank) || (a.text < b.text ? -1 : 1))
    .map(({ text }) => text);
  if (lines.length <= limit) return lines;
  const shown = Math.max(0, limit - 1);
  return [...lines.slice(0, shown), `… and ${lines.length - shown} more`];
}

/** The destination first where the service has an exception, which would otherwise read as one from the destination. */
function describeSentence(service: string, destination: string): string {
  return service.includes('except') ? `to ${destination}: ${service}` : `${service} to ${destination}`;
}

/** Of what is there, or of what is not if that is shorter. */
function sentencesOf({ destination, services }: FlowRow, family: Family): readonly Sentence[] {
  const boxes = serviceBoxes(services, family);
  const missing = serviceBoxes(combineServices(EVERY_SERVICE, services, DIFFERENCE), family);
  if (missing.length > 0 && missing.length < boxes.length && missing.every((box) => box.domains === true)) {
    const service = `all except ${missing.map(describeService).join(' and ')}`;
    return [{ service, destination, domains: true, rank: [] }];
  }
  return boxes.map((box) => ({
    service: describeService(box),
    destination,
    domains: box.domains,
    rank: [box.protocols[0] ?? 0, box.first.ranges()[0]?.[0] ?? 0, box.second.ranges()[0]?.[0] ?? 0],
  }));
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The service of a box, without its domains: `TCP 80, 443`. */
export function describeService({ protocols, kind, first, second }: ServiceBox): string {
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
  return missing.length < there.length ? ` except ${missing}` : ` ${there}`;
}

function icmpParts(values: PortSet): string {
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
  if (whole.length > 0) parts.unshift(`type ${PortSet.of(...whole).toString()}`);
  return parts.join(', ');
}

function describeDestination({ destination, domains }: Sentence, family: Family): string {
  const prefixes = describePrefixes(destination, PrefixSet.all.family(family));
  if (domains === true) return prefixes;
  const terms = readableTerms(domains).map((term) => {
    const inside = term.in.map(domainText).join(' and ');
    const outside = term.out.map(domainText).join(', ');
    if (inside === '') return `anything but ${outside}`;
    return outside === '' ? inside : `${inside} but not ${outside}`;
  });
  const everywhere = destination.equals(PrefixSet.all.family(family));
  return everywhere ? terms.join(', ') : `${terms.join(', ')} within ${prefixes}`;
}

/** Quoted unless it looks like a domain: it comes from a user and goes to a terminal. */
export function domainText(domain: string): string {
  return /^[A-Za-z0-9_.*-]{1,253}$/.test(domain) ? domain : quoteForMessage(domain);
}

/** By what is missing where that takes fewer prefixes. */
function describePrefixes(set: PrefixSet, whole: PrefixSet): string {
  const there = set.toStrings();
  const missing = whole.subtract(set).toStrings();
  return missing.length > 0 && missing.length < there.length
    ? `${whole.toString()} except ${shorten(missing)}`
    : shorten(there);
}

function shorten(texts: readonly string[]): string {
  if (texts.length <= SHOWN_PREFIXES + 1) return texts.join(', ');
  return `${texts.slice(0, SHOWN_PREFIXES).join(', ')} and ${texts.length - SHOWN_PREFIXES} more`;
}
