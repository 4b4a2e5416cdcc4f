import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { type Address, ipv4Address, ipv6Address, parseAddress } from './address.ts';
import { parsePrefix } from './prefix.ts';
import { PrefixSet } from './prefix-set.ts';

const WINDOW = 64;
const LAST6 = (1n << 128n) - 1n;

/** Windows of 64 addresses at the places where arithmetic breaks: both ends, sign bits, word and half boundaries. */
const windows: readonly (readonly [name: string, at: (offset: number) => Address])[] = [
  ['0.0.0.0', (n) => ipv4Address(n)],
  ['127.255.255.224 and on', (n) => ipv4Address(0x7fffffe0 + n)],
  ['10.0.0.229 and on', (n) => ipv4Address(0x0a0000e5 + n)],
  ['255.255.255.255', (n) => ipv4Address(2 ** 32 - WINDOW + n)],
  ['::', (n) => ipv6Address(BigInt(n))],
  ['across 32 bits', (n) => ipv6Address((0x20010db8n << 96n) + 0xffffffe0n + BigInt(n))],
  ['across 64 bits', (n) => ipv6Address((1n << 64n) - 32n + BigInt(n))],
  ['across the highest bit', (n) => ipv6Address((1n << 127n) - 27n + BigInt(n))],
  ['last of IPv6', (n) => ipv6Address(LAST6 - BigInt(WINDOW - 1 - n))],
];

const offset = fc.integer({ min: 0, max: WINDOW - 1 });
const pairs = fc.array(fc.tuple(offset, offset), { maxLength: 6 });

function offsetsOf(ranges: readonly (readonly [number, number])[]): Set<number> {
  const offsets = new Set<number>();
  for (const [a, b] of ranges) for (let n = Math.min(a, b); n <= Math.max(a, b); n++) offsets.add(n);
  return offsets;
}

function setOf(ranges: readonly (readonly [number, number])[], at: (n: number) => Address): PrefixSet {
  return PrefixSet.ofRanges(ranges.map(([a, b]) => [at(Math.min(a, b)), at(Math.max(a, b))] as const));
}

const everyOffset = Array.from({ length: WINDOW }, (_, n) => n);

function membersIn(set: PrefixSet, at: (n: number) => Address): number[] {
  return everyOffset.filter((n) => set.contains(at(n)));
}

describe.each(windows)('in a window at %s', (_name, at) => {
  test('the algebra is that of sets of addresses', () => {
    fc.assert(
      fc.property(pairs, pairs, (p, q) => {
        const [a, b] = [setOf(p, at), setOf(q, at)];
        const [inA, inB] = [offsetsOf(p), offsetsOf(q)];
        const where = (keep: (n: number) => boolean): number[] => everyOffset.filter(keep);
        expect(membersIn(a, at)).toEqual(where((n) => inA.has(n)));
        expect(membersIn(a.union(b), at)).toEqual(where((n) => inA.has(n) || inB.has(n)));
        expect(membersIn(a.intersect(b), at)).toEqual(where((n) => inA.has(n) && inB.has(n)));
        expect(membersIn(a.subtract(b), at)).toEqual(where((n) => inA.has(n) && !inB.has(n)));
        expect(membersIn(a.complement(), at)).toEqual(where((n) => !inA.has(n)));
        expect(a.size).toBe(BigInt(inA.size));
        expect(a.union(b).size).toBe(BigInt(where((n) => inA.has(n) || inB.has(n)).length));
        expect(a.complement().size).toBe(PrefixSet.all.size - a.size);
        expect(a.covers(b)).toBe([...inB].every((n) => inA.has(n)));
        expect(a.overlaps(b)).toBe([...inB].some((n) => inA.has(n)));
        expect(a.equals(b)).toBe(inA.size === inB.size && [...inA].every((n) => inB.has(n)));
        expect(a.isEmpty).toBe(inA.size === 0);
      }),
      tries(100, 20),
    );
  });

  test('prefixes are disjoint, sorted, exact, and no two can be joined: so the cover is minimal and unique', () => {
    fc.assert(
      fc.property(pairs, (p) => {
        const set = setOf(p, at);
        const blocks = set.prefixes().map(({ address, length }) => ({
          start: BigInt(address.value),
          size: 1n << BigInt((address.family === 4 ? 32 : 128) - length),
        }));
        expect(blocks.reduce((sum, { size }) => sum + size, 0n)).toBe(set.size);
        for (const [i, { start, size }] of blocks.entries()) {
          expect(start % size).toBe(0n);
          const next = blocks[i + 1];
          if (next === undefined) continue;
          expect(start + size <= next.start).toBe(true);
          const siblings = size === next.size && start + size === next.start && start % (2n * size) === 0n;
          expect(siblings).toBe(false);
        }
        expect(PrefixSet.of(set.prefixes().toReversed()).equals(set)).toBe(true);
        expect(set.toStrings()).toEqual(set.prefixes().map((prefix) => PrefixSet.of([prefix]).toString()));
      }),
      tries(100, 20),
    );
  });

  test('any way of cutting a set into prefixes gives the same set', () => {
    fc.assert(
      fc.property(pairs, fc.infiniteStream(fc.boolean()), (p, coins) => {
        const set = setOf(p, at);
        const cut = set.prefixes().flatMap((prefix) => {
          const bits = prefix.family === 4 ? 32 : 128;
          if (coins.next().value !== true || prefix.length === bits) return [prefix];
          const length = prefix.length + 1;
          const half = 1n << BigInt(bits - length);
          const upper = BigInt(prefix.address.value) + half;
          const address = prefix.family === 4 ? ipv4Address(Number(upper)) : ipv6Address(upper);
          return [{ ...prefix, address, length }, { ...prefix, length }, prefix].slice(
            0,
            coins.next().value === true ? 3 : 2,
          );
        });
        expect(PrefixSet.of(cut).equals(set)).toBe(true);
        expect(PrefixSet.of(cut).toString()).toBe(set.toString());
      }),
      tries(50, 10),
    );
  });

  test('first, nth and ranges count through the set', () => {
    fc.assert(
      fc.property(pairs, (p) => {
        const set = setOf(p, at);
        const expected = [...offsetsOf(p)].sort((x, y) => x - y).map(at);
        expect(expected.map((_, i) => set.nth(BigInt(i)))).toEqual(expected);
        expect(set.nth(set.size)).toBeUndefined();
        expect(set.nth(-1n)).toBeUndefined();
        expect(set.first(at(0).family)).toEqual(expected[0]);
        expect(PrefixSet.ofRanges(set.ranges(at(0).family)).equals(set)).toBe(true);
        expect(PrefixSet.ofAddresses(expected).equals(set)).toBe(true);
      }),
      tries(50, 10),
    );
  });
});

