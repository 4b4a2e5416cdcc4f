import { expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { FakeClock } from '../../../../test/kit/fake-clock.ts';
import { crowd, world } from '../../../../test/kit/worlds.ts';
import { type AnyDriver, bring, stepsOf } from '../../contract/harness.ts';
import { ACCOUNT, FULL } from '../lab.fixture.ts';
import { closedAfterEach } from './opened.fixture.ts';

const { border, connect } = closedAfterEach();
const signal = new AbortController().signal;
const wish = world(crowd(3, 'bank'));

const keygens = (device: PanOs): number =>
  device.served.filter(({ parameters }) => parameters['type'] === 'keygen').length;

/** A firewall that is kept, and on which several questions go side by side. */
async function kept(clock: FakeClock): Promise<{ readonly device: PanOs; readonly driver: AnyDriver }> {
  const device = await border();
  const driver = connect(device, FULL, { clock }) as unknown as AnyDriver;
  await bring(driver, wish);
  await driver.observe(signal);
  return { device, driver };
}

test('a key that ran out is made anew once, whatever is asked side by side', async () => {
  const { device, driver } = await kept(new FakeClock());
  const before = keygens(device);
  device.accounts.expireKeys();
  // One of them is looked at when the others have a new key already.
  device.faults.next({ kind: 'slow', ms: 300 }, { matches: (given) => given.get('cmd')?.includes('pending') === true });
  await driver.observe(signal);
  expect(keygens(device) - before).toBe(1);
  expect(await stepsOf(driver, wish)).toEqual([]);
});

test('a password that is another one is shown once, and not again right away', async () => {
  const clock = new FakeClock();
  const { device, driver } = await kept(clock);
  device.accounts.put({ ...ACCOUNT, password: 'another one' });
  const before = keygens(device);
  for (let times = 0; times < 3; times++)
    await expect(driver.observe(signal)).rejects.toMatchObject({ code: 'DEVICE_CREDENTIALS' });
  expect(keygens(device) - before).toBe(1);
  clock.advance(5_000);
  await expect(driver.observe(signal)).rejects.toMatchObject({ code: 'DEVICE_CREDENTIALS' });
  expect(keygens(device) - before).toBe(2);
  device.accounts.put(ACCOUNT);
  clock.advance(5_000);
  await driver.observe(signal);
  expect(await stepsOf(driver, wish)).toEqual([]);
});
