import {
  ADDRESS_BITS,
  type Address,
  type Family,
  addressProblem,
  compareAddresses,
  formatAddress,
  ipv4Address,
  ipv6Address,
  parseAddress,
  quoteForMessage,
  readIpv4,
  slipOf,
} from './address.ts';

/** A CIDR block. `address` has no bit set after `length`; only the functions of this file make one. */
export type Prefix = { readonly family: Family; readonly address: Address; readonly length: number };

/** What a prefix text may be besides strict CIDR. */
export interface PrefixOptions {
  /** Take `10.0.0.1` as `10.0.0.1/32`. Default: refused. */
  readonly bareAddress?: boolean;
  /** `10.0.0.7/24`: refuse it with the corrected text (default), or clear the bits. */
  readonly hostBits?: 'refuse' | 'mask';
}

function masked(address: Address, length: number): Address {
  if (address.family === 4) {
    // A shift by 32 would be a shift by 0.
    return length === 32 ? address : ipv4Address(length === 0 ? 0 : (address.value & (-1 << (32 - length))) >>> 0);
  }
  const rest = BigInt(128 - length);
  return rest === 0n ? address : ipv6Address((address.value >> rest) << rest);
}

/**
 * The prefix of this length that holds the address.
 * @example formatPrefix(prefixOf(address, 24)); // '10.0.0.0/24' for 10.0.0.7
 */
export function prefixOf(address: Address, length: number = ADDRESS_BITS[address.family]): Prefix {
  return { family: address.family, address: masked(address, length), length };
}

/**
 * Reads a CIDR block. The length has no leading zeros, bits after it must be clear, and an address alone is refused, unless the
 * options say otherwise. `problem` is a sentence for people that holds the corrected text where there is one.
 * @example
 * parsePrefix('10.0.0.0/24');                        // { value: … }
 * parsePrefix('10.0.0.7/24');                        // { problem: '… write "10.0.0.0/24" …' }
 * parsePrefix('10.0.0.7', { bareAddress: true });    // { value: 10.0.0.7/32 }
 */
export function parsePrefix(text: string, options: PrefixOptions = {}): { value: Prefix } | { problem: string } {
  const slash = text.lastIndexOf('/');
  if (slash < 0) {
    const bare = parseAddress(text);
    if (bare === undefined) return { problem: addressProblem(text) };
    const value = prefixOf(bare);
    if (options.bareAddress === true) return { value };
    return { problem: `${quoteForMessage(text)} has no prefix length; write "${formatPrefix(value)}"` };
  }
  const address = parseAddress(text.slice(0, slash));
  if (address === undefined) return { problem: prefixAddressProblem(text, slash) };
  const length = readLength(text, slash + 1);
  const bits = ADDRESS_BITS[address.family];
  if (length < 0 || length > bits) return { problem: lengthProblem(text, slash, address) };
  const value = prefixOf(address, length);
  if (options.hostBits !== 'mask' && value.address.value !== address.value) {
    const exact = formatPrefix(prefixOf(address));
    return {
      problem: `${quoteForMessage(text)} has bits set after its length; write "${formatPrefix(value)}" for the net or "${exact}" for the one address`,
    };
  }
  return { value };
}

/**
 * An IPv4 address or block as `parsePrefix` takes it with `bareAddress`, without an object on the way: `take` gets its number and
 * length, and the answer is true. False for all else, good or bad.
 */
export function readBlock4(text: string, take: (address: number, length: number) => void): boolean {
  const slash = text.lastIndexOf('/');
  const address = readIpv4(text, 0, slash < 0 ? text.length : slash);
  const length = slash < 0 ? 32 : readLength(text, slash + 1);
  if (address < 0 || length < 0 || length > 32 || address % 2 ** (32 - length) !== 0) return false;
  take(address, length);
  return true;
}

/** Decimal digits without leading zero as a number up to 999, or -1. */
function readLength(text: string, from: number): number {
  const digits = text.length - from;
  if (digits < 1 || digits > 3 || (digits > 1 && text.charCodeAt(from) === 48)) return -1;
  let length = 0;
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

function prefixAddressProblem(text: string, slash: number): string {
  const part = text.slice(0, slash);
  if (part === '') return `${quoteForMessage(text)} has no address before the "/"`;
  const slip = slipOf(part);
  const length = readLength(text, slash + 1) - (slip?.extraLength ?? 0);
  if (slip === undefined || length < 0 || length > ADDRESS_BITS[slip.meant.family]) return addressProblem(part);
  return `${quoteForMessage(text)} ${slip.what}; write "${formatPrefix(prefixOf(slip.meant, length))}"`;
}

function lengthProblem(text: string, slash: number, address: Address): string {
  const bits = ADDRESS_BITS[address.family];
  const written = text.slice(slash + 1);
  const range = `a prefix length of IPv${address.family} is a number from 0 to ${bits}`;
  if (/^0\d+$/.test(written) && written.length < 10 && Number(written) <= bits)
    return `${quoteForMessage(text)} has a leading zero in its length; write "${formatAddress(address)}/${Number(written)}"`;
  return `${quoteForMessage(text)} has the length ${quoteForMessage(written)}; ${range}`;
}

/**
 * Canonical text, always with its length.
 * @example formatPrefix(prefix); // '10.0.0.0/24', '2001:db8::/32', '10.0.0.1/32'
 */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.length}`;
}

/**
 * Order for sorting: IPv4 before IPv6, then by address, then the wider one first.
 * @example [b, a].sort(comparePrefixes);
 */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  return compareAddresses(a.address, b.address) || a.length - b.length;
}
