import fc from 'fast-check';
import { expect, test } from 'vitest';
import { modelOf } from '../../../simulators/fortigate/models.ts';
import { rulesets } from '../../../test/kit/rulesets.ts';
import { PATIENCE_MS, tries } from '../../../test/kit/runs.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf, translationOf } from '../contract/harness.ts';
import { nearlyFull } from '../table-use.ts';
import { RULES } from './contract.fixture.ts';

const MOST = 1_000;
const small = modelOf('entry');
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
  const { hand } = simulated.device;
  simulated.addForeignRules();
  const driver = simulated.connect();
  const told = async (): Promise<readonly string[]> => nearlyFull((await driver.observe(signal)).tables);
  expect(await told()).toEqual([]);
  hand.limit('root', { 'firewall-policy': 4 });
  expect(await told()).toEqual([]);
  hand.limit('root', { 'firewall-policy': 3 });
  expect(await told()).toEqual(['rules: 3 of 3 are in use']);
});

test('a device whose other VDOMs took the room', async () => {
  await using simulated = await SimulatedDevice.start({
    version: '7.4.8',
    vdoms: ['root', 'edge'],
    model: { ...small, limits: { ...small.limits, 'firewall-address': 40 } },
  });
  const { hand } = simulated.device;
  const all = hand.keys('firewall/address').length + hand.keys('firewall/address6').length;
  for (let at = all; at < 30 - all; at++)
    hand.create('firewall/address', { name: `theirs ${at}`, subnet: `192.0.2.${at}/32` }, 'edge');
  const writes = simulated.writes().length;
  const room = 40 - all - hand.keys('firewall/address', 'edge').length - hand.keys('firewall/address6', 'edge').length;
  await expect(stepsOf(simulated.connect(), known(crowdOf(room)))).rejects.toMatchObject({ code: 'CAPACITY' });
  expect(simulated.writes().length).toBe(writes);
  await bring(simulated.connect(), known(crowdOf(room - 1)));
});

const TABLES = {
  objects: ['firewall-address', 'firewall/address', 'firewall/address6'],
  groups: ['firewall-addrgrp', 'firewall/addrgrp', 'firewall/addrgrp6'],
  services: ['custom-service', 'firewall.service/custom'],
  serviceGroups: ['service-group', 'firewall.service/group'],
  rules: ['firewall-policy', 'firewall/policy'],
} as const;

/** Nothing is counted but what stands on the device: parts of groups and services, complements, policies of one rule included. */
test(
  'what a ruleset takes is counted to the entry: it fits exactly, and with one entry less it is not sent',
  async () => {
    await fc.assert(
      fc.asyncProperty(rulesets({ addressGroups: true }), fc.boolean(), async (drawn, isLarge) => {
        const ruleset = isLarge ? withCrowd(drawn) : drawn;
        await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
        const { hand } = simulated.device;
        const driver = simulated.connect(RULES);
        const { refusals } = await translationOf(driver, ruleset);
        fc.pre(refusals.length === 0);
        await bring(driver, ruleset);
        const { base, capacity } = await driver.observe(signal);
        const limits: Record<string, number> = {};
        for (const [table, [resource, ...ids]] of Object.entries(TABLES)) {
          const key = table as keyof typeof TABLES;
          const taken = new Map(capacity.takes?.[key]?.(base));
          const sum = [...taken.values()].reduce((all, one) => all + one, 0);
          const ours = ids.reduce((all, id) => all + simulated.keysOfOurs(id).length, 0);
          expect({ table, sum }).toEqual({ table, sum: ours });
          expect(capacity[key]?.ours).toBe(ours);
          limits[resource] = ids.reduce((all, id) => all + hand.keys(id).length, 0);
        }
        for (const [table, [resource, ...ids]] of Object.entries(TABLES)) {
          await using tight = await SimulatedDevice.start({ version: '7.4.8' });
          tight.device.hand.limit('root', { ...limits, [resource]: (limits[resource] ?? 0) - 1 });
          const isTaken = ids.some((id) => simulated.keysOfOurs(id).length > 0);
          // A limit of 0 is none.
          if (!isTaken || limits[resource] === 1) continue;
          await expect(stepsOf(tight.connect(RULES), ruleset), table).rejects.toMatchObject({ code: 'CAPACITY' });
          expect(tight.writes()).toEqual([]);
        }
        await using exact = await SimulatedDevice.start({ version: '7.4.8' });
        exact.device.hand.limit('root', limits);
        await bring(exact.connect(RULES), ruleset);
      }),
      { ...tries(2), endOnFailure: true },
    );
  },
  PATIENCE_MS,
);

/** Groups that take parts. */
function withCrowd(ruleset: Ruleset): Ruleset {
  const members = BucketMap.from(crowdOf(700).map((address) => [address, true as const]));
  const named = { deviceName: 'crowd', resource: 'AddressGroup/crowd', use: 'Deny', members } as const;
  const group = { id: 'crowd', kind: 'AddressGroup', family: 4, ...named } as const;
  return { ...ruleset, groups: new Map<string, Group>([...ruleset.groups, ['crowd', group]]) };
}
