import { expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring, clear, stepsOf } from '../contract/harness.ts';

const signal = new AbortController().signal;

function payments(use: 'Allow' | 'Deny', addresses: readonly string[]): Ruleset {
  const group = (family: 4 | 6) => {
    const some = addresses.filter((one) => one.includes(':') === (family === 6));
    const members = BucketMap.from(some.map((address) => [address, true as const]));
    const named = { deviceName: 'payments', resource: 'AddressGroup/payments', use, members } as const;
    return { id: `a${family}`, kind: 'AddressGroup', family, ...named } as const;
  };
  return world({}, [], { groups: new Map([group(4), group(6)].map((one) => [one.id, one])) });
}

/** A policy of somebody else that names a group or a feed. */
function theirPolicy({ device }: SimulatedDevice, source: string): void {
  device.hand.create('firewall/policy', {
    name: 'theirs',
    srcintf: [{ name: 'port2' }],
    dstintf: [{ name: 'port1' }],
    srcaddr: [{ name: source }],
    dstaddr: [{ name: 'all' }],
    service: [{ name: 'ALL' }],
    schedule: 'always',
    action: 'deny',
  });
}

async function theirGroup(): Promise<SimulatedDevice> {
  const simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { hand } = simulated.device;
  hand.create('firewall/address', { name: 'first', subnet: '10.0.0.1/32' });
  hand.create('firewall/address', { name: 'second', subnet: '10.0.0.2/32' });
  hand.create('firewall/addrgrp', { name: 'payments', member: [{ name: 'first' }, { name: 'second' }] });
  theirPolicy(simulated, 'payments');
  return simulated;
}

/** Whether the policy of somebody else takes a packet, as the device says. */
function isDenied({ device }: SimulatedDevice, source: string): boolean {
  const packet = { source, destination: '203.0.113.7', protocol: 6, sourcePort: 50_000, destinationPort: 443 };
  return device.wouldPass({ ...packet, from: 'port2', to: 'port1' }).policy !== 0;
}

test('a group of somebody else is taken over on request alone', async () => {
  await using simulated = await theirGroup();
  const bare = simulated.device.dump();
  await expect(bring(simulated.connect(), payments('Deny', ['10.0.0.1', '10.0.0.3']))).rejects.toMatchObject({
    code: 'NAME_TAKEN',
  });
  expect(simulated.device.hand.get('firewall/addrgrp', 'payments')).toMatchObject({ comment: '' });
  await clear(simulated.connect());
  expect(simulated.device.dump()).toBe(bare);
});

test('it is taken over without a gap: who was in it and shall be is in it all the time', async () => {
  await using simulated = await theirGroup();
  const driver: AnyDriver = simulated.connect({}, { adopt: ['payments'] });
  const wish = payments('Deny', ['10.0.0.1', '10.0.0.3']);
  for (let round = 0; round < 4; round++)
    for (const step of await stepsOf(driver, wish)) {
      await driver.apply(step, signal);
      expect(isDenied(simulated, '10.0.0.1'), step.title).toBe(true);
    }
  expect(await stepsOf(driver, wish)).toEqual([]);
  expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((one) => isDenied(simulated, one))).toEqual([true, false, true]);
  expect(simulated.device.hand.get('firewall/addrgrp', 'payments')).toMatchObject({
    comment: 'sallyport:lab:AddressGroup/payments',
  });
  // Objects of its owner stay his.
  expect(simulated.device.hand.get('firewall/address', 'second')).toMatchObject({ name: 'second' });
});

test('a list that the device fetches is not taken over: it would be empty for a while', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  simulated.device.hand.create('system/external-resource', {
    name: 'payments',
    type: 'address',
    resource: 'https://192.0.2.1/list.txt',
  });
  const driver = simulated.connect({}, { adopt: ['payments'] });
  await expect(bring(driver, payments('Allow', ['10.0.0.1']))).rejects.toMatchObject({ code: 'NAME_TAKEN' });
});

test('a group that others name stays a group, and follows its members, when a feed is wanted', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const driver: AnyDriver = simulated.connect();
  await bring(driver, payments('Deny', ['10.0.0.1', 'fd00::1']));
  theirPolicy(simulated, 'payments');
  await bring(driver, payments('Allow', ['10.0.0.2', 'fd00::2']));
  expect(['10.0.0.1', '10.0.0.2'].map((one) => isDenied(simulated, one))).toEqual([false, true]);
  expect(await stepsOf(simulated.connect(), payments('Allow', ['10.0.0.2', 'fd00::2']))).toEqual([]);
  simulated.device.hand.delete('firewall/policy', simulated.device.hand.keys('firewall/policy').at(-1) ?? '');
  await bring(driver, payments('Allow', ['10.0.0.2', 'fd00::2']));
  expect(simulated.keysOfOurs('system/external-resource')).toEqual(['payments']);
  expect(simulated.keysOfOurs('firewall/addrgrp')).toEqual([]);
});

