import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Filter, parseFilter, satisfies } from './filter.ts';

const tags = ['k8s.web', 'prod', 'and', 'a b', '(x)'];
const filter = fc.letrec<{ any: Filter }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(...tags).map((tag): Filter => ({ kind: 'tag', tag })),
    fc
      .record({ kind: fc.constantFrom('and' as const, 'or' as const), left: tie('any'), right: tie('any') })
      .map((one): Filter => one),
  ),
})).any;

const print = (one: Filter): string =>
  one.kind === 'tag' ? `'${one.tag}'` : `(${print(one.left)} ${one.kind} ${print(one.right)})`;
const means = (one: Filter, held: readonly string[]): boolean => {
  if (one.kind === 'tag') return held.includes(one.tag);
  const [left, right] = [means(one.left, held), means(one.right, held)];
  return one.kind === 'and' ? left && right : left || right;
};

describe('filters of dynamic groups', () => {
  test('mean what they say', () => {
    fc.assert(
      fc.property(filter, fc.subarray(tags), (one, held) => {
        const text = print(one);
        const read = parseFilter(text);
        if (read === undefined) throw new Error(`${text} is no filter`);
        const set = new Set(held);
        expect(satisfies(read, (tag) => set.has(tag))).toBe(means(one, held));
      }),
    );
  });

  test('`and` binds closer than `or`', () => {
    const read = parseFilter("'a' or 'b' and 'c'");
    expect(read).toMatchObject({ kind: 'or', right: { kind: 'and' } });
    expect(parseFilter('"a" AND b')).toMatchObject({ kind: 'and', right: { tag: 'b' } });
  });

  test.each(['', ' ', "'a", "'a' 'b'", 'a b', "and 'a'", "'a' or", "('a'", "'a')", '()', "''", "not 'a'", "'a' & 'b'"])(
    '%s is none',
    (text) => expect(parseFilter(text)).toBe(undefined),
  );
});
