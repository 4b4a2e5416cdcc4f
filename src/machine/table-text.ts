import type { Pieces } from '../base/pieces.ts';
import { formatAddress } from '../ip/address.ts';
import { prefixTexts } from './kinds/network.ts';
import { ACCEPTED_PREFIX, comment, DROPPED_PREFIX, inlineSet } from './rules/text.ts';
import type { MachineRuleset } from './ruleset.ts';

/** Lines of the file that come and go together. */
export interface TableLines {
  /** Of a rule without what it is indented by, so that a rule is one text wherever it is held; all others as they stand in the file. */
  readonly lines: readonly string[];
  /** Whose rule it is; absent for what every ruleset has. */
  readonly owner?: string;
  /** The set whose elements these are, or would be: they are learnt, and change while the rules stay. */
  readonly learnt?: string;
}

/** Counters that exporters and monitors know by name. */
export const NAMED_COUNTERS = [
  'internal_in',
  'internal_out',
  'external_in',
  'external_out',
  'drop_total',
  'drop_ratelimit',
] as const;

/**
 * The file `/etc/nftables/firewall-controller.v4`, in the form of today's controller: the names of table, sets, chains and counters, the
 * comments of rules, the log prefixes and the order are what exporters, dashboards and log pipelines rely on (reference 4.2).
 */
export function tableLines(ruleset: MachineRuleset): readonly TableLines[] {
  return [
    ...plain('table inet firewall {', '\t# what counts as inside when traffic is counted'),
    ...plain(...intervalSet('internal_prefixes', 'ipv4_addr', prefixTexts(ruleset.internalPrefixes, 4), true)),
    ...internal6(ruleset),
    ...plain('', '\t# where the cluster sends from'),
    ...plain(...intervalSet('cluster_prefixes', 'ipv4_addr', ['10.0.0.0/8'])),
    ...(ruleset.clusterPrefixes6.length === 0
      ? []
      : plain(...intervalSet('cluster_prefixes_v6', 'ipv6_addr', ruleset.clusterPrefixes6))),
    ...ruleset.domainSets.flatMap(({ name, type, addresses }) => [
      ...plain(`\tset ${name} {`, `\t\ttype ${type}`),
      elementsLine(name, addresses),
      ...plain('\t}'),
    ]),
    ...plain('', '\t# counters that are read by name'),
    ...NAMED_COUNTERS.flatMap((name) => plain(`\tcounter ${name} {`, '\t}')),
    ...plain('', '\tchain forward {', '\t\ttype filter hook forward priority 1; policy drop;', ''),
    ...plain('\t\t# traffic is counted, inside and outside', ...accounting(ruleset)),
    ...plain('', '\t\t# rate limits'),
    ...ruleset.rateLimits,
    ...plain(
      '',
      '\t\t# what belongs to connections',
      `\t\tct state established,related counter accept ${comment('accept established connections')}`,
      `\t\tct state invalid counter drop ${comment('drop packets with invalid ct state')}`,
      '',
      '\t\t# icmp',
      `\t\tip protocol icmp icmp type echo-request limit rate over 10/second burst 4 packets counter drop ${comment('drop ping floods')}`,
      `\t\tip protocol icmp icmp type { destination-unreachable, router-solicitation, router-advertisement, time-exceeded, parameter-problem } counter log prefix "${ACCEPTED_PREFIX}" accept ${comment('accept icmp')}`,
      '',
      '\t\t# ingress',
    ),
    ...ruleset.ingress,
    ...plain('', '\t\t# egress'),
    ...ruleset.egress,
    ...plain(
      '',
      `\t\tcounter ${comment('count and log dropped packets')}`,
      // Counted before it is limited: the counter is of what was dropped, not of what was logged (reference 17.7).
      `\t\tcounter name drop_total limit rate 10/second log prefix "${DROPPED_PREFIX}"`,
      // A new base chain gets its policy last of all that is committed: until then what ends it is let through (docs/design/machine.md, "The table is replaced whole").
      '\t\tdrop',
      '\t}',
    ),
    ...(ruleset.translation.length === 0
      ? []
      : [
          ...plain('', '\tchain postrouting {', '\t\ttype nat hook postrouting priority -1; policy accept;'),
          ...ruleset.translation,
          ...plain('\t}'),
        ]),
    ...plain('}'),
    ...plain(...intercepted(ruleset)),
  ];
}

/** Joins the set of the base rules that leads questions to the proxy. They lead those of IPv6 to a proxy of IPv6 alone, and have no set for them else. */
function intercepted({ resolver, interceptedResolver }: MachineRuleset): readonly string[] {
  if (interceptedResolver === undefined) return [];
  const { family } = interceptedResolver;
  if (family === 6 && resolver?.family !== 6) return [];
  const [name, type] = family === 4 ? ['proxy_dns_servers', 'ipv4_addr'] : ['proxy_dns_servers_v6', 'ipv6_addr'];
  return ['', 'table inet nat {', ...intervalSet(name, type, [formatAddress(interceptedResolver)]), '}'];
}

