import { describe, expect, test } from 'vitest';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { allowing, crowd, world } from '../../../../test/kit/worlds.ts';
import { bring, stepsOf } from '../../contract/harness.ts';
import type { Worker } from '../../worker/worker.ts';
import {
  COMMIT_MS,
  committing as committingTo,
  holds,
  isCommitting,
  until,
  watchedUntilConfirmed,
  wish,
} from './committing.fixture.ts';
import { closedAfterEach } from '../firewall/opened.fixture.ts';
import type { PanosStep } from './steps.ts';

const signal = new AbortController().signal;
const GONE = '10.0.0.1';

const { keep, border, connect } = closedAfterEach();

const all = Object.entries(crowd(4, 'bank'));
const without = Object.fromEntries(all.filter(([address]) => address !== GONE));
const before = world(Object.fromEntries(all));
/** One rule more, for which it takes a commit. */
const ruled = world(Object.fromEntries(all), [allowing('bank', '203.0.113.0/24', 8443)]);
const left = world(without, [allowing('bank', '203.0.113.0/24', 8443)]);

async function committing(device: PanOs, inVain = false): Promise<Worker> {
  const worker = await committingTo(device, [before, ruled], keep, { inVain });
  expect(holds(device, GONE)).toBe(true);
  return worker;
}

describe('while PAN-OS commits', () => {
  test('an address that was given up leaves, and the rest comes about afterwards', async () => {
    const device = await border();
    const worker = await committing(device);
    worker.desire(wish(left));
    await until(() => !holds(device, GONE));
    expect(isCommitting(device)).toBe(true);
    device.commitMs = 0;
    await worker.settled();
    expect(worker.status().conditions.find(({ type }) => type === 'Ready')?.status).toBe(true);
    expect(holds(device, GONE)).toBe(false);
    expect(await stepsOf(connect(device), left)).toEqual([]);
  });

  test('an address that somebody still owns stays until then', async () => {
    const device = await border();
    const worker = await committing(device);
    // Both at once: when the one is gone, the other had its turn as well.
    const unlabelled = world(Object.fromEntries(Object.entries(without).slice(1)), [
      allowing('bank', '203.0.113.0/24', 8443),
    ]);
    const [still = ''] = Object.keys(without);
    worker.desire(wish(unlabelled, { [still]: `pod at ${still}` }));
    await until(() => !holds(device, GONE));
    expect([isCommitting(device), holds(device, still)]).toEqual([true, true]);
    await worker.stop();
  });

  const ends: readonly (readonly [string, (device: PanOs) => void])[] = [
    ['fails', () => undefined],
    ['is lost with a start of the device', (device) => device.reboot()],
  ];
  test.each(ends)('a commit that %s gives nothing back to who left beside it', async (how, end) => {
    const device = await border();
    const worker = await committing(device, how === 'fails');
    worker.desire(wish(left));
    await until(() => !holds(device, GONE));
    expect(isCommitting(device)).toBe(true);
    end(device);
    expect(await watchedUntilConfirmed(device, worker, left, () => holds(device, GONE))).toBe(false);
    expect(await stepsOf(connect(device), left)).toEqual([]);
  });

  test('what was made for the state before it is refused afterwards', async () => {
    const device = await border();
    const driver = connect(device);
    await bring(driver, before);
    const other = connect(device);
    const stale = await stepsOf(other, world({ ...Object.fromEntries(all), '10.0.0.77': 'bank' }));
    const steps = (await stepsOf(driver, ruled)) as readonly PanosStep[];
    const [configure] = steps;
    expect([configure?.does, configure?.lets, steps.length]).toEqual(['configure', true, 1]);
    device.commitMs = COMMIT_MS;
    expect(driver.releasing(() => true)).toBeUndefined();
    const work = configure === undefined ? Promise.reject(new Error('no step')) : driver.apply(configure, signal);
    await until(() => isCommitting(device));
    const release = driver.releasing((address) => address === GONE);
    expect(release?.urgent).toBe(true);
    if (release !== undefined) await driver.apply(release, signal);
    expect(holds(device, GONE)).toBe(false);
    expect(driver.releasing((address) => address === GONE)).toBeUndefined();
    await work;
    const [first] = stale as readonly PanosStep[];
    if (first !== undefined) await expect(other.apply(first, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    if (release !== undefined)
      await expect(driver.apply(release, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    expect((await driver.observe(signal)).drift).toEqual([]);
  });
});
