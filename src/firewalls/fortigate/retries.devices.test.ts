import { afterEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../../simulators/fortigate/index.ts';
import { rulesOnBadDays } from '../../../test/kit/bad-day-worlds.ts';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { PATIENCE_MS } from '../../../test/kit/runs.ts';
import { SimulatedDevice } from '../../../test/kit/simulated-fortigate.ts';
import { allowing, world } from '../../../test/kit/worlds.ts';
import type { Code } from '../../base/catalogue.ts';
import { silentLog } from '../../base/log.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import type { WorkerSettings } from '../worker/course.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';

const RULES = {
  zones: { from: ['port2'], to: ['port1'] },
  position: 'First',
  form: 'Full',
  securityProfile: 'none',
  log: 'All',
};
const all = { percent: 100, atLeast: 1_000, percentPerHour: 100 };
const settings: WorkerSettings = {
  mode: 'Enforce',
  approve: 'Rules',
  drift: 'Repair',
  guard: { removals: all, gains: all, quiet: [], after: [] },
};
const { before, after } = rulesOnBadDays(['blocked']);
const HOUR_MS = 3_600_000;
const NEW_ENTRY = { method: 'POST', url: '/cmdb/firewall' };

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

/** A worker that keeps a device, by a clock that only the test moves. */
async function keeping(first: Ruleset) {
  const clock = new FakeClock();
  const simulated = await SimulatedDevice.start({ version: '7.4.8', clock });
  opened.push(simulated);
  const { device } = simulated;
  device.hand.settings('system/settings', { 'central-nat': 'enable' });
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver: simulated.connect(RULES, { clock }),
    settings,
    clock,
    log: silentLog,
    lock: soleWriter,
  });
  opened.push({ [Symbol.asyncDispose]: () => worker.stop() });
  worker.start();
  const wish = async (ruleset: Ruleset): Promise<void> => {
    worker.desire({ kind: 'ruleset', ruleset });
    await worker.settled();
  };
  /** Until so much later, with everything that is done meanwhile. */
  const pass = async (ms: number): Promise<void> => {
    for (const end = clock.monotonic() + ms; clock.monotonic() < end; ) {
      clock.advance(Math.min(clock.next() ?? ms, end - clock.monotonic()));
      await worker.settled();
    }
  };
  const attempts = (): number => device.served.filter(({ url }) => url.includes('transaction-start')).length;
  const condition = (type: string): string | undefined =>
    worker.status().conditions.find((one) => one.type === type && one.status)?.reason;
  const passes = (source: string): boolean =>
    device.wouldPass({
      source,
      destination: '203.0.113.7',
      protocol: 6,
      sourcePort: 50_000,
      destinationPort: 443,
      from: 'port2',
      to: 'port1',
    }).verdict === 'accept';
  await wish(first);
  while (worker.confirmed()?.ruleset !== first) await pass(1_000);
  return { simulated, device, worker, wish, pass, attempts, condition, passes };
}

/** How often something is tried: in the first round, within half a minute, and within an hour. */
interface Pace {
  readonly atOnce: number;
  readonly soon: readonly [number, number];
  readonly hour: readonly [number, number];
}
/** Tried again when something changes, and else more and more seldom, every ten minutes in the end. */
const permanent: Pace = { atOnce: 1, soon: [1, 1], hour: [8, 12] };
const onceMore: Pace = { atOnce: 2, soon: [2, 2], hour: [16, 24] };
const backOff: Pace = { atOnce: 1, soon: [4, 8], hour: [55, 75] };
/** A source that asks on is blocked for longer. */
const backOffMinutes: Pace = { atOnce: 1, soon: [1, 1], hour: [20, 61] };

const database = (error: number): Fault => ({ kind: 'database error', error });
const page = (status: number): Fault => ({ kind: 'page', status });
/** Each code of the reference 1.5, and each status of 1.4, with what it says of trying again. */
const rows: readonly (readonly [Code, Pace, readonly Fault[]])[] = [
  ['DEVICE_REJECTED', onceMore, [database(-361)]],
  ['DEVICE_BUSY', backOff, [database(-360), page(500)]],
  ['DEVICE_BUSY', backOffMinutes, [page(429)]],
  ['DEVICE_LIMIT', permanent, [-4, -580].map(database)],
  ['DEVICE_RIGHTS', permanent, [...[-14, -37].map(database), page(403)]],
  ['DEVICE_CREDENTIALS', permanent, [page(401)]],
  ['NAME_TAKEN', permanent, [-162, -163, -164].map(database)],
  // There, gone, or in use though nothing that was read has changed: to read it again does not help.
  ['DEVICE_REJECTED', permanent, [...[-3, -5, -15, -23, -176].map(database), page(404)]],
  ['DEVICE_REJECTED', permanent, [-1, -2, -7, -8, -9, -50, -56, -61, -72, -73, -90, -91, -139, -156].map(database)],
  ['DEVICE_REJECTED', permanent, [-173, -177, -178, -254, -255, -363, -515, -560, -650, -651].map(database)],
  ['DEVICE_REJECTED', permanent, [...[400, 424].map(page), database(-99_999)]],
  ['DEVICE_LIMIT', permanent, [page(413)]],
];
const cases = rows.flatMap(([code, pace, faults]) =>
  faults.map((fault) => [nameOf(fault), code, pace, fault] as const),
);

function nameOf(fault: Fault): string {
  return fault.kind === 'database error' ? `${fault.error}` : `HTTP ${'status' in fault ? fault.status : ''}`;
}

