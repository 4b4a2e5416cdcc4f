import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { allowing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { silentLog } from '../../base/log.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { notHeld } from '../../controller/readiness/held.ts';
import { type AnyDriver, bring, clear, stepsOf, translationOf } from '../contract/harness.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { RULES } from './contract.fixture.ts';

const signal = new AbortController().signal;
const SHARED = { version: '7.6.3', vdoms: ['root', 'edge'] };
/** What all feeds of a device hold together (vendor reference 1.10). */
const MOST = 300_000;

/** An AddressGroup that is a feed. */
function feed(name: string, addresses: readonly string[]): Group {
  const members = BucketMap.from(addresses.map((address) => [address, true as const]));
  const named = { deviceName: name, resource: `AddressGroup/${name}`, use: 'Allow', members } as const;
  return { id: name, kind: 'AddressGroup', family: 4, ...named };
}

/** Feeds beside rules; everybody is in a class. */
function paying(feeds: Readonly<Record<string, readonly string[]>>, others: readonly string[], port = 443): Ruleset {
  const groups = new Map(Object.entries(feeds).map(([name, addresses]) => [name, feed(name, addresses)] as const));
  const everybody = [...Object.values(feeds).flat(), ...others].map((address) => [address, 'bank'] as const);
  return world(Object.fromEntries(everybody), [allowing('bank', '203.0.113.0/24', port)], { groups });
}

/** Somebody's blocklist, in a VDOM whose lists count before ours. */
function block(simulated: SimulatedDevice, count: number): void {
  const { hand, live } = simulated.device;
  const named = { name: 'blocked', type: 'address', 'update-method': 'push', status: 'enable' };
  if (!hand.keys('system/external-resource', 'edge').includes('blocked'))
    hand.create('system/external-resource', named, 'edge');
  const entries = Array.from({ length: count }, (_, at) => `11.${at >> 16}.${(at >> 8) & 255}.${at & 255}`);
  live.feeds.push('edge', 'blocked', 'snapshot', entries);
}

/** Somebody's policy that goes by a list of ours. */
function use(simulated: SimulatedDevice, name: string): void {
  simulated.device.hand.create('firewall/policy', {
    name: 'by list',
    srcintf: [{ name: 'port2' }],
    dstintf: [{ name: 'port1' }],
    srcaddr: [{ name }],
    dstaddr: [{ name: 'all' }],
    service: [{ name: 'ALL' }],
    schedule: 'always',
    action: 'accept',
  });
}

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

/** A worker with the guard of a BorderFirewall that says nothing of it. */
async function keeping(first: Ruleset) {
  const clock = new FakeClock();
  const simulated = await SimulatedDevice.start({ ...SHARED, clock });
  opened.push(simulated);
  const confirmed: number[] = [];
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver: simulated.connect(RULES, { clock }),
    settings: enforce,
    clock,
    log: silentLog,
    lock: soleWriter,
    events: { confirmed: (version) => confirmed.push(version) },
  });
  opened.push({ [Symbol.asyncDispose]: () => worker.stop() });
  worker.start();
  const ownersOf = ({ members }: Ruleset): BucketMap<string> =>
    BucketMap.from([...members.keys()].map((address) => [address, `pod ${address}`]));
  const wish = async (ruleset: Ruleset, owners = ownersOf(ruleset)): Promise<void> => {
    worker.desire({ kind: 'ruleset', ruleset, owners });
    await worker.settled();
  };
  const pass = async (ms: number): Promise<void> => {
    for (const end = clock.monotonic() + ms; clock.monotonic() < end; ) {
      clock.advance(Math.min(clock.next() ?? ms, end - clock.monotonic()));
      await worker.settled();
    }
  };
  const reason = (type: string): string | undefined =>
    worker.status().conditions.find((one) => one.type === type && one.status)?.reason;
  /** As readiness asks. */
  const lacks = (address: string, wanted: Ruleset): string | undefined => {
    const held = worker.confirmed();
    return held === undefined ? 'nothing is confirmed' : notHeld(address, wanted, ownersOf(wanted), held);
  };
  await wish(first);
  while (confirmed.length === 0) await pass(1_000);
  return { simulated, worker, wish, pass, reason, lacks, confirmed };
}

test('a list that others leave no room keeps nothing else waiting: who leaves it leaves, rules change, and it is told', async () => {
  await using simulated = await SimulatedDevice.start(SHARED);
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, paying({ payments: ['10.0.0.1', '10.0.0.2'] }, []));
  block(simulated, MOST);
  const wish = paying({ payments: ['10.0.0.1', '10.0.0.3'] }, [], 8443);
  for (const step of await stepsOf(driver, wish)) await driver.apply(step, signal);
  expect(simulated.members('payments')).toEqual(['10.0.0.1']);
  expect(simulated.ours()).toContain('8443');
  // Who is to join would not be accepted; nor is it known of those that stay.
  expect(await stepsOf(driver, wish)).toEqual([]);
  const behind = async (of: Ruleset): Promise<unknown> =>
    driver.behind?.(await driver.observe(signal), await translationOf(driver, of));
  expect(await behind(wish)).toMatchObject([
    {
      list: 'payments',
      lacks: new Set(['10.0.0.1', '10.0.0.3']),
      noRoomFor: new Set(['10.0.0.3']),
      isUsed: false,
      text: expect.stringContaining('more than it takes') as string,
    },
  ]);
  expect(await behind(paying({ payments: ['10.0.0.1'] }, [], 8443))).toMatchObject([{ noRoomFor: new Set() }]);
  block(simulated, 10);
  expect(await behind(wish)).toEqual([]);
  await bring(driver, wish);
  expect(simulated.members('payments')).toEqual(['10.0.0.1', '10.0.0.3']);
});

