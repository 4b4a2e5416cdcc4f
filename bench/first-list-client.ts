/** The client of `first-list`: form, address of the server, and number of pods are its words. */
import process from 'node:process';
import { systemClock } from '../src/base/clock.ts';
import { SallyportError } from '../src/base/error.ts';
import type { ApiClient } from '../src/kubernetes/api-client.ts';
import { GivenCredentials } from '../src/kubernetes/given-credentials.ts';
import { HttpApiClient } from '../src/kubernetes/http-api-client.ts';
import { KubernetesSource } from '../src/sources/kubernetes/kubernetes-source.ts';
import type { Order } from '../test/kit/fake-apiserver/program.ts';
import { collectGarbage, load, print, smoke } from './figure.ts';

const [form = 'protobuf', url = '', count = '0'] = process.argv.slice(2);
const pods = Number(count);
const isStreamed = form.startsWith('streamed');
const isJson = form.endsWith('json');
/** Of a list in pages. */
const BUDGETS: Readonly<Record<string, number>> = { protobuf: 1, json: 5 };

/** Turns of the event loop: the longest by the clock, and by the CPU that this process used in it, its collector's threads included. */
class Turns {
  #wall = 0;
  #cpu = 0;
  #last = performance.now();
  #used = 0;
  readonly #timer = setInterval(() => this.#turn(), 1);

  #turn(): void {
    const now = performance.now();
    // Once a turn: each call asks all threads, and what this costs stands in the figures.
    const { user, system } = process.cpuUsage();
    const used = user + system;
    const wall = now - this.#last - 1;
    this.#wall = Math.max(this.#wall, wall);
    this.#cpu = Math.max(this.#cpu, Math.min(wall, (used - this.#used) / 1_000));
    this.#last = now;
    this.#used = used;
  }

  print(bench: string): void {
    this.#turn();
    print({ bench, unit: 'ms', value: this.#wall, budget: 50, cpu_ms: Number(this.#cpu.toFixed(1)), ...load() });
  }

  /** Forgets what was. */
  clear(): void {
    this.#turn();
    this.#wall = 0;
    this.#cpu = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** The client, for a server that can less. */
function limited(client: ApiClient): ApiClient {
  return {
    title: client.title,
    call: (request, signal) => client.call(request, signal),
    open: (request, signal, silenceMs) => {
      if (!isStreamed && request.query?.['sendInitialEvents'] === 'true')
        return Promise.reject(new SallyportError('API_REFUSED', 'no streamed lists here'));
      return client.open(isJson ? { ...request, accept: 'application/json' } : request, signal, silenceMs);
    },
    close: () => client.close(),
  };
}

/** Has the server do something; resolves when it has. */
async function order(what: Order): Promise<void> {
  const done = new Promise<void>((resolve) => process.once('message', () => resolve()));
  process.send?.(what);
  await done;
}

const server = { title: 'fake', url: new URL(url), isInsecure: false };
const http = new HttpApiClient(server, new GivenCredentials({}, systemClock));
/** Puts less deletions: of a first list, the pods that were delivered. A table of their names took a twentieth of the CPU. */
let delivered = 0;
let complete = (): void => {};
const isComplete = new Promise<void>((resolve) => (complete = resolve));
let changes = 0;
const source = new KubernetesSource({ name: 'bench', api: limited(http), clock: systemClock });
const stop = new AbortController();
const turns = new Turns();
const cpuBefore = process.cpuUsage();
const started = performance.now();
const running = source.run((delivery) => {
  for (const { kind } of delivery.changes) delivered += kind === 'put' ? 1 : -1;
  changes += delivery.changes.length;
  if (delivery.state.kind === 'complete') complete();
}, stop.signal);
await isComplete;
const { user, system } = process.cpuUsage(cpuBefore);
const seconds = Number(((performance.now() - started) / 1_000).toFixed(2));
const budget = BUDGETS[form] === undefined ? {} : { budget: BUDGETS[form] };
const facts = { pods, delivered, seconds, ...load() };
print({ bench: `first-list/${form}`, unit: 's', value: (user + system) / 1e6, ...budget, ...facts });
const peak = process.resourceUsage().maxRSS / 1_024;
print({ bench: `first-list/${form}-peak-rss`, unit: 'MB', value: peak, budget: 300, pods });
turns.print(`first-list/${form}-longest-stop`);
collectGarbage();
const heap = process.memoryUsage().heapUsed / 1_024 / pods;
print({ bench: `first-list/${form}-heap`, unit: 'KB', value: heap, pods });

const perSecond = smoke ? 1_000 : 10_000;
const time = smoke ? 1 : 5;

/** Events to their end, and what they took. */
async function events(what: string, asked: Order, number: number): Promise<void> {
  changes = 0;
  turns.clear();
  const before = process.cpuUsage();
  const begun = performance.now();
  await order(asked);
  const sent = performance.now();
  while (changes < number && performance.now() - begun < 60_000) await new Promise((done) => setTimeout(done, 2));
  const now = performance.now();
  const used = process.cpuUsage(before);
  const cpu = (used.user + used.system) / Math.max(1, changes);
  const facts = { changes, cpu_us: Number(cpu.toFixed(1)), behind_ms: Math.round(now - sent), ...load() };
  const rate = changes / ((now - begun) / 1_000);
  print({ bench: `watch-events/${form}-${what}`, unit: 'per second', value: rate, budget: perSecond, ...facts });
  turns.print(`watch-events/${form}-${what}-longest-stop`);
}

await events('paced', { order: 'pace', act: 'churn', perSecond, seconds: time }, perSecond * time);
await events('at-once', { order: 'churn', events: perSecond * time }, perSecond * time);
turns.stop();
stop.abort();
await running;
await http.close();
process.disconnect();
