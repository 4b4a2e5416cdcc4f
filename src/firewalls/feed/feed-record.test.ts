import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { RecordDisk } from '../../../test/kit/record-on-disk.ts';
import { approve, enforce } from '../../../test/kit/worker-on-memory.ts';
import { allowing, crowd, passing, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { silentLog } from '../../base/log.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import type { WorkerSettings } from '../worker/course.ts';
import { bring } from '../contract/harness.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { Worker } from '../worker/worker.ts';
import { soleWriter } from '../writer-lock.ts';
import { FeedDriver } from './feed-driver.ts';
import { FeedStore } from './feed-store.ts';
import { Publication } from './publication.ts';

const OWNER = { cluster: 'lab', firewall: 'edge-1' };
const limit = { percent: 20, atLeast: 3, percentPerHour: 50 };
const guard = { removals: limit, gains: limit, quiet: [], after: [] };
const pods = crowd(30, 'all');
const addresses = Object.keys(pods);
const owners = BucketMap.from(addresses.map((address) => [address, `pod-${address}`]));

let folder: string;
const clock = new FakeClock();
const disk = new RecordDisk();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-feed-record-'));
  disk.text = undefined;
});
afterEach(() => rmSync(folder, { recursive: true }));

function listing(members: readonly string[], places = pods): Ruleset {
  const list: Group = {
    id: 'web',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'web',
    resource: 'AddressGroup/web',
    use: 'Allow',
    members: BucketMap.from(members.map((address) => [address, true as const])),
  };
  return world(places, [passing('all')], { groups: new Map([['web', list]]) });
}

/** What one process after the other gives out, each with a wish. */
async function givesOut(settings: WorkerSettings, wishes: readonly (readonly string[])[]): Promise<readonly string[]> {
  let given: readonly string[] = [];
  for (const wish of wishes) {
    const publication = new Publication(new FeedStore(folder, OWNER), clock);
    const driver = new FeedDriver(publication, OWNER);
    const { place } = disk.open();
    const worker = new Worker({ ...OWNER, driver, settings, clock, log: silentLog, lock: soleWriter, record: place });
    worker.start();
    worker.desire({ kind: 'ruleset', ruleset: listing(wish), owners });
    await worker.settled();
    if (given.length === 0) worker.approve(worker.status().waiting?.digest ?? '');
    await worker.settled();
    clock.advance(2_000);
    await worker.stop();
    given = publication.lists.get('web')?.list.addresses[4] ?? [];
  }
  return given;
}

test('a list needs no record: it says itself what was given out, and members flow after a restart', async () => {
  const [first, second] = [addresses.slice(0, 10), addresses.slice(1, 11)];
  expect(await givesOut({ ...approve, guard }, [first, second])).toEqual(second);
  expect(disk.text).toBeUndefined();
});

test('the guard stops many who would join at once after a restart, as it does without one', async () => {
  expect(await givesOut({ ...enforce, guard }, [addresses.slice(0, 4), addresses.slice(0, 24)])).toHaveLength(4);
});

test('nor does a record of the time when the firewall held rules let them join', async () => {
  const device = new MemoryDevice([]);
  const driver = new MemoryDriver(device);
  const rules = world(crowd(3, 'bank'), [allowing('bank', '203.0.113.0/24', 443)], {
    groups: listing(addresses.slice(0, 4)).groups,
  });
  await bring(driver, rules);
  const worker = new Worker({
    ...OWNER,
    driver,
    settings: enforce,
    clock,
    log: silentLog,
    lock: soleWriter,
    record: disk.open().place,
  });
  worker.start();
  worker.desire({ kind: 'ruleset', ruleset: rules, owners });
  await worker.settled();
  clock.advance(2_000);
  await worker.stop();
  expect(disk.text).toBeDefined();
  expect(await givesOut({ ...enforce, guard }, [addresses.slice(0, 4), addresses.slice(0, 24)])).toHaveLength(4);
});
