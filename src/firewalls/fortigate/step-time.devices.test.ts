import { expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { type AnyDriver, bring, stepsOf } from '../contract/harness.ts';
import { stepMs } from './step-time.ts';

const SLOW_MS = 100;

test('a step has the time that its requests take on a device that answers slowly', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const members = BucketMap.from(Object.keys(crowd(99, 'x')).map((address) => [address, true as const]));
  const named = { deviceName: 'payments', resource: 'AddressGroup/payments', use: 'Deny', members } as const;
  const wish = world({}, [], { groups: new Map([['a', { id: 'a', kind: 'AddressGroup', family: 4, ...named }]]) });
  const driver: AnyDriver = simulated.connect();
  simulated.device.faults.next({ kind: 'slow', ms: SLOW_MS }, {}, 1_000);
  const [step] = await stepsOf(driver, wish);
  simulated.device.faults.clear();
  expect(step?.objects.length).toBe(100);
  expect(step?.longestMs).toBeGreaterThan(100 * SLOW_MS);
  await bring(driver, wish);
});

test('a fast device has what every step has, and no step has for ever', () => {
  expect(stepMs(100, 1)).toBe(10_000);
  expect(stepMs(100, 80)).toBe(62_400);
  expect(stepMs(100, 60_000)).toBe(600_000);
});
