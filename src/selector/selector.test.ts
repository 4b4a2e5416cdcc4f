import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { type Labels, type Selector, type SelectorNode, parseSelector, selectorOf } from './index.ts';

function read(text: string): Selector {
  const { value, diagnostics } = parseSelector(text);
  if (value === undefined) throw new Error(JSON.stringify(diagnostics));
  return value;
}

/** A selector as a test writes it: its text, its truth by plain recursion, its canonical text by plain recursion. */
interface Written {
  readonly text: string;
  readonly holds: (labels: ReadonlyMap<string, string>) => boolean;
  readonly canonical: string;
  /** Binding strength of the text: 1 disjunction, 2 conjunction, 3 operation. */
  readonly strength: 1 | 2 | 3;
}

const key = fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'in', '0');
const value = fc.constantFrom('', 'x', 'y', 'xy', "it's", 'say "x"', '\u{1f600}');
const blank = fc.constantFrom('', ' ', '\t', '  ');
const quoted = (text: string): string => (text.includes('"') ? `'${text}'` : `"${text}"`);

const comparison = fc
  .tuple(key, value, fc.constantFrom('==', '!=', 'contains', 'starts with', 'ends with'), blank, blank)
  .map(
    ([k, v, operator, before, after]): Written => ({
      text: `${k} ${before}${operator}${after}${quoted(v)}`,
      holds: (labels) => {
        const actual = labels.get(k);
        if (operator === '!=') return actual === undefined || actual !== v;
        if (actual === undefined) return false;
        if (operator === '==') return actual === v;
        if (operator === 'contains') return actual.split(v).length > 1 || v === '';
        if (operator === 'starts with') return actual.slice(0, v.length) === v;
        return v === '' || actual.slice(-v.length) === v;
      },
      canonical: `${k} ${operator} ${quoted(v)}`,
      strength: 3,
    }),
  );
const membership = fc
  .tuple(key, fc.uniqueArray(value, { maxLength: 3 }), fc.boolean(), blank)
  .map(([k, values, positive, space]): Written => {
    const sorted = values
      .map((v) => Buffer.from(v))
      .sort((a, b) => a.compare(b))
      .map((bytes) => quoted(bytes.toString()));
    return {
      text: `${k} ${positive ? 'in' : `not${space}in`}${space}{${values.map(quoted).join(`${space},`)}}`,
      holds: (labels) => {
        const actual = labels.get(k);
        return (actual !== undefined && values.some((v) => v === actual)) === positive;
      },
      canonical: `${k} ${positive ? 'in' : 'not in'} {${sorted.join(', ')}}`,
      strength: 3,
    };
  });
const call = fc.oneof(
  fc.tuple(key, blank).map(
    ([k, space]): Written => ({
      text: `has(${space}${k}${space})`,
      holds: (labels) => [...labels.keys()].includes(k),
      canonical: `has(${k})`,
      strength: 3,
    }),
  ),
  fc
    .constantFrom('all()', 'global()')
    .map((text): Written => ({ text, holds: () => true, canonical: text, strength: 3 })),
);
const leaf = fc.oneof(comparison, membership, call);
const { written } = fc.letrec<{ written: Written; group: Written; negation: Written }>((tie) => ({
  written: fc.oneof({ depthSize: 'medium', withCrossShrink: true }, leaf, tie('negation'), tie('group')),
  negation: fc.tuple(tie('written'), blank).map(
    ([operand, space]): Written => ({
      text: `!${space}${operand.strength < 3 ? `(${operand.text})` : operand.text}`,
      holds: (labels) => !operand.holds(labels),
      canonical: operand.canonical.startsWith('!') ? operand.canonical.slice(1) : `!${operand.canonical}`,
      strength: 3,
    }),
  ),
  group: fc
    .tuple(fc.boolean(), fc.array(tie('written'), { minLength: 2, maxLength: 4 }), blank, fc.boolean())
    .map(([both, operands, space, wrapped]): Written => {
      const strength = both ? 2 : 1;
      const text = operands
        .map((operand) => (operand.strength <= strength ? `(${operand.text})` : operand.text))
        .join(`${space}${both ? '&&' : '||'}${space}`);
      return {
        text: wrapped ? `(${text})` : text,
        holds: (labels) =>
          both ? operands.every((operand) => operand.holds(labels)) : operands.some((operand) => operand.holds(labels)),
        canonical: `(${operands.map((operand) => operand.canonical).join(both ? ' && ' : ' || ')})`,
        strength: wrapped ? 3 : strength,
      };
    }),
}));
const labelPairs = fc.array(fc.tuple(key, value), { maxLength: 5 }).map((pairs) => new Map(pairs));

