import { SallyportError } from '../base/error.ts';
import {
  ADDRESS_BITS,
  type Address,
  type Family,
  formatAddress,
  formatIpv6,
  ipv4Address,
  ipv4TextsInOrder,
  ipv6Address,
} from './address.ts';
import {
  type Boundaries,
  DIFFERENCE,
  INTERSECTION,
  UNION,
  combine,
  combinesToSome,
  holds,
  mergeSpans,
  sameBoundaries,
  spans,
} from './boundaries.ts';
import { cover4, cover6 } from './cover.ts';
import { type Prefix, parsePrefix, readBlock4 } from './prefix.ts';

const NO_BOUNDARIES: Boundaries<never> = [];
/** One past the last address of each family. */
const END4 = 2 ** 32;
const END6 = 1n << 128n;
/** To sort blocks by start and length without an object for each, both stand in one number: below 2³⁸ for IPv4, so exact. */
const LENGTHS4 = 64;
const LENGTH_BITS6 = 8n;

/**
 * An immutable set of addresses of both families. Inside, sorted disjoint ranges, so every operation is exact and takes time in
 * proportion to the number of ranges; outside, its unique minimal cover by prefixes. Equal sets print alike, however they were made.
 */
export class PrefixSet {
  static readonly empty = new PrefixSet([], []);
  /** `0.0.0.0/0` and `::/0`. */
  static readonly all = new PrefixSet([0, END4], [0n, END6]);

  readonly #v4: Boundaries<number>;
  readonly #v6: Boundaries<bigint>;

  private constructor(v4: Boundaries<number>, v6: Boundaries<bigint>) {
    this.#v4 = v4;
    this.#v6 = v6;
  }

  /** @example PrefixSet.of([prefixOf(address, 24)]).toString(); // '10.0.0.0/24' */
  static of(prefixes: Iterable<Prefix>): PrefixSet {
    const v4: number[] = [];
    const v6: bigint[] = [];
    for (const prefix of prefixes) addBlock(v4, v6, prefix);
    return new PrefixSet(merge4(v4), merge6(v6));
  }

  /** @example PrefixSet.ofAddresses(endpoint.addresses).toStrings(); // ['10.0.0.1/32'] */
  static ofAddresses(addresses: Iterable<Address>): PrefixSet {
    return PrefixSet.of(wholeLength(addresses));
  }

  /**
   * Both ends belong to it.
   * @example PrefixSet.range(first, last).toString(); // '10.0.0.1/32, 10.0.0.2/31' for 10.0.0.1 to 10.0.0.3
   * @throws SallyportError INTERNAL if the families differ or the end lies before the start.
   */
  static range(first: Address, last: Address): PrefixSet {
    return PrefixSet.ofRanges([[first, last]]);
  }

  /**
   * Inclusive ranges in any order, overlapping or not.
   * @example PrefixSet.ofRanges([[first, last], [other, other]]);
   * @throws SallyportError INTERNAL as `range` does.
   */
  static ofRanges(ranges: Iterable<readonly [Address, Address]>): PrefixSet {
    const v4: (readonly [number, number])[] = [];
    const v6: (readonly [bigint, bigint])[] = [];
    for (const [first, last] of ranges) {
      if (first.family === 4 && last.family === 4 && first.value <= last.value) v4.push([first.value, last.value + 1]);
      else if (first.family === 6 && last.family === 6 && first.value <= last.value)
        v6.push([first.value, last.value + 1n]);
      else throw new SallyportError('INTERNAL', `${formatAddress(first)}-${formatAddress(last)} is not a range`);
    }
    return new PrefixSet(new Float64Array(mergeSpans(v4)), mergeSpans(v6));
  }

  /**
   * From texts that are known to be good: literals, tests, our own output. Addresses without a length are taken.
   * @example PrefixSet.parse(['10.0.0.0/8', '2001:db8::/32']);
   * @throws SallyportError PREFIX_INVALID on the first bad text.
   */
  static parse(texts: Iterable<string>): PrefixSet {
    const v4: number[] = [];
    const v6: bigint[] = [];
    const take4 = (address: number, length: number): void => void v4.push(address * LENGTHS4 + length);
    for (const text of texts) {
      if (readBlock4(text, take4)) continue;
      const result = parsePrefix(text, { bareAddress: true });
      if ('problem' in result) throw new SallyportError('PREFIX_INVALID', result.problem, { text });
      addBlock(v4, v6, result.value);
    }
    return new PrefixSet(merge4(v4), merge6(v6));
  }

