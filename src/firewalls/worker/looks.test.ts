import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { BorderRule } from '../../border/ruleset.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import type { Connections } from '../connections.ts';
import type { Driver } from '../driver.ts';
import type { Owners } from '../guard/interim.ts';
import { MemoryDevice } from '../memory/device.ts';
import { type MemoryActual, MemoryDriver, type MemoryStep, type MemoryTranslation } from '../memory/memory-driver.ts';
import { Worker } from './worker.ts';
import { soleWriter } from '../writer-lock.ts';

class CountedDriver extends MemoryDriver {
  readings = 0;
  /** What the device says where it is asked whether something is as it was read; absent: it cannot be asked. */
  declare isAsRead?: NonNullable<Driver<MemoryActual, MemoryTranslation, MemoryStep>['isAsRead']>;
  declare endsConnections?: true;
  declare connections?: Connections;

  override observe(signal: AbortSignal): Promise<MemoryActual> {
    this.readings++;
    return super.observe(signal);
  }
}

async function setUp({ tells = true } = {}) {
  const clock = new FakeClock();
  const device = new MemoryDevice([]);
  const driver = new CountedDriver(device);
  if (!tells) Object.assign(driver, { watch: undefined });
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
  const wish = async (wished = ruleset, owners?: Owners): Promise<number> => {
    const before = driver.readings;
    worker.desire({ kind: 'ruleset', ruleset: wished, version: ++version, ...(owners && { owners }) });
    await worker.settled();
    expect(confirmed.at(-1)).toBe(version);
    return driver.readings - before;
  };
  await wish();
  return { clock, worker, wish, driver, device, ruleset };
}

test('a wish for what was confirmed a moment ago is confirmed by that reading', async () => {
  const { wish, worker } = await setUp();
  expect(await wish()).toBe(0);
  expect(await wish()).toBe(0);
  await worker.stop();
});

