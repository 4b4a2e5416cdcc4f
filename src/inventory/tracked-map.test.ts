import fc from 'fast-check';
import { expect, test } from 'vitest';
import { atOnce } from '../base/pieces.ts';
import { TrackedMap } from './tracked-map.ts';

const key = fc.constantFrom('a', 'b', 'c');
const value = fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined });
const step = fc.oneof(fc.constant('take' as const), fc.tuple(key, value));

/** Every way to read a map, in no order. */
function read(map: ReadonlyMap<string, string>): readonly unknown[] {
  const visited: (readonly [string, string])[] = [];
  // oxlint-disable-next-line unicorn/no-array-for-each -- it is what is tested
  map.forEach((each, name) => visited.push([name, each]));
  const sorted = (entries: Iterable<unknown>): readonly string[] =>
    Array.from(entries, (entry) => JSON.stringify(entry)).sort();
  const asked = ['a', 'b', 'c', 'd'].map((name) => [map.get(name), map.has(name)]);
  return [map.size, asked, ...[visited, map, map.entries(), map.keys(), map.values()].map(sorted)];
}

test('shows what there is and what there was at the last take, and tells the difference', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const map = new TrackedMap<string>();
      const now = new Map<string, string>();
      let taken = new Map<string, string>();
      for (const each of steps) {
        if (each === 'take') {
          const { added, changed, removed, before } = atOnce(map.take());
          expect(added).toEqual([...now.keys()].filter((name) => !taken.has(name)).sort());
          const both = [...now.keys()].filter((name) => taken.has(name)).sort();
          expect(changed).toEqual(both.filter((name) => now.get(name) !== taken.get(name)));
          expect(removed).toEqual([...taken.keys()].filter((name) => !now.has(name)).sort());
          for (const name of [...added, ...changed, ...removed]) expect(before.get(name)).toBe(taken.get(name));
          taken = new Map(now);
        } else {
          const [name, put] = each;
          expect(map.put(name, put)).toBe(now.get(name) !== put);
          if (put === undefined) now.delete(name);
          else now.set(name, put);
        }
        expect(read(map.view)).toEqual(read(now));
        expect(read(map.taken)).toEqual(read(taken));
      }
    }),
  );
});
