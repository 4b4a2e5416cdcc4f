import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, test } from 'vitest';
import { firewall, resourceOf } from '../../test/kit/border-world.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import type { BorderFirewall } from '../api/resource.ts';
import { silentLog } from '../base/log.ts';
import { abilityPromises } from '../firewalls/contract/abilities.ts';
import type { AnyDriver, DriverHarness } from '../firewalls/contract/harness.ts';
import { sleepingWriter } from '../firewalls/contract/sleeping-writer.ts';
import { soleWriter, type WriterLock } from '../firewalls/writer-lock.ts';
import { driverKinds } from './devices/drivers.ts';
import { Feeds } from './feeds/feeds.ts';

/** With lists that are fetched, what of the contract is not about rules, invariant 8 above all: the folder is the device, and each driver a copy that finds it. With processes: server/feeds. */
describe('driver contract: feed', () => {
  const root = mkdtempSync(join(tmpdir(), 'sallyport-feed-contract-'));
  const owner = { cluster: 'lab', firewall: 'edge-1' };
  const edge = resourceOf(firewall('edge-1', { driver: 'feed', address: 'edge-1' })) as BorderFirewall;
  let folder = '';
  let folders = 0;
  beforeEach(() => {
    folder = join(root, String(++folders));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const open = (lock: WriterLock, feeds?: Feeds): AnyDriver => {
    const kind = driverKinds.get('feed');
    if (kind === undefined) throw new Error('there are no lists');
    // By a Lease: no lock file keeps a copy out that comes while another one sleeps.
    const epoch = { now: () => ({ lease: 'lease', number: 1 }), outranked: () => undefined };
    return kind.open(edge, { log: silentLog, cluster: 'lab', stateFolder: folder, lock, epoch, feeds }).driver;
  };
  const signal = new AbortController().signal;
  const textOf = async (driver: AnyDriver): Promise<string> => {
    const { behaviour } = await driver.observe(signal);
    return JSON.stringify([...(behaviour.lists ?? [])]);
  };
  const harness: DriverHarness = {
    connect: () => open(soleWriter),
    foreign: () => Promise.resolve(''),
    ours: () => textOf(open(soleWriter)),
    tamper: () => Promise.resolve(false),
    givesOut: async (lock) => {
      const feeds = new Feeds({ clock: new FakeClock() });
      const driver = open(lock, feeds);
      await driver.observe(signal);
      return () => feeds.of('edge-1')?.publication.lists.size;
    },
    close: () => Promise.resolve(),
  };
  const fresh = async (): Promise<AnyDriver> => {
    const driver = harness.connect();
    for (const step of driver.leave(await driver.observe(signal), owner)) await driver.apply(step, signal);
    return driver;
  };
  abilityPromises('feed', () => harness, fresh);
  sleepingWriter(
    { harness: () => harness, fresh, promise: (promised, what, body) => test(`${promised}: ${what}`, body) },
    15,
  );
});
