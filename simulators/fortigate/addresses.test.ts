import { BlockList, isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  maskLength,
  maskOf,
  readAddress4,
  readAddress6,
  readEntry,
  writeAddress,
  writeAddress4,
  writeAddress6,
} from './addresses.ts';

// The oracle is Node's own reading of addresses.
const texts4 = fc.oneof(fc.ipV4(), fc.ipV4Extended(), fc.stringMatching(/^[0-9.]{1,15}$/));
const texts6 = fc.oneof(fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{1,30}$/));

test('the same texts are addresses as elsewhere', () => {
  fc.assert(fc.property(texts4, (text) => (readAddress4(text) !== undefined) === isIPv4(text)));
  fc.assert(fc.property(texts6, (text) => (readAddress6(text) !== undefined) === isIPv6(text)));
});

test('what is written is read as the same, and IPv6 as the URL writes it', () => {
  fc.assert(fc.property(fc.ipV4(), (text) => writeAddress4(readAddress4(text) ?? 0n) === text));
  fc.assert(
    fc.property(
      fc.ipV6(),
      (text) => writeAddress6(readAddress6(text) ?? 0n) === new URL(`http://[${text}]`).hostname.slice(1, -1),
    ),
  );
});

test('prefixes and ranges hold the addresses that they should', () => {
  const families = [
    { family: 4, name: 'ipv4', bits: 32 },
    { family: 6, name: 'ipv6', bits: 128 },
  ] as const;
  fc.assert(
    fc.property(
      fc.constantFrom(...families),
      fc.bigInt(0n, (1n << 128n) - 1n),
      fc.nat(128),
      fc.bigInt(-9n, 9n),
      (of, seed, l, offset) => {
        const length = l % (of.bits + 1);
        const size = 1n << BigInt(of.bits - length);
        const from = ((seed % (1n << BigInt(of.bits))) / size) * size;
        const range = readEntry(`${writeAddress(of.family, from)}/${length}`);
        const oracle = new BlockList();
        oracle.addSubnet(writeAddress(of.family, from), length, of.name);
        const edge = seed % 2n === 0n ? from : from + size - 1n;
        const probe = edge + offset;
        if (range === undefined || probe < 0n || probe >= 1n << BigInt(of.bits)) return range !== undefined;
        return (probe >= range.from && probe <= range.to) === oracle.check(writeAddress(of.family, probe), of.name);
      },
    ),
  );
});

test('entries that are none', () => {
  for (const text of [
    '',
    '10.0.0.1/8',
    '10.0.0.9-10.0.0.1',
    '10.0.0.1-fd00::1',
    '10.0.0.1/33',
    'a-b-c',
    '10.0.0.1/8/8',
    '010.0.0.1',
  ])
    expect(readEntry(text), text).toBeUndefined();
  expect(readEntry('10.0.0.1 - 10.0.0.3')).toEqual({ family: 4, from: 0x0a000001n, to: 0x0a000003n });
});

test('masks', () => {
  for (let length = 0; length <= 32; length++) expect(maskLength(maskOf(length))).toBe(length);
  expect(maskLength(readAddress4('255.0.255.0') ?? 0n)).toBeUndefined();
});
