import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Relation } from './relation.ts';

function row(relation: Relation, number: number): number[] {
  const { rows } = relation;
  const start = rows.startOf(number);
  return Array.from(rows.items.subarray(start, start + rows.lengthOf(number)));
}

const sorted = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);

test('rows and columns are what was added and not removed', () => {
  const number = fc.constantFrom(1, 2, 3, 100, 1000);
  const pairs = fc.array(fc.tuple(number, number, fc.constantFrom('toggle', 'clear', 'look')), { maxLength: 80 });
  fc.assert(
    fc.property(pairs, (steps) => {
      const relation = new Relation();
      let model: (readonly [number, number])[] = [];
      for (const [r, c, step] of steps) {
        const related = model.some(([a, b]) => a === r && b === c);
        expect(relation.has(r, c)).toBe(related);
        expect(relation.sizeOf(c)).toBe(model.filter(([, b]) => b === c).length);
        if (step === 'look') {
          expect(sorted(relation.rowsIn(c))).toEqual(sorted(model.filter(([, b]) => b === c).map(([a]) => a)));
        } else if (step === 'clear') {
          relation.clearRow(r);
          model = model.filter(([a]) => a !== r);
        } else if (related) {
          relation.remove(r, c);
          model = model.filter(([a, b]) => a !== r || b !== c);
        } else {
          relation.add(r, c);
          model.push([r, c]);
        }
        for (const n of [1, 2, 3, 100, 1000, 5000])
          expect(sorted(row(relation, n))).toEqual(sorted(model.filter(([a]) => a === n).map(([, b]) => b)));
      }
      for (const n of [1, 2, 3, 100, 1000, 5000])
        expect(sorted(relation.rowsIn(n))).toEqual(sorted(model.filter(([, b]) => b === n).map(([a]) => a)));
    }),
  );
});

test('a row keeps the order in which it was filled', () => {
  const relation = new Relation();
  for (const column of [5, 3, 9]) relation.add(1, column);
  expect(row(relation, 1)).toEqual([5, 3, 9]);
});

test('a column may be walked while its rows leave', () => {
  const relation = new Relation();
  for (let n = 1; n <= 1000; n++) relation.add(n, 1);
  for (const n of relation.rowsIn(1)) if (n % 2 === 0) relation.remove(n, 1);
  expect(relation.sizeOf(1)).toBe(500);
  expect([...relation.rowsIn(1)].every((n) => n % 2 === 1)).toBe(true);
});
