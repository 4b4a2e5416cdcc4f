import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { HEADER_BYTES, readName, type Tails } from './wire-name.ts';

test('what was read before of a message changes no name in it', () => {
  /** Labels, ends and jumps, mostly to what stands before. */
  const octet = fc.oneof(
    fc.constantFrom(0, 1, 2, 0xc0, 0xc0, 97, 46),
    fc.integer({ min: HEADER_BYTES, max: 60 }),
    fc.constantFrom(63, 0xc1, 0x41),
  );
  fc.assert(
    fc.property(fc.array(octet, { minLength: 20, maxLength: 120 }), fc.boolean(), (octets, backwards) => {
      const bytes = Buffer.from([...Buffer.alloc(HEADER_BYTES), ...octets]);
      const places = octets.map((_, n) => n + HEADER_BYTES);
      const tails: Tails = new Map();
      for (const at of backwards ? places.toReversed() : places)
        expect(readName(bytes, at, tails), `at ${at}`).toEqual(readName(bytes, at));
    }),
    tries(3_000, 600),
  );
});

test('limits of length and jumps hold for names that lead to what was read before', () => {
  const label = (size: number): readonly number[] => [size, ...Array.from({ length: size }, () => 97)];
  const long = [...[63, 63, 63].flatMap(label), ...label(60), 0];
  const end = HEADER_BYTES + long.length;
  const bytes = Buffer.from([...Buffer.alloc(HEADER_BYTES), ...long, 0xc0, HEADER_BYTES, 1, 98, 0xc0, HEADER_BYTES]);
  const tails: Tails = new Map();
  expect(readName(bytes, end, tails)?.text).toHaveLength(253);
  expect(readName(bytes, end + 2, tails)).toBeUndefined();
  const shorter = [63, 63, 63].flatMap(label);
  const twice = Buffer.from([
    ...Buffer.alloc(HEADER_BYTES),
    ...shorter,
    0,
    ...label(50),
    0xc0,
    HEADER_BYTES,
    ...label(60),
    0xc0,
    HEADER_BYTES,
  ]);
  const at = HEADER_BYTES + shorter.length + 1;
  const once: Tails = new Map();
  expect([readName(twice, at, once), readName(twice, at + 53, once)].map((name) => name?.text.length)).toEqual([
    243, 253,
  ]);
  const jumps = Array.from({ length: 80 }, (_, n) => {
    const before = n === 0 ? HEADER_BYTES : HEADER_BYTES + 1 + (n - 1) * 2;
    return [0xc0 | (before >> 8), before & 255];
  });
  const chain = Buffer.from([...Buffer.alloc(HEADER_BYTES), 0, ...jumps.flat()]);
  const known: Tails = new Map();
  const read = jumps.map((_, n) => readName(chain, HEADER_BYTES + 1 + n * 2, known)?.text);
  expect(read).toEqual(jumps.map((_, n) => (n < 64 ? '.' : undefined)));
});

test('names that lead to a long one are no more work than their own octets', () => {
  const label = [63, ...Array.from({ length: 63 }, () => 1)];
  const long = [...label, ...label, ...label, 0];
  const names = Array.from({ length: 5_000 }, () => [1, 98, 0xc0, HEADER_BYTES]);
  const octets = Buffer.from([...Buffer.alloc(HEADER_BYTES), ...long, ...names.flat()]);
  let looked = 0;
  const watched = new Proxy(octets, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) looked++;
      return Reflect.get(target, key, target) as unknown;
    },
  });
  const tails: Tails = new Map();
  for (const [n] of names.entries()) {
    const name = readName(watched, HEADER_BYTES + long.length + n * 4, tails);
    expect(name?.text.length).toBe(2 + 3 * (63 * 4 + 1));
  }
  expect(looked).toBeLessThan(octets.length * 3);
});
