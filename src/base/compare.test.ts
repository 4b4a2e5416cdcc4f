import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareUtf8 } from './compare.ts';

const character = fc.constantFrom(
  'a',
  'b',
  '\u{7f}',
  '\u{e9}',
  '\u{d7ff}',
  '\u{e000}',
  '\u{ffff}',
  '\u{10000}',
  '\u{10ffff}',
);
const text = fc.array(character, { maxLength: 6 }).map((characters) => characters.join(''));

test('orders texts as their UTF-8 bytes', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test('differs from the default order beyond U+FFFF', () => {
  expect(['\u{10000}', '\u{ffff}'].sort()).toEqual(['\u{10000}', '\u{ffff}']);
  expect(['\u{10000}', '\u{ffff}'].sort(compareUtf8)).toEqual(['\u{ffff}', '\u{10000}']);
});
