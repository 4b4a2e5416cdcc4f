import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MultiMap } from './multi-map.ts';

const step = fc.record({ add: fc.boolean(), key: fc.constantFrom(1, 2), value: fc.constantFrom('a', 'b', '') });

test('holds what a map of sets holds, after every step', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const map = new MultiMap<number>();
      const model = new Map([1, 2].map((key) => [key, new Set<string>()]));
      for (const { add, key, value } of steps) {
        if (add) {
          map.add(key, value);
          model.get(key)?.add(value);
        } else {
          map.delete(key, value);
          model.get(key)?.delete(value);
        }
        for (const [each, values] of model) {
          expect([...map.get(each)].sort()).toEqual([...values].sort());
          expect(map.count(each)).toBe(values.size);
          for (const text of ['a', 'b', '']) expect(map.has(each, text)).toBe(values.has(text));
        }
      }
    }),
  );
});
