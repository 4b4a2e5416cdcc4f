import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aggregate, subtract } from '../../src/ip/index.ts';
import { PATIENCE_MS, tries } from '../kit/runs.ts';
import { type Block, addressText, blockOf, blockText } from '../kit/slow-address.ts';

// Policy semantics 15.1 to 15.4 against BigInts. 15.5 to 15.9 are about lists of rules and are shown where those are compiled and compared.

/** Nets of a few bits at the ends and in the middle of both families, so that they touch, cover and join. */
const net = fc
  .tuple(
    fc.constantFrom(
      '10.0.0.0',
      '0.0.0.0',
      '255.255.255.240',
      'fd00::',
      '::',
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0',
      'fd00::ffff:ffff:fff8',
    ),
    fc.nat({ max: 15 }),
    fc.nat({ max: 5 }),
    fc.boolean(),
  )
  .map(([base, offset, host, wide]) => {
    const { family, first } = blockOf(base);
    const width = family === 4 ? 32 : 128;
    const length = wide && host === 5 ? 0 : wide && host === 4 ? (width - 64 < 0 ? 8 : width - 64) : width - host;
    return blockText(blockOf(`${addressText(family, first + BigInt(offset))}/${length}`));
  });
const nets = fc.array(net, { maxLength: 8 });

/** Sorted, merged runs of addresses of one family. */
type Run = { first: bigint; last: bigint };
function runs(list: readonly string[], family: 4 | 6): Run[] {
  const merged: Run[] = [];
  const sorted = list
    .map(blockOf)
    .filter((one) => one.family === family)
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  for (const { first, last } of sorted) {
    const open = merged.at(-1);
    if (open !== undefined && first <= open.last + 1n) open.last = last > open.last ? last : open.last;
    else merged.push({ first, last });
  }
  return merged;
}

function without(list: readonly string[], except: readonly string[], family: 4 | 6): Run[] {
  let left = runs(list, family);
  for (const hole of runs(except, family))
    left = left.flatMap(({ first, last }) => [
      ...(first < hole.first ? [{ first, last: last < hole.first ? last : hole.first - 1n }] : []),
      ...(last > hole.last ? [{ first: first > hole.last ? first : hole.last + 1n, last }] : []),
    ]);
  return left;
}

/** The largest aligned blocks that fit, from the left: the minimal cover. */
function cover(run: Run, family: 4 | 6): string[] {
  const width = family === 4 ? 32 : 128;
  const blocks: Block[] = [];
  for (let at = run.first; at <= run.last; ) {
    let bits = 0;
    while (bits < width && at % (1n << BigInt(bits + 1)) === 0n && at + (1n << BigInt(bits + 1)) - 1n <= run.last)
      bits++;
    blocks.push({ family, first: at, last: at + (1n << BigInt(bits)) - 1n, length: width - bits });
    at += 1n << BigInt(bits);
  }
  return blocks.map(blockText);
}

const both = (make: (family: 4 | 6) => string[]): string[] => [...make(4), ...make(6)];

describe('15: algebra of CIDRs', () => {
  test(
    '15.1 the minimal cover, sorted, and one for equal sets',
    () => {
      fc.assert(
        fc.property(nets, (list) => {
          const expected = both((family) => runs(list, family).flatMap((run) => cover(run, family)));
          expect(aggregate(list)).toEqual(expected);
          expect(aggregate([...list].reverse().concat(list))).toEqual(expected);
          expect(aggregate(expected)).toEqual(expected);
        }),
        tries(600, 200),
      );
    },
    PATIENCE_MS,
  );

  test(
    '15.2 difference',
    () => {
      fc.assert(
        fc.property(nets, nets, (list, except) => {
          const expected = both((family) => without(list, except, family).flatMap((run) => cover(run, family)));
          expect(subtract(list, except)).toEqual(expected);
        }),
        tries(600, 200),
      );
    },
    PATIENCE_MS,
  );

  test.each<[string[], string[]]>([
    [[], []],
    [['10.0.0.0/25', '10.0.0.128/25'], ['10.0.0.0/24']],
    [
      ['10.0.0.128/25', '10.0.1.0/25'],
      ['10.0.0.128/25', '10.0.1.0/25'],
    ],
    [['10.0.0.1'], ['10.0.0.1/32']],
    [
      ['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1'],
      ['0.0.0.0/0', '::/0'],
    ],
    [
      ['2001:DB8::/33', '2001:db8:8000::/33', '10.0.0.0/8'],
      ['10.0.0.0/8', '2001:db8::/32'],
    ],
  ])('15.1 and 15.3 exactly these addresses, never more: %j', (list, expected) => {
    expect(aggregate(list)).toEqual(expected);
  });

  test.each<[string[], string[], string[]]>([
    [['10.0.0.0/30'], ['10.0.0.1/32'], ['10.0.0.0/32', '10.0.0.2/31']],
    [['0.0.0.0/0'], ['0.0.0.0/0'], []],
    [['255.255.255.254/31'], ['255.255.255.255/32'], ['255.255.255.254/32']],
    [['fd00::/126'], ['fd00::3/128', '10.0.0.0/8'], ['fd00::/127', 'fd00::2/128']],
  ])('15.4 an except is expanded to what is left: %j without %j', (list, except, expected) => {
    expect(subtract(list, except)).toEqual(expected);
  });
});
