import fc from 'fast-check';
import { expect, test } from 'vitest';
import { all, any, both, doubtful, type Holds, not, sure } from './doubt.ts';

// A doubt is a condition that could be either: what is said without doubts must hold whatever the doubts turn out to be.
interface Formula {
  readonly found: Holds;
  /** Both if it may be either. */
  readonly possible: readonly boolean[];
}

const leaf: fc.Arbitrary<Formula> = fc.oneof(
  fc.boolean().map((is): Formula => ({ found: sure(is), possible: [is] })),
  fc.boolean().map((is): Formula => ({ found: doubtful(is, 'doubt'), possible: [true, false] })),
);

const { formula } = fc.letrec<{ formula: Formula }>((tie) => ({
  formula: fc.oneof(
    { depthSize: 'small' },
    leaf,
    tie('formula').map((one): Formula => ({ found: not(one.found), possible: one.possible.map((is) => !is) })),
    fc.array(tie('formula'), { maxLength: 3 }).map(
      (some): Formula => ({
        found: all(some, ({ found }) => found),
        possible: [true, false].filter((is) =>
          is ? some.every((one) => one.possible.includes(true)) : some.some((one) => one.possible.includes(false)),
        ),
      }),
    ),
    fc.array(tie('formula'), { maxLength: 3 }).map(
      (some): Formula => ({
        found: any(some, ({ found }) => found),
        possible: [true, false].filter((is) =>
          is ? some.some((one) => one.possible.includes(true)) : some.every((one) => one.possible.includes(false)),
        ),
      }),
    ),
  ),
}));

test('no doubt means that it cannot be otherwise, and a doubt that it can', () => {
  fc.assert(
    fc.property(formula, ({ found, possible }) => {
      expect(possible).toContain(found.holds);
      expect(found.doubts.length === 0).toBe(possible.length === 1);
    }),
  );
});

test('conditions are asked while they matter', () => {
  const asked: string[] = [];
  const ask = (name: string, found: Holds) => () => {
    asked.push(name);
    return found;
  };
  expect(both(ask('a', doubtful(true, 'x')), ask('b', sure(false)), ask('c', sure(true)))).toEqual(sure(false));
  expect(asked).toEqual(['a', 'b']);
});