test('while one list has no room nobody joins another one, and none is made: it would push out what counts after it', async () => {
  await using simulated = await SimulatedDevice.start(SHARED);
  const driver: AnyDriver = simulated.connect(RULES);
  const few = Array.from({ length: 200 }, (_, at) => `10.0.1.${at}`);
  await bring(driver, paying({ a: ['10.0.0.1'], z: few }, []));
  // There is room for the first of ours, and not for all of the last.
  block(simulated, MOST - 100);
  const wish = paying({ a: ['10.0.0.1', '10.0.0.2'], new: ['10.0.0.3'], z: few }, []);
  for (const step of await stepsOf(driver, wish)) await driver.apply(step, signal);
  expect(await stepsOf(driver, wish)).toEqual([]);
  expect(simulated.members('a')).toEqual(['10.0.0.1']);
  expect(simulated.device.hand.get('system/external-resource', 'new')).toBeUndefined();
  const behind = driver.behind?.(await driver.observe(signal), await translationOf(driver, wish)) ?? [];
  expect(behind.map(({ list, lacks, noRoomFor }) => [list, lacks.size, noRoomFor?.size])).toEqual([
    ['a', 1, 1],
    ['new', 1, 1],
    ['z', 200, 0],
  ]);
  block(simulated, 10);
  await bring(driver, wish);
  expect(simulated.members('new')).toEqual(['10.0.0.3']);
});

test('pods that such a list does not concern are confirmed, and of those that it does each is told why not', async () => {
  const { simulated, worker, wish, pass, reason, lacks, confirmed } = await keeping(
    paying({ payments: ['10.0.0.1'] }, ['10.0.0.8']),
  );
  use(simulated, 'payments');
  block(simulated, MOST);
  const next = paying({ payments: ['10.0.0.1', '10.0.0.2'] }, ['10.0.0.8', '10.0.0.9']);
  await wish(next);
  await pass(60_000);
  expect(lacks('10.0.0.9', next)).toBeUndefined();
  expect(lacks('10.0.0.2', next)).toBe('10.0.0.2 is not in the group payments: the device has no room for it');
  expect(lacks('10.0.0.1', next)).toMatch(/10\.0\.0\.1 may be left out of the list payments/);
  expect(confirmed).toEqual([1]);
  expect([reason('Ready'), reason('Waiting'), reason('CapacityLow')]).toEqual([undefined, 'ListsBehind', 'Full']);
  const writes = simulated.writes().length;
  const told = worker.confirmed()?.ruleset;
  await pass(60_000);
  expect(worker.confirmed()?.ruleset).toBe(told);
  expect(simulated.writes().length).toBe(writes);
  block(simulated, 10);
  await pass(60_000);
  expect(['10.0.0.1', '10.0.0.2', '10.0.0.9'].map((one) => lacks(one, next))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect(confirmed).toEqual([1, 2]);
  expect([reason('Ready'), reason('CapacityLow')]).toEqual(['Confirmed', undefined]);
});

test('who had no room joins no more freely once there is some than if he came then: he waits for a yes', async () => {
  const { simulated, worker, wish, pass, reason, confirmed } = await keeping(
    paying({ payments: ['10.0.0.1'] }, ['10.0.0.2']),
  );
  use(simulated, 'payments');
  block(simulated, MOST);
  await pass(10_000);
  worker.configure({ ...enforce, mode: 'Approve', approve: 'Everything' });
  await wish(paying({ payments: ['10.0.0.1', '10.0.0.2'] }, []));
  await pass(60_000);
  block(simulated, 10);
  await pass(60_000);
  expect(simulated.members('payments')).toEqual(['10.0.0.1']);
  expect(reason('Waiting')).toBe('PlanWaits');
  expect(confirmed).toEqual([1]);
  worker.approve(worker.status().waiting?.digest ?? '');
  await pass(60_000);
  expect(simulated.members('payments')).toEqual(['10.0.0.1', '10.0.0.2']);
  expect(confirmed).toEqual([1, 2]);
});

test('a list that does not fit is left as any other', async () => {
  await using simulated = await SimulatedDevice.start(SHARED);
  const bare = simulated.device.dump();
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, paying({ payments: ['10.0.0.1'] }, []));
  block(simulated, MOST);
  await clear(driver);
  simulated.device.hand.delete('system/external-resource', 'blocked', 'edge');
  expect(simulated.device.dump()).toBe(bare);
});

test('nobody joins by what was read before others left a list no room', async () => {
  await using simulated = await SimulatedDevice.start(SHARED);
  const driver: AnyDriver = simulated.connect(RULES);
  await bring(driver, paying({ payments: ['10.0.0.1'] }, ['10.0.0.2']));
  const held = await driver.observe(signal);
  const wanted = await translationOf(driver, paying({ payments: ['10.0.0.1', '10.0.0.2'] }, []));
  const steps = driver.steps(held, wanted);
  expect(await driver.isAsRead?.(held, steps, signal)).toBe(true);
  block(simulated, MOST);
  expect(await driver.isAsRead?.(held, steps, signal)).toBe(false);
});
