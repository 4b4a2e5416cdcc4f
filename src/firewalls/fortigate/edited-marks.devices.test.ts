import { expect, test } from 'vitest';
import { groupsOnBadDays, rulesOnBadDays } from '../../../test/kit/bad-day-worlds.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { type AnyDriver, bring, clear, stepsOf } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const COMMENTS = [
  ['firewall/address', 'comment'],
  ['firewall/addrgrp', 'comment'],
  ['firewall.service/custom', 'comment'],
  ['firewall/ippool', 'comments'],
  ['firewall/policy', 'comments'],
  ['firewall/central-snat-map', 'comments'],
  ['system/external-resource', 'comments'],
] as const;

test.each([
  ['rules', RULES, rulesOnBadDays(['blocked'])],
  ['groups', {}, groupsOnBadDays],
])('what somebody writes around our marks changes nothing about whose it is: %s', async (_, options, worlds) => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { hand } = simulated.device;
  hand.settings('system/settings', { 'central-nat': 'enable' });
  const bare = simulated.device.dump();
  const driver: AnyDriver = simulated.connect(options);
  await bring(driver, worlds.before);
  for (const [table, field] of COMMENTS)
    for (const key of simulated.keysOfOurs(table)) {
      const before = hand.get(table, key)?.[field];
      if (typeof before === 'string') hand.set(table, key, { [field]: `ask Bob ${before} before 2027` });
    }
  expect(await stepsOf(driver, worlds.before)).toEqual([]);
  expect(await stepsOf(simulated.connect(options), worlds.before)).toEqual([]);
  await bring(driver, worlds.after);
  // The group has other members by now, and his words still.
  expect(hand.get('firewall/addrgrp', 'blocked')).toMatchObject({
    comment: 'ask Bob sallyport:lab:AddressGroup/blocked before 2027',
  });
  await clear(driver);
  expect(simulated.device.dump()).toBe(bare);
});
