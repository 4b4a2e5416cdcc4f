import { expect, test } from 'vitest';
import { closest } from './closest.ts';

test.each([
  ['selectr', 'selector'],
  ['Selector', 'selector'],
  ['prots', 'ports'],
  ['port', 'ports'],
  ['egres', 'egress'],
  ['zzz', undefined],
  ['x'.repeat(10_000), undefined],
  ['', undefined],
  ['b', undefined],
])('%s was meant as %s', (written, meant) => {
  expect(closest(written, ['selector', 'ports', 'egress', 'nets', 'a'])).toBe(meant);
});
