/** Addresses of the simulated device: its own arithmetic, shared with nobody. */

export type Family = 4 | 6;

/** A run of addresses of one family, both ends included. */
export interface Range {
  readonly family: Family;
  readonly from: bigint;
  readonly to: bigint;
}

/** A dotted quad as a number; `undefined` for anything else, leading zeros included. */
export function readAddress4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

/** An IPv6 address as a number; `undefined` for anything else, zones included. */
export function readAddress6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => readGroups(half));
  const [head, tail] = groups;
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const after = tail ?? [];
  const missing = 8 - head.length - after.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: missing }, () => 0), ...after];
  return all.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function readGroups(text: string): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && part.includes('.')) {
      const quad = readAddress4(part);
      if (quad === undefined) return undefined;
      groups.push(Number(quad >> 16n), Number(quad & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

export function readAddress(text: string): { readonly family: Family; readonly value: bigint } | undefined {
  const four = readAddress4(text);
  if (four !== undefined) return { family: 4, value: four };
  const six = readAddress6(text);
  return six === undefined ? undefined : { family: 6, value: six };
}

export function writeAddress(family: Family, value: bigint): string {
  return family === 4 ? writeAddress4(value) : writeAddress6(value);
}

export function writeAddress4(value: bigint): string {
  const number = Number(value);
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
}

/** The shortest form of RFC 5952. */
export function writeAddress6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, n) => Number((value >> BigInt(112 - 16 * n)) & 0xffffn));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const text = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(':');
  if (best.at === -1) return text(groups);
  return `${text(groups.slice(0, best.at))}::${text(groups.slice(best.at + best.length))}`;
}

const bitsOf = (family: Family): number => (family === 4 ? 32 : 128);

/** The addresses of a prefix; `undefined` if bits beyond its length are set. */
export function prefixRange(family: Family, value: bigint, length: number): Range | undefined {
  const size = 1n << BigInt(bitsOf(family) - length);
  return value % size === 0n ? { family, from: value, to: value + size - 1n } : undefined;
}

/** The length that a mask `255.255.255.0` stands for; `undefined` if it has holes. */
export function maskLength(mask: bigint): number | undefined {
  const inverse = mask ^ 0xffff_ffffn;
  if ((inverse & (inverse + 1n)) !== 0n) return undefined;
  return 32 - inverse.toString(2).replace(/^0$/, '').length;
}

export function maskOf(length: number): bigint {
  return 0xffff_ffffn ^ ((1n << BigInt(32 - length)) - 1n);
}

/** `10.244.1.7`, `10.244.0.0/16`, `10.244.1.1-10.244.1.9`, and the same in IPv6: a line of a list (reference 1.10). */
export function readEntry(text: string): Range | undefined {
  const [first = '', second, ...others] = text.split('-');
  if (others.length > 0) return undefined;
  if (second !== undefined) {
    const [from, to] = [readAddress(first.trim()), readAddress(second.trim())];
    if (from === undefined || to === undefined || from.family !== to.family || to.value < from.value) return undefined;
    return { family: from.family, from: from.value, to: to.value };
  }
  const [addressText = '', lengthText, ...more] = text.split('/');
  const address = readAddress(addressText);
  if (address === undefined || more.length > 0) return undefined;
  if (lengthText === undefined) return { family: address.family, from: address.value, to: address.value };
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > bitsOf(address.family)) return undefined;
  return prefixRange(address.family, address.value, Number(lengthText));
}
