import { expect, test } from 'vitest';
import { EVERYTHING, Terms } from './terms.ts';

test('a term stays while it is used, a label while one of its terms is', () => {
  const terms = new Terms();
  const web = terms.acquire('app', 'web');
  expect(terms.acquire('app', 'web')).toBe(web);
  const api = terms.acquire('app', 'api');
  const presence = terms.acquirePresence('app');
  expect(new Set([EVERYTHING, web, api, presence]).size).toBe(4);
  expect(terms.presenceOf(terms.keyOf(web))).toBe(presence);
  expect(new Set(terms.valuesOf(presence))).toEqual(new Set([web, api]));
  expect([...terms.valuesOf(web)]).toEqual([web]);
  expect(terms.valueOf(api)).toBe('api');

  terms.release(web);
  expect(terms.acquire('app', 'web')).toBe(web);
  for (const term of [web, web, presence]) terms.release(term);
  expect(terms.keyOf(api)).toBe(terms.keyOf(presence));
  expect([...terms.valuesOf(presence)]).toEqual([api]);
  expect(terms.acquirePresence('app')).toBe(presence);
});

test('labels that come and go leave nothing behind', () => {
  const terms = new Terms();
  const end = (): number[] => [terms.end, terms.endOfKeys];
  terms.release(terms.acquire('first', ''));
  const before = end();
  for (let round = 0; round < 1000; round++) {
    const term = terms.acquire(`name-${round}`, `value-${round}`);
    if (round % 2 === 0) terms.release(terms.acquirePresence(`name-${round}`));
    terms.release(term);
  }
  expect(end()).toEqual(before);
});

test('names and values are kept apart', () => {
  const terms = new Terms();
  const all = [
    terms.acquire('a', 'b/c'),
    terms.acquire('a/b', 'c'),
    terms.acquire('__proto__', ''),
    terms.acquire('', ''),
  ];
  expect(new Set(all).size).toBe(4);
});
