import fc from 'fast-check';
import { expect, test } from 'vitest';
import { atOnce, each, sorted } from './pieces.ts';

test('visits every item once, in order, however often it is left', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 500 }), (items) => {
      const visited: number[] = [];
      const work = each(items, (item) => visited.push(item));
      let pauses = 0;
      while (work.next().done !== true) pauses++;
      expect(visited).toEqual(items);
      expect(pauses).toBe(Math.floor(items.length / 64));
    }),
  );
});

test('at once gives what the work comes to', () => {
  const work = function* (): Generator<undefined, string> {
    yield;
    yield;
    return 'done';
  };
  expect(atOnce(work())).toBe('done');
});

test('sorts as toSorted does, in pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat()), { maxLength: 3_000, size: 'max' }), (items) => {
      const compare = (a: readonly number[], b: readonly number[]): number => (a[0] ?? 0) - (b[0] ?? 0);
      expect(atOnce(sorted(items, compare))).toEqual(items.toSorted(compare));
    }),
    { numRuns: 30 },
  );
});
