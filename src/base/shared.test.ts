import { expect, test } from 'vitest';
import { Shared, itself } from './shared.ts';

test('equal keys share one value, other keys have their own, and forgetting changes no answer', () => {
  const lists = new Shared<readonly string[]>();
  const first = lists.get('a', (key) => [key]);
  expect(lists.get('a', () => ['other'])).toBe(first);
  for (let n = 0; n < 25_000; n++) expect(lists.get(`${n}`, (key) => [key])).toEqual([`${n}`]);
  expect(lists.get('a', (key) => [key])).toEqual(first);
});

test('texts stand for themselves', () => {
  expect(new Shared<string>().get('__proto__', itself)).toBe('__proto__');
});
