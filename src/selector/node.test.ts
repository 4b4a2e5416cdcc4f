import { describe, expect, test } from 'vitest';
import {
  type SelectorNode,
  all,
  and,
  contains,
  endsWith,
  equal,
  global,
  has,
  isIn,
  mapLabels,
  not,
  notEqual,
  notIn,
  or,
  parseSelector,
  readAgain,
  replaceAll,
  selectorOf,
  startsWith,
} from './index.ts';

const print = (node: SelectorNode): string => selectorOf(node).canonical;

test('constructors print as their text', () => {
  const node = and(
    all(),
    global(),
    has('k'),
    equal('k', 'v'),
    notEqual('k', 'v'),
    isIn('k', ['b', 'a', 'b']),
    notIn('k', []),
    contains('k', ''),
    startsWith('k', 'v'),
    or(endsWith('k', 'v'), not(has('k'))),
  );
  expect(print(node)).toBe(
    '(all() && global() && has(k) && k == "v" && k != "v" && k in {"a", "b"} && k not in {} && k contains "" && k starts with "v" && (k ends with "v" || !has(k)))',
  );
  expect(parseSelector(print(node)).value?.node).toEqual(node);
});

test('joins of one and of none', () => {
  expect(print(and(has('a')))).toBe('has(a)');
  expect(print(or(has('a')))).toBe('has(a)');
  expect(print(and())).toBe('all()');
  expect(print(or())).toBe('!all()');
  expect(selectorOf(or()).matches({})).toBe(false);
  expect(print(not(not(has('a'))))).toBe('!!has(a)');
});

describe('rewriting', () => {
  test('prefixes every label name', () => {
    const { value } = parseSelector("!has(a) && (b in {'x'} || c contains 'a') && all()");
    if (value === undefined) throw new Error('unreadable');
    expect(print(mapLabels(value.node, (key) => `pcns.${key}`))).toBe(
      '(!has(pcns.a) && (pcns.b in {"x"} || pcns.c contains "a") && all())',
    );
  });

  test('replaces all() and global() and nothing else', () => {
    const { value } = parseSelector("all() || !global() && a == 'all()'");
    if (value === undefined) throw new Error('unreadable');
    const scoped = replaceAll(value.node, (leaf) => (leaf.kind === 'all' ? has('ns') : not(has('ns'))));
    expect(print(scoped)).toBe('(has(ns) || (!!has(ns) && a == "all()"))');
    expect(print(readAgain(scoped))).toBe('(has(ns) || (has(ns) && a == "all()"))');
    expect(parseSelector(print(scoped)).value?.node).toEqual(readAgain(scoped));
  });

  test('has no limit of depth', () => {
    let node: SelectorNode = has('a');
    for (let depth = 0; depth < 20_000; depth++) node = and(has('x'), not(node));
    expect(print(readAgain(mapLabels(node, () => 'y'))).replaceAll(/[^y]/g, '')).toHaveLength(20_001);
  });
});
