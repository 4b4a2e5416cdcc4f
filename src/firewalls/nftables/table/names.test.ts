import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupSetName, isOurName, madeName, NAME } from './names.ts';
import {
  COMMENT_LIMIT,
  DROP_PREFIX,
  isSafeText,
  originTag,
  parseOriginTag,
  parseUserText,
  quoted,
  userText,
} from './text.ts';

const anything = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 20 }));

describe('names', () => {
  test('are taken by nft whatever they are made from', () => {
    fc.assert(
      fc.property(anything, anything, fc.constantFrom(4 as const, 6 as const), (readable, identity, family) => {
        expect(madeName('c4', readable, identity)).toMatch(NAME);
        expect(groupSetName(readable, family)).toMatch(NAME);
      }),
    );
    // 16 hex digits and a slug of 40 at most: far from the kernel's 255 bytes.
    expect(madeName('c4', 'x'.repeat(1000), 'y')).toHaveLength(3 + 40 + 1 + 16);
  });

  test.each(['drop', 'accept', 'ip', 'set', 'comment', 'rev', 'mark', 'a#b', 'A_b', ''])('never are %j', (name) => {
    expect(isOurName(name)).toBe(false);
  });

  test('of groups are what the user wrote where nft can take it', () => {
    expect(groupSetName('payments', 4)).toBe('g4_payments');
    expect(groupSetName('Payments', 4)).toMatch(/^g4_payments_[0-9a-f]{16}$/);
    expect(groupSetName('a-b', 6)).toMatch(/^g6_a_b_[0-9a-f]{16}$/);
  });

  test('of two groups are never the same, not even of one that was named after the other', () => {
    const taken = groupSetName('Payments', 4);
    expect(groupSetName(taken.slice(3), 4)).not.toBe(taken);
    fc.assert(fc.property(anything, anything, (a, b) => a === b || groupSetName(a, 4) !== groupSetName(b, 4)));
  });
});

describe('texts', () => {
  test('of origins are safe, fit beside the prefix, and are read back', () => {
    fc.assert(
      fc.property(anything, fc.option(fc.nat(99_999), { nil: undefined }), (policy, rule) => {
        const origin = rule === undefined ? { policy } : { policy, rule };
        const tag = originTag(origin);
        expect(isSafeText(tag)).toBe(true);
        expect(`${DROP_PREFIX}${tag}`.length).toBeLessThanOrEqual(COMMENT_LIMIT);
        expect(parseOriginTag(tag).rule).toBe(rule);
      }),
    );
    expect(originTag({ policy: 'BorderPolicy/shop/web', rule: 3 })).toBe('BorderPolicy/shop/web:3');
    expect(parseOriginTag('BorderPolicy/shop/web:3')).toEqual({ policy: 'BorderPolicy/shop/web', rule: 3 });
    expect(parseOriginTag('tier/default')).toEqual({ policy: 'tier/default' });
  });

  test('of users are safe in a comment and come back as they were, if they fit', () => {
    const user = fc.string({ unit: fc.constantFrom('a', '"', '=', '%', '$', '\n', 'ü', '𝕏', ' '), maxLength: 60 });
    fc.assert(
      fc.property(user, (text) => {
        const encoded = userText(text, 110);
        expect(isSafeText(`name=${encoded}`)).toBe(true);
        const back = parseUserText(encoded);
        expect(back === undefined ? encoded.length : back).toBe(back === undefined ? 110 : text);
      }),
    );
    expect(userText('Payments (EU)', 110)).toBe('Payments =28EU=29');
  });

  test.each(['a"b', 'a$b', 'a\nb', 'ü', 'a\\b', 'x'.repeat(121)])('refuse %j in quotation marks', (text) => {
    expect(() => quoted(text)).toThrow(/unsafe text/);
  });
});
