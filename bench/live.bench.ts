/**
 * A live cluster and a Linux border; the API server is the fake in its own process, everything else is real. `events`: pods that come and go,
 * 10,000 a second, to the ruleset that follows from them, for a firewall that never answers; `wish`: from the first byte of a delivery being
 * readable to its ruleset. `border`: 1,000 a second, to the kernel, until all of it is read back. `committed`: 100 a second, from the bytes of
 * each being readable to its transaction being in force. `burst`: a million changes of pods at once
 * that mean nothing to the border, and one that does. `idle`: a cluster at rest, watches open, and a border that is looked at.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { parse } from 'yaml';
import { systemClock } from '../src/base/clock.ts';
import type { ApiClient } from '../src/kubernetes/api-client.ts';
import { GivenCredentials } from '../src/kubernetes/given-credentials.ts';
import { HttpApiClient } from '../src/kubernetes/http-api-client.ts';
import { KubernetesSource } from '../src/sources/kubernetes/kubernetes-source.ts';
import type { Source } from '../src/sources/source.ts';
import { FakeApiServerApart } from '../test/kit/fake-apiserver/apart.ts';
import type { Given } from '../test/kit/fake-apiserver/server.ts';
import { BorderRun, ownTranslations } from './border-run.ts';
import { collectGarbage, cpuSeconds, load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';
import { FIREWALL } from './world.ts';

const CRDS = join(import.meta.dirname, '../deploy/crds');
const OURS = 'sallyport.dev/v1alpha1';
const NAMESPACES = 100;
const APPS = 500;
const PER_SECOND = smoke ? 200 : 10_000;
const TO_THE_KERNEL = smoke ? 100 : 1_000;
const COMMITTED_PER_SECOND = 100;
const COMMITTED_SECONDS = smoke ? 2 : 60;
/** Of pods, as the fake writes them. */
const ADDRESS = /\b10\.\d{3}\.\d{3}\.\d{3}\b/g;
const SECONDS = smoke ? 1 : 10;
const BURST = smoke ? 10_000 : 1_000_000;
const WINDOW_MS = smoke ? 500 : 10_000;
const WINDOWS = smoke ? 1 : 3;
const PATIENCE_MS = 120_000;

/** Everything but pods. */
function frame(): readonly Given[] {
  const definitions = readdirSync(CRDS).map((file) => parse(readFileSync(join(CRDS, file), 'utf8')) as Given);
  const namespaces = Array.from({ length: NAMESPACES }, (_, n) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: `shop-${String(n).padStart(4, '0')}` },
  }));
  const everywhere = { namespaceSelector: 'all()' };
  const policies = Array.from({ length: 10 }, (_, n) => ({
    apiVersion: OURS,
    kind: 'ClusterBorderPolicy',
    metadata: { name: `policy-${n}` },
    spec: {
      ...everywhere,
      order: n,
      selector: ["tier == 'web'", "tier == 'cache'", 'all()'][n % 3],
      egress: [{ action: 'Allow', protocol: 'TCP', nets: [`203.0.113.${n * 8}/29`], ports: [443] }],
    },
  }));
  const groups = Array.from({ length: 20 }, (_, n) => ({
    apiVersion: OURS,
    kind: 'AddressGroup',
    metadata: { name: `group-${n}` },
    spec: { selector: 'all()', namespaceSelector: `projectcalico.org/name == 'shop-${String(n).padStart(4, '0')}'` },
  }));
  const all = { percent: 100, atLeast: 1_000_000, percentPerHour: 100 };
  const firewall = {
    apiVersion: OURS,
    kind: 'BorderFirewall',
    metadata: { name: FIREWALL },
    spec: {
      driver: 'nftables',
      address: 'local',
      mode: 'Enforce',
      workloads: {},
      sees: 'Pod',
      networks: ['10.0.0.0/8'],
      guard: { removals: all, gains: all },
    },
  };
  return [...definitions, ...namespaces, ...policies, ...groups, firewall];
}

/** When bytes about pods came that nobody has told of yet, and how long it took until what follows from them was wanted. */
class Lags {
  readonly milliseconds: number[] = [];
  /** When bytes with an address first came; kept only while somebody asks. */
  readableAt: Map<string, number> | undefined;
  #readable: number | undefined;
  #current: number | undefined;
  #next: number | undefined;

  readable(chunk: Uint8Array): void {
    const now = performance.now();
    this.#readable ??= now;
    if (this.readableAt === undefined) return;
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    for (const [address] of text.matchAll(ADDRESS))
      if (!this.readableAt.has(address)) this.readableAt.set(address, now);
  }

  delivered(isComputing: boolean): void {
    if (isComputing) this.#next ??= this.#readable;
    else this.#current = this.#readable;
    this.#readable = undefined;
  }

