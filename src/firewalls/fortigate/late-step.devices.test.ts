import { expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Family, Ruleset } from '../../border/ruleset.ts';
import type { Step } from '../../plan/step.ts';
import { type AnyDriver, bring, stepsOf } from '../contract/harness.ts';

const signal = new AbortController().signal;

/** One AddressGroup of one family: a pushed feed where rules of others allow by it, a group of the configuration where they deny. */
function payments(use: 'Allow' | 'Deny', family: Family = 6, deviceName = 'payments'): Ruleset {
  const members = BucketMap.from([[family === 6 ? 'fd00::1' : '10.0.0.1', true as const]]);
  const named = { deviceName, resource: 'AddressGroup/payments', use, members } as const;
  return world({}, [], { groups: new Map([['a', { id: 'a', kind: 'AddressGroup', family, ...named }]]) });
}

async function firstStep(driver: AnyDriver, ruleset: Ruleset): Promise<Step> {
  const [step] = await stepsOf(driver, ruleset);
  if (step === undefined) throw new Error('there is nothing to do');
  return step;
}

test('a step that was made before another copy took the name in another form is a conflict, whatever the device says', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const sleeper: AnyDriver = simulated.connect();
  await bring(sleeper, payments('Deny', 6, 'others'));
  const late = await firstStep(sleeper, payments('Allow'));
  await bring(simulated.connect(), payments('Deny'));
  const held = simulated.ours();
  await expect(sleeper.apply(late, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED', blame: 'conflict' });
  expect(simulated.ours()).toBe(held);
  await bring(sleeper, payments('Allow'));
  expect(await stepsOf(sleeper, payments('Allow'))).toEqual([]);
});

test('a name that a stranger took meanwhile is a conflict once, and from then on its owner’s business', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { hand } = simulated.device;
  const driver: AnyDriver = simulated.connect();
  const late = await firstStep(driver, payments('Allow'));
  hand.create('firewall/address', { name: 'payments', subnet: '192.0.2.0/24' });
  await expect(driver.apply(late, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED', blame: 'conflict' });
  await expect(stepsOf(driver, payments('Allow'))).rejects.toMatchObject({ code: 'NAME_TAKEN', blame: 'rejected' });
});

test('a name that is taken in a table that is not read is its owner’s business at once', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  simulated.device.hand.create('firewall/vip', {
    name: 'payments',
    extip: '203.0.113.7',
    mappedip: [{ range: '10.0.0.9' }],
  });
  const driver: AnyDriver = simulated.connect();
  const step = await firstStep(driver, payments('Deny', 4));
  await expect(driver.apply(step, signal)).rejects.toMatchObject({ code: 'NAME_TAKEN', blame: 'rejected' });
});
