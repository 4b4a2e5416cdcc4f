/**
 * How long the main thread computes without a break, from the resources of a cluster to the rulesets of its border, while a cluster is
 * loaded and while what decides about all of its pods changes. `stop`: the longest time in which the event loop did not come round, with
 * the garbage collector's; `total`: from the delivery to all wanted rulesets. Reading manifests is not in it, nor is what workers do.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { type Resource, resourceKey } from '../src/api/resource.ts';
import { systemClock } from '../src/base/clock.ts';
import type { Pieces } from '../src/base/pieces.ts';
import { Intake } from '../src/controller/world/intake.ts';
import { LiveWorld } from '../src/controller/world/live-world.ts';
import type { ResourceChange } from '../src/sources/source.ts';
import { collectGarbage, load, print, smoke } from './figure.ts';
import { type Raw, benchWorld, pod, resourceOf } from './world.ts';

/** The part of design section 12 that this is about, in milliseconds. */
const BUDGET = 50;

/** Delivers to a world as the controller does, and measures how long the event loop waits meanwhile. */
class Measured {
  readonly world = new LiveWorld('bench');
  /** Milliseconds of CPU of the longest piece, the collector's threads included: what other programs take is not in it. */
  #longest = 0;
  readonly #intake = new Intake(
    {
      take: (delivery) => this.#measure(this.world.applying(delivery)),
      // Said last: everything else is done by then.
      hurry: function* (this: void) {},
      say: function* (this: void) {
        yield;
      },
    },
    systemClock,
    (thrown) => {
      throw thrown;
    },
  );

  async deliver(what: string, pods: number, changes: readonly ResourceChange[]): Promise<void> {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 50));
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const before = this.world.firewalls;
    this.#longest = 0;
    const started = performance.now();
    this.#intake.take({ changes, state: { kind: 'complete' }, diagnostics: [] });
    while (this.world.firewalls === before) await new Promise((resolve) => setImmediate(resolve));
    const total = performance.now() - started;
    // The timer that measures has to come round once more.
    await new Promise((resolve) => setTimeout(resolve, 20));
    delay.disable();
    const sizes = { longest_piece_cpu_ms: Number(this.#longest.toFixed(1)), pods, changes: changes.length, ...load() };
    print({ bench: `stops/${what}/stop`, unit: 'ms', value: delay.max / 1e6, budget: BUDGET, ...sizes });
    print({ bench: `stops/${what}/total`, unit: 'ms', value: total, ...sizes });
  }

  *#measure(work: Pieces<unknown>): Pieces {
    for (;;) {
      const before = process.cpuUsage();
      const { done } = work.next();
      const { user, system } = process.cpuUsage(before);
      this.#longest = Math.max(this.#longest, (user + system) / 1_000);
      if (done === true) return;
      yield;
    }
  }
}

const put = (resource: Resource): ResourceChange => ({ kind: 'put', resource });
const puts = (raws: readonly Raw[]): readonly ResourceChange[] => raws.map((raw) => put(resourceOf(raw)));

for (const pods of smoke ? [500] : [10_000, 100_000]) {
  const described = benchWorld(pods, 'local');
  const named = (kind: string): Raw => described.frame.find((raw) => raw['kind'] === kind) ?? {};
  const relabelled = described.pods.map((raw, i) => ({ ...raw, metadata: pod((i + 1) % pods, pods)['metadata'] }));
  const measured = new Measured();
  const first = [...puts(described.frame), ...puts(described.pods)];
  await measured.deliver('first-load', pods, first);
  const ours = (kind: string, name: string, spec: Raw): Raw => ({
    apiVersion: 'sallyport.dev/v1alpha1',
    kind,
    metadata: { name },
    spec,
  });
  const all = { selector: 'all()', namespaceSelector: 'all()' };
  const allow = [{ action: 'Allow', nets: ['203.0.113.0/24'] }];
  await measured.deliver('policy', pods, puts([ours('ClusterBorderPolicy', 'new', { ...all, egress: allow })]));
  await measured.deliver('broad-group', pods, puts([ours('AddressGroup', 'everybody', all)]));
  const pool = { ...named('IPPool'), metadata: { name: 'more' }, spec: { cidr: '10.160.0.0/16', natOutgoing: true } };
  await measured.deliver('pool', pods, puts([pool]));
  const status = { addresses: [{ type: 'InternalIP', address: '172.20.255.1' }] };
  await measured.deliver('node', pods, puts([{ ...named('Node'), status }]));
  await measured.deliver('relist-other-labels', pods, puts(relabelled));
  const half = first.flatMap((change) =>
    change.kind === 'put' && change.resource.type === 'Pod'
      ? [{ kind: 'delete', key: resourceKey(change.resource) } as const]
      : [],
  );
  await measured.deliver('half-of-the-pods-go', pods, half.slice(0, pods / 2));
}
