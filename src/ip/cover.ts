import { type Boundaries, spans } from './boundaries.ts';

/**
 * The minimal cover of a set by aligned blocks (semantics 15.1, 15.2): from each range, again and again the largest block that starts
 * at its beginning and fits. Because ranges are disjoint and never adjacent, no two blocks of the result can be joined.
 */
export function cover4(set: Boundaries<number>, take: (start: number, length: number) => void): void {
  for (let i = 0; i < set.length; i += 2) {
    let start = set[i] ?? 0;
    const end = set[i + 1] ?? 0;
    while (start < end) {
      const bits = Math.min(trailingZeros(start), highestBit(end - start));
      take(start, 32 - bits);
      start += 2 ** bits;
    }
  }
}

/** The same for IPv6. */
export function cover6(set: Boundaries<bigint>, take: (start: bigint, length: number) => void): void {
  for (const [first, end] of spans(set)) {
    let start = first;
    while (start < end) {
      const bits = Math.min(trailingZeros6(start), highestBit6(end - start));
      take(start, 128 - bits);
      start += 1n << BigInt(bits);
    }
  }
}

/** Zero bits below the lowest one; 32 for zero. Up to 2³² − 1. */
function trailingZeros(value: number): number {
  return value === 0 ? 32 : 31 - Math.clz32(value & -value);
}

/** Position of the highest one, from 0. From 1 to 2³². */
function highestBit(value: number): number {
  return value > 0xffffffff ? 32 : 31 - Math.clz32(value);
}

function trailingZeros6(value: bigint): number {
  for (let word = 0; word < 4; word++) {
    const bits = Number(BigInt.asUintN(32, value >> BigInt(32 * word)));
    if (bits !== 0) return 32 * word + trailingZeros(bits);
  }
  return 128;
}

function highestBit6(value: bigint): number {
  for (let word = 4; word > 0; word--) {
    const bits = Number(value >> BigInt(32 * word));
    if (bits !== 0) return 32 * word + highestBit(bits);
  }
  return highestBit(Number(value));
}
