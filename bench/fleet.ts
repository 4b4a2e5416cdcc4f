import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type BorderFirewall, resourceKey } from '../src/api/resource.ts';
import { systemClock } from '../src/base/clock.ts';
import type { Log } from '../src/base/log.ts';
import { Controller } from '../src/controller/controller.ts';
import { openDevice } from '../src/controller/devices/devices.ts';
import { HandSource } from './border-run.ts';
import { cpuSeconds, load, print, quantile } from './figure.ts';
import { type Counts, type Simulation, SimulatedDevices } from './simulated-devices.ts';
import { StolenTime } from './stolen-time.ts';
import { benchWorld, ours, pod, type Raw, resourceOf } from './world.ts';

export const PER_SECOND = 100;
const LATENCY_MS = 50;

export const fortigate: Simulation = { vendor: 'fortigate', version: '7.4.8', count: 1, latencyMs: LATENCY_MS };
export const panos: Simulation = { vendor: 'panos', version: '11.1.2', count: 1, latencyMs: LATENCY_MS };

export interface FleetOptions {
  /** Each is a process of its own. */
  readonly simulations: readonly Simulation[];
  /** Size of the cluster. */
  readonly pods: number;
  /** So many address groups; every pod is in one. */
  readonly groups: number;
  /** Whether every pod leaves through all firewalls, or each through one of them. */
  readonly leaves: 'by all' | 'by one';
}

/** One controller and its devices, each with the same groups. */
export class Fleet implements AsyncDisposable {
  readonly #devices: readonly SimulatedDevices[];
  readonly #pods: number;
  readonly #source = new HandSource();
  readonly #folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  readonly #stop = new AbortController();
  readonly #names: readonly string[];
  readonly #versionOf = new Map<string, number>();
  readonly #confirmedAt = new Map<string, number>();
  #controller: Controller;
  #running: Promise<void>;
  #taken = 0;

  static async start(options: FleetOptions): Promise<Fleet> {
    const devices = await Promise.all(options.simulations.map((one) => SimulatedDevices.start(one)));
    const fleet = new Fleet(devices, options);
    fleet.put(frame(options));
    await fleet.settled();
    return fleet;
  }

  private constructor(devices: readonly SimulatedDevices[], { leaves, pods, simulations }: FleetOptions) {
    this.#devices = devices;
    this.#pods = pods;
    const reached = devices.flatMap(({ reached: all }, at) =>
      all.map((one) => ({ ...one, vendor: simulations[at]?.vendor ?? 'panos' })),
    );
    this.#names = reached.map((_, at) => `fw-${at}`);
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
      reached.map(({ url, fingerprint, credentials, vendor }, at) => {
        const file = join(this.#folder, `credentials-${at}`);
        writeFileSync(file, JSON.stringify(credentials), { mode: 0o600 });
        const namespaceSelector = leaves === 'by all' ? 'all()' : `border == 'fw-${at}'`;
        return ours('BorderFirewall', `fw-${at}`, {
          driver: vendor,
          address: url,
          credentialsRef: { file },
          tls: { pin: fingerprint },
          mode: 'Enforce',
          ...(vendor === 'panos' ? { options: { position: 'Last' } } : {}),
          workloads: { namespaceSelector },
        });
      }),
    );
  }

  put(raws: readonly Raw[]): void {
    this.#source.put(raws.map((raw) => ({ kind: 'put', resource: resourceOf(raw) })));
  }

