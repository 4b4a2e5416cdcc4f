import { shortHash } from '../../base/encode.ts';
import type { Family } from '../../ip/address.ts';
import { type Prefix, formatPrefix } from '../../ip/prefix.ts';
import type { PortRange } from '../kinds/policy.ts';

/** Longest comment that nft takes (reference 4.12). */
export const COMMENT_LIMIT = 128;
export const ACCEPTED_PREFIX = 'nftables-firewall-accepted: ';
export const DROPPED_PREFIX = 'nftables-firewall-dropped: ';

/** What stands between quotation marks without ending them, starting a variable or leaving the line. */
const HARMLESS = /^[A-Za-z0-9 ._:/=@+*,()[\]-]*$/;

/** A rule, or a logging rule with the one it tells of: they are sorted and left out together. */
export interface RuleUnit {
  readonly lines: readonly string[];
  /** Whose rule it is: the key of the contribution that is left out if nft refuses a line. */
  readonly owner: string;
}

/** A comment. What is too long is cut and ends in a hash; what could act in nft's text becomes `_`, with a hash too. */
export function comment(text: string): string {
  const safe = HARMLESS.test(text) ? text : text.replace(/[^A-Za-z0-9 ._:/=@+*,()[\]-]/g, '_');
  const whole = safe === text && text.length <= COMMENT_LIMIT;
  const shown = whole ? text : `${safe.slice(0, COMMENT_LIMIT - 9)}-${shortHash(text)}`;
  return `comment "${shown}"`;
}

/** `{ a, b }` */
export function inlineSet(items: readonly string[]): string {
  return `{ ${items.join(', ')} }`;
}

/** `ip` or `ip6`: the word for headers of a family. */
export function header(family: Family): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

/** `ip saddr { … }` of one family; nothing for no prefixes. */
export function prefixMatch(
  side: 'saddr' | 'daddr',
  operator: '' | '!= ',
  family: Family,
  prefixes: readonly Prefix[],
): readonly string[] {
  const own = prefixes.filter((prefix) => prefix.family === family);
  return own.length === 0
    ? []
    : [`${header(family)} ${side} ${operator}${inlineSet([...new Set(own.map(formatPrefix))])}`];
}

/**
 * A rule that accepts ports: its matches, `<protocol> dport { … }`, counter, verdict, comment. Where accepted connections are logged,
 * a rule with the same matches logs before it; the limit comes first, or it would not limit what is logged (reference 4.3).
 */
export function portRule(
  owner: string,
  matches: readonly string[],
  protocol: 'tcp' | 'udp' | undefined,
  ports: readonly string[],
  log: boolean,
  text: string,
): RuleUnit {
  const all = [...matches, ...(protocol === undefined ? [] : [`${protocol} dport ${inlineSet(ports)}`])].join(' ');
  const before = all === '' ? '' : `${all} `;
  const accept = `${before}counter accept ${comment(text)}`;
  if (!log) return { owner, lines: [accept] };
  return { owner, lines: [`${before}limit rate 10/second log prefix "${ACCEPTED_PREFIX}"`, accept] };
}

/** Ports of one protocol as a rule lists them, in the given order. */
export function portTexts(ports: readonly PortRange[], protocol: 'tcp' | 'udp'): readonly string[] {
  return ports
    .filter((range) => range.protocol === protocol)
    .map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`));
}

/** The order of units, which is that of Go for their lines, and then their owners; 0 for units that say the same of the same owner. */
export function compareUnits(a: RuleUnit, b: RuleUnit): number {
  const shorter = Math.min(a.lines.length, b.lines.length);
  for (let index = 0; index < shorter; index++) {
    const [one = '', other = ''] = [a.lines[index], b.lines[index]];
    if (one !== other) return one < other ? -1 : 1;
  }
  if (a.lines.length !== b.lines.length) return a.lines.length - b.lines.length;
  return a.owner < b.owner ? -1 : a.owner > b.owner ? 1 : 0;
}

/** Sorts as Go sorts strings, and keeps one of equal units. */
export function sortedUnits(units: readonly RuleUnit[]): readonly RuleUnit[] {
  return withoutDoubles(units.toSorted(compareUnits));
}

/** One of equal units that stand side by side. */
export function withoutDoubles(sorted: readonly RuleUnit[]): readonly RuleUnit[] {
  const isDouble = (unit: RuleUnit, index: number): boolean => {
    const before = sorted[index - 1];
    return before !== undefined && compareUnits(before, unit) === 0;
  };
  return sorted.some(isDouble) ? sorted.filter((unit, index) => !isDouble(unit, index)) : sorted;
}
