import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Restrictions, parseSelector, restrictionsOf, selectorOf } from './index.ts';
import { type SelectorNode, and, contains, equal, global, has, isIn, not, notEqual, notIn, or } from './node.ts';

/** One line per label, sorted; `never` where nothing can match. */
function show(restrictions: Restrictions): string {
  if (!restrictions.satisfiable) return 'never';
  return [...restrictions.bounds]
    .map(([key, bound]) => `${key}:${bound.kind === 'oneOf' ? [...bound.values].sort().join('|') : bound.kind}`)
    .sort()
    .join(' ');
}

describe('bounds', () => {
  test.each([
    ["a == 'x'", 'a:x'],
    ["a in {'x', 'y'}", 'a:x|y'],
    ['a in {}', 'never'],
    ['has(a)', 'a:present'],
    ["a contains 'x'", 'a:present'],
    ['!has(a)', 'a:absent'],
    ["a != 'x'", ''],
    ["a not in {'x'}", ''],
    ['all()', ''],
    ['!global()', 'never'],
    ["!a != 'x'", 'a:x'],
    ["!a not in {'x', 'y'}", 'a:x|y'],
    ["!a == 'x'", ''],
    ["!a contains 'x'", ''],
    ["a in {'x', 'y'} && a in {'y', 'z'} && has(b)", 'a:y b:present'],
    ["a == 'x' && a == 'y'", 'never'],
    ['has(a) && !has(a)', 'never'],
    ["a == 'x' && b == 'y' || a == 'z' && has(b) && has(c)", 'a:x|z b:present'],
    ["a == 'x' || has(b)", ''],
    ["a == 'x' || !has(a)", ''],
    ["a == 'x' || a in {}", 'a:x'],
    ["!(a != 'x' || b != 'y')", 'a:x b:y'],
    ["!(a != 'x' && a != 'y')", 'a:x|y'],
    ['!(has(a) && has(b))', ''],
  ])('%s', (text, expected) => {
    const { value } = parseSelector(text);
    if (value === undefined) throw new Error('unreadable');
    expect(show(restrictionsOf(value.node))).toBe(expected);
  });
});

const key = fc.constantFrom('a', 'b');
const value = fc.constantFrom('x', 'y', 'z');
const { node } = fc.letrec<{ node: SelectorNode }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.tuple(key, value).map(([k, v]) => equal(k, v)),
    fc.tuple(key, value).map(([k, v]) => notEqual(k, v)),
    fc.tuple(key, fc.array(value)).map(([k, v]) => isIn(k, v)),
    fc.tuple(key, fc.array(value)).map(([k, v]) => notIn(k, v)),
    fc.tuple(key, value).map(([k, v]) => contains(k, v)),
    key.map(has),
    fc.constant(global()),
    tie('node').map(not),
    fc.array(tie('node'), { maxLength: 3 }).map((nodes) => and(...nodes)),
    fc.array(tie('node'), { maxLength: 3 }).map((nodes) => or(...nodes)),
  ),
}));

test('every match satisfies the bounds', () => {
  const choices = [undefined, 'x', 'y', 'z', 'other'];
  fc.assert(
    fc.property(node, (tree) => {
      const selector = selectorOf(tree);
      const restrictions = restrictionsOf(tree);
      for (const a of choices)
        for (const b of choices) {
          const labels = new Map<string, string>();
          if (a !== undefined) labels.set('a', a);
          if (b !== undefined) labels.set('b', b);
          if (!selector.matches(labels)) continue;
          if (!restrictions.satisfiable) throw new Error(`matches although nothing can: ${selector.canonical}`);
          for (const [name, bound] of restrictions.bounds) {
            const actual = labels.get(name);
            expect(bound.kind === 'absent').toBe(actual === undefined);
            if (bound.kind === 'oneOf') expect(bound.values).toContain(actual);
          }
        }
    }),
    { numRuns: 300 },
  );
});

test('wide and deep trees', () => {
  const wide = or(...Array.from({ length: 50_000 }, (_, index) => equal('app', String(index))));
  const bound = restrictionsOf(wide);
  expect(bound.satisfiable && bound.bounds.get('app')).toMatchObject({ kind: 'oneOf' });
  let deep: SelectorNode = has('a');
  for (let depth = 0; depth < 20_000; depth++) deep = or(equal('a', String(depth)), not(not(deep)));
  expect(show(restrictionsOf(deep))).toBe('a:present');
});
