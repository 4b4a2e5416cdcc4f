import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { PanOs } from '../../../simulators/panos/index.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { systemClock } from '../../base/clock.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { type AnyDriver, bring, stepsOf } from '../contract/harness.ts';
import { Worker } from '../worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { closedAfterEach } from './opened.fixture.ts';
import type { PanosStep } from './steps.ts';

const signal = new AbortController().signal;
/** Long enough for a few requests, on a busy machine too. */
const COMMIT_MS = 3_000;
const GONE = '10.0.0.1';

const { keep, border, connect } = closedAfterEach();

const all = Object.entries(crowd(4, 'bank'));
const without = Object.fromEntries(all.filter(([address]) => address !== GONE));
const before = world(Object.fromEntries(all));
/** One rule more, for which it takes a commit. */
const ruled = world(Object.fromEntries(all), [allowing('bank', '203.0.113.0/24', 8443)]);
const left = world(without, [allowing('bank', '203.0.113.0/24', 8443)]);

function wish({ members }: Ruleset, ruleset: Ruleset): Parameters<Worker['desire']>[0] {
  const owners = BucketMap.from([...members.keys()].map((address) => [address, `pod at ${address}`] as const));
  return { kind: 'ruleset', ruleset, owners };
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await setTimeout(5);
}

const isCommitting = (device: PanOs): boolean => device.jobs.active;
const holds = (device: PanOs, address = GONE): boolean => device.dumpRegistered().includes(`${address} sp-`);

/** A worker that keeps a device, in the middle of the commit of one rule more. */
async function committing(device: PanOs, inVain = false): Promise<Worker> {
  const driver = connect(device) as unknown as AnyDriver;
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver,
    settings: enforce,
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  keep({ close: () => worker.stop() });
  worker.start();
  worker.desire(wish(before, before));
  await worker.settled();
  expect(holds(device)).toBe(true);
  device.commitMs = COMMIT_MS;
  if (inVain) device.failNextCommit('Commit failed: no memory');
  worker.desire(wish(ruled, ruled));
  await until(() => isCommitting(device));
  return worker;
}

describe('while PAN-OS commits', () => {
  test('an address that was given up leaves, and the rest comes about afterwards', async () => {
    const device = await border();
    const worker = await committing(device);
    worker.desire(wish(left, left));
    await until(() => !holds(device));
    expect(isCommitting(device)).toBe(true);
    device.commitMs = 0;
    await worker.settled();
    expect(worker.status().conditions.find(({ type }) => type === 'Ready')?.status).toBe(true);
    expect(holds(device)).toBe(false);
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
    worker.desire(wish(left, unlabelled));
    await until(() => !holds(device));
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
    worker.desire(wish(left, left));
    await until(() => !holds(device));
    expect(isCommitting(device)).toBe(true);
    let came = false;
    const watching = setInterval(() => (came ||= holds(device)), 1);
    end(device);
    device.commitMs = 0;
    while (worker.confirmed()?.ruleset !== left) {
      // Its owner edits it, so that no pause after a failure is waited for.
      worker.configure(enforce);
      await setTimeout(50);
    }
    clearInterval(watching);
    expect(came).toBe(false);
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
    expect(holds(device)).toBe(false);
    expect(driver.releasing((address) => address === GONE)).toBeUndefined();
    await work;
    const [first] = stale as readonly PanosStep[];
    if (first !== undefined) await expect(other.apply(first, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    if (release !== undefined)
      await expect(driver.apply(release, signal)).rejects.toMatchObject({ code: 'DEVICE_CHANGED' });
    expect((await driver.observe(signal)).drift).toEqual([]);
  });
});
