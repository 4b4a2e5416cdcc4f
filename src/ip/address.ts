import { SallyportError } from '../base/error.ts';

declare const brand: unique symbol;

export type Family = 4 | 6;
/** An IPv4 address as an unsigned 32-bit integer. */
export type Ipv4 = number & { readonly [brand]: 'Ipv4' };
/** An IPv6 address as an unsigned 128-bit integer. */
export type Ipv6 = bigint & { readonly [brand]: 'Ipv6' };

/** One address of either family; compare with `compareAddresses`, print with `formatAddress`. */
export type Address = { readonly family: 4; readonly value: Ipv4 } | { readonly family: 6; readonly value: Ipv6 };

/** Number of bits in an address of each family. */
export const ADDRESS_BITS: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };

const DOT = 46;
const COLON = 58;
/** `::ffff:0:0/96`, without its last 32 bits. */
const MAPPED = 0xffffn;

/**
 * The IPv4 address with this number.
 * @example formatAddress(ipv4Address(0x0a000001)); // '10.0.0.1'
 * @throws SallyportError INTERNAL if the number is not an integer from 0 to 2³² − 1.
 */
export function ipv4Address(value: number): Address {
  if (value >>> 0 !== value) throw new SallyportError('INTERNAL', `${value} is not an IPv4 address`);
  return { family: 4, value: value as Ipv4 };
}

/**
 * The IPv6 address with this number. The IPv4-mapped range is refused in text only: arithmetic on sets may come across it.
 * @example formatAddress(ipv6Address(1n)); // '::1'
 * @throws SallyportError INTERNAL if the number is not from 0 to 2¹²⁸ − 1.
 */
export function ipv6Address(value: bigint): Address {
  if (BigInt.asUintN(128, value) !== value) throw new SallyportError('INTERNAL', `${value} is not an IPv6 address`);
  return { family: 6, value: value as Ipv6 };
}