describe('canonical form', () => {
  test('is what the rules of semantics 1.4 give, and parses to itself', () => {
    fc.assert(
      fc.property(written, ({ text, canonical }) => {
        const selector = read(text);
        expect(selector.canonical).toBe(canonical);
        const again = read(selector.canonical);
        expect(again.canonical).toBe(canonical);
        expect(again.id).toBe(selector.id);
        expect(again.node).toEqual(selector.node);
      }),
      tries(300, 60),
    );
  });

  test('ids are Calico ids', () => {
    expect(read('').id).toBe('s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug');
    expect(read('(  all( ))').id).toBe('s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug');
    expect(read('has(a)').id).toMatch(/^s:[A-Za-z0-9_-]{38}$/);
    expect(read('has(a)').id).not.toBe(read('has(b)').id);
  });
});

describe('matching', () => {
  test('agrees with plain recursion', () => {
    fc.assert(
      fc.property(written, labelPairs, ({ text, holds }, labels) => {
        const selector = read(text);
        expect(selector.matches(labels)).toBe(holds(labels));
        const record = Object.fromEntries([...labels].filter(([name]) => name !== '__proto__'));
        labels.delete('__proto__');
        expect(selector.matches(record)).toBe(holds(labels));
      }),
      tries(500, 100),
    );
  });

  test('absent labels', () => {
    const text = "a != 'x' && a not in {'x'} && !has(a) && !a == 'x' && !a contains ''";
    expect(read(text).matches({})).toBe(true);
    for (const part of text.split(' && ')) expect(read(part).matches({ a: 'x' })).toBe(false);
  });

  test('an empty value is present', () => {
    const labels = { a: '' };
    for (const text of ['has(a)', "a == ''", "a contains ''", "a starts with ''", "a ends with ''", "a in {''}"])
      expect(read(text).matches(labels)).toBe(true);
  });

  test('every text is the name of a label, never of an inherited property', () => {
    const own: Labels = JSON.parse('{"__proto__": "x", "toString": "y", "get": "z"}') as Record<string, string>;
    for (const text of ["__proto__ == 'x'", "toString == 'y'", "get == 'z'"])
      expect(read(text).matches(own)).toBe(true);
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'get', 'size']) {
      expect(read(`has(${name})`).matches({})).toBe(false);
      expect(read(`has(${name})`).matches(new Map())).toBe(false);
    }
  });
});

describe('selectors made by machines', () => {
  test('50,000 alternatives', () => {
    const text = Array.from({ length: 50_000 }, (_, index) => `app == 'app-${index}'`).join(' || ');
    const selector = read(text);
    expect(selector.canonical).toBe(`(${text.replaceAll("'", '"')})`);
    expect(selector.matches({ app: 'app-49999' })).toBe(true);
    expect(selector.matches({ app: 'app-50000' })).toBe(false);
  });

  test('20,000 nested groups', () => {
    const depth = 20_000;
    const text = `${'!(has(x) || '.repeat(depth)}has(a)${')'.repeat(depth)}`;
    const selector = read(text);
    expect(selector.canonical).toBe(text);
    expect(selector.id).toBe(read(selector.canonical).id);
    expect(selector.matches({ a: '' })).toBe(depth % 2 === 0);
    expect(selector.matches({ x: '' })).toBe(false);
    expect(read(`${'('.repeat(depth)}has(a)${')'.repeat(depth)}`).canonical).toBe('has(a)');
  });

  test('a group that is never closed', () => {
    expect(parseSelector('('.repeat(20_000)).diagnostics[0]?.at).toEqual({ line: 1, column: 20_001 });
  });
});

test('a tree built in code is the selector of its text', () => {
  const node: SelectorNode = read("a in {'x'} && !(b == 'y' || has(c))").node;
  expect(selectorOf(node).canonical).toBe('(a in {"x"} && !(b == "y" || has(c)))');
});
