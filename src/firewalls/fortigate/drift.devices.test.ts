import { expect, test } from 'vitest';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
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

test('what another copy of ours wrote is no drift', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, wish);
  await bring(simulated.connect(RULES), world(crowd(5, 'bank')));
  expect((await driver.observe(signal)).drift).toEqual([]);
});
