import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { enforce, workerOnMemory as setUp } from '../../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { SallyportError } from '../../base/error.ts';
import type { Driver } from '../driver.ts';
import { TimedLock } from '../writer-lock.ts';

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

  test('says that connections go on where the device cannot end them, as long as somebody relies on it', async () => {
    const { worker, wish, driver } = setUp();
    Object.assign(driver, { connectionsStay: 'it ends no sessions' });
    const ready = (): string | undefined => worker.status().conditions.find(({ type }) => type === 'Ready')?.message;
    await wish(world({ '10.0.0.1': 'bank' }));
    expect(ready()).toContain('it ends no sessions');
    await wish(world({ '10.0.0.1': 'bank' }, undefined, { established: 'Keep' }));
    expect(ready()).not.toContain('it ends no sessions');
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

  test('what was sent for a wish that is none any more is nobody’s edit', async () => {
    const { worker, device, members, wish, reason } = setUp({ ...enforce, drift: 'Show' });
    await wish(world({ ...crowd(3, 'bank'), '10.0.1.1': 'shop' }));
    let changes = 0;
    device.onChange(() => {
      if (++changes === 1)
        worker.desire({ kind: 'ruleset', ruleset: world({ ...crowd(2, 'bank'), '10.0.1.1': 'bank' }) });
    });
    await wish(world({ ...crowd(2, 'bank'), '10.0.1.1': 'shop', '10.0.1.2': 'shop' }));
    expect(members()).toEqual({ ...crowd(2, 'bank'), '10.0.1.1': 'bank' });
    expect([reason('Ready'), worker.status().drift, worker.status().repairs]).toEqual(['Confirmed', [], 0]);
  });

  test('what a device lost by itself, and says so, is nobody’s edit and is brought back', async () => {
    const { worker, device, driver, members, wish, reason } = setUp({ ...enforce, drift: 'Show' });
    await wish(world(crowd(3, 'bank')));
    const observe = driver.observe.bind(driver);
    driver.observe = async (signal) => ({ ...(await observe(signal)), drift: [], anew: true });
    device.editRow('members', '10.0.0.1', undefined);
    await worker.settled();
    expect(members()).toEqual(crowd(3, 'bank'));
    expect([reason('Ready'), worker.status().drift, worker.status().repairs]).toEqual(['Confirmed', [], 0]);
    driver.observe = observe;
    device.editRow('members', '10.0.0.1', undefined);
    await worker.settled();
    expect(reason('Drifted')).toBe('ChangedByOthers');
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

  test.each([
    ['Show', true],
    ['Repair', false],
  ] as const)(
    'what a hand added to ours and nothing uses: with %s it stays: %s, and is told of',
    async (drift, stays) => {
      const { worker, wish, device, reason } = setUp({ ...enforce, drift });
      await wish(world(crowd(3, 'bank')));
      const { objects } = device.read().program;
      device.edit('class old', objects.get('class shop'), 'alice');
      await worker.settled();
      expect(device.read().program.objects.has('class old')).toBe(stays);
      expect(reason('Drifted')).toBe(stays ? 'ChangedByOthers' : undefined);
      expect([worker.status().drift[0]?.by, worker.status().repairs]).toEqual(['alice', stays ? 0 : 1]);
      await wish(world(crowd(2, 'bank')));
      expect([device.read().program.objects.has('class old'), reason('Drifted') !== undefined]).toEqual([stays, stays]);
    },
  );

  test('leaves nothing behind when it is told to leave, and nothing of others is touched', async () => {
    const { worker, wish, device } = setUp();
    await wish(world(crowd(3, 'bank')));
    expect(worker.confirmed()).toBeDefined();
    await worker.leave();
    expect(device.dump()).toBe('foreign "rule of somebody else"\n');
    // Whoever asks whether a pod may start is not told of what was there.
    expect(worker.confirmed()).toBeUndefined();
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
    // What went well since then makes the next failure a first one.
    device.failNext(dead);
    await wish(world(crowd(3, 'bank')));
    expect(clock.next()).toBe(500);
  });

  test.each([
    ['that did not answer may be another one afterwards: it is asked anew what it can do', 'DEVICE_UNREACHABLE', 2],
    ['that somebody else wrote to is the same one', 'DEVICE_CHANGED', 1],
  ] as const)('a device %s', async (_, code, times) => {
    const { worker, wish, device, driver, clock, reason } = setUp();
    let asked = 0;
    const capabilities = driver.capabilities.bind(driver);
    driver.capabilities = (signal) => {
      asked++;
      return capabilities(signal);
    };
    await wish(world(crowd(1, 'bank')));
    device.failNext(new SallyportError(code, 'no'));
    await wish(world(crowd(2, 'bank')));
    clock.advance(500);
    await worker.settled();
    expect([asked, reason('Ready')]).toEqual([times, 'Confirmed']);
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

test('a right that is renewed time and again calls for no reading; one that was lost meanwhile does', async () => {
  const clock = new FakeClock();
  const lock = new TimedLock(clock, 10_000);
  lock.renewed(clock.monotonic(), 15_000);
  const { worker, wish, driver } = setUp(enforce, { lock });
  await wish(world(crowd(1, 'bank')));
  let readings = 0;
  const observe = driver.observe.bind(driver);
  driver.observe = (signal) => {
    readings++;
    return observe(signal);
  };
  for (let second = 0; second < 30; second += 2) {
    clock.advance(2_000);
    lock.renewed(clock.monotonic(), 15_000);
    await worker.settled();
  }
  expect(readings).toBe(0);
  lock.lost();
  await worker.settled();
  expect(worker.status().conditions).toContainEqual(expect.objectContaining({ reason: 'NotTheWriter' }));
  lock.renewed(clock.monotonic(), 15_000);
  await worker.settled();
  expect([readings, worker.status().conditions[0]?.status]).toEqual([1, true]);
  await worker.stop();
});

describe('one writer, between two steps', () => {
  test('a driver asks before each request of a step whether the lock is held still', async () => {
    const lock = new TimedLock(new FakeClock(), 10_000);
    lock.renewed(0, 60_000);
    const { wish, driver, device, reason } = setUp(enforce, { lock });
    const apply = driver.apply.bind(driver) as typeof driver.apply;
    const driven: Driver['apply'] = async (step, signal, mayGoOn) => {
      lock.lost();
      mayGoOn?.();
      await apply(step as never, signal);
    };
    Object.assign(driver, { apply: driven });
    await wish(world(crowd(3, 'bank')));
    expect([device.writes, reason('Waiting')]).toEqual([0, 'NotTheWriter']);
  });

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
