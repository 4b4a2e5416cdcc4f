import { expect, test } from 'vitest';
import { turns } from '../../../test/kit/fake-clock.ts';
import { workerOnMemory } from '../../../test/kit/worker-on-memory.ts';
import { crowd, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { SallyportError } from '../../base/error.ts';

const held = world(crowd(20, 'shop'));
const had = BucketMap.from([...held.members.keys()].map((address) => [address, `default/${address}`] as const));
/** Somebody whom this firewall does not know comes. */
const elsewhere = (count: number): BucketMap<string> =>
  had.with(Array.from({ length: count }, (_, at) => [`192.168.0.${at}`, 'default/elsewhere'] as const));

test('wishes from which nothing follows are confirmed together, a moment after the first of them', async () => {
  const { worker, wish, clock, confirmed } = workerOnMemory();
  await wish(held, had);
  for (const count of [1, 2, 3]) {
    worker.desire({ kind: 'ruleset', ruleset: held, owners: elsewhere(count) });
    clock.advance(30);
    await turns();
  }
  expect(confirmed).toEqual([1]);
  clock.advance(10);
  await turns();
  expect(confirmed).toEqual([1, 2, 3, 4]);
  expect(worker.confirmed()?.owners?.size).toBe(had.size + 3);
  await worker.stop();
});

test('one who takes over an address, or another ruleset, waits for nothing, and what was gathered goes along', async () => {
  const { worker, wish, confirmed } = workerOnMemory();
  await wish(held, had);
  const [address = ''] = held.members.keys();
  worker.desire({ kind: 'ruleset', ruleset: held, owners: elsewhere(1) });
  worker.desire({ kind: 'ruleset', ruleset: held, owners: elsewhere(1).with([[address, 'default/heir']]) });
  await turns();
  expect(confirmed).toEqual([1, 2, 3]);
  worker.desire({ kind: 'ruleset', ruleset: held, owners: elsewhere(2).with([[address, 'default/heir']]) });
  worker.desire({ kind: 'ruleset', ruleset: world(crowd(21, 'shop')), owners: elsewhere(2) });
  await turns();
  expect(confirmed).toEqual([1, 2, 3, 4, 5]);
  await worker.stop();
});

test('where the firewall is not known to hold what is wished, as its last reading failed, nothing is gathered', async () => {
  const { worker, wish, clock, device } = workerOnMemory();
  await wish(held, had);
  device.failNext(new SallyportError('DEVICE_UNREACHABLE', 'it is away'));
  worker.nudge();
  await worker.settled();
  worker.desire({ kind: 'ruleset', ruleset: held, owners: elsewhere(1) });
  await turns();
  expect(clock.next()).toBeGreaterThan(100);
  await worker.stop();
});
