/**
 * From a pod's change, known to the controller, to firewalls with an API: the real controller, workers, guard, audit trail and drivers, over TLS,
 * to simulated devices in a process of their own that answer in 50 ms. Address groups that follow pods, by the membership path:
 * how long until a change is confirmed, how many requests it takes, what nothing to do costs, and what fifty firewalls cost one process.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type BorderFirewall, resourceKey } from '../src/api/resource.ts';
import { systemClock } from '../src/base/clock.ts';
import type { Log } from '../src/base/log.ts';
import { Controller } from '../src/controller/controller.ts';
import { openDevice } from '../src/controller/devices.ts';
import { HandSource } from './border-run.ts';
import { cpuSeconds, load, print, quantile, smoke } from './figure.ts';
import { type Simulation, SimulatedDevices } from './simulated-devices.ts';
import { benchWorld, ours, pod, type Raw, resourceOf } from './world.ts';

const PER_SECOND = 100;
const LATENCY_MS = 50;
const pods = smoke ? 50 : 10_000;
const seconds = smoke ? 1 : 60;
const many = smoke ? 20 : 1_000;

/** One controller and its devices, each with the same groups. */
class Fleet implements AsyncDisposable {
  readonly devices: SimulatedDevices;
  readonly #source = new HandSource();
  readonly #folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  readonly #stop = new AbortController();
  readonly #names: readonly string[];
  readonly #versionOf = new Map<string, number>();
  readonly #confirmedAt = new Map<string, number>();
  #controller: Controller;
  #running: Promise<void>;
  #taken = 0;

  static async start(simulation: Simulation, groups: number): Promise<Fleet> {
    const fleet = new Fleet(await SimulatedDevices.start(simulation), simulation);
    fleet.put(frame(groups));
    await fleet.settled();
    return fleet;
  }

