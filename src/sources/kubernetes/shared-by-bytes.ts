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
    let hash = end - start;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    const slot = 2 * ((hash ^ (hash >>> 15)) & (SLOTS - 1));
    const first = this.#entries[slot];
    if (first !== undefined && first.hash === hash && isSame(first.bytes, bytes, start, end)) return first.value;
    const second = this.#entries[slot + 1];
    if (second !== undefined && second.hash === hash && isSame(second.bytes, bytes, start, end)) return second.value;
    const value = this.#make(bytes, start, end);
    // The one that came before goes on to the second place, and whoever was there is forgotten.
    this.#entries[slot + 1] = first;
    this.#entries[slot] = { hash, bytes: Uint8Array.prototype.slice.call(bytes, start, end), value };
    return value;
  }
}

function isSame(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = known;
  if (length !== end - start) return false;
  for (let at = 0; at < length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
