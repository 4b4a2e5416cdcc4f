import { expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { enforce } from '../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../test/kit/worlds.ts';
import { silentLog } from '../base/log.ts';
import { MemoryDevice } from './memory/device.ts';
import { type MemoryActual, MemoryDriver, type MemoryStep, type MemoryTranslation } from './memory/memory-driver.ts';
import { Worker } from './worker.ts';
import { soleWriter } from './writer-lock.ts';

class CountedDriver extends MemoryDriver {
  readings = 0;

  override observe(signal: AbortSignal): Promise<MemoryActual> {
    this.readings++;
    return super.observe(signal);
  }
}

async function setUp() {
  const clock = new FakeClock();
  const driver = new CountedDriver(new MemoryDevice([]));
  const confirmed: number[] = [];
  const worker = new Worker<MemoryActual, MemoryTranslation, MemoryStep>({
    cluster: 'lab',
    firewall: 'edge-1',
    driver,
    settings: enforce,
    clock,
    log: silentLog,
    lock: soleWriter,
    events: { confirmed: (version) => confirmed.push(version) },
  });
  worker.start();
  const ruleset = world(crowd(20, 'shop'));
  let version = 0;
  const wish = async (wished = ruleset): Promise<number> => {
    const before = driver.readings;
    worker.desire({ kind: 'ruleset', ruleset: wished, version: ++version });
    await worker.settled();
    expect(confirmed.at(-1)).toBe(version);
    return driver.readings - before;
  };
  await wish();
  return { clock, worker, wish, driver };
}

test('a wish for what was confirmed a moment ago is confirmed by that reading', async () => {
  const { wish, worker } = await setUp();
  expect(await wish()).toBe(0);
  expect(await wish()).toBe(0);
  await worker.stop();
});

test('equal rulesets are read for: only the same one is known to be there', async () => {
  const { wish, worker } = await setUp();
  expect(await wish(world(crowd(20, 'shop')))).toBeGreaterThan(0);
  await worker.stop();
});

test('in a stream of such wishes the device is read as often as without them', async () => {
  const { clock, wish, worker } = await setUp();
  let readings = 0;
  for (let at = 0; at < 60; at++) {
    clock.advance(1_000);
    readings += await wish();
  }
  expect(readings).toBeGreaterThanOrEqual(5);
  expect(readings).toBeLessThanOrEqual(7);
  await worker.stop();
});

test('whatever else happens the device is read', async () => {
  const { driver, wish, worker } = await setUp();
  const before = driver.readings;
  worker.nudge();
  await wish();
  expect(driver.readings).toBeGreaterThan(before);
  await worker.stop();
});
