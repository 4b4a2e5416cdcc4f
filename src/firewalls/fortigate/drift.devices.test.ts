import { expect, test } from 'vitest';
import { namesOf } from '../../../simulators/fortigate/row.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { crowd, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type AnyDriver, bring } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const signal = new AbortController().signal;
const wish = world(crowd(2, 'bank'));

type Hand = (simulated: SimulatedDevice) => void;

function firstPolicy(simulated: SimulatedDevice): string {
  return simulated.keysOfOurs('firewall/policy')[0] ?? '';
}

test.each<readonly [string, Hand, RegExp]>([
  [
    'a member taken out',
    (simulated) =>
      simulated.device.hand.removeMember(
        'firewall/addrgrp',
        simulated.groupWith('10.0.0.1'),
        simulated.objectOf('10.0.0.1'),
      ),
    /^sp-bank-\S+ members were taken out: 10\.0\.0\.1$/,
  ],
  [
    'a member added',
    (simulated) => {
      simulated.device.hand.create('firewall/address', { name: 'theirs', subnet: '192.0.2.0/24' });
      simulated.device.hand.addMember('firewall/addrgrp', simulated.groupWith('10.0.0.1'), 'theirs');
    },
    /^sp-bank-\S+ members were added: \?theirs$/,
  ],
  [
    'a group that leaves one of its members out',
    (simulated) =>
      simulated.device.hand.set('firewall/addrgrp', simulated.groupWith('10.0.0.1'), {
        exclude: 'enable',
        'exclude-member': [{ name: simulated.objectOf('10.0.0.1') }],
      }),
    /^sp-bank-\S+ members were added: \?\(exclude\)$/,
  ],
  [
    'an address that counts at one interface alone',
    (simulated) => {
      const { hand } = simulated.device;
      hand.set('firewall/address', simulated.objectOf('10.0.0.1'), { 'associated-interface': 'port1' });
    },
    /^sp-bank-\S+ members were /,
  ],
  [
    'a policy switched off',
    (simulated) => simulated.device.hand.set('firewall/policy', firstPolicy(simulated), { status: 'disable' }),
    /^sp-bank\S+ says what we never say: status$/,
  ],
  [
    'a policy that denies instead',
    (simulated) => simulated.device.hand.set('firewall/policy', firstPolicy(simulated), { action: 'deny' }),
    /^sp-bank\S+ action was "Allow" and is "Deny"/,
  ],
  [
    'a policy that is gone',
    (simulated) => simulated.device.hand.delete('firewall/policy', firstPolicy(simulated)),
    /^sp-bank\S+ the rule was removed or renamed, or its mark was$/,
  ],
])('%s is told with what it was, and no more once it is put right', async (_what, edit, told) => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, wish);
  expect((await driver.observe(signal)).drift).toEqual([]);
  edit(simulated);
  const { drift } = await driver.observe(signal);
  expect(drift.map(({ object, what }) => `${object} ${what}`)).toContainEqual(expect.stringMatching(told));
  await bring(driver, wish);
  expect((await driver.observe(signal)).drift).toEqual([]);
});

test.each([
  [6, 2],
  [4, 400],
] as const)('of a group of IPv%i with %i members each part holds whom it names', async (family, count) => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { hand } = simulated.device;
  const driver: AnyDriver = simulated.connect(RULES);
  const addresses = Array.from({ length: count }, (_, at) =>
    family === 6 ? `fd00::${at + 1}` : `10.9.${at >> 8}.${at & 255}`,
  );
  const members = BucketMap.from(addresses.map((address) => [address, true as const]));
  const named = { deviceName: 'blocked', resource: 'AddressGroup/blocked', use: 'Deny', members } as const;
  const blocked = world({}, [], { groups: new Map([['a', { id: 'a', kind: 'AddressGroup', family, ...named }]]) });
  await bring(driver, blocked);
  const table = family === 6 ? 'firewall/addrgrp6' : 'firewall/addrgrp';
  const part = simulated.keysOfOurs(table).find((key) => count < 300 || key !== 'blocked') ?? '';
  const [member] = namesOf(hand.get(table, part) ?? {}, 'member');
  hand.set(table, part, { exclude: 'enable', 'exclude-member': [{ name: member }] });
  const { drift } = await driver.observe(signal);
  expect(drift.map(({ object, what }) => `${object} ${what}`)).toEqual(['blocked members were added: ?(exclude)']);
  await bring(driver, blocked);
  expect(hand.get(table, part)).toMatchObject({ exclude: 'disable', 'exclude-member': [] });
});

test.each(['enable', 'disable'] as const)(
  'a pool that counts at one interface alone is put right (central-nat %s)',
  async (mode) => {
    await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
    const { hand } = simulated.device;
    hand.settings('system/settings', { 'central-nat': mode });
    const nat = translating('out', { '10.0.0.1': { kind: 'Address', address: '198.18.0.1' } });
    const translated = world(crowd(2, 'bank'), undefined, {
      nats: [{ ...nat, destination: PrefixSet.parse(['203.0.113.0/24']) }],
    });
    const driver: AnyDriver = simulated.connect(RULES);
    await bring(driver, translated);
    const [pool = ''] = simulated.keysOfOurs('firewall/ippool');
    hand.set('firewall/ippool', pool, { 'associated-interface': 'port2' });
    expect((await driver.observe(signal)).drift).not.toEqual([]);
    await bring(driver, translated);
    expect(hand.get('firewall/ippool', pool)).toMatchObject({ 'associated-interface': '' });
  },
);

test('what another copy of ours wrote is no drift', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, wish);
  await bring(simulated.connect(RULES), world(crowd(5, 'bank')));
  expect((await driver.observe(signal)).drift).toEqual([]);
});
