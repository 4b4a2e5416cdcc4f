import { describe, expect, test } from 'vitest';
import { approve, enforce, workerOnMemory as setUp } from '../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, passing, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { SallyportError } from '../../base/error.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';

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
    const { wish, device, worker, digest, may, reason } = setUp(approve);
    await wish(world(crowd(3, 'bank')));
    expect(device.writes).toBe(0);
    worker.approve('0'.repeat(64));
    await worker.settled();
    expect(device.writes).toBe(0);
    const saidMeanwhile: (string | undefined)[] = [];
    device.onChange(() => saidMeanwhile.push(reason('Waiting')));
    worker.approve(digest());
    await worker.settled();
    expect(may('10.0.0.1')).toBe(true);
    expect(worker.status().waiting).toBeUndefined();
    expect(new Set(saidMeanwhile)).toEqual(new Set([undefined]));
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

  test('Everything leaves an address with whoever had it, says so, and forgets nothing of it when less waits', async () => {
    const { wish, worker, digest, members } = setUp({ ...approve, approve: 'Everything' });
    const of = (owner: string) => BucketMap.from([['10.0.0.1', owner]]);
    await wish(world({ '10.0.0.1': 'bank', '10.0.1.1': 'shop' }), of('pod:a'));
    worker.approve(digest());
    await worker.settled();
    const edited = [allowing('bank', '203.0.113.0/24', 8443), allowing('shop', '198.51.100.0/24', 80)];
    await wish(world({ '10.0.0.1': 'shop', '10.0.1.1': 'shop' }, edited), of('pod:b'));
    expect([members()['10.0.0.1'], worker.confirmed()?.owners?.get('10.0.0.1')]).toEqual(['bank', 'pod:a']);
    worker.configure(approve);
    await worker.settled();
    expect([members()['10.0.0.1'], worker.confirmed()?.owners?.get('10.0.0.1')]).toEqual(['shop', 'pod:b']);
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

describe('a plan that somebody said yes to and that cannot be carried out', () => {
  const hours = async ({ worker, clock }: ReturnType<typeof setUp>, count: number): Promise<void> => {
    for (let minute = 0; minute < 60 * count; minute++) {
      clock.advance(60_000);
      await worker.settled();
    }
  };
  const edited = [allowing('bank', '203.0.113.0/24', 22)];

  async function stuck() {
    const set = setUp(approve);
    await set.wish(world(crowd(1, 'bank')));
    set.worker.approve(set.digest());
    await set.worker.settled();
    const commit = set.device.commit.bind(set.device);
    set.device.commit = () => {
      throw new SallyportError('DEVICE_UNREACHABLE', 'no route');
    };
    const wanted = world(crowd(1, 'bank'), edited);
    await set.wish(wanted);
    set.worker.approve(set.digest());
    await set.worker.settled();
    const mend = (): void => void (set.device.commit = commit);
    return { ...set, wanted, mend };
  }

  test('goes on by itself within the hour', async () => {
    const set = await stuck();
    await hours(set, 0.5);
    set.mend();
    await hours(set, 0.1);
    expect(set.may('10.0.0.1', '203.0.113.5', 22)).toBe(true);
  });

  test('waits for another yes after the hour', async () => {
    const set = await stuck();
    await hours(set, 2);
    set.mend();
    await hours(set, 0.1);
    expect(set.may('10.0.0.1', '203.0.113.5', 22)).toBe(false);
    expect(set.reason('Waiting')).toBe('PlanWaits');
    set.worker.approve(set.digest());
    await set.worker.settled();
    expect(set.may('10.0.0.1', '203.0.113.5', 22)).toBe(true);
  });

  test('waits for another yes where something else was wanted meanwhile', async () => {
    const set = await stuck();
    await set.wish(world(crowd(1, 'bank'), [allowing('bank', '203.0.113.0/24', 25)]));
    set.mend();
    await hours(set, 0.1);
    await set.wish(set.wanted);
    expect(set.may('10.0.0.1', '203.0.113.5', 22)).toBe(false);
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

test.each([
  ['somebody joins', { '10.0.0.1': 'bank', '10.0.0.2': 'bank' }, { '10.0.0.1': 'a', '10.0.0.2': 'b' }],
  ['an address went over to somebody else', { '10.0.0.1': 'bank' }, { '10.0.0.1': 'b' }],
])(
  'failures that pass by themselves never look like a device that does not keep what it accepts: %s',
  async (_, after, owners) => {
    const { worker, wish, device, driver, clock, members, reason } = setUp();
    Object.assign(driver, { endsConnections: true });
    await wish(world({ '10.0.0.1': 'bank' }), BucketMap.from([['10.0.0.1', 'a']]));
    const write = device.commit.bind(device);
    let failures = 12;
    device.commit = (transaction) => {
      if (failures-- > 0) throw new SallyportError('DEVICE_CHANGED', 'somebody was quicker');
      write(transaction);
    };
    await wish(world(after), BucketMap.from(Object.entries(owners)));
    for (let minutes = 0; minutes < 20 && (failures > 0 || reason('Ready') !== 'Confirmed'); minutes++) {
      expect(reason('Stalled')).toBeUndefined();
      clock.advance(60_000);
      await worker.settled();
    }
    expect(members()).toEqual(after);
    expect([failures < 0, reason('Ready')]).toEqual([true, 'Confirmed']);
  },
);
