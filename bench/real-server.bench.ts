/**
 * 100 pod events a second, written to a real API server (kube-apiserver and etcd on this machine), until they are committed in the kernel:
 * half of them pods that get an address, half pods that go. `server`: from the write being sent to its event being readable here; `ours`:
 * from there to the transaction being in force, of which `wish` is the time to the ruleset that follows, and `border` the rest: the wait for
 * the worker's round, its planning, and its `transaction`, from being sent to being confirmed; one carries all that came meanwhile. Behind
 * the border are 10,000 pods more, which the bench tells itself, as it does everything but namespaces and moving pods. The client, the
 * controller and nft run beside the server and who writes, on the same cores; CPU is ours alone.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { type ApiServer, startApiServer } from '../test/kit/apiserver.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import type { ApiClient } from '../src/kubernetes/api-client.ts';
import { formatAddress } from '../src/ip/address.ts';
import { connectKubeconfig } from '../src/kubernetes/kubeconfig.ts';
import { KubernetesSource } from '../src/sources/kubernetes/kubernetes-source.ts';
import type { Source } from '../src/sources/source.ts';
import { BorderRun, ownTranslations } from './border-run.ts';
import { load, print, quantile, smoke } from './figure.ts';
import { inNamespaces } from './namespaced.ts';
import { monotonicMs, type Write, type Writing, type Written } from './pod-writer.ts';
import { benchWorld, pod, type Raw, resourceOf } from './world.ts';

const PODS = smoke ? 100 : 10_000;
const PER_SECOND = 100;
const seconds = smoke ? 2 : 60;
/** Pods that have their address before it begins, and so the time for which a pod lives. */
const AHEAD = smoke ? 200 : 1_000;
const AT_ONCE = 16;
const PATIENCE_MS = 30_000;
/** So long before it is written, an event is waited for; far less than what a pod lives. */
const EARLY_MS = 500;

interface Moving {
  readonly raw: Raw;
  /** Of the object. */
  readonly path: string;
  readonly name: string;
  readonly address: string;
}

interface Event {
  readonly moving: Moving;
  sentAt: number;
  readableAt: number;
  /** The ruleset that follows from it is worked out. */
  wantedAt: number;
  committedAt: number;
}

function moving(index: number): Moving {
  const raw = pod(PODS + index, PODS);
  const resource = resourceOf(raw);
  if (resource.type !== 'Pod') throw new Error('this is no pod');
  const { namespace, name, podIPs } = resource;
  const [address] = podIPs;
  if (typeof address !== 'object') throw new Error('the pod has no address');
  return { raw, name, address: formatAddress(address), path: `/api/v1/namespaces/${namespace}/pods/${name}` };
}

/** The client, and when the first chunk with a pod's name came since that was asked for. */
function watched(client: ApiClient, readableAt: Map<string, number>): ApiClient {
  return {
    title: client.title,
    call: (request, signal) => client.call(request, signal),
    close: () => client.close(),
    async open(request, signal, silenceMs) {
      const { contentType, chunks } = await client.open(request, signal, silenceMs);
      if (request.path !== '/api/v1/pods') return { contentType, chunks };
      return {
        contentType,
        chunks: (async function* () {
          for await (const chunk of chunks) {
            const now = performance.now();
            const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
            for (const [name] of text.matchAll(/app-\d+-\d+/g)) if (!readableAt.has(name)) readableAt.set(name, now);
            yield chunk;
          }
        })(),
      };
    },
  };
}

/** What the bench tells itself comes with the whole of what is read. */
function joined(source: Source, raws: readonly Raw[]): Source {
  let first = raws.map((raw) => ({ kind: 'put', resource: resourceOf(raw) }) as const);
  return {
    name: 'bench',
    run: (deliver, signal) =>
      source.run((delivery) => {
        if (delivery.state.kind !== 'complete') return deliver(delivery);
        deliver({ ...delivery, changes: [...first, ...delivery.changes] });
        first = [];
      }, signal),
  };
}

async function all<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const one = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

const settingAddress = ({ raw, path }: Moving): Write => ({
  method: 'PATCH',
  path: `${path}/status`,
  body: { status: raw['status'] },
  contentType: 'application/strategic-merge-patch+json',
});

/** Has another process write; it begins at `startMs`. */
function written(writer: ChildProcess, writing: Writing): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    writer.once('exit', (code) => reject(new Error(`who writes ended with code ${code}`)));
    writer.once('message', (said: Written) => ('error' in said ? reject(new Error(said.error)) : resolve(said.sentMs)));
    writer.send(writing);
  });
}

