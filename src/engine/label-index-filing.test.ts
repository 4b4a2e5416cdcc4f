import { expect, test } from 'vitest';
import { parseSelector } from '../selector/selector.ts';
import { Condition } from './label-index-condition.ts';
import { Filing } from './label-index-filing.ts';
import { EVERYTHING, Terms } from './label-index-terms.ts';

function setUp(text: string): { terms: Terms; filing: Filing; condition: Condition } {
  const { value } = parseSelector(text);
  if (value === undefined) throw new Error('unreadable');
  const terms = new Terms();
  return { terms, filing: new Filing(), condition: new Condition(value.node, terms) };
}

test('under the rarest, and moved when that has become frequent', () => {
  const { terms, filing, condition } = setUp("zone == 'z' && app in {'a', 'b'} && has(tier)");
  const zone = terms.acquire('zone', 'z');
  const apps = [terms.acquire('app', 'a'), terms.acquire('app', 'b')] as const;
  const tier = terms.acquirePresence('tier');
  for (const term of [zone, ...apps, tier]) filing.count(term, 50);
  filing.add(1, condition);
  expect(filing.termsOf(1)).toEqual([zone]);
  filing.count(zone, 40);
  expect(filing.termsOf(1)).toEqual([zone]);
  filing.count(zone, 40);
  expect(filing.termsOf(1)).toEqual([tier]);
  filing.count(tier, 200);
  expect(filing.termsOf(1)).toEqual(apps);
  filing.remove(1);
  expect(filing.termsOf(1)).toEqual([]);
});

test.each(['!has(a)', "a != 'x'", 'all()', "a == 'x' || b == 'y'"])('%s is filed under everything', (text) => {
  const { filing, condition } = setUp(text);
  filing.add(1, condition);
  expect(filing.termsOf(1)).toEqual([EVERYTHING]);
});

test('what cannot match is filed nowhere', () => {
  const { filing, condition } = setUp("a == 'x' && a == 'y'");
  filing.add(1, condition);
  expect(filing.termsOf(1)).toEqual([]);
  filing.remove(1);
});
