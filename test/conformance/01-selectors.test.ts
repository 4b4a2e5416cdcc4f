import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSelector } from '../../src/selector/index.ts';
import { PATIENCE_MS, tries } from '../kit/runs.ts';
import { holdsFor, idOf, textOf, treeOf } from '../kit/slow-selector.ts';

// Policy semantics 1 against an independent reader. Every oddity by itself: src/selector/parser.test.ts and selector.test.ts.

/** Pieces of selectors, so that random texts are often right and mostly nearly right. */
const PIECES = [
  ['has(a)', 'has(', 'has (', 'all()', 'all(', 'global( )', 'global()', '(', ')', '!', '!!', '&&', '||', '&', '|'],
  ['==', '!=', '=', 'contains', 'starts with', 'startswith', 'ends  with', 'in', 'not in', 'notin', 'not\tin'],
  ["'x'", '"y"', "''", `'"'`, `"'"`, "'x", "{'x','y'}", "{'y', 'x', 'y',}", '{}', '{,}', "{'x' 'y'}", '{', '}', ','],
  [' ', ' ', ' ', '\t', '\n', '\r', '\u00a0', 'é', "a == 'x'", "b in {'x'}", "(a != 'y')", "!(b contains 'x')"],
].flat();
const piece = fc.constantFrom(...PIECES);
const nearlyRight = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));

const leaf = fc.constantFrom(
  "a == 'x'",
  "a != 'x'",
  "b in {'y', 'x'}",
  'b not in {}',
  'has(a)',
  'all()',
  'global()',
  "__proto__ contains ''",
  "a starts with 'x'",
  "b ends with 'y'",
);
const { right } = fc.letrec<{ right: string }>((tie) => ({
  right: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.tuple(fc.constantFrom('!', '! ', '!!', '!!!'), tie('right')).map(([not, text]) => `${not}(${text})`),
    fc.tuple(fc.constantFrom('!', '!!'), leaf).map(([not, text]) => not + text),
    fc
      .tuple(tie('right'), fc.constantFrom('&&', ' || '), tie('right'))
      .map(([one, operator, other]) => `${one}${operator}${other}`),
  ),
}));
const labels = fc
  .array(fc.tuple(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom('', 'x', 'y', 'xy')), { maxLength: 3 })
  .map((pairs) => new Map(pairs));

function check(text: string, ofPod: ReadonlyMap<string, string>): void {
  const tree = treeOf(text);
  const { value, diagnostics } = parseSelector(text);
  expect(value !== undefined).toBe(tree !== undefined);
  expect(diagnostics.length === 0).toBe(tree !== undefined);
  if (tree === undefined) return;
  expect(value?.canonical).toBe(textOf(tree));
  expect(value?.id).toBe(idOf('s', textOf(tree)));
  expect(value?.matches(ofPod)).toBe(holdsFor(tree, ofPod));
}

describe('1: selectors, against an independent reader', () => {
  test(
    '1.1 and 1.2 the same texts are right, wrong in one character or not',
    () => {
      fc.assert(fc.property(nearlyRight, labels, check), tries(1200, 400));
    },
    PATIENCE_MS,
  );

  test(
    '1.3 to 1.5 what is right means, prints and is called the same',
    () => {
      fc.assert(fc.property(right, labels, check), tries(400, 134));
    },
    PATIENCE_MS,
  );

  test('1.2.6 no length is too much for the parser', () => {
    const text = Array.from({ length: 2000 }, (_, at) => `a == '${at}'`).join(' || ');
    expect(parseSelector(text).value?.matches({ a: '1999' })).toBe(true);
  });

  test.each([
    ["a=='b'", 'a == "b"'],
    ["a!='b'", 'a != "b"'],
    ["a contains'b'", 'a contains "b"'],
    ["a startswith 'b'", 'a starts with "b"'],
    ["a ends\twith 'b'", 'a ends with "b"'],
    ["a in{'b'}", 'a in {"b"}'],
    ["a notin {'b'}", 'a not in {"b"}'],
    ['has( a )', 'has(a)'],
    ['all( )', 'all()'],
    ['global(\t)', 'global()'],
  ])('1.4.1 %s prints with one space on each side of its operator', (text, canonical) => {
    expect(parseSelector(text).value?.canonical).toBe(canonical);
  });

  test('1.4.6 canonical forms read as themselves, unless they negate a negation', () => {
    fc.assert(
      fc.property(right, (text) => {
        const { value } = parseSelector(text);
        const canonical = value?.canonical ?? '';
        if (!canonical.includes('!!')) expect(parseSelector(canonical).value?.canonical).toBe(canonical);
        expect(parseSelector(canonical).value?.canonical).toBe(textOf(treeOf(canonical) ?? { is: 'all' }));
      }),
      tries(200, 67),
    );
  });

  test('1.5 the id of all() is the one that Calico gives', () => {
    expect(parseSelector('').value?.id).toBe('s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug');
    expect(idOf('s', 'all()')).toBe('s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug');
  });
});
