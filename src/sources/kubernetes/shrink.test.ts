import { expect, test } from 'vitest';
import { isShrunk } from './shrink.ts';

test.each<[string, number, number, number, boolean]>([
  // type, known, listed, missing of what is known
  ['Tier', 0, 0, 0, false],
  ['Tier', 1, 0, 1, true],
  ['Tier', 3, 1, 2, false],
  ['Tier', 4, 3, 1, false],
  ['Tier', 4, 2, 2, true],
  ['Tier', 5, 3, 2, false],
  ['Tier', 4, 4, 2, true],
  ['Pod', 1, 0, 1, true],
  ['Pod', 4, 2, 2, true],
  ['Pod', 4, 3, 4, false],
  ['Pod', 5, 2, 3, true],
])('%s: %i known, %i listed, %i missing: %s', (type, before, now, missing, shrunk) => {
  expect(isShrunk(type, before, now, missing)).toBe(shrunk);
});