test.each(cases)(
  '%s is tried again as the reference says, and said',
  async (_, code, pace, fault) => {
    const { device, worker, wish, pass, attempts, condition } = await keeping(before);
    const begin = attempts();
    device.faults.next(fault, NEW_ENTRY, Infinity);
    // Nobody leaves: what is refused is the first thing that is done.
    await wish(joined);
    expect(attempts() - begin).toBe(pace.atOnce);
    const isPassing = code === 'DEVICE_BUSY';
    expect(condition(isPassing ? 'Reconciling' : 'Stalled')).toBe(code);
    expect(condition('CapacityLow')).toBe(code === 'DEVICE_LIMIT' ? 'Full' : undefined);
    await pass(29_000);
    expectWithin(attempts() - begin, pace.soon);
    await pass(HOUR_MS - 29_000);
    expectWithin(attempts() - begin, pace.hour);
    // Another wish is tried at once, unless the device wants to be left alone.
    const then = attempts();
    await wish(other);
    expect(attempts() - then).toBe(isPassing ? 0 : pace.atOnce);
    device.faults.clear();
    await pass(600_000);
    expect(worker.confirmed()?.ruleset).toBe(other);
    expect(condition('Ready')).toBe('Confirmed');
  },
  PATIENCE_MS,
);

const classes = [allowing('bank', '203.0.113.0/24', 443), allowing('shop', '198.51.100.0/24', 80)];
const two = { '10.0.0.1': 'bank', '10.0.0.2': 'bank' };
/** Who is new to the world `before`, which has nobody of them in another class. */
const joined: Ruleset = {
  ...before,
  members: world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.3': 'bank' }, classes).members,
};
const other: Ruleset = {
  ...before,
  members: world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.4': 'bank' }, classes).members,
};

function expectWithin(seen: number, [least, most]: readonly [number, number]): void {
  expect(seen).toBeGreaterThanOrEqual(least);
  expect(seen).toBeLessThanOrEqual(most);
}

describe('what the database could not add (-361)', () => {
  test('is added by the second attempt, in the same round', async () => {
    const { device, worker, wish, attempts } = await keeping(before);
    const begin = attempts();
    device.faults.next(database(-361), NEW_ENTRY);
    await wish(joined);
    expect(worker.confirmed()?.ruleset).toBe(joined);
    expect(attempts() - begin).toBe(2);
  });

  test('keeps nobody from leaving, neither at first nor while it is given up', async () => {
    const { device, wish, pass, passes } = await keeping(world(two, classes));
    device.faults.next(database(-361), NEW_ENTRY, Infinity);
    expect(['10.0.0.1', '10.0.0.2'].map(passes)).toEqual([true, true]);
    await wish(world({ '10.0.0.2': 'bank', '10.0.0.3': 'bank' }, classes));
    expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(passes)).toEqual([false, true, false]);
    await pass(120_000);
    await wish(world({ '10.0.0.3': 'bank' }, classes));
    expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(passes)).toEqual([false, false, false]);
  });
});

describe('deletions', () => {
  /** What is deleted of ours is refused. */
  const refuse = (device: SimulatedDevice['device'], error: number, times: number, url: string): void =>
    device.faults.next(database(error), { method: 'DELETE', url }, times);

  test.each([[database(-3)], [page(404)]])('of what is gone are done (%j)', async (fault) => {
    const { device, worker, wish, pass } = await keeping(before);
    device.faults.next(fault, { method: 'DELETE', url: '/cmdb/firewall/address/' });
    await wish(after);
    await pass(1_000);
    expect(worker.confirmed()?.ruleset).toBe(after);
    expect(device.served.filter(({ url }) => url.includes('transaction-abort'))).toEqual([]);
  });

  test.each([
    [-23, 'firewall/address/sp-10.0.0.1-'],
    [-23, 'firewall.service'],
    [-176, 'firewall/ippool/'],
  ])(
    'of what something uses (%i, %s) keep nothing else waiting, and are tried again after ten minutes',
    async (error, url) => {
      const { simulated, device, worker, wish, pass, attempts } = await keeping(before);
      const begin = attempts();
      refuse(device, error, Infinity, url);
      const without = (group: Group): Group =>
        group.kind === 'AddressGroup' ? { ...group, members: group.members.with([['10.0.0.1', undefined]]) } : group;
      const groups = new Map([...before.groups].map(([id, group]) => [id, without(group)]));
      const bare = world({ '10.0.0.2': 'shop' }, [allowing('shop', '198.51.100.0/24', 8080)], { groups });
      await wish(bare);
      await pass(1_000);
      expect(worker.confirmed()?.ruleset).toBe(bare);
      const refused = (): number =>
        device.served.filter(({ method, url: asked }) => method === 'DELETE' && asked.includes(url)).length;
      const [left, tries] = [refused(), attempts()];
      expect(left).toBeGreaterThan(0);
      // Each entry costs one attempt.
      expect(tries - begin).toBeLessThan(12);
      await pass(590_000);
      expect([refused(), attempts()]).toEqual([left, tries]);
      device.faults.clear();
      await pass(30_000);
      // A pool that stands for nothing goes with whatever is written next.
      await wish(world({ '10.0.0.2': 'shop' }, [allowing('shop', '198.51.100.0/24', 8081)], { groups }));
      await pass(1_000);
      expect(refused()).toBeGreaterThan(left);
      expect(simulated.keysOfOurs('firewall/address').filter((key) => key.startsWith('sp-10.0.0.1-'))).toEqual([]);
      expect(simulated.keysOfOurs('firewall/ippool')).toEqual([]);
    },
    PATIENCE_MS,
  );
});
