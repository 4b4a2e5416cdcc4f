import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../../test/kit/runs.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { EMPTY_TABLE, type NftMap, type NftSet, type NftTable } from '../table/model.ts';
import { objectDifference } from './object-difference.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3');
const comment = fc.constantFrom({}, { comment: 'one' }, { comment: 'two' });
const set = fc.tuple(fc.constantFrom<NftSet['type']>('address4', 'net4'), comment, fc.uniqueArray(address)).map(
  ([type, more, elements]): NftSet => ({
    type,
    ...more,
    elements: BucketMap.from(elements.map((one) => [one, true] as const)),
  }),
);
const map = fc.tuple(comment, fc.dictionary(address, fc.constantFrom('accept', 'drop'))).map(
  ([more, entries]): NftMap => ({
    type: 'address4:verdict',
    ...more,
    elements: BucketMap.from(Object.entries(entries)),
  }),
);
const table = fc
  .tuple(fc.uniqueArray(fc.tuple(name, set), { selector: ([one]) => one }), fc.dictionary(name, map))
  .map(([sets, maps]): NftTable => ({ ...EMPTY_TABLE, sets: new Map(sets), maps: new Map(Object.entries(maps)) }));

/** The slow way: objects as texts. */
function texts(objects: ReadonlyMap<string, NftSet | NftMap>): ReadonlyMap<string, string> {
  return new Map(
    [...objects].map(([key, { type, comment: words, elements }]) => [
      key,
      JSON.stringify([type, words, elements.sorted()]),
    ]),
  );
}

function apart(from: ReadonlyMap<string, NftSet | NftMap>, to: ReadonlyMap<string, NftSet | NftMap>): string[][] {
  const [before, after] = [texts(from), texts(to)];
  const changed = [...after].filter(([key, text]) => before.get(key) !== text).map(([key]) => key);
  const gone = [...before.keys()].filter((key) => !after.has(key));
  return [changed.sort(), gone.sort()];
}

const names = (objects: readonly (readonly [string, unknown])[]): string[] => objects.map(([one]) => one);

test('the objects of two tables differ where their type, their comment or an element does, however often and in turn they are asked', () => {
  fc.assert(
    fc.property(
      fc.array(table, { minLength: 2, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(3), fc.nat(3))),
      (tables, asked) => {
        for (const [i, j] of asked) {
          const [from = EMPTY_TABLE, to = EMPTY_TABLE] = [tables[i], tables[j]];
          const { sets, maps, goneSets, goneMaps } = objectDifference(from, to);
          expect([names(sets), names(goneSets)]).toEqual(apart(from.sets, to.sets));
          expect([names(maps), names(goneMaps)]).toEqual(apart(from.maps, to.maps));
          for (const [key, one] of sets) expect(to.sets.get(key)).toBe(one);
          for (const [key, one] of goneMaps) expect(from.maps.get(key)).toBe(one);
        }
      },
    ),
    tries(300, 60),
  );
});
