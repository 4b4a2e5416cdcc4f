import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Incidence } from './label-index-incidence.ts';

function row(relation: Incidence, number: number): number[] {
  const columns: number[] = [];
  for (let cell = relation.firstInRow(number); cell !== 0; cell = relation.nextInRow(cell)) {
    expect(relation.rowOf(cell)).toBe(number);
    columns.push(relation.columnOf(cell));
  }
  return columns;
}

function column(relation: Incidence, number: number): number[] {
  const rows: number[] = [];
  for (let cell = relation.firstInColumn(number); cell !== 0; cell = relation.nextInColumn(cell)) {
    expect(relation.columnOf(cell)).toBe(number);
    rows.push(relation.rowOf(cell));
  }
  return rows;
}

test('rows and columns are what was added and not removed, newest first', () => {
  const number = fc.constantFrom(1, 2, 3, 100, 1000);
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number), { maxLength: 40 }), (pairs) => {
      const relation = new Incidence();
      let model: (readonly [number, number])[] = [];
      for (const [r, c] of pairs) {
        if (model.some(([a, b]) => a === r && b === c)) {
          let cell = relation.firstInRow(r);
          while (relation.columnOf(cell) !== c) cell = relation.nextInRow(cell);
          relation.remove(cell);
          model = model.filter(([a, b]) => a !== r || b !== c);
        } else {
          relation.add(r, c);
          model.unshift([r, c]);
        }
        for (const n of [1, 2, 3, 100, 1000, 5000]) {
          expect(row(relation, n)).toEqual(model.filter(([a]) => a === n).map(([, b]) => b));
          expect(column(relation, n)).toEqual(model.filter(([, b]) => b === n).map(([a]) => a));
        }
      }
    }),
  );
});

test('a walk may remove what it has passed', () => {
  const relation = new Incidence();
  for (let n = 1; n <= 1000; n++) relation.add(1, n);
  for (let cell = relation.firstInRow(1); cell !== 0; ) {
    const next = relation.nextInRow(cell);
    if (relation.columnOf(cell) % 2 === 0) relation.remove(cell);
    cell = next;
  }
  expect(row(relation, 1)).toHaveLength(500);
  expect(column(relation, 2)).toEqual([]);
  expect(column(relation, 3)).toEqual([1]);
});