  /** @example PrefixSet.all.family(6).toString(); // '::/0' */
  family(family: Family): PrefixSet {
    if (family === 4) return this.#v6.length === 0 ? this : new PrefixSet(this.#v4, []);
    return this.#v4.length === 0 ? this : new PrefixSet([], this.#v6);
  }

  /** @example PrefixSet.parse(['10.0.0.0/25']).union(PrefixSet.parse(['10.0.0.128/25'])).toString(); // '10.0.0.0/24' */
  union(other: PrefixSet): PrefixSet {
    if (this.isEmpty) return other;
    return other.isEmpty || other === this ? this : this.#combine(other, UNION);
  }

  /** @example PrefixSet.all.intersect(PrefixSet.parse(['10.0.0.0/8'])).toString(); // '10.0.0.0/8' */
  intersect(other: PrefixSet): PrefixSet {
    return this.#combine(other, INTERSECTION);
  }

  /** @example PrefixSet.parse(['10.0.0.0/30']).subtract(PrefixSet.parse(['10.0.0.0'])).toString(); // '10.0.0.1/32, 10.0.0.2/31' */
  subtract(other: PrefixSet): PrefixSet {
    if (other === this) return PrefixSet.empty;
    return this.isEmpty || other.isEmpty ? this : this.#combine(other, DIFFERENCE);
  }

  /** Within both families. @example PrefixSet.parse(['128.0.0.0/1']).complement().toString(); // '0.0.0.0/1, ::/0' */
  complement(): PrefixSet {
    return PrefixSet.all.subtract(this);
  }

