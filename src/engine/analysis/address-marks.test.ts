import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { type Address, type Family, compareAddresses, ipv4Address, ipv6Address } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { markAddresses } from './address-marks.ts';

/** The first four addresses of a family, two in the middle, and the last four. */
function placesOf(family: Family): readonly Address[] {
  const end = family === 4 ? 2n ** 32n : 2n ** 128n;
  const values = [0n, 1n, 2n, 3n, 1000n, 1001n, end - 4n, end - 3n, end - 2n, end - 1n];
  return values.map((value) => (family === 4 ? ipv4Address(Number(value)) : ipv6Address(value)));
}

describe.each([4, 6] as const)('IPv%i', (family) => {
  const places = placesOf(family);
  const range = fc
    .tuple(fc.constantFrom(...places), fc.constantFrom(...places))
    .map((ends) => ends.toSorted(compareAddresses) as [Address, Address]);
  const set = fc.array(range, { maxLength: 3 }).map((ranges) => PrefixSet.ofRanges(ranges));

  test('every address has the mark of the sets that hold it, points apart from others', () => {
    fc.assert(
      fc.property(fc.array(set, { maxLength: 4 }), fc.subarray([...places]), (sets, points) => {
        const { marks, ofPoint, others } = markAddresses(family, sets, points);
        for (const address of places) {
          const mark = sets.flatMap((each, place) => (each.contains(address) ? [place] : []));
          const point = points.indexOf(address);
          if (point >= 0) expect(marks[ofPoint[point] ?? -1]).toEqual(mark);
          else expect(marks.filter((_, number) => others[number]?.contains(address))).toEqual([mark]);
        }
        expect(new Set(marks.map((mark) => mark.join(' '))).size).toBe(marks.length);
      }),
      tries(300, 60),
    );
  });
});
