import { expect, test } from 'vitest';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { SallyportError } from '../../base/error.ts';
import { bring } from '../contract/harness.ts';
import { RULES } from './contract.fixture.ts';

const signal = new AbortController().signal;
const credentialsWith = (token: string) => ({
  title: 'a test',
  read: () => Promise.resolve(new Map([['token', token]])),
});
/** How often the device turned somebody away for who he is. */
const refused = ({ device }: SimulatedDevice): number => device.served.filter(({ status }) => status === 401).length;
const codeOf = async (work: Promise<unknown>): Promise<string> =>
  await work.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof SallyportError ? thrown.code : String(thrown)),
  );

test('a wrong token is shown once: it does not have the device block everybody who comes from this address', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const wrong = simulated.connect(RULES, { credentials: credentialsWith('wrong') });
  expect(await codeOf(wrong.capabilities(signal))).toBe('DEVICE_CREDENTIALS');
  expect(await codeOf(wrong.capabilities(signal))).toBe('DEVICE_CREDENTIALS');
  expect(refused(simulated)).toBe(1);
  expect(await codeOf(simulated.connect(RULES).capabilities(signal))).toBe('done');
});

test('nor does one that ends while it is in use', async () => {
  const clock = new FakeClock();
  await using simulated = await SimulatedDevice.start({ version: '7.4.8', clock });
  const { hand } = simulated.device;
  const rights = { fwgrp: 'read-write', sysgrp: 'read-write' } as const;
  let token = hand.addApiUser('keeper', rights);
  const credentials = { title: 'a test', read: () => Promise.resolve(new Map([['token', token]])) };
  const driver = simulated.connect(RULES, { clock, credentials });
  await bring(driver, world(crowd(3, 'bank')));
  hand.revokeToken('keeper');
  clock.advance(10_000);
  expect(await codeOf(driver.observe(signal))).toBe('DEVICE_CREDENTIALS');
  expect(refused(simulated)).toBe(1);
  token = hand.addApiUser('keeper again', rights);
  expect(await codeOf(driver.observe(signal))).toBe('done');
});