  /** @example PrefixSet.parse(['10.0.0.0/8']).contains(address); */
  contains(address: Address): boolean {
    return address.family === 4 ? holds(this.#v4, address.value) : holds<bigint>(this.#v6, address.value);
  }

  /** Every address of `other` is in this set; true for an empty `other`. @example PrefixSet.all.covers(nets); // true */
  covers(other: PrefixSet): boolean {
    return !combinesToSome(other.#v4, this.#v4, DIFFERENCE) && !combinesToSome(other.#v6, this.#v6, DIFFERENCE);
  }

  /** Some address is in both. @example PrefixSet.all.overlaps(PrefixSet.empty); // false */
  overlaps(other: PrefixSet): boolean {
    return combinesToSome(this.#v4, other.#v4, INTERSECTION) || combinesToSome(this.#v6, other.#v6, INTERSECTION);
  }

  /** The same addresses. @example PrefixSet.parse(['0.0.0.0/1', '128.0.0.0/1', '::/0']).equals(PrefixSet.all); // true */
  equals(other: PrefixSet): boolean {
    return this === other || (sameBoundaries(this.#v4, other.#v4) && sameBoundaries(this.#v6, other.#v6));
  }

  /** @example PrefixSet.empty.isEmpty; // true */
  get isEmpty(): boolean {
    return this.#v4.length === 0 && this.#v6.length === 0;
  }

  /** Number of addresses. @example PrefixSet.parse(['10.0.0.0/24']).size; // 256n */
  get size(): bigint {
    let size = 0n;
    for (const [first, end] of spans(this.#v4)) size += BigInt(end - first);
    for (const [first, end] of spans(this.#v6)) size += end - first;
    return size;
  }

  /** The unique minimal cover, IPv4 first, each by address. @example PrefixSet.all.prefixes().length; // 2 */
  prefixes(): readonly Prefix[] {
    const result: Prefix[] = [];
    cover4(this.#v4, (value, length) => result.push({ family: 4, address: ipv4Address(value), length }));
    cover6(this.#v6, (value, length) => result.push({ family: 6, address: ipv6Address(value), length }));
    return result;
  }

  /** Canonical texts of `prefixes()`. @example PrefixSet.all.toStrings(); // ['0.0.0.0/0', '::/0'] */
  toStrings(): string[] {
    const result: string[] = [];
    const text = ipv4TextsInOrder();
    cover4(this.#v4, (value, length) => result.push(text(value, `/${length}`)));
    cover6(this.#v6, (value, length) => result.push(`${formatIpv6(value)}/${length}`));
    return result;
  }

  /** The same set as inclusive ranges: sorted, disjoint, never adjacent. @example PrefixSet.all.ranges(4); // [[0.0.0.0, 255.255.255.255]] */
  ranges(family: Family): readonly (readonly [Address, Address])[] {
    if (family === 4) return Array.from(spans(this.#v4), ([first, end]) => [ipv4Address(first), ipv4Address(end - 1)]);
    return Array.from(spans(this.#v6), ([first, end]) => [ipv6Address(first), ipv6Address(end - 1n)]);
  }

  /** Whether it holds any address of a family. @example PrefixSet.parse(['10.0.0.0/8']).has(6); // false */
  has(family: Family): boolean {
    return (family === 4 ? this.#v4 : this.#v6).length > 0;
  }

  /** The lowest address of a family. @example PrefixSet.all.first(4); // 0.0.0.0 */
  first(family: Family): Address | undefined {
    if (family === 4) {
      const value = this.#v4[0];
      return value === undefined ? undefined : ipv4Address(value);
    }
    const value = this.#v6[0];
    return value === undefined ? undefined : ipv6Address(value);
  }

  /** The address at a place in the order of all, IPv4 first, from 0. @example PrefixSet.parse(['10.0.0.0/24']).nth(7n); // 10.0.0.7 */
  nth(index: bigint): Address | undefined {
    if (index < 0n) return undefined;
    let left = index;
    for (const [first, end] of spans(this.#v4)) {
      const size = BigInt(end - first);
      if (left < size) return ipv4Address(first + Number(left));
      left -= size;
    }
    for (const [first, end] of spans(this.#v6)) {
      if (left < end - first) return ipv6Address(first + left);
      left -= end - first;
    }
    return undefined;
  }

  /** The prefixes joined by `, `; empty text for the empty set. @example PrefixSet.all.toString(); // '0.0.0.0/0, ::/0' */
  toString(): string {
    return this.toStrings().join(', ');
  }

  #combine(other: PrefixSet, table: number): PrefixSet {
    return new PrefixSet(new Float64Array(combine(this.#v4, other.#v4, table)), combine(this.#v6, other.#v6, table));
  }
}

function* wholeLength(addresses: Iterable<Address>): Generator<Prefix> {
  for (const address of addresses) yield { family: address.family, address, length: ADDRESS_BITS[address.family] };
}

function addBlock(v4: number[], v6: bigint[], { address, length }: Prefix): void {
  if (address.family === 4) v4.push(address.value * LENGTHS4 + length);
  else v6.push((address.value << LENGTH_BITS6) | BigInt(length));
}

/** The set of blocks given as `start * LENGTHS4 + length`. Blocks nest or are disjoint. */
function merge4(keys: readonly number[]): Boundaries<number> {
  const alone = keys[0];
  if (alone === undefined) return NO_BOUNDARIES;
  // Most sets are one block, and a typed array takes four times the memory of two numbers.
  if (keys.length === 1) return [startOf4(alone), endOf4(alone)];
  const result = new Float64Array(2 * keys.length);
  let length = 0;
  let end = -1;
  const sorted = new Float64Array(keys).sort();
  for (let i = 0; i < sorted.length; i++) {
    const key = sorted[i] ?? 0;
    const start = startOf4(key);
    const blockEnd = endOf4(key);
    if (blockEnd <= end) continue;
    if (start === end) length--;
    else result[length++] = start;
    result[length++] = blockEnd;
    end = blockEnd;
  }
  return result.slice(0, length);
}

function startOf4(key: number): number {
  return Math.floor(key / LENGTHS4);
}

function endOf4(key: number): number {
  const start = startOf4(key);
  return start + 2 ** (32 - (key - start * LENGTHS4));
}

/** The set of blocks given as `start << LENGTH_BITS6 | length`. Sorts `keys` in place. */
function merge6(keys: bigint[]): Boundaries<bigint> {
  if (keys.length === 0) return NO_BOUNDARIES;
  const result: bigint[] = [];
  let end = -1n;
  for (const key of keys.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))) {
    const start = key >> LENGTH_BITS6;
    const length = Number(BigInt.asUintN(Number(LENGTH_BITS6), key));
    const blockEnd = start + (BLOCK6[length] ?? 0n);
    if (blockEnd <= end) continue;
    if (start === end) result.pop();
    else result.push(start);
    result.push(blockEnd);
    end = blockEnd;
  }
  return result;
}

/** Size of a block by its length. */
const BLOCK6: readonly bigint[] = Array.from({ length: 129 }, (_, length) => 1n << BigInt(128 - length));
