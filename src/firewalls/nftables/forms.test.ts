import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { BucketMap } from '../../base/bucket-map.ts';
import { silentLog } from '../../base/log.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { NftablesDriver } from './driver.ts';

const driver = new NftablesDriver({ address: 'local', log: silentLog, directory: tmpdir() });

function withGroup(form: 'Feed' | 'Tag' | undefined): Ruleset {
  const group: Group = {
    id: 'a1',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'tills',
    resource: 'AddressGroup/tills',
    use: 'Allow',
    members: BucketMap.from([['10.1.0.1', true]]),
    ...(form === undefined ? {} : { form }),
  };
  return {
    firewall: 'edge-1',
    cluster: 'lab',
    destinations: PrefixSet.all,
    inside: PrefixSet.empty,
    networks: PrefixSet.empty,
    classes: new Map(),
    members: BucketMap.empty(),
    groups: new Map([[group.id, group]]),
    nats: [],
    established: 'Cut',
  };
}

test.each(['Feed', 'Tag'] as const)('a group as a %s is refused, and its set is left as it is', (form) => {
  const { refusals, held, table } = driver.translate(withGroup(form), { owns: undefined });
  expect(refusals.map(({ code, object, path }) => `${code} ${object} ${path}`)).toEqual([
    'GROUP_FORM AddressGroup/tills spec.as',
  ]);
  expect([...held]).toEqual(['g4_tills']);
  expect(table.sets.get('g4_tills')?.elements.size).toBe(0);
});

test('any other group is a set with its members', () => {
  const { refusals, held, table } = driver.translate(withGroup(undefined), { owns: undefined });
  expect([refusals, [...held]]).toEqual([[], []]);
  expect(table.sets.get('g4_tills')?.elements.size).toBe(1);
});
