import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IntegerLists } from './lists.ts';
import { Marks } from './marks.ts';

const LISTS = [0, 1, 2, 7, 300];

test('lists hold what arrays would hold, whatever became of their neighbours', () => {
  const step = fc.record({
    list: fc.constantFrom(...LISTS),
    kind: fc.constantFrom('push', 'push', 'push', 'push', 'fill', 'removeAt', 'retain', 'clear'),
    item: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const lists = new IntegerLists();
      const model = new Map<number, number[]>(LISTS.map((list) => [list, []]));
      for (const { list, kind, item } of steps) {
        const items = model.get(list) ?? [];
        if (kind === 'push') {
          lists.push(list, item);
          items.push(item);
        } else if (kind === 'fill') {
          const filled = Array.from({ length: Math.abs(item) % 40 }, (_, n) => n);
          lists.fill(list, Int32Array.from([...filled, item]), filled.length);
          model.set(list, filled);
        } else if (kind === 'clear') {
          lists.clear(list);
          model.set(list, []);
        } else if (kind === 'retain') {
          lists.retain(list, (one) => one % 2 === 0);
          model.set(
            list,
            items.filter((one) => one % 2 === 0),
          );
        } else if (items.length > 0) {
          const index = Math.abs(item) % items.length;
          lists.removeAt(list, index);
          const last = items.pop() ?? 0;
          if (index < items.length) items[index] = last;
        }
        for (const [number, expected] of model) {
          expect([...lists.copy(number)]).toEqual(expected);
          expect(lists.lengthOf(number)).toBe(expected.length);
          expect(lists.indexOf(number, item)).toBe(expected.indexOf(item));
        }
      }
    }),
  );
});

test('many lists, one after the other', () => {
  const lists = new IntegerLists();
  for (let list = 0; list < 5000; list++) lists.push(list, list);
  for (let list = 0; list < 5000; list++) expect([...lists.copy(list)]).toEqual([list]);
});

test('blocks that are given back are used again', () => {
  const lists = new IntegerLists();
  for (let round = 0; round < 1000; round++) {
    for (let n = 0; n < 100; n++) lists.push(round, n);
    lists.clear(round);
  }
  expect(lists.items.length).toBeLessThan(1000);
});

test('marks are a set that is emptied at once', () => {
  const marks = new Marks();
  expect([marks.add(5), marks.add(5), marks.has(5), marks.has(1000), marks.delete(1000)]).toEqual([
    true,
    false,
    true,
    false,
    false,
  ]);
  expect([marks.delete(5), marks.delete(5), marks.add(5), marks.add(70)]).toEqual([true, false, true, true]);
  marks.clear();
  expect([marks.has(5), marks.has(70), marks.add(5)]).toEqual([false, false, true]);
});
