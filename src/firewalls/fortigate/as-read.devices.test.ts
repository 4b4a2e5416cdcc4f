import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { bring } from '../contract/harness.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';

const signal = new AbortController().signal;

/** Two lists that are pushed. */
function lists(payments: readonly string[], shop: readonly string[]): Ruleset {
  const group = (deviceName: string, addresses: readonly string[]) => {
    const members = BucketMap.from(addresses.map((address) => [address, true as const]));
    const named = { deviceName, resource: `AddressGroup/${deviceName}`, use: 'Allow', members } as const;
    return [deviceName, { id: deviceName, kind: 'AddressGroup', family: 4, ...named }] as const;
  };
  return world({}, [], { groups: new Map([group('payments', payments), group('shop', shop)]) });
}

function follow(simulated: SimulatedDevice) {
  // What was read a moment ago stays so, however slow the machine is.
  const driver = simulated.connect({}, { clock: new FakeClock() });
  const settings = { ...enforce, drift: 'Show' } as const;
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver,
    settings,
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  worker.start();
  let version = 0;
  return {
    worker,
    wish: (ruleset: Ruleset): void => {
      worker.desire({ kind: 'ruleset', ruleset, version: ++version });
    },
    confirmed: async (): Promise<void> => {
      await worker.settled();
      expect(worker.status().confirmedVersion).toBe(version);
    },
  };
}

/** The requests since the last time, without those that everybody makes. */
function asked({ device }: SimulatedDevice): readonly string[] {
  return device.served
    .splice(0)
    .map(({ method, url }) => `${method} ${url.replace('/api/v2/', '').replace('vdom=root&', '')}`);
}

test('who joins a list costs the questions that concern this list', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { worker, wish, confirmed } = follow(simulated);
  wish(lists(['10.0.0.1'], ['10.0.1.1']));
  await confirmed();
  asked(simulated);
  wish(lists(['10.0.0.1', '10.0.0.2'], ['10.0.1.1']));
  await confirmed();
  const requests = asked(simulated);
  expect(requests.filter((one) => one.includes('shop'))).toEqual([]);
  expect(requests.filter((one) => one.startsWith('POST'))).toHaveLength(1);
  expect(requests.length).toBeLessThanOrEqual(7);
  await worker.stop();
});

test('a list that a hand touched meanwhile is shown, and not repaired by whoever joins it', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const { worker, wish, confirmed } = follow(simulated);
  wish(lists(['10.0.0.1'], ['10.0.1.1']));
  await confirmed();
  simulated.device.hand.emptyVolatile();
  asked(simulated);
  wish(lists(['10.0.0.1', '10.0.0.2'], ['10.0.1.1']));
  await worker.settled();
  expect(worker.status().conditions).toContainEqual(expect.objectContaining({ type: 'Drifted', status: true }));
  expect(asked(simulated).filter((one) => one.startsWith('POST'))).toEqual([]);
  await worker.stop();
});

test.each<readonly [string, (simulated: SimulatedDevice) => unknown]>([
  ['whose it is', ({ device }) => device.hand.set('system/external-resource', 'payments', { comments: '' })],
  ['what is in it', ({ device }) => device.hand.emptyVolatile()],
  [
    'who has which address object',
    ({ device }) => device.hand.create('firewall/address', { name: 'theirs', subnet: '192.0.2.0/24' }),
  ],
])('%s is asked before a list is filled from an earlier reading', async (_what, edit) => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const driver = simulated.connect();
  await bring(driver, lists(['10.0.0.1'], []));
  const wanted = driver.translate(lists(['10.0.0.2'], []), await driver.capabilities(signal));
  const actual = await driver.observe(signal);
  const steps = driver.steps(actual, wanted);
  expect(await driver.isAsRead(actual, steps, signal)).toBe(true);
  edit(simulated);
  expect(await driver.isAsRead(actual, steps, signal)).toBe(false);
});

test.each<readonly [string, number, boolean]>([
  ['right before: nothing is asked once more', 0, true],
  ['longer ago: it is asked anew', 500, false],
])('a list is filled after what that rests on was asked %s', async (_when, ms, isAtOnce) => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const clock = new FakeClock();
  const driver = simulated.connect({}, { clock });
  await bring(driver, lists(['10.0.0.1'], []));
  const actual = await driver.observe(signal);
  const wanted = driver.translate(lists(['10.0.0.1', '10.0.0.2'], []), await driver.capabilities(signal));
  const [step] = driver.steps(actual, wanted);
  expect(await driver.isAsRead(actual, step === undefined ? [] : [step], signal)).toBe(true);
  clock.advance(ms);
  asked(simulated);
  if (step !== undefined) await driver.apply(step, signal);
  const requests = asked(simulated);
  const sent = requests.findIndex((one) => one.startsWith('POST'));
  expect([sent === 0, requests.length - sent]).toEqual([isAtOnce, 2]);
});

test('a list that is not among those that were asked about is asked about before it is filled', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const clock = new FakeClock();
  const driver = simulated.connect({}, { clock });
  await bring(driver, lists(['10.0.0.1'], ['10.0.1.1']));
  const capabilities = await driver.capabilities(signal);
  const actual = await driver.observe(signal);
  const stepsTo = (ruleset: Ruleset) => driver.steps(actual, driver.translate(ruleset, capabilities));
  clock.advance(1_000);
  const payments = stepsTo(lists(['10.0.0.1', '10.0.0.2'], ['10.0.1.1']));
  expect(await driver.isAsRead(actual, payments, signal)).toBe(true);
  simulated.device.hand.emptyVolatile();
  const [shop] = stepsTo(lists(['10.0.0.1'], ['10.0.1.1', '10.0.1.2']));
  await expect(shop && driver.apply(shop, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
});

test('what was read back after a write is not read once more for three seconds', async () => {
  await using simulated = await SimulatedDevice.start({ version: '7.4.8' });
  const clock = new FakeClock();
  const driver = simulated.connect({}, { clock });
  const read = async (ms: number, addresses: readonly string[]) => {
    await bring(driver, lists(['10.0.0.1'], []));
    const wanted = driver.translate(lists(addresses, []), await driver.capabilities(signal));
    for (const step of driver.steps(await driver.observe(signal), wanted)) await driver.apply(step, signal);
    clock.advance(ms);
    asked(simulated);
    await driver.observe(signal);
    return asked(simulated).length;
  };
  expect(await read(2_999, ['10.0.0.1', '10.0.0.2'])).toBe(0);
  expect(await read(3_000, ['10.0.0.1', '10.0.0.3'])).toBeGreaterThan(10);
});
