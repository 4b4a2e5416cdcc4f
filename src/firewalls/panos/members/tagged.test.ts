import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Registered } from './registered.ts';
import { TaggedReadings, taggedOf } from './tagged.ts';

/** Addresses as a device writes them, IPv6 otherwise than everybody else. */
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3', '2001:DB8:0::1', '2001:DB8:0::2');
const tags = fc.subarray(['web', 'db', 'other'], { minLength: 1 });
const world = fc.dictionary(address, tags);

/** Sets of tags that did not change are the very same ones, as a registry hands them out. */
function readingsOf(worlds: readonly Readonly<Record<string, readonly string[]>>[]): readonly Registered[] {
  let before: Registered = new Map();
  return worlds.map((one) => {
    const next = Object.entries(one).map(([ip, list]): [string, ReadonlySet<string>] => {
      const known = before.get(ip);
      const isSame = known?.size === list.length && list.every((tag) => known.has(tag));
      return [ip, isSame && known !== undefined ? known : new Set(list)];
    });
    before = new Map(next);
    return before;
  });
}

test('addresses by tag are those of the last reading, whatever was read before it', () => {
  fc.assert(
    fc.property(fc.array(world, { minLength: 1, maxLength: 6 }), (worlds) => {
      const readings = new TaggedReadings();
      for (const registered of readingsOf(worlds)) expect(readings.of(registered)).toEqual(taggedOf(registered));
    }),
  );
});

test('who is in a tag that nobody joined or left is the very same set, and what was handed out before stays as it was', () => {
  const readings = new TaggedReadings();
  const [first, second] = readingsOf([
    { '10.0.0.1': ['web'], '10.0.0.2': ['db'] },
    { '10.0.0.1': ['web'], '10.0.0.2': ['db'], '10.0.0.3': ['db'] },
  ]).map((registered) => readings.of(registered));
  expect(second?.get('web')).toBe(first?.get('web'));
  expect([...(first?.get('db') ?? [])]).toEqual(['10.0.0.2']);
  expect([...(second?.get('db') ?? [])]).toEqual(['10.0.0.2', '10.0.0.3']);
});
