/** A power of two; each has room for two values. */
const SLOTS = 8192;
/** What is written in more bytes is read each time: it is seldom alike, and keeping it could fill the memory. */
const LONGEST = 4096;

interface Entry<V> {
  readonly hash: number;
  readonly bytes: Uint8Array;
  readonly value: V;
}

/**
 * Immutable values by the bytes they are written in: what was read before is found again without being read. It holds a fixed number of
 * values, whoever chooses the bytes; one that lost its place is made again, and nothing but memory depends on that.
 */
export class SharedByBytes<V> {
  readonly #entries: (Entry<V> | undefined)[] = Array.from({ length: 2 * SLOTS });
  readonly #make: (bytes: Buffer, start: number, end: number) => V;

  constructor(make: (bytes: Buffer, start: number, end: number) => V) {
    this.#make = make;
  }

  get(bytes: Buffer, start: number, end: number): V {
    if (end - start > LONGEST) return this.#make(bytes, start, end);
    const hash = hashOf(bytes, start, end);
    const slot = 2 * ((hash ^ (hash >>> 15)) & (SLOTS - 1));
    const first = this.#entries[slot];
    if (first?.hash === hash && bytes.compare(first.bytes, 0, first.bytes.length, start, end) === 0) return first.value;
    const second = this.#entries[slot + 1];
    if (second?.hash === hash && bytes.compare(second.bytes, 0, second.bytes.length, start, end) === 0)
      return second.value;
    const value = this.#make(bytes, start, end);
    // The one that came before goes on to the second place, and whoever was there is forgotten.
    this.#entries[slot + 1] = first;
    this.#entries[slot] = { hash, bytes: Uint8Array.prototype.slice.call(bytes, start, end), value };
    return value;
  }
}

/** Eight bytes at a time in two halves that do not wait for each other, as each step waits for the one before it. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let low = end - start;
  let high = 0;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    low = Math.imul(low ^ word(bytes, at), 0x9e3779b1);
    low ^= low >>> 15;
    high = Math.imul(high ^ word(bytes, at + 4), 0x85ebca6b);
    high ^= high >>> 13;
  }
  for (; at < end; at++) low = (Math.imul(low, 31) + (bytes[at] as number)) | 0;
  return low ^ high;
}

function word(bytes: Buffer, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