async function measure(server: ApiServer): Promise<void> {
  const { admin } = server;
  const { frame, pods } = benchWorld(PODS, 'local');
  const namespaces = frame.filter(({ kind }) => kind === 'Namespace');
  await all(namespaces, async (raw) => {
    await admin.json('POST', '/api/v1/namespaces', raw);
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await admin.json('POST', `/api/v1/namespaces/${resourceOf(raw).name}/serviceaccounts`, account);
  });
  const count = (seconds * PER_SECOND) / 2;
  const movings = Array.from({ length: AHEAD + count }, (_, index) => moving(index));
  await all(movings, ({ raw, path }) => {
    const spec = {
      nodeName: 'node-0',
      containers: [{ name: 'main', image: 'web' }],
      automountServiceAccountToken: false,
    };
    return admin.json('POST', path.slice(0, path.lastIndexOf('/')), { ...raw, spec });
  });
  await all(movings.slice(0, AHEAD), (one) => {
    const { method, path, body, contentType } = settingAddress(one);
    return admin.json(method, path, body, contentType);
  });

  const { client } = await connectKubeconfig({ path: server.kubeconfig, environment: {}, log: silentLog });
  const readableAt = new Map<string, number>();
  const source = new KubernetesSource({ name: 'bench', api: watched(client, readableAt), clock: systemClock });
  const told = [...frame.filter(({ kind }) => kind !== 'Namespace'), ...pods];
  const wantedAt = new Map<string, number>();
  const run = new BorderRun(joined(source, told), (changes) => {
    const now = performance.now();
    for (const change of changes) {
      const name = change.kind === 'put' ? change.resource.name : change.key.slice(change.key.lastIndexOf('/') + 1);
      if (!wantedAt.has(name)) wantedAt.set(name, now);
    }
  });
  await run.settled();

  const events: Event[] = [];
  const waiting = new Set<Event>();
  const take = (): void => {
    for (const event of waiting) {
      event.readableAt = readableAt.get(event.moving.name) ?? Number.NaN;
      event.wantedAt = wantedAt.get(event.moving.name) ?? Number.NaN;
      event.committedAt = run.committedAt.get(event.moving.address) ?? Number.NaN;
      if (event.readableAt > 0 && event.committedAt > 0) waiting.delete(event);
    }
  };
  const begin = (one: Moving): void => {
    readableAt.delete(one.name);
    wantedAt.delete(one.name);
    run.committedAt.delete(one.address);
    const event = {
      moving: one,
      sentAt: Number.NaN,
      readableAt: Number.NaN,
      wantedAt: Number.NaN,
      committedAt: Number.NaN,
    };
    events.push(event);
    waiting.add(event);
  };
  const planned = Array.from({ length: 2 * count }, (_, i) => {
    const one = movings[(i >> 1) + (i % 2 === 0 ? AHEAD : 0)];
    if (one === undefined) throw new Error('there are too few pods');
    return one;
  });
  const writer = fork(join(import.meta.dirname, 'pod-writer.ts'), { execArgv: ['--import', 'tsx'] });
  const startMs = monotonicMs() + 5_000;
  const start = performance.now() + 5_000;
  const writing = written(writer, {
    target: admin.target,
    perSecond: PER_SECOND,
    startMs,
    writes: planned.map((one, i) =>
      i % 2 === 0 ? settingAddress(one) : { method: 'DELETE', path: `${one.path}?gracePeriodSeconds=0` },
    ),
  });
  let cpu: NodeJS.CpuUsage | undefined;
  for (const [i, one] of planned.entries()) {
    const wait = start - EARLY_MS + (i * 1_000) / PER_SECOND - performance.now();
    // In heaps: what the bench does beside is not to be measured.
    if (wait > 0) await pause(wait + EARLY_MS / 5);
    if (cpu === undefined) {
      cpu = process.cpuUsage();
      run.transactionsMs.length = 0;
    }
    take();
    begin(one);
  }
  const sentMs = await writing;
  for (const [i, event] of events.entries()) event.sentAt = (sentMs[i] ?? Number.NaN) - startMs + start;
  const { user, system } = process.cpuUsage(cpu);
  const transactions = [...run.transactionsMs];
  for (const end = performance.now() + PATIENCE_MS; waiting.size > 0 && performance.now() < end; await pause(20))
    take();
  if (waiting.size > 0) throw new Error(`${waiting.size} of ${events.length} events never came about`);

  const rest = { pods: PODS, perSecond: PER_SECOND, seconds, ...load() };
  const parts = {
    server: { sample: events.map(({ sentAt, readableAt: readable }) => readable - sentAt), budgets: [] },
    ours: { sample: events.map((event) => event.committedAt - event.readableAt), budgets: [10, 50] },
    wish: { sample: events.map((event) => event.wantedAt - event.readableAt), budgets: [] },
    border: { sample: events.map((event) => event.committedAt - event.wantedAt), budgets: [] },
    transaction: { sample: transactions, budgets: [] },
    whole: { sample: events.map(({ sentAt, committedAt }) => committedAt - sentAt), budgets: [] },
  } as const;
  for (const [part, { sample, budgets }] of Object.entries(parts))
    for (const [index, q] of [0.5, 0.99].entries()) {
      const value = quantile(sample, q);
      const budget = budgets[index] === undefined ? {} : { budget: budgets[index] };
      print({ bench: `real-server/${part}/p${q * 100}`, unit: 'ms', value, number: sample.length, ...budget, ...rest });
    }
  print({ bench: 'real-server/cpu', unit: 'ratio', value: (user + system) / 1e6 / seconds, ...rest });
  await run.settled();
  for (const warning of new Set(run.warnings)) process.stderr.write(`${warning}\n`);
  await run.close();
  await client.close();
}

await inNamespaces(async () => {
  ownTranslations();
  const server = await startApiServer();
  try {
    await measure(server);
  } finally {
    await server.stop();
  }
});
