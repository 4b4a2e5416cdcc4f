import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compactTexts } from './text-map.ts';

const name = fc.oneof(fc.constantFrom('a', 'b', 'a,b', '__proto__', 'constructor', ''), fc.string({ maxLength: 3 }));
const map = fc
  .array(fc.tuple(name, fc.string({ maxLength: 2 })), { maxLength: 40, size: 'max' })
  .map((entries) => new Map(entries));

test('compact texts are the map they were made of, whoever else has the same names', () => {
  fc.assert(
    fc.property(map, map, name, (texts, others, any) => {
      for (const [made, model] of [texts, others].map((each) => [compactTexts(each), each] as const)) {
        expect([...made]).toEqual([...model]);
        expect([...made.keys()]).toEqual([...model.keys()]);
        expect([...made.values()]).toEqual([...model.values()]);
        expect(made.size).toBe(model.size);
        const visited: (readonly [string, string])[] = [];
        // oxlint-disable-next-line unicorn/no-array-for-each -- it is what is tested
        made.forEach((value, key) => visited.push([key, value]));
        expect(visited).toEqual([...model]);
        for (const key of [...texts.keys(), ...others.keys(), any])
          expect([made.get(key), made.has(key)]).toEqual([model.get(key), model.has(key)]);
      }
    }),
  );
});
