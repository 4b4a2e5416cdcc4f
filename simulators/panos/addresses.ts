/** A run of addresses of one family, both ends included. The arithmetic of the simulated device, shared with nothing. */
export interface Span {
  readonly family: 4 | 6;
  readonly low: bigint;
  readonly high: bigint;
}

const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);

/** One address without a mask: `10.1.2.3`, `2001:db8::1`. */
export function parseAddress(text: string): Span | undefined {
  const v4 = ipv4(text);
  if (v4 !== undefined) return { family: 4, low: v4, high: v4 };
  const v6 = ipv6(text);
  return v6 === undefined ? undefined : { family: 6, low: v6, high: v6 };
}

/** `ADDRESS` or `ADDRESS/LENGTH`; host bits are allowed and do not count. */
export function parseNetmask(text: string): Span | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return parseAddress(text);
  const address = parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const free = bitsOf(address.family) - Number(length);
  if (free < 0) return undefined;
  const size = 1n << BigInt(free);
  const low = address.low - (address.low % size);
  return { family: address.family, low, high: low + size - 1n };
}

/** `FIRST-LAST`. */
export function parseRange(text: string): Span | undefined {
  const dash = text.indexOf('-');
  if (dash < 0) return undefined;
  const first = parseAddress(text.slice(0, dash));
  const last = parseAddress(text.slice(dash + 1));
  if (first === undefined || last === undefined || first.family !== last.family || first.low > last.low)
    return undefined;
  return { family: first.family, low: first.low, high: last.high };
}

/** `10.0.0.1/0.0.255.0`: bits set in the mask do not count. IPv4 alone. */
export function parseWildcard(text: string): { readonly address: bigint; readonly mask: bigint } | undefined {
  const [address, mask, more] = text.split('/');
  const value = ipv4(address ?? '');
  const loose = ipv4(mask ?? '');
  if (value === undefined || loose === undefined || more !== undefined) return undefined;
  return { address: value, mask: loose };
}

export const within = (address: Span, span: Span): boolean =>
  address.family === span.family && address.low >= span.low && address.high <= span.high;

function ipv4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

function ipv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map((half, index) => groups(half, index === halves.length - 1));
  if (left === undefined || (halves.length === 2 && right === undefined)) return undefined;
  const missing = 8 - left.length - (right?.length ?? 0);
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...left, ...Array.from({ length: missing }, () => 0), ...(right ?? [])];
  return all.reduce((value, group) => value * 65536n + BigInt(group), 0n);
}

/** The groups of one side of `::`; dotted IPv4 may stand at the very end. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const found: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (last && index === parts.length - 1 && part.includes('.')) {
      const dotted = ipv4(part);
      if (dotted === undefined) return undefined;
      found.push(Number(dotted >> 16n), Number(dotted & 65535n));
    } else if (/^[0-9A-Fa-f]{1,4}$/.test(part)) found.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return found;
}

/** Canonical text of one address (RFC 5952 for IPv6). */
export function printAddress({ family, low }: Span): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((low >> shift) & 255n)).join('.');
  const all = Array.from({ length: 8 }, (_, index) => Number((low >> BigInt(112 - 16 * index)) & 65535n));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (all[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  const hex = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(':');
  return best.at < 0 ? hex(all) : `${hex(all.slice(0, best.at))}::${hex(all.slice(best.at + best.length))}`;
}
