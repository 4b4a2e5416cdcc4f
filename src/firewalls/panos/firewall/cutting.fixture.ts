import { setTimeout } from 'node:timers/promises';
import type { PanOs } from '../../../../simulators/panos/index.ts';
import { enforce } from '../../../../test/kit/worker-on-memory.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { systemClock } from '../../../base/clock.ts';
import { silentLog } from '../../../base/log.ts';
import type { Ruleset } from '../../../border/ruleset.ts';
import type { AnyDriver } from '../../contract/harness.ts';
import { Worker } from '../../worker/worker.ts';
import { soleWriter } from '../../writer-lock.ts';
import type { Opened } from './opened.fixture.ts';

export async function until(is: () => boolean): Promise<void> {
  while (!is()) await setTimeout(5);
}

/** A worker that keeps what a driver reaches, until the end of the test. */
export function workerOver(driver: AnyDriver, keep: Opened['keep']): Worker {
  const worker = new Worker({
    cluster: 'lab',
    firewall: 'edge-1',
    driver,
    settings: enforce,
    clock: systemClock,
    log: silentLog,
    lock: soleWriter,
  });
  keep({ close: () => worker.stop() });
  worker.start();
  return worker;
}

/** The worker was told to go there, and has; each address has a pod of its own. Everything is said yes to. */
export async function brought(worker: Worker, ruleset: Ruleset): Promise<void> {
  const owners = BucketMap.from([...ruleset.members.keys()].map((address) => [address, `pod at ${address}`] as const));
  worker.desire({ kind: 'ruleset', ruleset, owners });
  await until(() => {
    const digest = worker.status().waiting?.digest;
    if (digest !== undefined) worker.approve(digest);
    return worker.confirmed()?.ruleset === ruleset;
  });
}

/** What the session that a flow opens is asked by later: whether it lives. */
export function opened(
  device: PanOs,
  source: string,
  port = 443,
  destination = '203.0.113.9',
  sourcePort = 40_000,
): () => boolean {
  const ends = { source, destination, sourcePort, destinationPort: port, protocol: 'tcp' } as const;
  const id = device.connect({ ...ends, from: 'k8s', to: 'internet' });
  if (id === undefined) throw new Error(`${source} may not open a connection to ${destination}:${port}`);
  return () => device.sessions.lives(id);
}

export const ready = (worker: Worker): string =>
  worker.status().conditions.find(({ type }) => type === 'Ready')?.message ?? '';
