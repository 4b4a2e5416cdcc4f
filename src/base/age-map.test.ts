import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { AgeMap } from './age-map.ts';

test('entries stand in the order in which they were set last, and the oldest goes first', () => {
  const act = fc.oneof(
    { weight: 3, arbitrary: fc.record({ does: fc.constant('set' as const), key: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('delete' as const), key: fc.nat(9) }) },
    { weight: 3, arbitrary: fc.record({ does: fc.constant('take' as const), key: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const map = new AgeMap<number, string>();
      let plain: [number, string][] = [];
      for (const [n, { does, key }] of acts.entries()) {
        const without = plain.filter(([one]) => one !== key);
        if (does === 'set') {
          map.set(key, `${n}`);
          plain = [...without, [key, `${n}`]];
        } else if (does === 'delete') {
          expect(map.delete(key)).toBe(without.length < plain.length);
          plain = without;
        } else expect(map.takeOldest()).toEqual(plain.shift());
        expect([...map]).toEqual(plain);
        expect(map.size).toBe(plain.length);
        expect(map.get(key)).toBe(plain.find(([one]) => one === key)?.[1]);
        expect(map.has(key)).toBe(plain.some(([one]) => one === key));
      }
    }),
    tries(500),
  );
});

test('what was given last may be removed while all are gone through', () => {
  const map = new AgeMap<number, number>();
  for (const key of [1, 2, 3, 4]) map.set(key, key);
  const seen: number[] = [];
  for (const [key] of map) {
    seen.push(key);
    if (key % 2 === 0) map.delete(key);
  }
  expect(seen).toEqual([1, 2, 3, 4]);
  expect([...map]).toEqual([
    [1, 1],
    [3, 3],
  ]);
});
