import { describe, expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, crowd, translating, world } from '../../../test/kit/worlds.ts';
import { type AnyDriver, bring, stepsOf } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const signal = new AbortController().signal;
const wish = world(crowd(2, 'bank'), [allowing('bank', '203.0.113.0/24', 443)]);
const POLICY = 'firewall/policy';

/** Edits of one policy that change whom, when or what it is for, in fields that we never write. */
const EDITS: readonly (readonly [string, object])[] = [
  ['some makers of devices', { 'src-vendor-mac': [{ id: 5 }] }],
  ['a reputation', { 'reputation-minimum': 3 }],
  ['a type of service', { 'tos-mask': '0xff', tos: '0x1c' }],
  ['all but a type of service', { 'tos-negate': 'enable' }],
  ['tags of posture', { 'ztna-status': 'enable', 'ztna-ems-tag': [{ name: 'theirs' }] }],
  ['tags of places', { 'ztna-geo-tag': [{ name: 'theirs' }] }],
  ['senders that the vendor lists', { 'internet-service-src': 'enable', 'internet-service-src-name': [{ name: 'C' }] }],
  ['services of the network', { 'network-service-dynamic': [{ name: 'connector' }] }],
  ['media streams', { 'rtp-nat': 'enable', 'rtp-addr': [{ name: 'theirs' }] }],
  ['addresses announced everywhere', { 'geoip-anycast': 'enable' }],
  ['some networks of the wire', { 'vlan-filter': '10-20' }],
  ['a while', { 'policy-expiry': 'enable' }],
  ['answers of anybody', { 'permit-any-host': 'enable' }],
  ['answers of helpers', { 'permit-stun-host': 'enable' }],
  ['connections that nobody opened', { 'tcp-session-without-syn': 'all' }],
];

describe('a policy of ours that a hand makes one for', () => {
  test.each(EDITS)('%s is told and put right', async (_, edit) => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    await expectMended(simulated, edit);
  });

  test.each(EDITS)('%s is, too, where the device does not tell what new policies have', async (_, edit) => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    simulated.device.faults.next({ kind: 'database error', error: -1001 }, { url: 'action=default' }, 100);
    await expectMended(simulated, edit);
  });

  test('virtual addresses too is told and put right where it denies, and left where it allows', async () => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    const { hand } = simulated.device;
    simulated.addForeignRules();
    const driver: AnyDriver = simulated.connect(RULES);
    await bring(driver, wish);
    const held = simulated.ours();
    for (const key of simulated.keysOfOurs(POLICY)) {
      const allows = hand.get(POLICY, key)?.['action'] === 'accept';
      hand.set(POLICY, key, { 'match-vip': 'enable' });
      const { drift } = await driver.observe(signal);
      expect(drift.map(({ what }) => what)).toEqual(allows ? [] : ['says what we never say: match-vip']);
      await bring(driver, wish);
      if (allows) hand.set(POLICY, key, { 'match-vip': 'disable' });
      expect(simulated.ours()).toBe(held);
    }
  });
});

async function expectMended(simulated: SimulatedDevice, edit: object): Promise<void> {
  const { hand } = simulated.device;
  simulated.addForeignRules();
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, wish);
  const held = simulated.ours();
  const [first = ''] = simulated.keysOfOurs(POLICY);
  hand.set(POLICY, first, edit);
  const { drift } = await driver.observe(signal);
  expect(drift.map(({ what }) => what)).toEqual([expect.stringMatching(/^says what we never say: /)]);
  for (const field of Object.keys(edit))
    if (field !== 'tos' && !field.endsWith('-name')) expect(drift[0]?.what).toContain(field);
  // A new process has nothing to compare with, and mends it all the same.
  await bring(simulated.connect(RULES), wish);
  expect(simulated.ours()).toBe(held);
  expect(await stepsOf(driver, wish)).toEqual([]);
}

describe('a device whose new addresses and pools are bound to an interface', () => {
  test.each(['port3', 'port2'])(
    '(%s) is written to once, and a hand that binds one elsewhere is found',
    async (bound) => {
      await using simulated = await SimulatedDevice.start({
        version: '7.4.8',
        switches: { associatedInterface: bound },
      });
      const { hand } = simulated.device;
      hand.settings('system/settings', { 'central-nat': 'enable' });
      const translated = world(crowd(2, 'bank'), undefined, {
        nats: [translating('out', { '10.0.0.1': { kind: 'Address', address: '198.18.0.1' } })],
      });
      const driver: AnyDriver = simulated.connect(RULES);
      await bring(driver, translated);
      const held = simulated.ours();
      expect(held).toContain(`set associated-interface "${bound}"`);
      const writes = simulated.writes().length;
      await bring(simulated.connect(RULES), translated);
      expect(simulated.writes()).toHaveLength(writes);
      hand.set('firewall/address', simulated.objectOf('10.0.0.1'), { 'associated-interface': 'port1' });
      hand.set('firewall/ippool', simulated.keysOfOurs('firewall/ippool')[0] ?? '', {
        'associated-interface': 'port1',
      });
      await bring(driver, translated);
      expect(simulated.ours()).toBe(held);
    },
  );
});
