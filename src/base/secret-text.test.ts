import { expect, test } from 'vitest';
import { tame, withoutSecrets } from './secret-text.ts';

const SECRET = 'a&b "c" <é>/d';

test.each([
  ['as it is', SECRET],
  ['in a form', new URLSearchParams({ password: SECRET }).toString().slice('password='.length)],
  ['in an address', 'a%26b%20%22c%22%20%3C%C3%A9%3E%2Fd'],
  ['in JSON', JSON.stringify(SECRET).slice(1, -1)],
  ['in XML', 'a&amp;b "c" &lt;é&gt;/d'],
])('a secret is not told %s', (_, written) => {
  expect(withoutSecrets(`x=${written};`, [SECRET])).toBe('x=[secret];');
});

test('no part of a secret is left where a text is cut, and an empty one hides nothing', () => {
  const text = `${'x'.repeat(995)}${SECRET}`;
  expect(tame(text, [SECRET])).toBe(`${'x'.repeat(995)}[secr…`);
  expect(tame('plain', [''])).toBe('plain');
});
