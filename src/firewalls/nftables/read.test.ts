import { expect, test } from 'vitest';
import { foreignEffect } from './read.ts';

test.each([
  ['prerouting', 0, 'before ours'],
  ['forward', -1, 'before ours'],
  ['forward', 0, 'unknown'],
  ['forward', 1, 'after ours'],
  // Whoever translates first has translated for good.
  ['postrouting', 99, 'before ours'],
  ['postrouting', 100, 'unknown'],
  ['postrouting', 101, 'after ours'],
] as const)('a chain of others at %s, priority %i, is asked %s', (hook, priority, effect) => {
  expect(foreignEffect(hook, priority)).toBe(effect);
});