  private constructor(devices: SimulatedDevices, { vendor }: Simulation) {
    this.devices = devices;
    this.#names = devices.reached.map((_, at) => `fw-${at}`);
    const log: Log = {
      debug: () => undefined,
      info: (fields, message) => {
        if (!('version' in fields)) return;
        if (message === 'changes taken') this.#taken = Number(fields.version);
        if (message === 'confirmed' && 'firewall' in fields)
          this.#confirmedAt.set(`${String(fields.firewall)} ${Number(fields.version)}`, performance.now());
      },
      warn: () => undefined,
      error: (fields, message) => {
        throw new Error(message + JSON.stringify(fields));
      },
    };
    this.#controller = new Controller({
      cluster: 'bench',
      source: this.#source,
      open: (firewall) => this.#open(firewall, log),
      clock: systemClock,
      log,
      taken: (changes) => {
        for (const change of changes)
          this.#versionOf.set(change.kind === 'put' ? resourceKey(change.resource) : change.key, this.#taken);
      },
    });
    this.#running = this.#controller.run(this.#stop.signal);
    this.put(
      devices.reached.map(({ url, fingerprint, credentials }, at) => {
        const file = join(this.#folder, `credentials-${at}`);
        writeFileSync(file, JSON.stringify(credentials), { mode: 0o600 });
        return ours('BorderFirewall', `fw-${at}`, {
          driver: vendor,
          address: url,
          credentialsRef: { file },
          tls: { pin: fingerprint },
          mode: 'Enforce',
          ...(vendor === 'panos' ? { options: { position: 'Last' } } : {}),
          workloads: { namespaceSelector: 'all()' },
        });
      }),
    );
  }

  put(raws: readonly Raw[]): void {
    this.#source.put(raws.map((raw) => ({ kind: 'put', resource: resourceOf(raw) })));
  }

  remove(raw: Raw): void {
    this.#source.put([{ kind: 'delete', key: resourceKey(resourceOf(raw)) }]);
  }

  /** Milliseconds (`performance.now`) when the last of the firewalls had confirmed the last change of a resource; NaN: one has not. */
  confirmedAt(raw: Raw): number {
    const version = this.#versionOf.get(resourceKey(resourceOf(raw)));
    return Math.max(...this.#names.map((name) => this.#confirmedAt.get(`${name} ${version}`) ?? Number.NaN));
  }

  /** Resolves when each firewall holds what is wanted. */
  async settled(): Promise<void> {
    for (const name of this.#names)
      for (;;) {
        const worker = this.#controller.station(name)?.worker;
        if (worker !== undefined && !this.#controller.isComputing) {
          await worker.settled();
          const { conditions, confirmedVersion, desiredVersion } = worker.status();
          if (confirmedVersion !== undefined && confirmedVersion === desiredVersion) break;
          const stuck = conditions.find(({ type, status }) => status && (type === 'Stalled' || type === 'Waiting'));
          if (stuck !== undefined) throw new Error(`${name} is ${stuck.type}: ${stuck.message}`);
        }
        await pause(20);
      }
  }

  #open(firewall: BorderFirewall, log: Log): ReturnType<typeof openDevice> {
    return openDevice(firewall, { log, cluster: 'bench', stateFolder: this.#folder, by: 'bench' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.devices[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}

/** Namespaces, nodes, pools, and so many groups: no rules, for those take configuration. */
function frame(groups: number): readonly Raw[] {
  const kinds = new Set(['Namespace', 'Node', 'IPPool']);
  return [
    ...benchWorld(pods, 'local').frame.filter(({ kind }) => kinds.has(String(kind))),
    ...Array.from({ length: groups }, (_, at) =>
      ours('AddressGroup', `group-${at}`, {
        namespaceSelector: groups === 1 ? 'all()' : `projectcalico.org/name == 'ns-${at}'`,
        selector: 'all()',
      }),
    ),
  ];
}

const range = (from: number, to: number): readonly Raw[] =>
  Array.from({ length: to - from }, (_, at) => pod(from + at, pods));

/** 100 changes a second, half pods that come, half pods that go, until each is confirmed by every firewall. */
async function rate(bench: string, simulation: Simulation, groups: number): Promise<void> {
  await using fleet = await Fleet.start(simulation, groups);
  fleet.put(range(0, pods));
  await fleet.settled();
  const events: { readonly raw: Raw; readonly startedAt: number }[] = [];
  const before = await fleet.devices.counts();
  const cpu = cpuSeconds();
  const start = performance.now();
  for (let at = 0; at < seconds * PER_SECOND; at++) {
    const wait = start + (at * 1_000) / PER_SECOND - performance.now();
    if (wait > 0) await pause(wait);
    const raw = at % 2 === 0 ? pod(pods + at / 2, pods) : pod((at - 1) / 2, pods);
    events.push({ raw, startedAt: performance.now() });
    if (at % 2 === 0) fleet.put([raw]);
    else fleet.remove(raw);
  }
  const used = cpuSeconds() - cpu;
  await fleet.settled();
  const taken = events.map(({ raw, startedAt }) => fleet.confirmedAt(raw) - startedAt);
  if (taken.some(Number.isNaN)) throw new Error(`${bench}: some changes never came about`);
  const after = await fleet.devices.counts();
  const rest = { devices: simulation.count, pods, groups, perSecond: PER_SECOND, seconds, ...load() };
  const about = { ...rest, writes: after.writes - before.writes, commits: after.commits - before.commits };
  print({ bench: `${bench}/confirmed/p50`, unit: 'ms', value: quantile(taken, 0.5), ...about });
  const budget = simulation.count === 1 && !smoke ? { budget: 1_000 } : {};
  print({ bench: `${bench}/confirmed/p99`, unit: 'ms', value: quantile(taken, 0.99), ...budget, ...about });
  const half = simulation.count > 1 && !smoke ? { budget: 0.5 } : {};
  print({ bench: `${bench}/cpu`, unit: 'ratio', value: used / seconds, ...half, ...rest });
}

/** A thousand pods come to one group at once; then nothing happens for a while, and a new process looks. */
async function calls(bench: string, simulation: Simulation, path: 'membership' | 'objects'): Promise<void> {
  await using fleet = await Fleet.start(simulation, 1);
  fleet.put(range(0, 10));
  await fleet.settled();
  const before = await fleet.devices.counts();
  fleet.put(range(10, 10 + many));
  await fleet.settled();
  const after = await fleet.devices.counts();
  const writes = after.writes - before.writes;
  const objects = after.objects - before.objects;
  const budget = smoke ? {} : { budget: path === 'membership' ? 3 : objects + 3 };
  print({ bench: `${bench}/calls`, unit: 'count', value: writes, ...budget, changes: many, objects, ...load() });
  await pause(smoke ? 1_000 : 65_000);
  const later = await fleet.devices.counts();
  const idle = { seconds: smoke ? 1 : 65, commits: later.commits - after.commits, ...load() };
  print({ bench: `${bench}/no-change/writes`, unit: 'count', value: later.writes - after.writes, budget: 0, ...idle });
}

const fortigate: Simulation = { vendor: 'fortigate', version: '7.4.8', count: 1, latencyMs: LATENCY_MS };
const panos: Simulation = { vendor: 'panos', version: '11.1.2', count: 1, latencyMs: LATENCY_MS };
const GROUPS = smoke ? 5 : 20;
await rate('devices/fortigate', fortigate, GROUPS);
await rate('devices/panos', panos, GROUPS);
await calls('devices/fortigate', fortigate, 'membership');
await calls('devices/panos', panos, 'membership');
await calls('devices/fortigate/objects', { ...fortigate, version: '7.0.12' }, 'objects');
await rate('devices/fifty', { ...fortigate, count: smoke ? 3 : 50 }, smoke ? 2 : 20);
