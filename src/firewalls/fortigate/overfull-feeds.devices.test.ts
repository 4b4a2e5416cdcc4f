import { expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring, clear, stepsOf } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const signal = new AbortController().signal;
const SHARED = { version: '7.6.3', vdoms: ['root', 'edge'] };
/** What all feeds of a device hold together (vendor reference 1.10). */
const MOST = 300_000;

/** An AddressGroup that is a feed, beside rules. */
function paying(addresses: readonly string[], port = 443): Ruleset {
  const members = BucketMap.from(addresses.map((address) => [address, true as const]));
  const named = { deviceName: 'payments', resource: 'AddressGroup/payments', use: 'Allow', members } as const;
  const group = { id: 'a', kind: 'AddressGroup', family: 4, ...named } as const;
  return world({ '10.0.0.1': 'bank' }, [allowing('bank', '203.0.113.0/24', port)], { groups: new Map([['a', group]]) });
}

/** Somebody's blocklist, in a VDOM whose lists count before ours. */
function block(simulated: SimulatedDevice, count: number): void {
  const { hand, live } = simulated.device;
  const named = { name: 'blocked', type: 'address', 'update-method': 'push', status: 'enable' };
  if (!hand.keys('system/external-resource', 'edge').includes('blocked'))
    hand.create('system/external-resource', named, 'edge');
  const entries = Array.from({ length: count }, (_, at) => `11.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);
  live.feeds.push('edge', 'blocked', 'snapshot', entries);
}

test('a list that others leave no room keeps nothing else waiting: who leaves it leaves, rules change, and it is told', async () => {
  await using simulated = await SimulatedDevice.start(SHARED);
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, paying(['10.0.0.1', '10.0.0.2']));
  block(simulated, MOST);
  const wish = paying(['10.0.0.1', '10.0.0.3'], 8443);
  for (const step of await stepsOf(driver, wish)) await driver.apply(step, signal);
  expect(simulated.members('payments')).toEqual(['10.0.0.1']);
  expect(simulated.ours()).toContain('8443');
  // Who is to join would not be accepted; nor is it known of those that stay.
  const writes = simulated.writes().length;
  await expect(stepsOf(driver, wish)).rejects.toMatchObject({ code: 'DEVICE_LIMIT', blame: 'rejected' });
  await expect(stepsOf(driver, wish)).rejects.toThrow('payments');
  await expect(stepsOf(driver, paying(['10.0.0.1'], 8443))).rejects.toMatchObject({ code: 'DEVICE_LIMIT' });
  expect(simulated.writes().length).toBe(writes);
  block(simulated, 10);
  await bring(driver, wish);
  expect(simulated.members('payments')).toEqual(['10.0.0.1', '10.0.0.3']);
});

test('a list that does not fit is left as any other', async () => {
  await using simulated = await SimulatedDevice.start(SHARED);
  const bare = simulated.device.dump();
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, paying(['10.0.0.1']));
  block(simulated, MOST);
  await clear(driver);
  simulated.device.hand.delete('system/external-resource', 'blocked', 'edge');
  expect(simulated.device.dump()).toBe(bare);
});
