import { expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf } from '../contract/harness.ts';

const MOST = 1_000;
const signal = new AbortController().signal;

function known(addresses: readonly string[]): Ruleset {
  const members = BucketMap.from(addresses.map((address) => [address, true as const]));
  const named = { deviceName: 'known', resource: 'AddressGroup/known', use: 'Allow', form: 'Group', members } as const;
  return world({}, [], { groups: new Map([['a', { id: 'a', kind: 'AddressGroup', family: 4, ...named }]]) });
}

function crowdOf(count: number): readonly string[] {
  return Array.from({ length: count }, (_, at) => `10.0.${at >> 8}.${at & 255}`);
}

test('the 1,001st address on a device of 1,000 is refused before anything is sent, and who leaves leaves', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { hand } = simulated.device;
  hand.limit('root', { 'firewall-address': MOST });
  const driver: AnyDriver = simulated.connect();
  // The first write says who writes, by an address.
  await bring(driver, known(crowdOf(1)));
  const room = MOST - hand.keys('firewall/address').length - hand.keys('firewall/address6').length + 1;
  const all = crowdOf(room + 1);
  await bring(driver, known(all.slice(0, room)));
  expect(hand.keys('firewall/address').length + hand.keys('firewall/address6').length).toBe(MOST);
  const writes = simulated.writes().length;
  await expect(stepsOf(driver, known(all))).rejects.toMatchObject({ code: 'CAPACITY', blame: 'rejected' });
  await expect(stepsOf(driver, known(all))).rejects.toThrow(
    `FortiGate 7.4.8 would need ${room + 1} address objects, where ${room} fit (${MOST} in all, ${MOST - room} are of others)`,
  );
  expect(simulated.writes().length).toBe(writes);
  const [first, ...rest] = all;
  // One goes and another comes, though the object of the first still takes the room of the second.
  for (let round = 0; round < 6; round++)
    for (const step of await stepsOf(driver, known(rest))) await driver.apply(step, signal);
  expect(await stepsOf(driver, known(rest))).toEqual([]);
  expect(simulated.members('known')).not.toContain(first);
});

test('a device without much room is told of', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  simulated.device.hand.limit('root', { 'firewall-policy': 3 });
  simulated.addForeignRules();
  const { notes } = await simulated.connect().capabilities(signal);
  expect(notes).toContain('firewall-policy: 3 of 3 are in use');
});
