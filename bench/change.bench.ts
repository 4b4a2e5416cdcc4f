/**
 * From a pod's change, known to the controller, to the kernel: the real controller, worker and nftables driver in a network namespace.
 * `committed`: the transaction that lets the new address through, or silences the one given back, is in force, as `nft monitor` said;
 * `confirmed`: everything that follows from the change was read back, connections are judged, and what is not needed is gone.
 * First one change after the other on a border at rest, at three sizes, then 100 a second, half of them new pods, half pods that go.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type Resource, resourceKey } from '../src/api/resource.ts';
import { systemClock } from '../src/base/clock.ts';
import { formatAddress } from '../src/ip/address.ts';
import { ManifestsSource } from '../src/sources/manifests/manifests-source.ts';
import { BorderRun, HandSource, ownTranslations } from './border-run.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';
import { benchWorld, pod, type Raw, resourceOf } from './world.ts';

const sizes = smoke ? [100] : [100, 1_000, 10_000];
const singles = smoke ? 10 : 100;
const seconds = smoke ? 1 : 20;
const PER_SECOND = 100;
const PATIENCE_MS = 30_000;
const FILE_PODS = 50;

interface Event {
  /** The pod's IPv4 address. */
  readonly address: string;
  readonly startedAt: number;
  /** Of the pod. */
  readonly key: string;
}

/** A world in the kernel, and a stream of pods that come and go. */
class Churn {
  readonly run: BorderRun;
  readonly #source = new HandSource();
  readonly #pods: number;
  #come = 0;
  #gone = 0;

  constructor(pods: number) {
    this.#pods = pods;
    this.run = new BorderRun(this.#source);
  }

  async load(): Promise<void> {
    const { frame, pods } = benchWorld(this.#pods, 'local');
    this.#put([...frame, ...pods].map(resourceOf));
    await this.run.settled();
  }

  /** A pod comes, or the oldest one goes. */
  event(kind: 'add' | 'delete'): Event {
    const raw = pod(kind === 'add' ? this.#pods + this.#come++ : this.#gone++, this.#pods);
    const resource = resourceOf(raw);
    const address = addressOf(raw);
    this.run.committedAt.delete(address);
    const startedAt = performance.now();
    if (kind === 'add') this.#put([resource]);
    else this.#source.put([{ kind: 'delete', key: resourceKey(resource) }]);
    return { address, startedAt, key: resourceKey(resource) };
  }

  #put(resources: readonly Resource[]): void {
    this.#source.put(resources.map((resource) => ({ kind: 'put', resource })));
  }
}

function addressOf(raw: Raw): string {
  const resource = resourceOf(raw);
  const address = resource.type === 'Pod' ? resource.podIPs[0] : undefined;
  if (typeof address !== 'object') throw new Error('the pod has no address');
  return formatAddress(address);
}

/** Milliseconds from each event until its transaction was in force, or until it was read back. */
function latencies(run: BorderRun, events: readonly Event[]): { committed: number[]; confirmed: number[] } {
  return {
    committed: events.map(({ address, startedAt }) => (run.committedAt.get(address) ?? Number.NaN) - startedAt),
    confirmed: events.map(({ key, startedAt }) => (run.confirmedAt(key) ?? Number.NaN) - startedAt),
  };
}

function report(bench: string, sample: readonly number[], rest: Readonly<Record<string, number | string>>): void {
  const missing = sample.filter(Number.isNaN).length;
  if (missing > 0) throw new Error(`${bench}: ${missing} of ${sample.length} changes never came about`);
  const budgets = bench === 'change/rate/committed' && !smoke ? { 0.5: 10, 0.99: 50 } : undefined;
  for (const q of [0.5, 0.99] as const) {
    const budget = budgets === undefined ? {} : { budget: budgets[q] };
    print({ bench: `${bench}/p${q * 100}`, unit: 'ms', value: quantile(sample, q), ...budget, ...rest, ...load() });
  }
}

async function oneByOne(churn: Churn, pods: number): Promise<void> {
  for (const kind of ['add', 'delete'] as const) {
    const events: Event[] = [];
    for (let i = 0; i < singles; i++) {
      events.push(churn.event(kind));
      await churn.run.settled();
    }
    const { committed, confirmed } = latencies(churn.run, events);
    report(`change/${kind}/committed`, committed, { pods, events: singles });
    report(`change/${kind}/confirmed`, confirmed, { pods, events: singles });
  }
}

async function rate(churn: Churn, pods: number): Promise<void> {
  const count = seconds * PER_SECOND;
  const events: Event[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const cpu = process.cpuUsage();
  delay.enable();
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const wait = start + (i * 1_000) / PER_SECOND - performance.now();
    if (wait > 0) await pause(wait);
    events.push(churn.event(i % 2 === 0 ? 'add' : 'delete'));
  }
  delay.disable();
  const { user, system } = process.cpuUsage(cpu);
  await churn.run.settled();
  const { committed, confirmed } = latencies(churn.run, events);
  const rest = { pods, perSecond: PER_SECOND, seconds };
  report('change/rate/committed', committed, rest);
  report('change/rate/confirmed', confirmed, rest);
  print({ bench: 'change/rate/blocked', unit: 'ms', value: delay.max / 1e6, budget: 50, ...rest, ...load() });
  print({ bench: 'change/rate/cpu', unit: 'ratio', value: (user + system) / 1e6 / seconds, ...rest });
}

/** The same with manifests: one file is written, and the watcher is in. 50 pods a file, JSON. */
async function watched(pods: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  try {
    const world = benchWorld(pods, 'local');
    const write = (name: string, items: readonly Raw[]): void =>
      writeFileSync(join(folder, `${name}.json`), JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    write('frame', world.frame);
    for (let first = 0; first < pods; first += FILE_PODS)
      write(`pods-${first}`, world.pods.slice(first, first + FILE_PODS));
    const run = new BorderRun(new ManifestsSource('bench', folder, systemClock));
    await run.settled();
    const taken: number[] = [];
    for (let i = 0; i < Math.min(singles, 50); i++) {
      const raw = pod(pods + i, pods);
      const startedAt = performance.now();
      write(`later-${i}`, [raw]);
      const address = addressOf(raw);
      while (!run.committedAt.has(address)) {
        if (performance.now() - startedAt > PATIENCE_MS) throw new Error(`${address} never came about`);
        await pause(1);
      }
      taken.push((run.committedAt.get(address) ?? Number.NaN) - startedAt);
      await run.settled();
    }
    report('change/file/committed', taken, { pods, events: taken.length });
    await run.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await inNamespaces(async () => {
  ownTranslations();
  for (const pods of sizes) {
    const churn = new Churn(pods);
    await churn.load();
    await oneByOne(churn, pods);
    if (pods === sizes.at(-1)) await rate(churn, pods);
    for (const warning of new Set(churn.run.warnings)) process.stderr.write(`${warning}\n`);
    await churn.run.close();
  }
  await watched(sizes.at(-1) ?? 100);
});
