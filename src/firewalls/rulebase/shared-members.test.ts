import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group } from '../../border/ruleset.ts';
import { SharedMembers } from './shared-members.ts';

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;

function group(id: string, members: BucketMap<true>): AddressGroup {
  return { id, kind: 'AddressGroup', family: 4, deviceName: id, resource: `AddressGroup/${id}`, use: 'Allow', members };
}

function members(...addresses: readonly string[]): BucketMap<true> {
  return BucketMap.from(addresses.map((address) => [address, true as const]));
}

const some = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.uniqueArray(fc.constantFrom('1', '2', '3', '4')));

test('whatever came before, sets hold who is in the groups, and those that were handed out stay as they were', () => {
  fc.assert(
    fc.property(fc.array(some), (worlds) => {
      const shared = new SharedMembers();
      const told = worlds.map((world) => {
        const sets = shared.of(Object.entries(world).map(([id, all]) => group(id, members(...all))));
        return [world, sets] as const;
      });
      for (const [world, sets] of told)
        expect(Object.fromEntries([...sets].map(([id, set]) => [id, [...set].toSorted()]))).toEqual(
          Object.fromEntries(Object.entries(world).map(([id, all]) => [id, all.toSorted()])),
        );
    }),
  );
});

test('a group that nobody joined or left has the very same set, and so have two families of it as one list', () => {
  const shared = new SharedMembers();
  const [four, six] = [members('10.0.0.1'), members('fd00::1')];
  const before = shared.of([group('four', four), group('six', six), group('other', four)]);
  const now = shared.of([group('four', four), group('six', members('fd00::1')), group('other', members('10.0.0.2'))]);
  expect(now.get('four')).toBe(before.get('four'));
  expect(now.get('six')).toBe(before.get('six'));
  expect(now.get('other')).toEqual(new Set(['10.0.0.2']));
  const [one = new Set<string>(), other = new Set<string>()] = [now.get('four'), now.get('six')];
  const union = shared.union(one, other);
  expect(union).toEqual(new Set(['10.0.0.1', 'fd00::1']));
  expect(shared.union(one, other)).toBe(union);
  expect(shared.union(one, new Set(['fd00::2']))).toEqual(new Set(['10.0.0.1', 'fd00::2']));
});