test('a feed that others name stays one when a Deny rests on it: its members follow, and it is told', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const driver: AnyDriver = simulated.connect();
  await bring(driver, payments('Allow', ['10.0.0.1']));
  theirPolicy(simulated, 'payments');
  await expect(bring(driver, payments('Deny', ['10.0.0.2']))).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  expect(['10.0.0.1', '10.0.0.2'].map((one) => isDenied(simulated, one))).toEqual([false, true]);
});

test('a group that somebody renamed goes on to hold its members where others name it, and is told', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const driver: AnyDriver = simulated.connect();
  await bring(driver, payments('Deny', ['10.0.0.1']));
  theirPolicy(simulated, 'payments');
  simulated.device.hand.rename('firewall/addrgrp', 'payments', 'renamed');
  const { drift } = await driver.observe(signal);
  expect(drift).toContainEqual({ object: 'payments', what: 'the group was renamed to renamed' });
  const wish = payments('Deny', ['10.0.0.1', '10.0.0.2']);
  await bring(driver, wish);
  expect(['10.0.0.1', '10.0.0.2'].map((one) => isDenied(simulated, one))).toEqual([true, true]);
  expect(simulated.keysOfOurs('firewall/addrgrp').toSorted()).toEqual(['payments', 'renamed']);
  simulated.device.hand.delete('firewall/policy', simulated.device.hand.keys('firewall/policy').at(-1) ?? '');
  await bring(driver, wish);
  expect(simulated.keysOfOurs('firewall/addrgrp')).toEqual(['payments']);
});

test('leaving leaves a group that others name, with who is in it, and ends', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const bare = simulated.device.dump();
  const driver: AnyDriver = simulated.connect();
  await bring(driver, payments('Deny', ['10.0.0.1']));
  theirPolicy(simulated, 'payments');
  await clear(driver);
  expect(isDenied(simulated, '10.0.0.1')).toBe(true);
  expect(simulated.keysOfOurs('firewall/addrgrp')).toEqual(['payments']);
  simulated.device.hand.delete('firewall/policy', simulated.device.hand.keys('firewall/policy').at(-1) ?? '');
  await clear(driver);
  expect(simulated.device.dump()).toBe(bare);
});

test('an address object and a service that others name stay as long as that is so, and hold nothing else up', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { hand } = simulated.device;
  const bare = simulated.device.dump();
  const options = { zones: { from: ['port2'], to: ['port1'] }, position: 'Last' };
  const driver: AnyDriver = simulated.connect({ ...options, form: 'Full', securityProfile: 'none', log: 'All' });
  const tie = async (): Promise<readonly string[]> => {
    await bring(driver, world(crowd(2, 'bank'), [allowing('bank', '203.0.113.0/24', 8443)]));
    const object = simulated.objectOf('10.0.0.2');
    const service = simulated.keysOfOurs('firewall.service/custom').find((key) => key.includes('8443')) ?? '';
    hand.create('firewall/addrgrp', { name: 'his', member: [{ name: object }] });
    hand.create('firewall.service/group', { name: 'his services', member: [{ name: service }] });
    return [object, service];
  };
  const kept = (): readonly string[] =>
    ['firewall/address', 'firewall.service/custom'].flatMap((table) => simulated.keysOfOurs(table));
  const untie = (): void => {
    hand.delete('firewall/addrgrp', 'his');
    hand.delete('firewall.service/group', 'his services');
  };
  const named = await tie();
  const next = world(crowd(1, 'bank'), [allowing('bank', '203.0.113.0/24', 443)]);
  await bring(driver, next);
  expect(kept()).toEqual(expect.arrayContaining([...named]));
  expect(await stepsOf(driver, next)).toEqual([]);
  untie();
  await bring(driver, next);
  for (const name of named) expect(kept()).not.toContain(name);

  const again = await tie();
  await clear(driver);
  expect(kept()).toEqual(again);
  untie();
  await clear(driver);
  expect(simulated.device.dump()).toBe(bare);
});
