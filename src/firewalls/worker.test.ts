import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { allowing, crowd, passing, translating, world } from '../../test/kit/worlds.ts';
import { BucketMap } from '../base/bucket-map.ts';
import { SallyportError } from '../base/error.ts';
import { silentLog } from '../base/log.ts';
import type { Ruleset } from '../border/ruleset.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { fateUnder } from '../plan/fate.ts';
import type { WorkerSettings } from './course.ts';
import { MemoryDevice } from './memory/device.ts';
import { MemoryDriver } from './memory/memory-driver.ts';
import { lift } from './memory/read-back.ts';
import { Worker, type WorkerOptions } from './worker.ts';
import { TimedLock, soleWriter } from './writer-lock.ts';

const limit = { percent: 20, atLeast: 10, percentPerHour: 50 };
const enforce: WorkerSettings = {
  mode: 'Enforce',
  approve: 'Rules',
  drift: 'Repair',
  guard: { removals: limit, gains: limit, quiet: [], after: [] },
};
const approve: WorkerSettings = { ...enforce, mode: 'Approve' };

function setUp(settings: WorkerSettings = enforce, options: Partial<WorkerOptions<never, never, never>> = {}) {
  const clock = new FakeClock();
  const device = new MemoryDevice(['rule of somebody else']);
  const driver = new MemoryDriver(device);
  const confirmed: number[] = [];
  const worker = new Worker({
    firewall: 'edge-1',
    driver,
    settings,
    clock,
    log: silentLog,
    lock: options.lock ?? soleWriter,
    events: { confirmed: (version) => confirmed.push(version) },
    ...(options.canaries === undefined ? {} : { canaries: options.canaries }),
  });
  worker.start();
  const wish = async (ruleset: Ruleset, owners?: BucketMap<string>): Promise<void> => {
    worker.desire({ kind: 'ruleset', ruleset, ...(owners === undefined ? {} : { owners }) });
    await worker.settled();
  };
  const members = (): Record<string, string> =>
    Object.fromEntries(
      [...(device.read().program.tables.get('members')?.entries() ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  const may = (source: string, destination = '203.0.113.5', destinationPort = 443): boolean =>
    fateUnder(lift(device.read().program), {
      family: 4,
      source,
      destination,
      protocol: 6,
      sourcePort: 50_000,
      destinationPort,
    }).passes;
  const reason = (type: string): string | undefined =>
    worker.status().conditions.find((one) => one.type === type && one.status)?.reason;
  const digest = (): string => worker.status().waiting?.plan().digest ?? 'none';
  return { clock, device, driver, worker, wish, members, may, reason, digest, confirmed };
}

describe('a worker that enforces', () => {
  test('writes nothing before it is told what is wanted, and then brings the device there', async () => {
    const { worker, wish, device, members, reason, confirmed } = setUp();
    await worker.settled();
    expect(device.writes).toBe(0);
    expect(reason('Waiting')).toBe('SourcesIncomplete');
    await wish(world({ '10.0.0.1': 'bank' }));
    expect(members()).toEqual({ '10.0.0.1': 'bank' });
    expect(reason('Ready')).toBe('Confirmed');
    expect(confirmed).toEqual([1]);
    expect(worker.status().counts.senders).toBe(1);
  });

  test('writes nothing when nothing changed', async () => {
    const { wish, device, clock, worker } = setUp();
    await wish(world({ '10.0.0.1': 'bank' }));
    const { writes } = device;
    await wish(world({ '10.0.0.1': 'bank' }));
    clock.advance(600_000);
    await worker.settled();
    expect(device.writes).toBe(writes);
  });

  test('a burst becomes one change, and every wish of it is confirmed', async () => {
    const { worker, device, members, confirmed, wish } = setUp();
    await wish(world({ '10.0.0.1': 'bank' }));
    const { writes } = device;
    for (let count = 2; count <= 50; count++) worker.desire({ kind: 'ruleset', ruleset: world(crowd(count, 'bank')) });
    await worker.settled();
    expect(Object.keys(members())).toHaveLength(50);
    expect(device.writes - writes).toBe(1);
    expect(confirmed).toHaveLength(50);
  });

  test('a wish that comes between two steps is gone for at once', async () => {
    const { worker, device, members, wish } = setUp();
    await wish(world({ ...crowd(3, 'bank'), '10.0.1.1': 'shop' }));
    const second = world({ ...crowd(2, 'bank'), '10.0.1.1': 'shop', '10.0.1.2': 'shop' });
    const third = world({ ...crowd(2, 'bank'), '10.0.1.1': 'shop' });
    const seen: string[] = [];
    device.onChange(() => {
      seen.push(Object.keys(members()).join(' '));
      if (seen.length === 1) worker.desire({ kind: 'ruleset', ruleset: third });
    });
    await wish(second);
    expect(seen).toEqual(['10.0.0.1 10.0.0.2 10.0.1.1']);
  });

  test('a stream of wishes that each take an address away keeps nobody from joining, nor older ones from being confirmed', async () => {
    const { worker, device, members, confirmed, wish } = setUp();
    await wish(world(crowd(12, 'bank')));
    const seen: boolean[] = [];
    const versions: (number | undefined)[] = [];
    device.onChange(() => {
      seen.push('10.0.1.1' in members());
      versions.push(confirmed.at(-1));
      if (seen.length < 8)
        worker.desire({ kind: 'ruleset', ruleset: world({ ...crowd(11 - seen.length, 'bank'), '10.0.1.1': 'shop' }) });
    });
    await wish(world({ ...crowd(11, 'bank'), '10.0.1.1': 'shop' }));
    expect(seen.slice(0, 4)).toContain(true);
    expect(versions.slice(0, 7).at(-1)).toBeGreaterThan(1);
    expect(Object.keys(members())).toHaveLength(5);
  });

  test('unknown and frozen wishes are no wishes to empty the device', async () => {
    const { worker, wish, device, members, reason } = setUp();
    await wish(world(crowd(3, 'bank')));
    const { writes } = device;
    worker.desire({ kind: 'frozen', reason: 'the folder vanished' });
    await worker.settled();
    expect(reason('Frozen')).toBe('SourceLost');
    worker.desire({ kind: 'unknown', reason: 'the BorderFirewall cannot be read' });
    await worker.settled();
    expect(reason('Waiting')).toBe('SourcesIncomplete');
    expect(device.writes).toBe(writes);
    device.editRow('members', '10.0.0.1', undefined);
    await worker.settled();
    expect(Object.keys(members())).toHaveLength(2);
    worker.desire({ kind: 'frozen', reason: 'the folder vanished' });
    await worker.settled();
    expect(Object.keys(members())).toHaveLength(3);
  });

  test('a plan ends at once when nothing may be written any more', async () => {
    for (const forbid of ['unknown', 'Observe'] as const) {
      const { worker, wish, device, members } = setUp();
      await wish(world(crowd(4, 'bank')));
      let written = 0;
      device.onChange(() => {
        written++;
        // The first newer wish ends the plan after its removals; the next plan is carried on in spite of newer ones.
        if (written === 1)
          worker.desire({ kind: 'ruleset', ruleset: world({ ...crowd(2, 'bank'), '10.0.1.1': 'shop' }) });
        else if (forbid === 'unknown') worker.desire({ kind: 'unknown', reason: 'the object is broken' });
        else worker.configure({ ...enforce, mode: 'Observe' });
      });
      await wish(world({ ...crowd(3, 'bank'), '10.0.1.1': 'shop' }));
      expect([forbid, written, Object.keys(members())]).toEqual([forbid, 2, ['10.0.0.1', '10.0.0.2']]);
    }
  });

  test('the device is read back: a hand edit is found and repaired, and told', async () => {
    const { worker, wish, device, may, reason } = setUp();
    await wish(world(crowd(30, 'bank')));
    device.edit('class bank', undefined, 'alice');
    expect(may('10.0.0.1')).toBe(false);
    await worker.settled();
    expect(may('10.0.0.1')).toBe(true);
    expect(reason('Ready')).toBe('Confirmed');
    expect(worker.status().drift).toEqual([{ object: 'class bank', what: 'removed or changed', by: 'alice' }]);
    expect(worker.status().repairs).toBe(1);
  });

  test('drift that is only shown stays until somebody says yes; members go on', async () => {
    const { worker, wish, device, may, reason, digest, members } = setUp({ ...enforce, drift: 'Show' });
    await wish(world(crowd(3, 'bank')));
    device.edit('class bank', undefined, 'alice');
    await worker.settled();
    expect(may('10.0.0.1')).toBe(false);
    expect(reason('Drifted')).toBe('ChangedByOthers');
    await wish(world(crowd(2, 'bank')));
    expect(Object.keys(members())).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(reason('Drifted')).toBe('ChangedByOthers');
    worker.approve(digest());
    await worker.settled();
    expect(may('10.0.0.1')).toBe(true);
    expect(reason('Drifted')).toBeUndefined();
  });

  test('leaves nothing behind when it is told to leave, and nothing of others is touched', async () => {
    const { worker, wish, device } = setUp();
    await wish(world(crowd(3, 'bank')));
    await worker.leave();
    expect(device.dump()).toBe('foreign "rule of somebody else"\n');
    await wish(world(crowd(3, 'bank')));
    expect(device.dump()).toBe('foreign "rule of somebody else"\n');
  });
});

describe('failures', () => {
  test('a device that does not answer is asked again with growing pauses, whatever is wished meanwhile', async () => {
    const { worker, wish, device, clock, members, reason } = setUp();
    const dead = new SallyportError('DEVICE_UNREACHABLE', 'no route');
    for (let i = 0; i < 3; i++) device.failNext(dead);
    await wish(world(crowd(1, 'bank')));
    expect(reason('Reconciling')).toBe('DEVICE_UNREACHABLE');
    expect(clock.next()).toBe(500);
    await wish(world(crowd(2, 'bank')));
    expect(clock.next()).toBe(500);
    clock.advance(500);
    await worker.settled();
    expect(clock.next()).toBe(1000);
    clock.advance(1000);
    await worker.settled();
    clock.advance(2000);
    await worker.settled();
    expect(Object.keys(members())).toHaveLength(2);
  });

  test('a device that refuses is not asked the same again soon, but at once for another wish', async () => {
    const { wish, device, clock, members, reason } = setUp();
    await wish(world(crowd(1, 'bank')));
    const commit = device.commit.bind(device);
    device.commit = () => {
      device.commit = commit;
      throw new SallyportError('DEVICE_REJECTED', 'no');
    };
    await wish(world(crowd(2, 'bank')));
    expect(reason('Stalled')).toBe('DEVICE_REJECTED');
    expect(clock.next()).toBe(30_000);
    await wish(world(crowd(3, 'bank')));
    expect(Object.keys(members())).toHaveLength(3);
    expect(reason('Stalled')).toBeUndefined();
  });

  test('a device that accepts and does not keep is not written to for ever', async () => {
    const { worker, wish, device, reason, clock } = setUp();
    await wish(world(crowd(1, 'bank')));
    let sent = 0;
    device.commit = () => {
      sent++;
    };
    await wish(world(crowd(2, 'bank')));
    expect(sent).toBe(5);
    expect(reason('Stalled')).toBe('NOT_KEPT');
    expect(clock.next()).toBe(30_000);
    await worker.stop();
  });

  test('somebody else who writes in between makes it read again', async () => {
    const { wish, device, members, clock, worker } = setUp();
    await wish(world(crowd(1, 'bank')));
    const commit = device.commit.bind(device);
    device.commit = (transaction) => {
      device.commit = commit;
      device.editRow('members', '10.0.0.9', 'shop', 'mallory');
      commit(transaction);
    };
    await wish(world(crowd(2, 'bank')));
    clock.advance(20);
    await worker.settled();
    expect(Object.keys(members())).toEqual(['10.0.0.1', '10.0.0.2']);
  });
});

describe('mode Observe', () => {
  test('never writes, and shows what it would do', async () => {
    const { wish, device, worker, reason } = setUp({ ...enforce, mode: 'Observe' });
    await wish(world(crowd(3, 'bank')));
    expect(device.writes).toBe(0);
    expect(reason('Waiting')).toBe('PlanWaits');
    const plan = worker.status().waiting?.plan();
    expect(plan?.counts.made).toBeGreaterThan(0);
    expect(plan?.traffic.changes[0]?.senders).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    await expect(worker.leave()).rejects.toMatchObject({ code: 'MODE_OBSERVE' });
  });
});

describe('mode Approve', () => {
  test('the first programming waits for a yes to exactly this plan', async () => {
    const { wish, device, worker, digest, may } = setUp(approve);
    await wish(world(crowd(3, 'bank')));
    expect(device.writes).toBe(0);
    worker.approve('0'.repeat(64));
    await worker.settled();
    expect(device.writes).toBe(0);
    worker.approve(digest());
    await worker.settled();
    expect(may('10.0.0.1')).toBe(true);
    expect(worker.status().waiting).toBeUndefined();
  });

  test('members flow while rules wait, and the yes survives them', async () => {
    const { wish, worker, digest, may, members } = setUp(approve);
    await wish(world(crowd(3, 'bank')));
    worker.approve(digest());
    await worker.settled();
    const edited = [allowing('bank', '203.0.113.0/24', 8443), allowing('shop', '198.51.100.0/24', 80)];
    await wish(world(crowd(4, 'bank'), edited));
    expect(Object.keys(members())).toHaveLength(4);
    expect(may('10.0.0.4')).toBe(true);
    const yes = digest();
    await wish(world(crowd(2, 'bank'), edited));
    expect(Object.keys(members())).toHaveLength(2);
    expect(digest()).toBe(yes);
    worker.approve(yes);
    await worker.settled();
    expect([may('10.0.0.1'), may('10.0.0.1', '203.0.113.5', 8443)]).toEqual([false, true]);
  });

  test('a class that comes back as it was approved needs no second yes', async () => {
    const { wish, worker, digest, members } = setUp(approve);
    await wish(world({ '10.0.0.1': 'bank', '10.0.1.1': 'shop' }));
    worker.approve(digest());
    await worker.settled();
    await wish(world({ '10.0.0.1': 'bank' }, [allowing('bank', '203.0.113.0/24', 443)]));
    expect(worker.status().waiting).toBeUndefined();
    await wish(world({ '10.0.0.1': 'bank', '10.0.1.1': 'shop' }));
    expect(members()).toEqual({ '10.0.0.1': 'bank', '10.0.1.1': 'shop' });
  });

  test('Everything holds members as well', async () => {
    const { wish, worker, digest, members } = setUp({ ...approve, approve: 'Everything' });
    await wish(world(crowd(3, 'bank')));
    worker.approve(digest());
    await worker.settled();
    await wish(world(crowd(4, 'bank')));
    expect(Object.keys(members())).toHaveLength(3);
    worker.approve(digest());
    await worker.settled();
    expect(Object.keys(members())).toHaveLength(4);
  });

  test('a yes lapses after an hour and when the plan changes', async () => {
    const { wish, worker, digest, clock, device } = setUp(approve);
    await wish(world(crowd(1, 'bank')));
    const old = digest();
    await wish(world(crowd(1, 'bank'), [allowing('bank', '203.0.113.0/24', 22)]));
    worker.approve(old);
    await worker.settled();
    await wish(world(crowd(1, 'bank')));
    expect(device.writes).toBe(0);
    device.failNext(new SallyportError('DEVICE_UNREACHABLE', 'gone'));
    worker.approve(old);
    await worker.settled();
    clock.advance(3_600_000);
    await worker.settled();
    expect([device.writes, digest()]).toEqual([0, old]);
    worker.approve(old);
    await worker.settled();
    expect(device.writes).toBe(1);
  });
});

describe('the guard', () => {
  const many = 40;

  test('holds a loss for too many and lets the rest go ahead', async () => {
    const { wish, worker, digest, may, members, reason } = setUp();
    await wish(world(crowd(many, 'bank')));
    const narrow = [allowing('bank', '203.0.113.128/25', 443), allowing('shop', '198.51.100.0/24', 80)];
    await wish(world({ ...crowd(many, 'bank'), '10.0.9.9': 'shop' }, narrow));
    expect(may('10.0.0.1')).toBe(true);
    expect(members()['10.0.9.9']).toBe('shop');
    expect(reason('Waiting')).toBe('PlanWaits');
    expect(worker.status().waiting?.reasons.join()).toContain('40 of 40 workloads lose traffic');
    worker.approve(digest());
    await worker.settled();
    expect(may('10.0.0.1')).toBe(false);
  });

  test('holds a gain for too many', async () => {
    const { wish, worker, may } = setUp();
    await wish(world(crowd(many, 'bank')));
    await wish(world(crowd(many, 'bank'), [passing('bank')]));
    expect(may('10.0.0.1', '192.0.2.1', 22)).toBe(false);
    expect(worker.status().waiting?.reasons.join()).toContain('gain traffic');
  });

  test('never holds addresses that were given up, nor newcomers', async () => {
    const { wish, members } = setUp();
    await wish(world(crowd(many, 'bank')));
    await wish(world({}));
    expect(members()).toEqual({});
    await wish(world(crowd(many * 3, 'shop')));
    expect(Object.keys(members())).toHaveLength(many * 3);
  });

  test('counts an hour of small portions', async () => {
    const { wish, worker, clock, may } = setUp();
    await wish(world(crowd(100, 'bank')));
    const moved = (count: number): Ruleset => world({ ...crowd(100, 'bank'), ...crowd(count, 'shop') });
    for (const count of [20, 40]) await wish(moved(count));
    expect(may('10.0.0.40')).toBe(false);
    await wish(moved(60));
    expect(may('10.0.0.60')).toBe(true);
    expect(worker.status().waiting?.reasons.join()).toContain('within an hour');
    for (let minute = 0; minute <= 61; minute++) {
      clock.advance(60_000);
      await worker.settled();
    }
    expect(may('10.0.0.60')).toBe(false);
  });

  test('holds an opening for unknown senders, however few are known', async () => {
    const { wish, may } = setUp();
    await wish(world({ '10.0.0.1': 'bank' }));
    await wish(world({ '10.0.0.1': 'bank' }, undefined, { networks: PrefixSet.empty }));
    expect(may('10.0.0.77')).toBe(false);
  });

  test('a reused address never keeps the old owner’s rights while a plan waits', async () => {
    const { wish, members } = setUp();
    const owners = (heir: string): BucketMap<string> =>
      BucketMap.from([
        ...Object.keys(crowd(many, 'bank')).map((key) => [key, key] as const),
        ['10.0.0.1', heir] as const,
      ]);
    await wish(world(crowd(many, 'bank')), owners('shop/first'));
    await wish(
      world({ ...crowd(many, 'bank'), '10.0.0.1': 'shop' }, [passing('bank'), allowing('shop', '198.51.100.0/24', 80)]),
      owners('shop/heir'),
    );
    expect(members()['10.0.0.1']).toBe('shop');
  });

  test('rests in quiet windows and behind canaries, while members flow', async () => {
    const waitingFor = new Set(['canary']);
    const quiet = [{ from: '11:00', to: '13:00' }];
    const { wish, worker, clock, members, may, reason } = setUp(
      { ...enforce, guard: { ...enforce.guard, quiet, after: ['canary'] } },
      { canaries: () => [...waitingFor] },
    );
    await wish(world(crowd(1, 'bank')));
    expect(members()).toEqual({});
    clock.advance(3_600_000);
    await worker.settled();
    expect(worker.status().waiting?.reasons).toEqual(['canary come first and have not confirmed']);
    waitingFor.clear();
    worker.nudge();
    await worker.settled();
    expect(may('10.0.0.1')).toBe(true);
    waitingFor.add('canary');
    await wish(world(crowd(2, 'bank'), [allowing('bank', '203.0.113.0/24', 22)]));
    expect([Object.keys(members()).length, may('10.0.0.2'), reason('Waiting')]).toEqual([2, true, 'PlanWaits']);
  });
});

describe('one writer', () => {
  test('a copy whose lock ran out while it slept writes nothing', async () => {
    const clock = new FakeClock();
    const lock = new TimedLock(clock, 10_000);
    const { worker, wish, device, members } = setUp(enforce, { lock });
    await wish(world(crowd(1, 'bank')));
    expect(device.writes).toBe(0);
    lock.renewed(clock.monotonic(), 30_000);
    await worker.settled();
    expect(Object.keys(members())).toHaveLength(1);
    clock.advance(20_000);
    await wish(world(crowd(2, 'bank')));
    expect(Object.keys(members())).toHaveLength(1);
    expect(worker.status().conditions).toContainEqual(expect.objectContaining({ reason: 'NotTheWriter' }));
  });
});

describe('one writer, between two steps', () => {
  test('a lock that runs out after the first step keeps the second from being sent', async () => {
    const lock = new TimedLock(new FakeClock(), 10_000);
    lock.renewed(0, 60_000);
    const { wish, device, members } = setUp(enforce, { lock });
    await wish(world({ ...crowd(3, 'bank') }));
    device.onChange(() => lock.lost());
    await wish(world({ ...crowd(2, 'bank'), '10.0.1.2': 'shop' }));
    expect(Object.keys(members())).toEqual(['10.0.0.1', '10.0.0.2']);
    lock.renewed(0, 60_000);
  });
});

describe('translations', () => {
  test('a sender whose translation is edited waits in mode Approve; a newcomer is held rather than leaked', async () => {
    const { wish, worker, digest, device } = setUp(approve);
    const nat = (targets: Record<string, string>) =>
      translating(
        'n',
        Object.fromEntries(Object.entries(targets).map(([key, address]) => [key, { kind: 'Address', address }])),
      );
    await wish(world(crowd(1, 'bank'), undefined, { nats: [nat({ '10.0.0.1': '198.18.0.1' })] }));
    worker.approve(digest());
    await worker.settled();
    await wish(
      world(crowd(2, 'bank'), undefined, { nats: [nat({ '10.0.0.1': '198.18.0.2', '10.0.0.2': '198.18.0.2' })] }),
    );
    const table = (): unknown => Object.fromEntries(device.read().program.tables.get('nat n')?.entries() ?? []);
    expect(table()).toEqual({ '10.0.0.1': '198.18.0.1', '10.0.0.2': 'hold' });
    worker.approve(digest());
    await worker.settled();
    expect(table()).toEqual({ '10.0.0.1': '198.18.0.2', '10.0.0.2': '198.18.0.2' });
  });
});