/** Lines that stand by themselves. */
function plain(...texts: readonly string[]): readonly TableLines[] {
  return texts.map((text) => ({ lines: [text] }));
}

/** The lines of a text that is there already. */
export function linesOf(text: string): readonly TableLines[] {
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n').map((line) => ({ lines: [line] }));
}

/** So many characters or a few more are one part of a text. */
const PART = 1 << 16;

/** The text of lines, part by part: of 20,000 rules it is 3 MB, which nobody needs at once. */
export function* textParts(table: Iterable<TableLines>): Generator<string, void, undefined> {
  let part = '';
  for (const { lines, owner } of table) {
    for (const line of lines) part += owner === undefined ? `${line}\n` : `\t\t${line}\n`;
    if (part.length < PART) continue;
    yield part;
    part = '';
  }
  if (part !== '') yield part;
}

/** The text of lines. */
export function textOf(table: readonly TableLines[]): string {
  return [...textParts(table)].join('');
}

/** Whether two tables have the same lines; what both hold needs no look. One set is one piece. */
export function* isSameTable(one: readonly TableLines[], other: readonly TableLines[]): Pieces<boolean> {
  if (one.length !== other.length) return false;
  for (const [index, lines] of one.entries()) {
    if (!isSameLines(lines, other[index])) return false;
    if (lines.learnt !== undefined) yield;
  }
  return true;
}

function isSameLines(one: TableLines, other: TableLines | undefined): boolean {
  if (one === other) return true;
  if (one.lines.length !== other?.lines.length || (one.owner === undefined) !== (other.owner === undefined))
    return false;
  return one.lines.every((line, index) => line === other.lines[index]);
}

/** The same lines with what has been learnt by now: the elements of a set, by its name. One set is one piece, as it is then. */
export function* withLearnt(
  table: readonly TableLines[],
  elementsOf: (set: string) => readonly string[],
): Pieces<readonly TableLines[]> {
  const fresh: TableLines[] = [];
  for (const lines of table) {
    fresh.push(lines.learnt === undefined ? lines : elementsLine(lines.learnt, elementsOf(lines.learnt)));
    if (lines.learnt !== undefined) yield;
  }
  return fresh;
}

/** Nothing learnt is no line. */
function elementsLine(set: string, elements: readonly string[]): TableLines {
  return { lines: elements.length === 0 ? [] : [`\t\telements = ${inlineSet(elements)}`], learnt: set };
}

/** The text of the file. */
export function tableText(ruleset: MachineRuleset): string {
  return textOf(tableLines(ruleset));
}

/** The table that lets through nothing but what belongs to connections, and ICMP errors. Needs to know nothing. */
export const CLOSED_TABLE = tableText({
  primaryVrf: undefined,
  internalPrefixes: [],
  clusterPrefixes6: [],
  domainSets: [],
  rateLimits: [],
  ingress: [],
  egress: [],
  translation: [],
  resolver: undefined,
  interceptedResolver: undefined,
});

/** `padded`: today's template leaves lines that hold two tabs around the elements, or one in their place. */
function intervalSet(name: string, type: string, elements: readonly string[], padded = false): readonly string[] {
  const line = elements.length === 0 ? [] : [`\t\telements = ${inlineSet(elements)}`];
  const pad = padded ? ['\t\t'] : [];
  return [
    `\tset ${name} {`,
    `\t\ttype ${type}`,
    '\t\tflags interval',
    '\t\tauto-merge',
    ...pad,
    ...line,
    ...(line.length === 0 ? [] : pad),
    '\t}',
  ];
}

/** Internal prefixes of IPv6 count as those of IPv4 do; without any, nothing of IPv6 is counted, as today. */
function internal6({ internalPrefixes }: MachineRuleset): readonly TableLines[] {
  const elements = prefixTexts(internalPrefixes, 6);
  return elements.length === 0 ? [] : plain(...intervalSet('internal_prefixes_v6', 'ipv6_addr', elements));
}

function accounting({ primaryVrf, internalPrefixes }: MachineRuleset): readonly string[] {
  if (primaryVrf === undefined) return [];
  const interfaces = `{"vlan${primaryVrf}", "vrf${primaryVrf}"}`;
  const of = (header: string, set: string): readonly string[] => [
    `\t\t${header} saddr != @${set} oifname ${interfaces} counter name external_in ${comment('count external traffic incoming')}`,
    `\t\t${header} daddr != @${set} iifname ${interfaces} counter name external_out ${comment('count external traffic outgoing')}`,
    `\t\t${header} saddr @${set} oifname ${interfaces} counter name internal_in ${comment('count internal traffic incoming')}`,
    `\t\t${header} daddr @${set} iifname ${interfaces} counter name internal_out ${comment('count internal traffic outgoing')}`,
  ];
  return [
    ...of('ip', 'internal_prefixes'),
    ...(internalPrefixes.some(({ family }) => family === 6) ? of('ip6', 'internal_prefixes_v6') : []),
  ];
}
