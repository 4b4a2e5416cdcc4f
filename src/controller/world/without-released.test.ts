import { expect, test } from 'vitest';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { holdersIn } from '../../firewalls/confirmed/handover.ts';
import { withoutReleased } from './without-released.ts';

const nat = {
  id: 'out',
  destination: PrefixSet.all,
  sources: BucketMap.from([
    ['10.0.0.1', { kind: 'Address', address: '192.0.2.1' } as const],
    ['10.0.0.2', { kind: 'Address', address: '192.0.2.2' } as const],
  ]),
} as unknown as ReturnType<typeof world>['nats'][number];
const group = {
  id: 'g4_payers',
  kind: 'AddressGroup',
  family: 4,
  deviceName: 'payers',
  resource: 'AddressGroup/payers',
  use: 'Allow',
  members: BucketMap.from([
    ['10.0.0.1', true as const],
    ['10.0.0.2', true as const],
  ]),
} as const;
const ruleset = world({ '10.0.0.1': 'bank', '10.0.0.2': 'bank', '10.0.0.3': 'shop' }, undefined, {
  nats: [nat],
  groups: new Map([[group.id, group]]),
});
const owners = BucketMap.from([
  ['10.0.0.1', 'pod:a/one'],
  ['10.0.0.2', 'pod:a/two pod:a/three'],
  ['10.0.0.9', 'pod:a/elsewhere'],
]);
const before = { ruleset, owners };

test('an address that nobody has any more leaves everything, and nobody else does', () => {
  const after = withoutReleased(before, owners.with([['10.0.0.1', undefined]]));
  expect([...after.ruleset.members.keys()].toSorted()).toEqual(['10.0.0.2', '10.0.0.3']);
  expect([...(after.ruleset.nats[0]?.sources.keys() ?? [])]).toEqual(['10.0.0.2']);
  const [after4] = after.ruleset.groups.values();
  expect(after4?.kind === 'AddressGroup' && [...after4.members.keys()]).toEqual(['10.0.0.2']);
  expect(after.ruleset.classes).toBe(ruleset.classes);
  expect(after.owners.has('10.0.0.1')).toBe(false);
});

test('what one of several gives up stays, for the others alone; what was never there changes nothing', () => {
  const now = owners.with([
    ['10.0.0.2', 'pod:a/two'],
    ['10.0.0.9', undefined],
    ['10.0.0.7', 'pod:a/new'],
  ]);
  const after = withoutReleased(before, now);
  expect(after.ruleset).toBe(ruleset);
  expect(after.owners.get('10.0.0.2')).toBe('pod:a/two');
  expect(withoutReleased(after, now)).toBe(after);
  // He comes back, and the other one goes: it is a stranger to what stays.
  const back = withoutReleased(after, owners.with([['10.0.0.2', 'pod:a/three']]));
  expect(back.ruleset.members.has('10.0.0.2')).toBe(false);
});

test('whoever gets an address whose owners are gone gets nothing with it', () => {
  const after = withoutReleased(
    before,
    owners.with([
      ['10.0.0.1', 'pod:a/other'],
      ['10.0.0.2', 'pod:a/other pod:a/three'],
    ]),
  );
  expect([...after.ruleset.members.keys()].toSorted()).toEqual(['10.0.0.2', '10.0.0.3']);
  expect(after.owners.has('10.0.0.1')).toBe(false);
});

test('a pod is gone though another one has its name', () => {
  const one = new Map([['10.0.0.1', new Set(['pod:a/one'])]]);
  expect([...withoutReleased(before, owners, one).ruleset.members.keys()].toSorted()).toEqual(['10.0.0.2', '10.0.0.3']);
  const two = new Map([['10.0.0.2', new Set(['pod:a/two'])]]);
  expect(withoutReleased(before, owners, two).ruleset).toBe(ruleset);
});

test('nodes have names that read as such', () => {
  expect(holdersIn('node n1 pod:a/b')).toEqual(['node n1', 'pod:a/b']);
  const held = { ruleset, owners: owners.with([['10.0.0.1', 'node n1']]) };
  expect(withoutReleased(held, owners.with([['10.0.0.1', 'node n2']])).ruleset.members.has('10.0.0.1')).toBe(false);
});