  taken(): void {
    if (this.#current !== undefined) this.milliseconds.push(performance.now() - this.#current);
    this.#current = this.#next;
    this.#next = undefined;
  }
}

/** The client; tells of every chunk of the watch of pods. */
function watched(client: ApiClient, lags: Lags): ApiClient {
  return {
    title: client.title,
    call: (request, signal) => client.call(request, signal),
    close: () => client.close(),
    async open(request, signal, silenceMs) {
      const stream = await client.open(request, signal, silenceMs);
      if (request.path !== '/api/v1/pods' || request.query?.['watch'] !== 'true') return stream;
      return {
        ...stream,
        chunks: (async function* () {
          for await (const chunk of stream.chunks) {
            lags.readable(chunk);
            yield chunk;
          }
        })(),
      };
    },
  };
}

/** A controller on a fake server with so many pods, once the border holds them all. */
class Live {
  readonly run: BorderRun;
  readonly lags = new Lags();
  readonly told = { events: 0, lists: 0 };
  readonly #http: HttpApiClient;

  static async start(server: FakeApiServerApart, pods: number, isDeaf = false): Promise<Live> {
    await server.order({ order: 'fill', options: { pods, namespaces: NAMESPACES, apps: APPS } });
    await server.order({ order: 'put', objects: frame() });
    const live = new Live(server.url, isDeaf);
    const patience = setTimeout(() => {
      process.stderr.write(
        `the border never came to hold what is wanted\n${live.run.warnings.slice(0, 5).join('\n')}\n`,
      );
      process.exit(1);
    }, PATIENCE_MS);
    if (isDeaf) while (live.addresses() !== pods || live.run.controller.isComputing) await pause(5);
    else await live.run.settled();
    clearTimeout(patience);
    return live;
  }

  private constructor(url: string, isDeaf: boolean) {
    this.#http = new HttpApiClient(
      { title: 'fake', url: new URL(url), isInsecure: false },
      new GivenCredentials({}, systemClock),
    );
    const source = new KubernetesSource({
      name: 'bench',
      api: watched(this.#http, this.lags),
      clock: systemClock,
      events: { events: (_, count) => void (this.told.events += count), relist: () => void (this.told.lists += 1) },
    });
    const followed: Source = {
      name: source.name,
      run: (deliver, signal) =>
        source.run((delivery) => {
          this.lags.delivered(this.run.controller.isComputing);
          deliver(delivery);
        }, signal),
    };
    this.run = new BorderRun(followed, () => this.lags.taken(), isDeaf);
  }

  /** Until so many events were told of, and so many addresses are wanted because of them; gives up after a while. */
  async follows(events: number, addresses: number): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    const isThere = (): boolean => this.told.events >= events && this.addresses() === addresses;
    while (performance.now() < end && (!isThere() || this.run.controller.isComputing)) await pause(2);
    if (!isThere()) throw new Error(`${this.addresses()} addresses are wanted after ${this.told.events} events`);
  }

  addresses(): number {
    return this.run.controller.world.firewalls.get(FIREWALL)?.ruleset?.members.size ?? 0;
  }

  async close(): Promise<void> {
    await this.run.close();
    await this.#http.close();
  }
}

/** The longest time in which the event loop did not come round, and what this process, all threads, used in it. */
class Stops {
  wall = 0;
  cpu = 0;
  #last = performance.now();
  #used = process.cpuUsage();
  readonly #timer = setInterval(() => this.#turn(), 2);

  #turn(): void {
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#used);
    const wall = now - this.#last - 2;
    if (wall > this.wall) this.wall = wall;
    this.cpu = Math.max(this.cpu, Math.min(wall, (user + system) / 1_000));
    this.#last = now;
    this.#used = process.cpuUsage();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function events(
  server: FakeApiServerApart,
  live: Live,
  pods: number,
  perSecond: number,
  what: string,
): Promise<void> {
  const number = perSecond * SECONDS;
  const before = live.told.events;
  live.lags.milliseconds.length = 0;
  const stops = new Stops();
  const cpu = cpuSeconds();
  const began = performance.now();
  await server.order({ order: 'pace', act: 'churn', perSecond, seconds: SECONDS });
  const sent = performance.now();
  await live.follows(before + number, pods);
  const wanted = performance.now();
  const used = cpuSeconds() - cpu;
  if (what !== 'events') await live.run.settled();
  const settled = performance.now();
  stops.stop();
  const rest = { pods, perSecond, seconds: SECONDS, ...load() };
  const rate = number / ((wanted - began) / 1_000);
  const behind = {
    wish_behind_ms: Math.round(wanted - sent),
    ...(what === 'events' ? {} : { confirmed_behind_ms: Math.round(settled - sent) }),
  };
  const cpuUs = Number(((1e6 * used) / number).toFixed(1));
  print({
    bench: `live/${what}`,
    unit: 'per second',
    value: rate,
    budget: perSecond,
    cpu_us: cpuUs,
    ...behind,
    ...rest,
  });
  for (const q of [0.5, 0.99])
    print({ bench: `live/${what}/wish/p${q * 100}`, unit: 'ms', value: quantile(live.lags.milliseconds, q), ...rest });
  const stop = { cpu_ms: Number(stops.cpu.toFixed(1)) };
  print({ bench: `live/${what}/longest-stop`, unit: 'ms', value: stops.wall, budget: 50, ...stop, ...rest });
}

