import { describe, expect, test } from 'vitest';
import { type FakeClock, turns } from '../../../test/kit/fake-clock.ts';
import { approve, workerOnMemory } from '../../../test/kit/worker-on-memory.ts';
import { allowing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { Worker } from './worker.ts';
import { soleWriter } from '../writer-lock.ts';

const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '198.51.100.0/24', 80);
const narrowed = allowing('shop', '198.51.100.0/25', 80);
const places = { '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.3': 'bank', '10.9.0.1': 'bank' };
const had = { '10.0.0.1': 'shop/a', '10.0.0.2': 'shop/b', '10.0.0.3': 'node n shop/c', '10.9.0.1': 'shop/d' };

const cutOff = new SallyportError('DEVICE_UNREACHABLE', 'cut off');

/** The worker tries again. */
async function later(clock: FakeClock, worker: { settled(): Promise<void> }): Promise<void> {
  clock.advance(60_000);
  await turns();
  await worker.settled();
}

/** What a process finds that begins while somebody wants other rules: nobody kept what was confirmed. */
async function begun(first: Readonly<Record<string, string>> = had, failure?: SallyportError) {
  const { worker: before, wish, device, clock } = workerOnMemory();
  await wish(world(places, [bank, shop]), BucketMap.from(Object.entries(had)));
  await before.stop();
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver: new MemoryDriver(device),
    settings: approve,
    clock,
    log: silentLog,
    lock: soleWriter,
  });
  worker.start();
  const become = async (owners: Readonly<Record<string, string>>, members: Record<string, string> = places) => {
    worker.desire({
      kind: 'ruleset',
      ruleset: world(members, [bank, narrowed]),
      owners: BucketMap.from(Object.entries(owners)),
    });
    await worker.settled();
  };
  if (failure !== undefined) device.failNext(failure);
  await become(first);
  const members = (): Record<string, string> =>
    Object.fromEntries(device.read().program.tables.get('members')?.entries() ?? []);
  return { worker, device, clock, become, members };
}

describe('while a plan waits and nobody knows what was confirmed', () => {
  test('who stays keeps what he has, whatever he is to have', async () => {
    const { worker, become, members } = await begun();
    await become(had, { ...places, '10.0.0.2': 'bank' });
    expect(members()).toEqual(places);
    expect(worker.status().waiting).toBeDefined();
    await worker.stop();
  });

  test.each(['bank', 'shop'])(
    'an address that goes to somebody else leaves, though he is to have %s',
    async (place) => {
      const { worker, become, members } = await begun();
      await become({ ...had, '10.0.0.2': 'shop/heir' }, { ...places, '10.0.0.2': place });
      const { '10.0.0.2': _, ...rest } = places;
      expect(members()).toEqual(rest);
      await worker.stop();
    },
  );

  test('it leaves too if nothing could be written between the one and the other', async () => {
    const { '10.0.0.2': _, ...others } = had;
    const { worker, device, clock, become, members } = await begun();
    device.failNext(cutOff);
    await become(others);
    expect(members()['10.0.0.2']).toBe('shop');
    await become({ ...others, '10.0.0.2': 'shop/heir' });
    await later(clock, worker);
    expect(members()['10.0.0.2']).toBeUndefined();
    await worker.stop();
  });

  test('so does one that nobody had when the firewall was first read', async () => {
    const { '10.0.0.2': _, ...others } = had;
    const { worker, clock, become, members } = await begun(others, cutOff);
    expect(members()['10.0.0.2']).toBe('shop');
    await become({ ...others, '10.0.0.2': 'shop/heir' });
    await later(clock, worker);
    expect(members()['10.0.0.2']).toBeUndefined();
    await worker.stop();
  });

  test('where somebody who had it stays, or unknown senders are not dropped, it stays', async () => {
    const { worker, become, members } = await begun();
    await become({ ...had, '10.0.0.3': 'node n shop/new', '10.9.0.1': 'shop/heir' });
    expect(members()).toEqual(places);
    await worker.stop();
  });

  test('after a yes it counts from what is confirmed', async () => {
    const { worker, become, members } = await begun();
    await become({ ...had, '10.0.0.2': 'shop/heir' });
    worker.approve(worker.status().waiting?.digest ?? '');
    await worker.settled();
    expect(members()).toEqual(places);
    await worker.stop();
  });
});
