import fc from 'fast-check';
import { expect, test } from 'vitest';
import { commonSupersequence } from './supersequence.ts';

test('each list is what its places hold, in their order', () => {
  const word = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 8 });
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (lists) => {
      const places = commonSupersequence(lists, (item) => item);
      for (const [user, list] of lists.entries())
        expect(places.filter(({ users }) => users.has(user)).map(({ item }) => item)).toEqual(list);
      expect(places.every(({ users }) => users.size > 0)).toBe(true);
    }),
  );
});

test('two lists have everything in common that they can', () => {
  const word = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
  // The textbook's table.
  const common = (a: readonly string[], b: readonly string[]): number => {
    const rows = [b.map(() => 0).concat(0)];
    for (const [i, left] of a.entries()) {
      const row = [0];
      for (const [j, right] of b.entries())
        row.push(left === right ? (rows[i]?.[j] ?? 0) + 1 : Math.max(rows[i]?.[j + 1] ?? 0, row[j] ?? 0));
      rows.push(row);
    }
    return rows.at(-1)?.at(-1) ?? 0;
  };
  fc.assert(
    fc.property(word, word, (a, b) => {
      expect(commonSupersequence([a, b], (item) => item)).toHaveLength(a.length + b.length - common(a, b));
    }),
  );
});

test('there is always room between two places', () => {
  // Each list puts its own word right before the end that all share.
  const lists = Array.from({ length: 200 }, (_, n) => [`own ${n}`, 'end']);
  const places = commonSupersequence(lists, (item) => item);
  expect(places.map(({ item }) => item)).toEqual([...lists.map(([own]) => own), 'end']);
});
