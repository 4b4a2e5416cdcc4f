import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEAD_MARK } from './model.ts';
import { numberVerdicts } from './structure.ts';

test('every class has a number of its own, whatever the order, and none has the bit of cut connections', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { maxLength: 200 }), (ids) => {
      const verdicts = ids.map((id) => `goto c4_${id}`);
      const numbers = numberVerdicts(verdicts);
      expect(new Set(numbers.values()).size).toBe(ids.length);
      expect(new Map(numberVerdicts(verdicts.toReversed()))).toEqual(new Map(numbers));
      for (const number of numbers.values()) {
        expect(Number(number)).toBeGreaterThan(0);
        expect(Number(number) & DEAD_MARK).toBe(0);
      }
    }),
    { numRuns: 30 },
  );
});
