import { expect, test } from 'vitest';
import { PanOs } from '../../../../simulators/panos/index.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';
import { type AnyDriver, bring, translationOf } from '../../contract/harness.ts';
import { ACCOUNT, byHand, commitByHand, connectTo, furnish, loseRegistered, membersOn } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const signal = new AbortController().signal;
const { border, connect, keep } = closedAfterEach();

function group(members: readonly string[]): Ruleset {
  const payments: Group = {
    id: 'payments-4',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'payments',
    resource: 'AddressGroup/payments',
    use: 'Allow',
    members: BucketMap.from(members.map((one) => [one, true as const])),
  };
  return world({}, [], { groups: new Map([[payments.id, payments]]) });
}

/** Somebody is about to join, by what was read a while ago. */
async function aboutToJoin(device: PanOs, driver: AnyDriver) {
  await bring(driver, group(['10.0.0.1']));
  const held = await driver.observe(signal);
  const steps = driver.steps(held, await translationOf(driver, group(['10.0.0.1', '10.0.0.2'])));
  expect(steps.map(({ kind }) => kind)).toEqual(['Members']);
  device.served.length = 0;
  return {
    isAsRead: async () => await driver.isAsRead?.(held, steps, signal),
    write: async () => {
      for (const step of steps) await driver.apply(step, signal);
    },
  };
}

const asked = (device: PanOs): readonly string[] =>
  device.served.splice(0).map(({ parameters }) => `${parameters['type']} ${parameters['cmd'] ?? ''}`);

const CONFIGURATION = /show><(?:jobs|system)>|pending-changes/;

test('who joins is sent at once where all that it rests on was asked right before', async () => {
  const device = await border();
  const driver: AnyDriver = connect(device, { position: 'Last' }, { clock: new FakeClock() });
  const { isAsRead, write } = await aboutToJoin(device, driver);
  expect(await isAsRead()).toBe(true);
  const questions = asked(device);
  expect(questions.filter((one) => /registered-ip|high-availability/.test(one))).toHaveLength(3);
  expect(questions.filter((one) => CONFIGURATION.test(one))).toEqual([]);
  await write();
  expect(asked(device).map((one) => one.slice(0, 7))).toEqual(['user-id']);
  expect(membersOn(device, ['payments'])).toEqual(['10.0.0.1', '10.0.0.2']);
});

test('it is asked anew where that was longer ago', async () => {
  const device = await border();
  const clock = new FakeClock();
  const { isAsRead, write } = await aboutToJoin(device, connect(device, { position: 'Last' }, { clock }));
  expect(await isAsRead()).toBe(true);
  clock.advance(500);
  loseRegistered(device);
  await expect(write()).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
  expect(membersOn(device, ['payments'])).toEqual([]);
});

test('and after a whole reading, which is no look right before a write', async () => {
  const device = await border();
  const driver: AnyDriver = connect(device, { position: 'Last' }, { clock: new FakeClock() });
  const { isAsRead, write } = await aboutToJoin(device, driver);
  expect(await isAsRead()).toBe(true);
  await driver.observe(signal);
  loseRegistered(device);
  await expect(write()).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
  expect(membersOn(device, ['payments'])).toEqual([]);
});

test.each<readonly [string, number, (device: PanOs) => unknown]>([
  ['lost addresses', 0, loseRegistered],
  [
    'another copy that wrote',
    0,
    async (device) => {
      const other: AnyDriver = keep(connectTo(device, { position: 'Last' }));
      const wanted = await translationOf(other, group(['10.0.0.9']));
      for (const step of other.steps(await other.observe(signal), wanted)) await other.apply(step, signal);
    },
  ],
  [
    'a group that a hand deleted more than a second ago',
    1_000,
    async (device) => {
      byHand(device, 'delete', "/address-group/entry[@name='payments']");
      await commitByHand(device);
    },
  ],
])('%s: it is not as read', async (_what, ms, happens) => {
  const device = await border();
  const clock = new FakeClock();
  const { isAsRead } = await aboutToJoin(device, connect(device, { position: 'Last' }, { clock }));
  await happens(device);
  clock.advance(ms);
  expect(await isAsRead()).toBe(false);
});

test('of a pair whose other one took over it is not as read', async () => {
  const pair = await PanOs.startPair({ accounts: [ACCOUNT], zones: ['k8s', 'internet'], commitMs: 0 });
  for (const one of pair) keep(one);
  await furnish(pair[0]);
  const peer = { address: pair[1].url, pin: pair[1].fingerprint ?? '' };
  const driver: AnyDriver = connect(pair[0], { position: 'Last', peer }, { clock: new FakeClock() });
  await bring(driver, group(['10.0.0.1']));
  const held = await driver.observe(signal);
  const [step] = driver.steps(held, await translationOf(driver, group(['10.0.0.1', '10.0.0.2'])));
  const isAsRead = async () => await driver.isAsRead?.(held, step === undefined ? [] : [step], signal);
  expect(await isAsRead()).toBe(true);
  pair[0].ha.failOver();
  expect(await isAsRead()).toBe(false);
});
