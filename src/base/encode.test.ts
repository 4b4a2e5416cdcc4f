import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeForDevice, shortHash } from './encode.ts';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ unit: fc.constantFrom('a', '_', '-', '/', '"', '\n', '#', '\u0000', 'é', '\ud800'), maxLength: 80 }),
);
const limit = fc.integer({ min: 10, max: 128 });

describe('encodeForDevice', () => {
  test('gives only harmless characters, within the limit', () => {
    fc.assert(
      fc.property(text, limit, (name, most) => {
        const encoded = encodeForDevice(name, most);
        expect(encoded).toMatch(/^[A-Za-z0-9._/-]*$/);
        expect(encoded.length).toBeLessThanOrEqual(most);
      }),
      { numRuns: 500 },
    );
  });

  test('keeps different texts apart', () => {
    fc.assert(
      fc.property(text, text, limit, (one, other, most) => {
        fc.pre(one !== other);
        // Lone surrogates are all hashed as one replacement character: they are no text that an API server would keep.
        fc.pre(!/\p{Cs}/u.test(one) && !/\p{Cs}/u.test(other));
        expect(encodeForDevice(one, most)).not.toBe(encodeForDevice(other, most));
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['shop/web', 40, 'shop/web'],
    ['exactly-10', 10, 'exactly-10'],
    ['', 10, ''],
  ])('leaves %j as it is', (name, most, encoded) => {
    expect(encodeForDevice(name, most)).toBe(encoded);
  });

  test.each([
    ['a b', 40, 'a_b'],
    ['"; flush ruleset; "', 40, '___flush_ruleset___'],
    ['eleven-char', 10, 'e'],
    ['line\nbreak', 15, 'line_b'],
    ['💥', 20, '__'],
  ])('replaces or cuts %j and adds the hash of the original', (name, most, kept) => {
    const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
    expect(encodeForDevice(name, most)).toBe(`${kept}-${hash}`);
    expect(shortHash(name)).toBe(hash);
  });
});