const prefixText = fc
  .tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(128))
  .filter(([text]) => parseAddress(text) !== undefined)
  .map(([text, n]) => {
    const result = parsePrefix(`${text}/${text.includes(':') ? n : n % 33}`, { hostBits: 'mask' });
    return 'value' in result ? PrefixSet.of([result.value]).toString() : '';
  })
  .filter((text) => text !== '');

test('membership is what ipaddr.js says, after any operation', () => {
  const memberByIpaddr = (texts: readonly string[], address: string): boolean => {
    const parsed = ipaddr.parse(address);
    return texts.some((text) => {
      const [net, length] = ipaddr.parseCIDR(text);
      return net.kind() === parsed.kind() && parsed.match(net, length);
    });
  };
  // Without `::1.2.3.4`, which ipaddr.js takes for `::ffff:1.2.3.4`.
  const probe = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => !text.includes('.')),
  );
  const texts = fc.array(prefixText, { maxLength: 8 });
  fc.assert(
    fc.property(texts, texts, fc.array(probe, { minLength: 1, maxLength: 8 }), (p, q, probes) => {
      const [a, b] = [PrefixSet.parse(p), PrefixSet.parse(q)];
      // The nets' own first addresses are where mistakes would show.
      for (const text of [...probes, ...[...p, ...q].map((net) => net.replace(/\/.*/, ''))]) {
        const address = parseAddress(text);
        if (address === undefined) continue;
        const [inA, inB] = [memberByIpaddr(p, text), memberByIpaddr(q, text)];
        expect(a.contains(address)).toBe(inA);
        expect(a.union(b).contains(address)).toBe(inA || inB);
        expect(a.intersect(b).contains(address)).toBe(inA && inB);
        expect(a.subtract(b).contains(address)).toBe(inA && !inB);
      }
    }),
    tries(300, 60),
  );
});

test('laws that hold across both families', () => {
  const sets = fc.array(prefixText, { maxLength: 8 }).map((texts) => PrefixSet.parse(texts));
  fc.assert(
    fc.property(sets, sets, sets, (a, b, c) => {
      expect(a.union(b).equals(b.union(a))).toBe(true);
      expect(a.subtract(b).union(a.intersect(b)).equals(a)).toBe(true);
      expect(a.union(b).complement().equals(a.complement().intersect(b.complement()))).toBe(true);
      expect(a.intersect(b.union(c)).equals(a.intersect(b).union(a.intersect(c)))).toBe(true);
      expect(a.complement().complement().equals(a)).toBe(true);
      expect(a.family(4).union(a.family(6)).equals(a)).toBe(true);
      expect(a.family(4).overlaps(a.family(6))).toBe(false);
      expect(PrefixSet.parse(a.toStrings()).equals(a)).toBe(true);
    }),
    tries(200, 40),
  );
});

test('everything and nothing', () => {
  expect(PrefixSet.all.toStrings()).toEqual(['0.0.0.0/0', '::/0']);
  expect(PrefixSet.all.size).toBe(2n ** 32n + 2n ** 128n);
  expect(PrefixSet.empty.toString()).toBe('');
  expect(PrefixSet.empty.complement().equals(PrefixSet.all)).toBe(true);
  expect(PrefixSet.all.nth(2n ** 32n)).toEqual(ipv6Address(0n));
  expect(PrefixSet.all.nth(2n ** 32n + 2n ** 128n - 1n)).toEqual(ipv6Address(LAST6));
  expect(PrefixSet.all.covers(PrefixSet.empty)).toBe(true);
  expect(PrefixSet.empty.covers(PrefixSet.empty)).toBe(true);
  expect(PrefixSet.empty.first(4)).toBeUndefined();
});

test('a range within one family, first to last', () => {
  expect(PrefixSet.range(ipv4Address(1), ipv4Address(3)).toString()).toBe('0.0.0.1/32, 0.0.0.2/31');
  expect(PrefixSet.range(ipv6Address(0n), ipv6Address(LAST6)).toString()).toBe('::/0');
  expect(() => PrefixSet.range(ipv4Address(3), ipv4Address(1))).toThrow('0.0.0.3-0.0.0.1 is not a range');
  expect(() => PrefixSet.range(ipv4Address(3), ipv6Address(4n))).toThrow('is not a range');
});
