import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { atOnce } from '../../base/pieces.ts';
import { without } from './narrowed.ts';

const addresses = (most: number): fc.Arbitrary<string[]> =>
  fc.uniqueArray(
    fc.nat(299).map((n) => `10.0.${n >> 8}.${n & 255}`),
    { maxLength: most },
  );

test('exactly those leave that are to go, however many these are, and however many are there', () => {
  const sizes = fc
    .constantFrom([3, 3], [3, 200], [200, 3], [150, 150])
    .chain(([there = 0, gone = 0]) => fc.tuple(addresses(there), addresses(gone)));
  fc.assert(
    fc.property(sizes, ([there, gone]) => {
      const map = BucketMap.from(there.map((address) => [address, 1]));
      const left = atOnce(without(map, gone));
      const expected = there.filter((address) => !gone.includes(address));
      expect([...left.keys()].sort()).toEqual(expected.sort());
      expect(left === map).toBe(expected.length === there.length);
    }),
    tries(300, 100),
  );
});