/** Half of the events are new pods, half pods that go; no address comes twice. */
async function committed(server: FakeApiServerApart, live: Live, pods: number): Promise<void> {
  const number = COMMITTED_PER_SECOND * COMMITTED_SECONDS;
  const before = live.told.events;
  const { run, lags } = live;
  const readableAt = new Map<string, number>();
  lags.readableAt = readableAt;
  run.committedAt.clear();
  run.transactionsMs.length = 0;
  const cpu = process.cpuUsage();
  await server.order({ order: 'pace', act: 'churn', perSecond: COMMITTED_PER_SECOND, seconds: COMMITTED_SECONDS });
  const { user, system } = process.cpuUsage(cpu);
  await live.follows(before + number, pods);
  await run.settled();
  lags.readableAt = undefined;
  const taken = [...readableAt].map(([address, at]) => (run.committedAt.get(address) ?? Number.NaN) - at);
  const missing = number - taken.filter((ms) => !Number.isNaN(ms)).length;
  if (missing !== 0) throw new Error(`${missing} of ${number} events never came about`);
  const rest = { pods, perSecond: COMMITTED_PER_SECOND, seconds: COMMITTED_SECONDS, ...load() };
  const parts = {
    committed: { sample: taken, budgets: [10, 50] },
    transaction: { sample: run.transactionsMs, budgets: [] },
  };
  for (const [part, { sample, budgets }] of Object.entries(parts))
    for (const [index, q] of [0.5, 0.99].entries()) {
      const budget = smoke || budgets[index] === undefined ? {} : { budget: budgets[index] };
      const value = quantile(sample, q);
      print({ bench: `live/${part}/p${q * 100}`, unit: 'ms', value, number: sample.length, ...budget, ...rest });
    }
  const value = (user + system) / 1e6 / COMMITTED_SECONDS;
  print({ bench: 'live/committed/cpu', unit: 'ratio', value, ...rest });
}

async function burst(server: FakeApiServerApart, live: Live, pods: number): Promise<void> {
  const before = { ...live.told };
  const stops = new Stops();
  const cpu = cpuSeconds();
  const began = performance.now();
  await server.order({ order: 'modify', events: BURST });
  await server.order({ order: 'churn', events: 2 });
  const sent = performance.now();
  await live.follows(before.events + BURST + 2, pods);
  await live.run.settled();
  const done = performance.now();
  stops.stop();
  if (live.told.lists > before.lists) throw new Error('the list was read again: events were lost on the way');
  const rest = { pods, events: BURST, ...load() };
  const more = { cpu_s: Number((cpuSeconds() - cpu).toFixed(2)), sent_s: Number(((sent - began) / 1_000).toFixed(2)) };
  print({ bench: 'live/burst', unit: 's', value: (done - began) / 1_000, budget: 20, ...more, ...rest });
  const stop = { cpu_ms: Number(stops.cpu.toFixed(1)) };
  print({ bench: 'live/burst/longest-stop', unit: 'ms', value: stops.wall, budget: 50, ...stop, ...rest });
  print({ bench: 'live/burst/peak-rss', unit: 'MB', value: process.resourceUsage().maxRSS / 1_024, ...rest });
}

async function idle(pods: number): Promise<void> {
  await using server = await FakeApiServerApart.start({ historySize: 10_000 });
  const live = await Live.start(server, pods);
  const shares: number[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const before = cpuSeconds();
    await pause(WINDOW_MS);
    shares.push((cpuSeconds() - before) / (WINDOW_MS / 1_000));
  }
  const worst = Number(Math.max(...shares).toPrecision(3));
  const rest = { worst, pods, addresses: live.addresses(), ...load() };
  print({ bench: 'live/idle', unit: 'ratio', value: quantile(shares, 0.5), budget: 0.01, ...rest });
  const text = await live.run.controller.metrics.text();
  const estimated = Array.from(
    text.matchAll(/^sallyport_memory_bytes\{.*\} (.*)$/gm),
    ([, bytes]) => Number(bytes) / 1e6,
  );
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const heap = Math.round((heapUsed + external) / 1e6);
  const sum = estimated.reduce((total, part) => total + part, 0);
  print({ bench: 'live/idle/estimated-memory', unit: 'MB', value: sum, heap_mb: heap, pods });
  const peak = process.resourceUsage().maxRSS / 1_024;
  print({ bench: 'live/idle/peak-rss', unit: 'MB', value: peak, pods });
  await live.close();
}

await inNamespaces(async () => {
  ownTranslations();
  const pods = smoke ? 100 : 10_000;
  {
    await using server = await FakeApiServerApart.start({ historySize: 2 * BURST });
    const live = await Live.start(server, pods, true);
    await events(server, live, pods, PER_SECOND, 'events');
    await live.close();
  }
  {
    await using server = await FakeApiServerApart.start({ historySize: 10_000 });
    const live = await Live.start(server, pods);
    await committed(server, live, pods);
    await live.close();
  }
  {
    await using server = await FakeApiServerApart.start({ historySize: 2 * BURST });
    const live = await Live.start(server, pods);
    await events(server, live, pods, TO_THE_KERNEL, 'border');
    await burst(server, live, pods);
    await live.close();
  }
  await idle(smoke ? 100 : 100_000);
});
