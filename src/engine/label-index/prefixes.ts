import { ADDRESS_BITS, formatIpv4 } from '../../ip/address.ts';
import { type Prefix, formatPrefix } from '../../ip/prefix.ts';
import { grown } from './lists.ts';

/** What is kept of each number, side by side in memory. */
const ADDRESS = 0;
const LENGTH = 1;
const USES = 2;
/** The next number in the same bucket. */
const NEXT = 3;
const STRIDE = 4;

/** What stands in the place of a length for IPv6. */
const IPV6 = -1;

/**
 * Prefixes as small integers from 1, counted by use; the number of one that nobody uses any more is given to another. IPv4 prefixes live
 * in a typed array: 16 bytes each instead of a text and its place in a map, and there are as many as endpoints.
 */
export class PrefixNumbers {
  #entries = new Int32Array(STRIDE * 64);
  /** The first number of each bucket of IPv4 prefixes; a power of two of them. */
  #buckets = new Int32Array(64);
  #end = 1;
  readonly #free: number[] = [];
  readonly #ipv6Numbers = new Map<string, number>();
  readonly #ipv6Texts = new Map<number, string>();

  /** The number of a prefix in use, or 0. */
  find(prefix: Prefix): number {
    if (prefix.family === 6) return this.#ipv6Numbers.get(formatPrefix(prefix)) ?? 0;
    return this.#findIpv4(Number(prefix.address.value) | 0, prefix.length);
  }

  /** The number of a prefix, used once more. */
  acquire(prefix: Prefix): number {
    const number = this.find(prefix) || this.#add(prefix);
    this.#entries[STRIDE * number + USES] = this.#of(number, USES) + 1;
    return number;
  }

  /** Used once less. */
  release(number: number): void {
    const uses = this.#of(number, USES) - 1;
    this.#entries[STRIDE * number + USES] = uses;
    if (uses > 0) return;
    this.#free.push(number);
    const ipv6 = this.#ipv6Texts.get(number);
    if (ipv6 === undefined) return this.#unlink(number);
    this.#ipv6Texts.delete(number);
    this.#ipv6Numbers.delete(ipv6);
  }

  /** Canonical text with its length. */
  textOf(number: number): string {
    const length = this.#of(number, LENGTH);
    return length === IPV6
      ? (this.#ipv6Texts.get(number) as string)
      : formatIpv4(this.#of(number, ADDRESS) >>> 0, `/${length}`);
  }

  /** The text of the address, without a length, of a prefix that holds but one; `undefined` if it holds more. */
  hostOf(number: number): string | undefined {
    const text = this.textOf(number);
    const slash = text.lastIndexOf('/');
    const width = this.#of(number, LENGTH) === IPV6 ? ADDRESS_BITS[6] : ADDRESS_BITS[4];
    return text.slice(slash + 1) === `${width}` ? text.slice(0, slash) : undefined;
  }

  #of(number: number, field: number): number {
    return this.#entries[STRIDE * number + field] as number;
  }

  #add(prefix: Prefix): number {
    const number = this.#free.pop() ?? this.#end++;
    this.#makeRoom(number);
    const entry = STRIDE * number;
    if (prefix.family === 6) {
      const text = formatPrefix(prefix);
      this.#entries[entry + LENGTH] = IPV6;
      this.#ipv6Texts.set(number, text);
      this.#ipv6Numbers.set(text, number);
    } else {
      this.#entries[entry + ADDRESS] = Number(prefix.address.value);
      this.#entries[entry + LENGTH] = prefix.length;
      this.#link(number);
    }
    return number;
  }

  #findIpv4(address: number, length: number): number {
    let number = this.#buckets[this.#bucketOf(address, length)] as number;
    while (number !== 0 && (this.#of(number, ADDRESS) !== address || this.#of(number, LENGTH) !== length))
      number = this.#of(number, NEXT);
    return number;
  }

  #link(number: number): void {
    const bucket = this.#bucketOf(this.#of(number, ADDRESS), this.#of(number, LENGTH));
    this.#entries[STRIDE * number + NEXT] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = number;
  }

  #unlink(number: number): void {
    const bucket = this.#bucketOf(this.#of(number, ADDRESS), this.#of(number, LENGTH));
    const next = this.#of(number, NEXT);
    if (this.#buckets[bucket] === number) {
      this.#buckets[bucket] = next;
      return;
    }
    let before = this.#buckets[bucket] as number;
    while (this.#of(before, NEXT) !== number) before = this.#of(before, NEXT);
    this.#entries[STRIDE * before + NEXT] = next;
  }

  /** The upper bits of a product depend on all bits of its factors. */
  #bucketOf(address: number, length: number): number {
    return (Math.imul(address ^ Math.imul(length, 0x01000193), 0x9e3779b1) >>> 8) & (this.#buckets.length - 1);
  }

  #makeRoom(number: number): void {
    if (STRIDE * number + NEXT >= this.#entries.length) this.#entries = grown(this.#entries, STRIDE * number + NEXT);
    if (number <= this.#buckets.length) return;
    this.#buckets = new Int32Array(2 * this.#buckets.length);
    for (let n = 1; n < number; n++) if (this.#of(n, USES) > 0 && this.#of(n, LENGTH) !== IPV6) this.#link(n);
  }
}