  /** Pods by their numbers. */
  putPods(from: number, to: number): void {
    this.put(Array.from({ length: to - from }, (_, at) => pod(from + at, this.#pods)));
  }

  /**
   * 100 changes a second, half pods that come, half pods that go. Resolves when each is confirmed by every firewall, with the milliseconds that
   * each took, what the devices were asked, and the share of a core that this process used meanwhile.
   */
  async follow(
    seconds: number,
  ): Promise<{ readonly taken: readonly number[]; readonly asked: Counts; readonly cores: number }> {
    const events: { readonly raw: Raw; readonly startedAt: number }[] = [];
    const before = await this.counts();
    const cpu = cpuSeconds();
    const start = performance.now();
    for (let at = 0; at < seconds * PER_SECOND; at++) {
      const wait = start + (at * 1_000) / PER_SECOND - performance.now();
      if (wait > 0) await pause(wait);
      const raw = at % 2 === 0 ? pod(this.#pods + at / 2, this.#pods) : pod((at - 1) / 2, this.#pods);
      events.push({ raw, startedAt: performance.now() });
      if (at % 2 === 0) this.put([raw]);
      else this.#source.put([{ kind: 'delete', key: resourceKey(resourceOf(raw)) }]);
    }
    const cores = (cpuSeconds() - cpu) / ((performance.now() - start) / 1_000);
    await this.settled();
    const taken = events.map(({ raw, startedAt }) => this.#lastConfirmed(raw) - startedAt);
    if (taken.some(Number.isNaN)) throw new Error('some changes never came about');
    return { taken, asked: less(await this.counts(), before), cores };
  }

  /** Of all devices together, since they were started. */
  async counts(): Promise<Counts> {
    const [first, ...rest] = await Promise.all(this.#devices.map((one) => one.counts()));
    if (first === undefined) throw new Error('there are no devices');
    return rest.reduce((sum, one) => combined(sum, one, (a, b) => a + b), first);
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

  /** Milliseconds (`performance.now`) when the last of the firewalls had confirmed the last change of a resource; NaN: one has not. */
  #lastConfirmed(raw: Raw): number {
    const version = this.#versionOf.get(resourceKey(resourceOf(raw)));
    return Math.max(...this.#names.map((name) => this.#confirmedAt.get(`${name} ${version}`) ?? Number.NaN));
  }

  #open(firewall: BorderFirewall, log: Log): ReturnType<typeof openDevice> {
    return openDevice(firewall, { log, cluster: 'bench', stateFolder: this.#folder, by: 'bench' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#devices.map((one) => one[Symbol.asyncDispose]()));
    rmSync(this.#folder, { recursive: true });
  }
}

export function less(after: Counts, before: Counts): Counts {
  return combined(after, before, (a, b) => a - b);
}

function combined(one: Counts, other: Counts, of: (a: number, b: number) => number): Counts {
  return {
    requests: of(one.requests, other.requests),
    writes: of(one.writes, other.writes),
    commits: of(one.commits, other.commits),
    objects: of(one.objects, other.objects),
    cpu: of(one.cpu, other.cpu),
  };
}

/** Prints how long changes took and what they cost. `budget`: what is promised of them. */
export async function printRate(
  bench: string,
  options: FleetOptions,
  seconds: number,
  budget: { readonly p99?: number; readonly cores?: number } = {},
): Promise<void> {
  await using fleet = await Fleet.start(options);
  fleet.putPods(0, options.pods);
  await fleet.settled();
  const stolen = new StolenTime();
  const { taken, asked, cores } = await fleet.follow(seconds);
  const notOurs = stolen.end();
  const { pods, groups, simulations, leaves } = options;
  const devices = simulations.reduce((sum, { count }) => sum + count, 0);
  const about = { devices, pods, groups, leaves, perSecond: PER_SECOND, seconds, ...notOurs, ...load() };
  const { writes, commits, requests } = asked;
  const calls = { requests, writes, commits };
  const of = (value: number | undefined): object => (value === undefined ? {} : { budget: value });
  print({ bench: `${bench}/confirmed/p50`, unit: 'ms', value: quantile(taken, 0.5), ...about, ...calls });
  print({
    bench: `${bench}/confirmed/p99`,
    unit: 'ms',
    value: quantile(taken, 0.99),
    ...of(budget.p99),
    ...about,
    ...calls,
  });
  print({ bench: `${bench}/cpu`, unit: 'ratio', value: cores, ...of(budget.cores), ...about });
}

/** Namespaces, nodes, pools, and so many groups: no rules, for those take configuration. */
function frame({ pods, groups, simulations }: FleetOptions): readonly Raw[] {
  const devices = simulations.reduce((sum, { count }) => sum + count, 0);
  const kinds = new Set(['Node', 'IPPool']);
  const world = benchWorld(pods, 'local').frame;
  const namespaces = world.filter(({ kind }) => kind === 'Namespace');
  return [
    ...world.filter(({ kind }) => kinds.has(String(kind))),
    ...namespaces.map((raw, at) => {
      const labels = { group: `group-${at % groups}`, border: `fw-${at % devices}` };
      return { ...raw, metadata: { name: `ns-${at}`, labels } };
    }),
    ...Array.from({ length: groups }, (_, at) =>
      ours('AddressGroup', `group-${at}`, { namespaceSelector: `group == 'group-${at}'`, selector: 'all()' }),
    ),
  ];
}
