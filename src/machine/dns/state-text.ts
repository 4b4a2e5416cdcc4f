import { parse } from 'yaml';
import { isMap } from '../../api/shape.ts';
import type { Pieces } from '../../base/pieces.ts';
import { formatAddress, parseAddress } from '../../ip/address.ts';
import { domainSetName } from '../rules/domain-sets.ts';
import { isHost } from './learning.ts';
import { type BookEntry, MOST_ADDRESSES, MOST_SEEN, MOST_WANTED } from './name-book.ts';

/** A ConfigMap holds a megabyte; what is known of names that nobody asks for is left out first. */
export const LONGEST_STATE = 700_000;
const NAME = /^[!-~]{1,1020}$/;
const SIDES = [
  ['ipv4', 4],
  ['ipv6', 6],
] as const;

/** The key under which a ConfigMap has it (reference 5). */
export const STATE_KEY = 'state';

/**
 * What was learnt as today's controller keeps it: by name, for each family its addresses with the time they end, and the set of those that have one. `wallOf`: the
 * time of day of a time in the book. Between two pieces addresses may come and go, names not.
 */
export function* stateText(entries: Iterable<BookEntry>, wallOf: (time: number) => number): Pieces<string> {
  const parts: string[] = [];
  let size = 0;
  let last = '';
  for (const { name, wanted, family, addresses } of entries) {
    const head = name === last ? '' : `${JSON.stringify(name)}:\n`;
    last = name;
    let ips = '';
    for (const [address, until] of addresses)
      ips += `      ${JSON.stringify(address)}: "${new Date(wallOf(until)).toISOString()}"\n`;
    const type = family === 4 ? 'ipv4_addr' : 'ipv6_addr';
    const set = wanted === true ? `    setName: ${JSON.stringify(domainSetName(name, type))}\n` : '';
    const part = `${head}  ${family === 4 ? 'ipv4' : 'ipv6'}:\n    ips:\n${ips}${set}`;
    size += part.length;
    if (size > LONGEST_STATE) break;
    parts.push(part);
    yield;
  }
  return parts.length === 0 ? '{}\n' : parts.join('');
}

/** Reads it back; whatever is no name, no address or no time is left out, a text that cannot be read is nothing. */
export function readStateText(text: string, timeOf: (wall: number) => number): readonly BookEntry[] {
  if (text.length > 2 * LONGEST_STATE) return [];
  let raw: unknown;
  try {
    raw = parse(text, { maxAliasCount: 0, schema: 'failsafe' });
  } catch {
    return [];
  }
  if (!isMap(raw)) return [];
  const entries: BookEntry[] = [];
  for (const [name, sides] of Object.entries(raw).slice(0, MOST_WANTED + MOST_SEEN)) {
    if (!isMap(sides) || !NAME.test(name) || !name.endsWith('.') || name !== name.toLowerCase()) continue;
    for (const [side, family] of SIDES) {
      const given = sides[side];
      const ips = isMap(given) ? given['ips'] : undefined;
      if (!isMap(ips)) continue;
      const addresses = new Map<string, number>();
      for (const [written, end] of Object.entries(ips).slice(0, MOST_ADDRESSES)) {
        const address = parseAddress(written);
        const wall = typeof end === 'string' ? Date.parse(end) : Number.NaN;
        if (address?.family === family && isHost(address) && !Number.isNaN(wall))
          addresses.set(formatAddress(address), timeOf(wall));
      }
      if (addresses.size > 0) entries.push({ name, family, addresses });
    }
  }
  return entries;
}
