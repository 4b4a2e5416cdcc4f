import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visible, visibleLine } from './visible.ts';

test('what acts on a terminal or hides is shown, lines and tables stay', () => {
  expect(visible('a\u001b[2J\u009b31m\u202eb\r\n\tc\u2028\u{e0041}')).toBe(
    'a\\u001b[2J\\u009b31m\\u202eb\\u000d\n\tc\\u2028\\udb40\\udc41',
  );
  expect(visibleLine('a\nerror b')).toBe('a\\u000aerror b');
});

test('JSON stays the same JSON', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
      expect(JSON.parse(visible(json))).toEqual(JSON.parse(json));
    }),
  );
});
