// Addresses and networks for the slow evaluator: one BigInt for each address, written from RFC 4291 and RFC 5952 alone, so that no mistake
// in our own arithmetic can hide in it. It knows correct text only.

/** All addresses from `first` to `last`, both included. */
export interface Block {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly length: number;
}

export function familyOf(text: string): 4 | 6 {
  return text.includes(':') ? 6 : 4;
}

/** An address, or a net with or without host bits; a bare address is a block of one. */
export function blockOf(text: string): Block {
  const [address = '', length] = text.split('/');
  const family = familyOf(address);
  const width = family === 4 ? 32 : 128;
  const kept = length === undefined ? width : Number(length);
  const size = 1n << BigInt(width - kept);
  const first = (numberOfAddress(address) / size) * size;
  return { family, first, last: first + size - 1n, length: kept };
}

export function numberOfAddress(text: string): bigint {
  if (familyOf(text) === 4) return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [left = '', right] = text.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const zeros = right === undefined ? 0 : 8 - words(left).length - words(right).length;
  const all = [...words(left), ...Array.from({ length: zeros }, () => '0'), ...words(right ?? '')];
  return all.reduce((sum, word) => sum * 65_536n + BigInt(`0x${word}`), 0n);
}

/** As everybody writes it: dotted, or by RFC 5952 (lower case, the longest run of two zero words or more, the first of equals, as `::`). */
export function addressText(family: 4 | 6, number: bigint): string {
  const [count, base] = family === 4 ? [4, 256n] : [8, 65_536n];
  const parts: bigint[] = [];
  for (let rest = number; parts.length < count; rest /= base) parts.unshift(rest % base);
  if (family === 4) return parts.join('.');
  let run = { at: 0, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (parts[at + length] === 0n) length++;
    if (length > run.length) run = { at, length };
  }
  const words = parts.map((part) => part.toString(16));
  if (run.length === 1) return words.join(':');
  return `${words.slice(0, run.at).join(':')}::${words.slice(run.at + run.length).join(':')}`;
}

export function blockText({ family, first, length }: Block): string {
  return `${addressText(family, first)}/${length}`;
}

export function inNet(address: string, net: string): boolean {
  const one = blockOf(address);
  const { family, first, last } = blockOf(net);
  return one.family === family && one.first >= first && one.last <= last;
}

export function sameAddress(a: string, b: string): boolean {
  return familyOf(a) === familyOf(b) && numberOfAddress(a) === numberOfAddress(b);
}
