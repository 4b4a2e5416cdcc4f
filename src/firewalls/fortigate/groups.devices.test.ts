import { expect, test } from 'vitest';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { bring, clear, stepsOf } from '../contract/harness.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;

function group(members: readonly string[], given: Partial<AddressGroup> = {}): Ruleset {
  const one: AddressGroup = {
    id: 'a4',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'payments',
    resource: 'AddressGroup/payments',
    use: 'Deny',
    members: BucketMap.from(members.map((address) => [address, true as const])),
    ...given,
  };
  return world({}, [], { groups: new Map([[one.id, one]]) });
}

test('an address group is made, follows its members, and writes nothing when nothing changed', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const bare = simulated.device.dump();
  const driver = simulated.connect();
  await bring(driver, group(['10.0.0.1', '10.0.0.2']));
  await expect(simulated.ours()).toMatchFileSnapshot('golden/group.txt');
  const before = simulated.writes().length;
  expect(await stepsOf(driver, group(['10.0.0.1', '10.0.0.2']))).toEqual([]);
  expect(await stepsOf(simulated.connect(), group(['10.0.0.2', '10.0.0.1']))).toEqual([]);
  expect(simulated.writes().length).toBe(before);
  await bring(driver, group(['10.0.0.2', '10.0.0.3']));
  await bring(driver, group([]));
  await clear(driver);
  expect(simulated.ours()).toBe('');
  expect(simulated.device.dump()).toBe(bare);
});
