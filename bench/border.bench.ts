/**
 * Pure computation, no device: a world from resources to rulesets, and one pod event after another through inventory, engine and border.
 * Reading manifests is not in it.
 */
import process from 'node:process';
import { LiveWorld } from '../src/controller/world/live-world.ts';
import { type Resource, resourceKey } from '../src/api/resource.ts';
import type { ResourceChange } from '../src/sources/source.ts';
import { print, quantile, smoke } from './figure.ts';
import { benchWorld, FIREWALL, pod, resourceOf } from './world.ts';

const events = smoke ? 100 : 2_000;

function deliver(world: LiveWorld, changes: readonly ResourceChange[]): void {
  world.apply({ changes, state: { kind: 'complete' }, diagnostics: [] });
}

const put = (resource: Resource): ResourceChange => ({ kind: 'put', resource });

for (const pods of smoke ? [500] : [10_000, 100_000]) {
  const described = benchWorld(pods, 'local');
  const resources = [...described.frame, ...described.pods].map(resourceOf);
  const later = Array.from({ length: events / 2 }, (_, i) => resourceOf(pod(pods + i, pods)));
  const world = new LiveWorld('bench');
  const heap = process.memoryUsage().heapUsed;
  const started = performance.now();
  deliver(world, resources.map(put));
  print({ bench: 'border/load', unit: 's', value: (performance.now() - started) / 1_000, pods });
  const ruleset = world.firewalls.get(FIREWALL)?.ruleset;
  if (ruleset === undefined) throw new Error('the world has no ruleset');
  const { classes, groups, members } = ruleset;
  const sizes = { pods, classes: classes.size, groups: groups.size, addresses: members.size };

  // A pod comes, another one goes: every pair leaves the world as large as it was.
  const taken: number[] = [];
  for (const [i, resource] of later.entries()) {
    const old = resources[described.frame.length + ((i * 7) % pods)];
    if (old === undefined) throw new Error('no such pod');
    for (const change of [put(resource), { kind: 'delete', key: resourceKey(old) } as const]) {
      const before = performance.now();
      deliver(world, [change]);
      taken.push(performance.now() - before);
    }
  }
  for (const q of [0.5, 0.99])
    print({ bench: `border/pod-event/p${q * 100}`, unit: 'ms', value: quantile(taken, q), events, ...sizes });
  global.gc?.();
  print({ bench: 'border/heap', unit: 'MB', value: (process.memoryUsage().heapUsed - heap) / 2 ** 20, ...sizes });
}
