import { describe, expect, test } from 'vitest';
import { workerOnMemory } from '../../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';

describe('a device of which a part is not reached', () => {
  test('gets everything else, and nothing is confirmed until all of it is there', async () => {
    const { wish, driver, worker, reason, members, confirmed, clock } = workerOnMemory();
    await wish(world(crowd(1, 'bank')));
    const observe = driver.observe.bind(driver);
    let unreached: readonly string[] = ['edge-2 is not connected'];
    driver.observe = async (signal) => ({ ...(await observe(signal)), unreached });
    await wish(world(crowd(3, 'bank')));
    expect(Object.keys(members())).toHaveLength(3);
    expect(confirmed).toEqual([1]);
    expect(reason('Ready')).toBeUndefined();
    expect(reason('Waiting')).toBe('NotAllReached');
    expect(worker.status().conditions[0]?.message).toBe('edge-2 is not connected');
    expect(reason('Reconciling')).toBeUndefined();
    // What went ahead is what the guard compares with: it does not add up.
    for (let count = 4; count < 40; count += 4) {
      await wish(world(crowd(count, 'bank')));
      clock.advance(3_600_000);
    }
    expect(Object.keys(members())).toHaveLength(36);
    unreached = [];
    clock.advance(10_000);
    await worker.settled();
    expect(confirmed).toHaveLength(11);
    expect(reason('Ready')).toBe('Confirmed');
  });
});
