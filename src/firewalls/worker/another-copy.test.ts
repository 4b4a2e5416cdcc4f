import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { enforce } from '../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, world } from '../../../test/kit/worlds.ts';
import { silentLog } from '../../base/log.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import type { WorkerSettings } from './course.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { TimedLock } from '../writer-lock.ts';
import { Worker } from './worker.ts';

/** Two copies of one installation on one device; the right to write goes from one to the other. */
function twoCopies(settings: WorkerSettings = enforce) {
  const clock = new FakeClock();
  const device = new MemoryDevice([]);
  const copy = () => {
    const lock = new TimedLock(clock, 10_000);
    const worker = new Worker({
      cluster: 'lab',
      firewall: 'edge-1',
      driver: new MemoryDriver(device),
      settings,
      clock,
      log: silentLog,
      lock,
    });
    worker.start();
    const wish = async (ruleset: Ruleset): Promise<void> => {
      worker.desire({ kind: 'ruleset', ruleset });
      await worker.settled();
    };
    const is = (type: string): boolean => worker.status().conditions.some((one) => one.type === type && one.status);
    return { worker, lock, wish, is };
  };
  const [one, other] = [copy(), copy()];
  const give = async (to: typeof one): Promise<void> => {
    const from = to === one ? other : one;
    from.lock.lost();
    await from.worker.settled();
    to.lock.renewed(clock.monotonic(), 600_000);
  };
  return { clock, device, one, other, give };
}

const bank = (port: number) => [allowing('bank', '203.0.113.0/24', port)];

describe('a copy to which the right comes back', () => {
  test('says nothing good of the firewall before it has read it', async () => {
    const { one, other, give } = twoCopies();
    await give(one);
    await one.wish(world(crowd(2, 'bank')));
    expect(one.is('Ready')).toBe(true);
    await give(other);
    await give(one);
    expect(one.is('Ready')).toBe(false);
    await one.worker.settled();
    expect(one.is('Ready')).toBe(true);
  });

  test.each(['Repair', 'Show'] as const)(
    'takes what another one brought there for nobody’s edit (drift: %s)',
    async (drift) => {
      const { one, other, give, device } = twoCopies({ ...enforce, drift });
      await give(one);
      await one.wish(world(crowd(5, 'bank'), bank(443)));
      await give(other);
      await other.wish(world(crowd(5, 'bank'), bank(22)));
      await give(one);
      await one.wish(world(crowd(5, 'bank'), bank(25)));
      expect([one.is('Ready'), one.is('Drifted')]).toEqual([true, false]);
      expect([one.worker.status().drift, one.worker.status().repairs]).toEqual([[], 0]);
      // From then on an edit is an edit again.
      device.edit('class bank', undefined, 'alice');
      await one.worker.settled();
      expect(one.worker.status().drift).toMatchObject([{ object: 'class bank', by: 'alice' }]);
    },
  );

  test('judges what it is about to do by what is there, not by what it confirmed before', async () => {
    const { one, other, give } = twoCopies();
    const many = crowd(40, 'bank');
    await give(one);
    await one.wish(world(many, bank(443)));
    await give(other);
    await other.wish(world(many, bank(22)));
    other.worker.approve(other.worker.status().waiting?.digest ?? '');
    await other.worker.settled();
    expect(other.is('Ready')).toBe(true);
    await give(one);
    // To it this is what it knows: to everybody at the firewall it is a loss and a gain of forty.
    await one.wish(world(many, bank(443)));
    expect([one.is('Ready'), one.worker.status().waiting?.reasons.join()]).toEqual([
      false,
      expect.stringContaining('40 of 40 workloads') as string,
    ]);
  });
});
