import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import type { TextLimits } from './dialect.ts';
import { Names, isMarked, originText } from './names.ts';

const limits: TextLimits = {
  alphabet: /[A-Za-z0-9._-]/,
  object: 63,
  group: 63,
  volatileGroup: 35,
  service: 63,
  rule: 35,
  translation: 31,
  mark: 80,
  comment: 200,
};
const KINDS = ['object', 'group', 'volatileGroup', 'service', 'rule', 'translation'] as const;

const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: fc.constantFrom('a', 'A', '-', '_', '/', '.', ' ', '"', 'ü'), maxLength: 8 }),
  fc.constantFrom('shop/web', 'shop_web', 'shop-web', 'sp-shop', '', '-', '0'.repeat(100)),
);

test('names are taken by the device, and differ whenever what they name does', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(nasty, nasty), { maxLength: 40 }), fc.constantFrom(...KINDS), (all, kind) => {
      const made = new Map<string, string>();
      for (const [readable, identity] of all) {
        // Each name is made by a process of its own: it depends on nothing else.
        const name = new Names(limits, 'prod').of(kind, readable, identity);
        expect(name).toMatch(/^sp-[A-Za-z0-9._-]+$/);
        expect(name.length).toBeLessThanOrEqual(limits[kind]);
        expect(new Names(limits, 'test').of(kind, readable, identity)).not.toBe(name);
        expect(made.get(name) ?? identity).toBe(identity);
        made.set(name, identity);
      }
      expect(new Set(made.values()).size).toBe(new Set(all.map(([, identity]) => identity)).size);
    }),
    tries(100),
  );
});

test('people see what is named', () => {
  const names = new Names(limits, 'prod');
  expect(names.of('rule', originText({ policy: 'BorderPolicy/shop/web', rule: 3 }), 'x')).toMatch(
    /^sp-shop_web\.3-[0-9a-f]{12}$/,
  );
  expect(names.of('rule', 'a-very-long-namespace/with-a-long-policy', 'x')).toMatch(
    /^sp-a-very-long-namesp-[0-9a-f]{12}$/,
  );
  expect(names.of('object', '10.0.0.0/24', '10.0.0.0/24')).toMatch(/^sp-10\.0\.0\.0_24-[0-9a-f]{12}$/);
});

test('marks are of one cluster, fit, and differ', () => {
  const clusters = fc.uniqueArray(fc.oneof(nasty, fc.constantFrom('prod', 'prod-eu', 'prod:eu')), {
    minLength: 2,
    maxLength: 2,
  });
  fc.assert(
    fc.property(clusters, nasty, nasty, ([one = '', other = ''], a, b) => {
      const names = new Names(limits, one);
      expect(names.mark(a)).toMatch(/^sallyport:[A-Za-z0-9._-]*:[A-Za-z0-9._/-]*$/);
      expect(names.mark(a).length).toBeLessThanOrEqual(limits.mark);
      expect(names.mark(a) === names.mark(b)).toBe(a === b);
      expect(isMarked(`by hand ${names.mark(a)} changed`, one)).toBe(true);
      expect(isMarked(names.mark(a), other)).toBe(false);
    }),
    tries(100),
  );
});
