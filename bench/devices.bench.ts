/**
 * From a pod's change, known to the controller, to a firewall with an API: the real controller, workers, guard, audit trail and drivers, over TLS,
 * to a simulated device in a process of its own that answers in 50 ms. Address groups that follow pods, by the membership path:
 * how long until a change is confirmed, how many requests it takes, and what nothing to do costs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { load, print, smoke } from './figure.ts';
import { Fleet, fortigate, less, panos, printRate } from './fleet.ts';
import type { Simulation } from './simulated-devices.ts';

const pods = smoke ? 50 : 10_000;
const seconds = smoke ? 1 : 60;
const many = smoke ? 20 : 1_000;
const idleSeconds = smoke ? 1 : 65;

/** A thousand pods come to one group at once; then nothing happens for a while, and a new process looks. */
async function calls(bench: string, simulation: Simulation, path: 'membership' | 'objects'): Promise<void> {
  await using fleet = await Fleet.start({ simulations: [simulation], pods, groups: 1, leaves: 'by all' });
  fleet.putPods(0, 10);
  await fleet.settled();
  const before = await fleet.counts();
  fleet.putPods(10, 10 + many);
  await fleet.settled();
  const after = await fleet.counts();
  const { writes, objects } = less(after, before);
  const budget = smoke ? {} : { budget: path === 'membership' ? 3 : objects + 3 };
  print({ bench: `${bench}/calls`, unit: 'count', value: writes, ...budget, changes: many, objects, ...load() });
  await pause(idleSeconds * 1_000);
  const later = less(await fleet.counts(), after);
  const about = { seconds: idleSeconds, requests: later.requests, ...load() };
  print({ bench: `${bench}/no-change/writes`, unit: 'count', value: later.writes, budget: 0, ...about });
  print({ bench: `${bench}/no-change/commits`, unit: 'count', value: later.commits, budget: 0, ...about });
}

for (const simulation of [fortigate, panos])
  await printRate(
    `devices/${simulation.vendor}`,
    { simulations: [simulation], pods, groups: smoke ? 5 : 20, leaves: 'by all' },
    seconds,
    smoke ? {} : { p99: 1_000 },
  );
await calls('devices/fortigate', fortigate, 'membership');
await calls('devices/panos', panos, 'membership');
await calls('devices/fortigate/objects', { ...fortigate, version: '7.0.12' }, 'objects');
