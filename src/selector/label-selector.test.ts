import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type LabelSelector, checkLabelSelector, labelSelectorNode, labelSelectorTerms } from './label-selector.ts';
import { labelKeyProblem, labelValueProblem } from './label-syntax.ts';
import { parseSelector, selectorOf } from './selector.ts';

const selector = (
  matchLabels: Record<string, string>,
  matchExpressions: LabelSelector['matchExpressions'] = [],
): LabelSelector => ({ matchLabels: new Map(Object.entries(matchLabels)), matchExpressions });

describe('as a selector', () => {
  test('labels by key, then expressions as written', () => {
    const node = labelSelectorNode(
      selector({ tier: 'be', app: 'web' }, [
        { key: 'z', operator: 'In', values: ['b', 'a'] },
        { key: 'y', operator: 'NotIn', values: ['c'] },
        { key: 'x', operator: 'Exists', values: [] },
        { key: 'w', operator: 'DoesNotExist', values: [] },
      ]),
    );
    expect(selectorOf(node).canonical).toBe(
      '(app == "web" && tier == "be" && z in {"a", "b"} && y not in {"c"} && has(x) && !has(w))',
    );
  });

  test('empty selects everything, one term stands alone', () => {
    expect(selectorOf(labelSelectorNode(selector({}))).canonical).toBe('all()');
    expect(labelSelectorTerms(selector({}))).toEqual([]);
    expect(selectorOf(labelSelectorNode(selector({ a: '' }))).canonical).toBe('a == ""');
  });

  test('NotIn and DoesNotExist hold where the key is absent', () => {
    const absent = selector({}, [
      { key: 'a', operator: 'NotIn', values: ['x'] },
      { key: 'a', operator: 'DoesNotExist', values: [] },
    ]);
    expect(selectorOf(labelSelectorNode(absent)).matches({ b: 'x' })).toBe(true);
    expect(selectorOf(labelSelectorNode(absent)).matches({ a: 'y' })).toBe(false);
  });
});

describe('checks', () => {
  test('all mistakes at once, with their paths', () => {
    const { value, diagnostics } = checkLabelSelector(
      {
        matchLabels: new Map([
          ['bad key', 'x'],
          ['ok', 'bad value'],
        ]),
        matchExpressions: [
          { key: 'a', operator: 'in', values: ['x'] },
          { key: 'a', operator: 'In' },
          { key: 'a', operator: 'NotIn', values: [] },
          { key: 'a', operator: 'Exists', values: ['x'] },
          { key: 'a', operator: 'DoesNotExist', values: ['x'] },
          { key: '', operator: 'In', values: ['x', "'"] },
        ],
      },
      'spec.podSelector',
    );
    expect(value).toBeUndefined();
    expect(diagnostics.map(({ path }) => path)).toEqual([
      'spec.podSelector.matchLabels["bad key"]',
      'spec.podSelector.matchLabels["ok"]',
      'spec.podSelector.matchExpressions[0].operator',
      'spec.podSelector.matchExpressions[1].values',
      'spec.podSelector.matchExpressions[2].values',
      'spec.podSelector.matchExpressions[3].values',
      'spec.podSelector.matchExpressions[4].values',
      'spec.podSelector.matchExpressions[5].key',
      'spec.podSelector.matchExpressions[5].values[1]',
    ]);
    expect(new Set(diagnostics.map(({ code }) => code))).toEqual(new Set(['LABEL_SELECTOR_INVALID']));
  });

  test('what is right comes back, absent parts empty', () => {
    expect(checkLabelSelector({}, '')).toEqual({ value: selector({}), diagnostics: [] });
    const right = selector({ 'a.b/c': '' }, [{ key: 'x', operator: 'Exists', values: [] }]);
    expect(checkLabelSelector(right, '')).toEqual({ value: right, diagnostics: [] });
  });
});

describe('label syntax', () => {
  test.each(['a', 'A-b_c.d', '0', 'x'.repeat(63), 'kubernetes.io/name', `${'a'.repeat(253)}/b`])('key %s', (key) => {
    expect(labelKeyProblem(key)).toBeUndefined();
  });
  test.each([
    '',
    '-a',
    'a-',
    'a b',
    'é',
    'x'.repeat(64),
    '/a',
    'a/',
    'A/b',
    'a/b/c',
    'a..b/c',
    `${'a'.repeat(254)}/b`,
    'a\n',
  ])('no key %j', (key) => {
    expect(labelKeyProblem(key)).toContain('label name');
  });
  test.each(['', 'a', 'A-b_c.d', 'x'.repeat(63)])('value %j', (value) => {
    expect(labelValueProblem(value)).toBeUndefined();
  });
  test.each([' ', '-', 'a.', 'a/b', 'x'.repeat(64), 'a\n', '"'])('no value %j', (value) => {
    expect(labelValueProblem(value)).toContain('label value');
  });
  test('what is valid can be written in a selector', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', '_', '.', '/', '"', "'", '(') }), (text) => {
        if (labelKeyProblem(text) === undefined) expect(parseSelector(`has(${text})`).diagnostics).toEqual([]);
        if (labelValueProblem(text) === undefined) expect(parseSelector(`a == '${text}'`).diagnostics).toEqual([]);
      }),
    );
  });
});
