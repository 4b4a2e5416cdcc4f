import { expect, test } from 'vitest';
import { parseSelector } from '../../selector/selector.ts';
import { Conditions } from './condition.ts';
import { Filing } from './filing.ts';
import { EVERYTHING, Terms } from './terms.ts';

function setUp(text: string): { terms: Terms; filing: Filing } {
  const { value } = parseSelector(text);
  if (value === undefined) throw new Error('unreadable');
  const terms = new Terms();
  const conditions = new Conditions(terms);
  conditions.add(1, value.node);
  return { terms, filing: new Filing(conditions) };
}

test('under the rarest, and moved when that has become frequent', () => {
  const { terms, filing } = setUp("zone == 'z' && app in {'a', 'b'} && has(tier)");
  const zone = terms.acquire('zone', 'z');
  const apps = [terms.acquire('app', 'a'), terms.acquire('app', 'b')] as const;
  const tier = terms.acquirePresence('tier');
  for (const term of [zone, ...apps, tier]) filing.count(term, 50);
  filing.add(1);
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
  const { filing } = setUp(text);
  filing.add(1);
  expect(filing.termsOf(1)).toEqual([EVERYTHING]);
});

test('what cannot match is filed nowhere', () => {
  const { filing } = setUp("a == 'x' && a == 'y'");
  filing.add(1);
  expect(filing.termsOf(1)).toEqual([]);
  filing.remove(1);
});
