import { formatIpv4 } from '../ip/address.ts';
import { ADDRESS_BITS } from '../ip/address.ts';
import { type Prefix, formatPrefix } from '../ip/prefix.ts';
import { grown } from './label-index-lists.ts';

/** What stands in the place of an address and its length for IPv6. */
const IPV6 = -1;

/**
 * Prefixes as small integers from 1, counted by use; the number of one that nobody uses any more is given to another. IPv4 prefixes live
 * in typed arrays: 16 bytes each instead of a text and its place in a map, and there are as many as endpoints.
 */
export class PrefixNumbers {
  /** Of each number: the address and length of an IPv4 prefix; how often it is used; the next number in the same bucket. */
  #addresses = new Int32Array(64);
  #lengths = new Int8Array(64);
  #uses = new Int32Array(64);
  #next = new Int32Array(64);
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
    this.#uses[number] = (this.#uses[number] as number) + 1;
    return number;
  }

  /** Used once less. */
  release(number: number): void {
    const uses = (this.#uses[number] as number) - 1;
    this.#uses[number] = uses;
    if (uses > 0) return;
    this.#free.push(number);
    const ipv6 = this.#ipv6Texts.get(number);
    if (ipv6 === undefined) return this.#unlink(number);
    this.#ipv6Texts.delete(number);
    this.#ipv6Numbers.delete(ipv6);
  }

  /** Canonical text with its length. */
  textOf(number: number): string {
    const length = this.#lengths[number] as number;
    return length === IPV6
      ? (this.#ipv6Texts.get(number) as string)
      : formatIpv4((this.#addresses[number] as number) >>> 0, `/${length}`);
  }

  /** The text of the address, without a length, of a prefix that holds but one; `undefined` if it holds more. */
  hostOf(number: number): string | undefined {
    const text = this.textOf(number);
    const slash = text.lastIndexOf('/');
    const width = this.#lengths[number] === IPV6 ? ADDRESS_BITS[6] : ADDRESS_BITS[4];
    return text.slice(slash + 1) === `${width}` ? text.slice(0, slash) : undefined;
  }

  #add(prefix: Prefix): number {
    const number = this.#free.pop() ?? this.#end++;
    this.#makeRoom(number);
    if (prefix.family === 6) {
      const text = formatPrefix(prefix);
      this.#lengths[number] = IPV6;
      this.#ipv6Texts.set(number, text);
      this.#ipv6Numbers.set(text, number);
    } else {
      this.#addresses[number] = Number(prefix.address.value);
      this.#lengths[number] = prefix.length;
      this.#link(number);
    }
    return number;
  }

  #findIpv4(address: number, length: number): number {
    let number = this.#buckets[this.#bucketOf(address, length)] as number;
    while (number !== 0 && (this.#addresses[number] !== address || this.#lengths[number] !== length))
      number = this.#next[number] as number;
    return number;
  }

  #link(number: number): void {
    const bucket = this.#bucketOf(this.#addresses[number] as number, this.#lengths[number] as number);
    this.#next[number] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = number;
  }

  #unlink(number: number): void {
    const bucket = this.#bucketOf(this.#addresses[number] as number, this.#lengths[number] as number);
    const next = this.#next[number] as number;
    if (this.#buckets[bucket] === number) {
      this.#buckets[bucket] = next;
      return;
    }
    let before = this.#buckets[bucket] as number;
    while (this.#next[before] !== number) before = this.#next[before] as number;
    this.#next[before] = next;
  }

  /** The upper bits of a product depend on all bits of its factors. */
  #bucketOf(address: number, length: number): number {
    return (Math.imul(address ^ (length * 0x01000193), 0x9e3779b1) >>> 8) & (this.#buckets.length - 1);
  }

  #makeRoom(number: number): void {
    if (number < this.#uses.length) return;
    this.#addresses = grown(this.#addresses, number);
    this.#uses = grown(this.#uses, number);
    this.#next = grown(this.#next, number);
    const lengths = new Int8Array(this.#uses.length);
    lengths.set(this.#lengths);
    this.#lengths = lengths;
    if (this.#uses.length <= this.#buckets.length) return;
    this.#buckets = new Int32Array(2 * this.#buckets.length);
    for (let n = 1; n < number; n++) if ((this.#uses[n] as number) > 0 && this.#lengths[n] !== IPV6) this.#link(n);
  }
}
