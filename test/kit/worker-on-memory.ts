import type { BucketMap } from '../../src/base/bucket-map.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Ruleset } from '../../src/border/ruleset.ts';
import type { WorkerSettings } from '../../src/firewalls/worker/course.ts';
import { MemoryDevice } from '../../src/firewalls/memory/device.ts';
import { MemoryDriver } from '../../src/firewalls/memory/memory-driver.ts';
import { lift } from '../../src/firewalls/memory/read-back.ts';
import { Worker } from '../../src/firewalls/worker/worker.ts';
import type { WorkerOptions } from '../../src/firewalls/worker/worker-options.ts';
import { soleWriter } from '../../src/firewalls/writer-lock.ts';
import { fateUnder } from '../../src/plan/fate.ts';
import { FakeClock } from './fake-clock.ts';

const limit = { percent: 20, atLeast: 10, percentPerHour: 50 };
/** Enforces with the default guard and repairs drift. */
export const enforce: WorkerSettings = {
  mode: 'Enforce',
  approve: 'Rules',
  drift: 'Repair',
  guard: { removals: limit, gains: limit, quiet: [], after: [] },
};
export const approve: WorkerSettings = { ...enforce, mode: 'Approve' };

/** A worker on a firewall in memory, with hands and eyes for a test. */
export function workerOnMemory(
  settings: WorkerSettings = enforce,
  options: Partial<WorkerOptions<never, never, never>> = {},
) {
  const clock = new FakeClock();
  const device = new MemoryDevice(['rule of somebody else']);
  const driver = new MemoryDriver(device);
  const confirmed: number[] = [];
  const worker = new Worker({
    cluster: 'lab',
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
