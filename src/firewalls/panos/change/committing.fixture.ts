import { setTimeout } from 'node:timers/promises';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { enforce } from '../../../../test/kit/worker-on-memory.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import type { AnyDriver } from '../../contract/harness.ts';
import type { WorkerSettings } from '../../worker/course.ts';
import { Worker } from '../../worker/worker.ts';
import { soleWriter } from '../../writer-lock.ts';
import { FULL, connectTo } from '../lab.fixture.ts';
import type { Opened } from '../firewall/opened.fixture.ts';

/** Long enough for a few requests, on a busy machine too. */
export const COMMIT_MS = 4_000;

export interface Under {
  readonly inVain?: boolean;
  readonly settings?: WorkerSettings;
  /** Who has addresses before the commit that are in no class. */
  readonly owners?: Readonly<Record<string, string>>;
}

/** A worker that keeps a device, in the middle of the commit that leads from one ruleset to another. */
export async function committing(
  device: PanOs,
  [before, asked]: readonly [Ruleset, Ruleset],
  keep: Opened['keep'],
  { settings = enforce, owners = {}, inVain }: Under = {},
): Promise<Worker> {
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    // As in production: lists are proved in a thread.
    driver: keep(connectTo(device, FULL)) as unknown as AnyDriver,
    settings,
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  keep({ close: () => worker.stop() });
  worker.start();
  const approve = async (is: () => boolean): Promise<void> => {
    while (!is()) {
      const digest = worker.status().waiting?.digest;
      if (digest !== undefined) worker.approve(digest);
      await setTimeout(5);
    }
  };
  worker.desire(wish(before, owners));
  await approve(() => worker.confirmed()?.ruleset === before);
  device.commitMs = COMMIT_MS;
  if (inVain === true) device.failNextCommit('Commit failed: no memory');
  worker.desire(wish(asked, owners));
  await approve(() => isCommitting(device));
  return worker;
}

/** Whoever is in it has an owner of its own; `owners`: who else has, or whose an address is instead. */
export function wish(ruleset: Ruleset, owners: Readonly<Record<string, string>> = {}): Parameters<Worker['desire']>[0] {
  const own = [...ruleset.members.keys()].map((address) => [address, `pod at ${address}`] as const);
  return { kind: 'ruleset', ruleset, owners: BucketMap.from([...new Map([...own, ...Object.entries(owners)])]) };
}

export async function until(is: () => boolean): Promise<void> {
  while (!is()) await setTimeout(5);
}

export const isCommitting = (device: PanOs): boolean => device.jobs.active;

/** Whether it has a tag of ours. */
export const holds = (device: PanOs, address: string): boolean => device.dumpRegistered().includes(`${address} sp-`);

/** The commit that failed is tried again: waits for what it leads to, and says whether something was so meanwhile. */
export async function watchedUntilConfirmed(
  device: PanOs,
  worker: Worker,
  ruleset: Ruleset,
  watched: () => boolean,
): Promise<boolean> {
  let was = false;
  const watching = setInterval(() => (was ||= watched()), 1);
  device.commitMs = 0;
  while (worker.confirmed()?.ruleset !== ruleset) {
    // Its owner edits it, so that no pause after a failure is waited for.
    worker.configure(enforce);
    await setTimeout(50);
  }
  clearInterval(watching);
  return was;
}
