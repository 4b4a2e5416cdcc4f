import { expect, test } from 'vitest';
import { workerOnMemory } from '../../../test/kit/worker-on-memory.ts';
import { world } from '../../../test/kit/worlds.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';

const { signal } = new AbortController();

test('another writer is overruled seldom, but no address waits whose owner is gone', async () => {
  const { wish, worker, device, members, reason, clock } = workerOnMemory();
  const rival = new MemoryDriver(device);
  const wanted = world({ '10.0.0.1': 'bank', '10.0.0.2': 'bank' });
  await wish(wanted);
  for (let times = 0; times < 10; times++) {
    const theirs = rival.translate(world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop' }));
    for (const step of rival.steps(await rival.observe(signal), theirs)) await rival.apply(step, signal);
    await worker.settled();
    clock.advance(6_000);
    await worker.settled();
  }
  expect(reason('Stalled')).toBe('RIVAL_WRITER');
  expect(members()).toMatchObject({ '10.0.0.1': 'bank', '10.0.0.2': 'shop' });
  // What the other one brought beside waits too: two clusters that name each other's work wrong would both lose everything.
  const more = rival.translate(world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.9': 'shop' }));
  for (const step of rival.steps(await rival.observe(signal), more)) await rival.apply(step, signal);
  await worker.settled();
  expect(members()).toMatchObject({ '10.0.0.1': 'bank', '10.0.0.9': 'shop' });
  // One pod goes, another one comes: the first leaves at once, the other one waits.
  await wish(world({ '10.0.0.2': 'bank', '10.0.0.3': 'bank' }));
  expect(members()).toEqual({ '10.0.0.2': 'shop' });
  expect(reason('Stalled')).toBe('RIVAL_WRITER');
  clock.advance(600_000);
  await worker.settled();
  expect(members()).toEqual({ '10.0.0.2': 'bank', '10.0.0.3': 'bank' });
});