/** The dotted quad that is `text[from..end)` as a number, or -1. Four decimal numbers 0 to 255 without leading zeros. */
export function readIpv4(text: string, from = 0, end = text.length): number {
  if (end - from < 7 || end - from > 15) return -1;
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let i = from; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      if (octet === 0) return -1;
      octet = octet < 0 ? code - 48 : octet * 10 + code - 48;
      if (octet > 255) return -1;
    } else if (code === DOT && octet >= 0 && dots < 3) {
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else return -1;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Eight groups in network byte order; scratch space that no call leaves anything in for the next. */
const groups = new DataView(new ArrayBuffer(16));

/** Any IPv6 text without a zone, IPv4-mapped ones included. */
function readIpv6(text: string): bigint | undefined {
  const length = text.length;
  if (length < 2 || length > 45) return undefined;
  let count = 0;
  /** Number of groups before `::`, or -1. */
  let gap = -1;
  let i = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined;
    gap = 0;
    i = 2;
  }
  while (i < length) {
    if (count === 8) return undefined;
    const start = i;
    let group = 0;
    let digit = 0;
    while (i < length && i - start < 5) {
      digit = hexDigit(text.charCodeAt(i));
      if (digit < 0) break;
      group = group * 16 + digit;
      i++;
    }
    if (i === start || i - start > 4) return undefined;
    if (i < length && text.charCodeAt(i) === DOT) {
      const tail = readIpv4(text, start);
      if (tail < 0 || count > 6) return undefined;
      groups.setUint32(count * 2, tail);
      count += 2;
      i = length;
      break;
    }
    groups.setUint16(count * 2, group);
    count++;
    if (i === length) break;
    if (text.charCodeAt(i) !== COLON) return undefined;
    i++;
    if (i === length) return undefined;
    if (text.charCodeAt(i) === COLON) {
      if (gap >= 0) return undefined;
      gap = count;
      i++;
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return undefined;
  if (gap >= 0) {
    const shift = 8 - count;
    for (let n = 7; n >= gap + shift; n--) groups.setUint16(n * 2, groups.getUint16((n - shift) * 2));
    for (let n = gap; n < gap + shift; n++) groups.setUint16(n * 2, 0);
  }
  return (groups.getBigUint64(0) << 64n) | groups.getBigUint64(8);
}

/** The family of an address, a prefix or a range that is well-formed. */
export function familyOf(text: string): Family {
  return text.includes(':') ? 6 : 4;
}

/**
 * Reads an address. Strict: accepts exactly what `net.isIP` accepts, except zone ids (`fe80::1%eth0`) and IPv4-mapped IPv6 in any
 * spelling (`::ffff:10.0.0.1`, `::ffff:a00:1`), which would be a second name of one address. Nothing is trimmed.
 * @example
 * parseAddress('10.0.0.1');  // { family: 4, value: 167772161 }
 * parseAddress('010.0.0.1'); // undefined
 */
export function parseAddress(text: string): Address | undefined {
  const v4 = readIpv4(text);
  if (v4 >= 0) return { family: 4, value: v4 as Ipv4 };
  const v6 = readIpv6(text);
  return v6 === undefined || v6 >> 32n === MAPPED ? undefined : { family: 6, value: v6 as Ipv6 };
}

/** A text that is not taken, but whose meaning is plain. */
export interface Slip {
  /** Continues a sentence that begins with the text. */
  readonly what: string;
  readonly meant: Address;
  /** By how much a prefix length written after the text is longer than one after `meant`. */
  readonly extraLength: 0 | 96;
}

/** What somebody meant by a text that `parseAddress` refuses. */
export function slipOf(text: string): Slip | undefined {
  if (text.length > 64) return undefined;
  const mapped = readIpv6(text);
  if (mapped !== undefined && mapped >> 32n === MAPPED) {
    const meant = ipv4Address(Number(BigInt.asUintN(32, mapped)));
    return { what: 'is IPv4-mapped IPv6, a second name of an IPv4 address', meant, extraLength: 96 };
  }
  const slip = (what: string, corrected: string): Slip | undefined => {
    const meant = parseAddress(corrected);
    return meant === undefined || corrected === text ? undefined : { what, meant, extraLength: 0 };
  };
  return (
    slip('has space around it', text.trim()) ??
    slip('has a zone id, which only its own host understands', text.replace(/%.*$/s, '')) ??
    slip('has leading zeros, which some read as octal', text.replace(/(?<=^|\.)0+(?=\d)/g, ''))
  );
}

/**
 * Why `parseAddress` refuses a text, with the correction where there is one; for messages.
 * @example addressProblem('010.0.0.1'); // '"010.0.0.1" has leading zeros, which some read as octal; write "10.0.0.1"'
 */
export function addressProblem(text: string): string {
  const slip = slipOf(text);
  return slip === undefined
    ? `${quoteForMessage(text)} is not an IP address; write one like "192.0.2.1" or "2001:db8::1"`
    : `${quoteForMessage(text)} ${slip.what}; write "${formatAddress(slip.meant)}"`;
}

/** A user's text for a message or a terminal: quoted, on one line, nothing in it that acts or hides, cut after 80 characters. */
export function quoteForMessage(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text).replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** Canonical text of an IPv4 number, with what follows it. */
export function formatIpv4(value: number, suffix = ''): string {
  // In two halves: V8 joins texts of 13 characters and more lazily, and then every step of a longer chain is an object of its own.
  return `${value >>> 24}.${(value >>> 16) & 255}.` + `${(value >>> 8) & 255}.${value & 255}${suffix}`;
}

const OCTETS: readonly string[] = Array.from({ length: 256 }, (_, octet) => `${octet}`);

/** `formatIpv4` for many numbers in their order, of which many begin alike. */
export function ipv4TextsInOrder(): (value: number, suffix: string) => string {
  let half = -1;
  let begin = '';
  return (value, suffix) => {
    if (value >>> 16 !== half) {
      half = value >>> 16;
      begin = `${OCTETS[half >>> 8]}.${OCTETS[half & 255]}.`;
    }
    return begin + `${OCTETS[(value >>> 8) & 255]}.${OCTETS[value & 255]}${suffix}`;
  };
}

/** RFC 5952 section 4: lower case, no leading zeros, `::` for the longest run of at least two zero groups, the first of equals. */
export function formatIpv6(value: bigint): string {
  groups.setBigUint64(0, value >> 64n);
  groups.setBigUint64(8, BigInt.asUintN(64, value));
  let best = 8;
  let bestLength = 1;
  let run = 0;
  for (let n = 0; n < 8; n++) {
    run = groups.getUint16(n * 2) === 0 ? run + 1 : 0;
    if (run > bestLength) {
      bestLength = run;
      best = n + 1 - run;
    }
  }
  let text = '';
  for (let n = 0; n < 8; n++) {
    if (n === best) {
      text += '::';
      n += bestLength - 1;
    } else {
      if (n > 0 && n !== best + bestLength) text += ':';
      text += groups.getUint16(n * 2).toString(16);
    }
  }
  return text;
}

/**
 * Canonical text: dotted quad, or RFC 5952 for IPv6. Equal addresses have equal texts.
 * @example formatAddress({ family: 6, value: 1n as Ipv6 }); // '::1'
 */
export function formatAddress(address: Address): string {
  return address.family === 4 ? formatIpv4(address.value) : formatIpv6(address.value);
}

/**
 * Order for sorting: IPv4 before IPv6, then by number.
 * @example [b, a].sort(compareAddresses);
 */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}