describe('where nothing but who has which address is wished anew', () => {
  const shop: Owners = BucketMap.from(Object.keys(crowd(20, 'shop')).map((address) => [address, `pods/${address}`]));

  test('that is confirmed by that reading too, and the device is left alone', async () => {
    const { device, wish, worker } = await setUp();
    await wish(undefined, shop);
    const { writes } = device;
    const elsewhere = shop.with([['10.9.0.1', 'pods/elsewhere']]);
    expect(await wish(undefined, elsewhere)).toBe(0);
    expect(worker.confirmed()?.owners).toBe(elsewhere);
    expect(device.writes).toBe(writes);
    await worker.stop();
  });

  test('an address that went over leaves before its heir has it, where the device ends connections of who leaves', async () => {
    const { device, driver, wish, worker } = await setUp();
    await wish(undefined, shop);
    const { writes } = device;
    driver.endsConnections = true;
    await wish(undefined, shop.with([['10.0.0.1', 'pods/heir']]));
    expect(device.writes).toBeGreaterThanOrEqual(writes + 2);
    await worker.stop();
  });

  test('connections of whoever had such an address are judged, and nobody else’s', async () => {
    const { device, driver, wish, worker } = await setUp();
    await wish(undefined, shop);
    const { writes } = device;
    const asked: string[] = [];
    const nothing = (): Promise<void> => Promise.resolve();
    driver.connections = {
      opened: (sender) => {
        asked.push(sender);
        return Promise.resolve([]);
      },
      end: nothing,
      endAll: nothing,
    };
    await wish(
      undefined,
      shop.with([
        ['10.0.0.1', 'pods/heir'],
        ['10.9.0.1', 'pods/elsewhere'],
      ]),
    );
    expect(asked).toEqual(['10.0.0.1']);
    expect(device.writes).toBe(writes);
    await worker.stop();
  });
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

test.each([
  ['that all is as it was read, members change from that reading', true, 1],
  ['that something is not as it was read, everything is read first', false, 2],
])('where the device says %s', async (_what, answer, readings) => {
  const { driver, wish, worker } = await setUp();
  driver.isAsRead = () => Promise.resolve(answer);
  // One of them tells that the change is there.
  expect(await wish(world(crowd(21, 'shop')))).toBe(readings);
  await worker.stop();
});

test('whatever the device says, what changes rules is planned from a new reading', async () => {
  const { driver, worker } = await setUp();
  driver.isAsRead = () => Promise.resolve(true);
  const before = driver.readings;
  const ruleset = world(crowd(20, 'shop'), [allowing('shop', '198.51.100.0/24', 443)]);
  worker.desire({ kind: 'ruleset', ruleset, version: 2 });
  await worker.settled();
  expect(driver.readings).toBeGreaterThan(before);
  await worker.stop();
});

test('a wish that comes while the device is asked for another one is planned from a new reading', async () => {
  const { driver, worker } = await setUp();
  const [first, second] = [world(crowd(21, 'shop')), world(crowd(22, 'shop'))];
  driver.isAsRead = () => {
    worker.desire({ kind: 'ruleset', ruleset: second, version: 3 });
    return Promise.resolve(true);
  };
  worker.desire({ kind: 'ruleset', ruleset: first, version: 2 });
  const before = driver.readings;
  await worker.settled();
  expect(driver.readings - before).toBe(2);
  expect(worker.status()).toMatchObject({ confirmedVersion: 3, counts: { senders: 22 } });
  delete driver.isAsRead;
  await worker.stop();
});

test('what was read before a message whose answer was lost says nothing any more', async () => {
  const { clock, driver, device, ruleset, worker } = await setUp({ tells: false });
  driver.isAsRead = () => Promise.resolve(true);
  const commit = device.commit.bind(device);
  device.commit = (...given) => {
    device.commit = commit;
    commit(...given);
    throw new SallyportError('DEVICE_UNREACHABLE', 'the answer was lost');
  };
  worker.desire({ kind: 'ruleset', ruleset: world(crowd(21, 'shop')), version: 2 });
  await worker.settled();
  worker.desire({ kind: 'ruleset', ruleset, version: 3 });
  clock.advance(500);
  await worker.settled();
  expect(device.read().program.tables.get('members')?.size).toBe(20);
  expect(worker.status().confirmedVersion).toBe(3);
  await worker.stop();
});

test('a device that refuses something is read again soon, though it tells of changes: somebody may have mended it', async () => {
  const { clock, driver, ruleset, worker } = await setUp();
  const shop = allowing('shop', '198.51.100.0/24', 80);
  const toNames = (rule: BorderRule): BorderRule => ({
    ...rule,
    outside: { ...rule.outside, domains: ['example.org'] },
  });
  const parts = shop.parts.map((part) => ({
    ...part,
    stages: part.stages.map((stage) => ({ ...stage, rules: stage.rules.map(toNames) })),
  }));
  const members = { ...crowd(20, 'shop'), '10.0.9.9': 'named' };
  const capabilities = driver.capabilities.bind(driver);
  let asked = 0;
  driver.capabilities = (signal) => {
    asked++;
    return capabilities(signal);
  };
  for (const [refuses, seconds] of [
    [true, 10],
    [false, 60],
  ] as const) {
    worker.desire({
      kind: 'ruleset',
      ruleset: refuses ? world(members, [shop, { ...shop, id: 'named', parts }]) : ruleset,
    });
    await worker.settled();
    expect(worker.status().refusals.length > 0).toBe(refuses);
    const before = driver.readings;
    clock.advance(seconds * 1_000 - 1);
    await worker.settled();
    expect(driver.readings).toBe(before);
    clock.advance(1);
    await worker.settled();
    expect(driver.readings).toBe(before + 1);
    // What it can say is asked anew with it.
    expect(asked).toBe(1);
  }
  await worker.stop();
});

test('connections of whoever was there before this process, and is nobody by now, are judged', async () => {
  const { device, ruleset, worker: before } = await setUp();
  await before.stop();
  const driver = new CountedDriver(device);
  const asked: string[] = [];
  const nothing = (): Promise<void> => Promise.resolve();
  driver.connections = {
    opened: (sender) => {
      asked.push(sender);
      return Promise.resolve([]);
    },
    end: nothing,
    endAll: nothing,
  };
  const worker = new Worker<MemoryActual, MemoryTranslation, MemoryStep>({
    cluster: 'lab',
    firewall: 'edge-1',
    driver,
    settings: enforce,
    clock: new FakeClock(),
    log: silentLog,
    lock: soleWriter,
  });
  worker.start();
  const [gone = ''] = ruleset.members.keys();
  worker.desire({ kind: 'ruleset', ruleset: { ...ruleset, members: ruleset.members.with([[gone, undefined]]) } });
  await worker.settled();
  expect(worker.status().conditions[0]?.status).toBe(true);
  expect(asked).toEqual([gone]);
  await worker.stop();
});
