import { describe, expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, translating, world } from '../../../test/kit/worlds.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const signal = new AbortController().signal;

const translated: Ruleset = world({ '10.0.0.1': 'bank' }, [allowing('bank', '203.0.113.0/24', 443)], {
  nats: [translating('out', { '10.0.0.1': { kind: 'Address', address: '198.18.0.1' } })],
});

type Hand = (simulated: SimulatedDevice) => void;

/** Edits the first entry of ours in a table. */
const set =
  (table: string, change: Parameters<SimulatedDevice['device']['hand']['set']>[2]): Hand =>
  (simulated) =>
    simulated.device.hand.set(table, simulated.keysOfOurs(table)[0] ?? '', change);
const TRANSLATION = 'firewall/central-snat-map';
const POOL = 'firewall/ippool';
const POLICY = 'firewall/policy';
const SERVICE = 'firewall.service/custom';

describe('what a hand does to ours is found and put right', () => {
  test.each<[string, Hand]>([
    [
      'a translation deleted',
      (simulated) => simulated.device.hand.delete(TRANSLATION, simulated.keysOfOurs(TRANSLATION)[0] ?? ''),
    ],
    ['a translation switched off', set(TRANSLATION, { status: 'disable' })],
    ['a translation that exempts', set(TRANSLATION, { nat: 'disable' })],
    ['a translation of some source ports', set(TRANSLATION, { 'orig-port': '1000-2000' })],
    ['a translation of one protocol', set(TRANSLATION, { protocol: 17 })],
    ['a translation of one port', set(TRANSLATION, { protocol: 6, 'dst-port': '443' })],
    ['a translation to a range of ports', set(TRANSLATION, { 'nat-port': '5000-5100' })],
    ['a translation between families', set(TRANSLATION, { nat64: 'enable' })],
    ['a translation between other interfaces', set(TRANSLATION, { srcintf: [{ name: 'port3' }] })],
    ['a translation of other sources', set(TRANSLATION, { 'orig-addr': [{ name: 'theirs' }] })],
    ['a translation for other destinations', set(TRANSLATION, { 'dst-addr': [{ name: 'theirs' }] })],
    ['a translation to another pool', set(TRANSLATION, { 'nat-ippool': [{ name: 'their pool' }] })],
    ['a pool of another address', set(POOL, { startip: '198.18.0.9', endip: '198.18.0.9' })],
    ['a pool that is one-to-one', set(POOL, { type: 'one-to-one' })],
    ['a pool without arp', set(POOL, { 'arp-reply': 'disable' })],
    ['a pool for NAT64', set(POOL, { nat64: 'enable' })],
    ['a pool that lets anybody answer', set(POOL, { 'permit-any-host': 'enable' })],
    ['a policy for users', set(POLICY, { users: [{ name: 'bob' }] })],
    ['a policy for groups of users', set(POLICY, { groups: [{ name: 'staff' }] })],
    [
      'a policy for services of the internet',
      set(POLICY, { 'internet-service': 'enable', 'internet-service-name': [{ name: 'Cloud' }] }),
    ],
  ])('%s', (_, edit) => expectMended(edit, 'told'));

  test.each<[string, Hand]>([
    ['a service for some addresses', set(SERVICE, { iprange: '203.0.113.9' })],
    ['a service for a domain', set(SERVICE, { fqdn: 'bank.example' })],
    ['a service for an application', set(SERVICE, { 'app-service-type': 'app-id' })],
    ['a service of a proxy', set(SERVICE, { proxy: 'enable' })],
    ['a group for tags of posture', set('firewall/addrgrp', { category: 'ztna-ems-tag' })],
  ])('%s', (_, edit) => expectMended(edit));

  test('a service of UDP-Lite too', () =>
    expectMended(set(SERVICE, { 'udplite-portrange': '1-65535' }), undefined, '7.6.3'));

  // What such a service is called differs.
  test.each(['7.0.12', '7.4.8', '7.6.3'])('a service of another protocol, on FortiOS %s', (version) => {
    const other = { protocol: 'IP', 'protocol-number': 47, 'tcp-portrange': '' };
    return expectMended(set(SERVICE, other), undefined, version);
  });
});

async function expectMended(edit: Hand, isTold?: 'told', version = '7.4.8'): Promise<void> {
  await using simulated = await SimulatedDevice.start({ version });
  const { hand } = simulated.device;
  hand.settings('system/settings', { 'central-nat': 'enable' });
  simulated.addForeignRules();
  hand.create('firewall/ippool', { name: 'their pool', startip: '198.18.9.9', endip: '198.18.9.9' });
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, translated);
  const held = simulated.ours();
  edit(simulated);
  expect(simulated.ours()).not.toBe(held);
  const { drift } = await driver.observe(signal);
  if (isTold !== undefined) expect(drift).not.toEqual([]);
  await bring(simulated.connect(RULES), translated);
  expect(simulated.ours()).toBe(held);
  expect(await stepsOf(driver, translated)).toEqual([]);
}
