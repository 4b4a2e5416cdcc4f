import { expect, test } from 'vitest';
import { canariesFirst } from './apply.ts';

const limit = { percent: 20, atLeast: 10, percentPerHour: 50 };
const view = (name: string, ...after: readonly string[]) => ({
  firewall: { name, guard: { removals: limit, gains: limit, quiet: [], after } },
});

test('a firewall comes after its canaries, all others as they stood', () => {
  const order = canariesFirst([view('a', 'c', 'd'), view('b'), view('c'), view('d', 'e'), view('e')]);
  expect(order.map(({ firewall }) => firewall.name)).toEqual(['c', 'e', 'd', 'a', 'b']);
});

test('canaries that wait for one another, or are not there, keep nobody out', () => {
  const order = canariesFirst([view('a', 'b'), view('b', 'a'), view('c', 'gone')]);
  expect(order.map(({ firewall }) => firewall.name)).toEqual(['b', 'a', 'c']);
});
