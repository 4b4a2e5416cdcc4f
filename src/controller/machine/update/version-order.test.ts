import { expect, test } from 'vitest';
import { isSameVersion, mayBeOlder } from './version-order.ts';

// The order of https://semver.org, 11, its own example among them; numbers of any length, as `v` and missing ones say nothing.
const ordered = [
  '0.9.10',
  'v0.10.0',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.beta',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-rc.1',
  'v1.0.0',
  '1.0.1-0',
  '1.0.1',
  '2.5',
  '2.5.0.1',
  '10',
];

test('versions are ordered as semantic versioning has it', () => {
  for (const [index, one] of ordered.entries())
    for (const [other, than] of ordered.entries())
      expect(mayBeOlder(one, than), `${one} older than ${than}`).toBe(index < other);
});

test('what says the same is not older: `v`, zeros, what was built', () => {
  for (const [one, other] of [
    ['v1.2.3', '1.2.3'],
    ['1.2', '1.2.0'],
    ['1.2.3+a', '1.2.3+b'],
    ['1.0.0-rc.01', '1.0.0-rc.1'],
  ] as const)
    expect([mayBeOlder(one, other), mayBeOlder(other, one)]).toEqual([false, false]);
});

test('what is no version may be older than each, and nothing is older than it', () => {
  for (const word of ['', 'nightly', 'v', '1.', '1.2.x', '1..2', '-1']) {
    expect([mayBeOlder(word, '0.0.1'), mayBeOlder('0.0.1', word)], word).toEqual([true, false]);
  }
});

test('one version has two names at most', () => {
  expect(isSameVersion('v2.5.0', '2.5.0')).toBe(true);
  expect(isSameVersion('v2.5.0', 'v2.5.1')).toBe(false);
  expect(isSameVersion('vnext', 'next')).toBe(false);
});
