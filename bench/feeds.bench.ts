/**
 * The feed server, in a process of its own, and firewalls that ask it over TLS: conditional requests on connections that are kept, and
 * on new ones with a full ECDSA handshake each, by the server's own CPU, for the clients take more than it does; the latter in turns with a
 * server of Node's `tls` alone, which reads no request and always gives the same answer. Then from a change in a
 * list of 100,000 addresses, wanted by the driver, to the moment when whoever asks gets it, plain and packed.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { Agent, request } from 'undici';
import { BucketMap } from '../src/base/bucket-map.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import type { Ruleset } from '../src/border/ruleset.ts';
import { Feeds } from '../src/controller/feeds/feeds.ts';
import { FeedDriver } from '../src/firewalls/feed/feed-driver.ts';
import { FeedStore } from '../src/firewalls/feed/feed-store.ts';
import { Publication } from '../src/firewalls/feed/publication.ts';
import { PrefixSet } from '../src/ip/prefix-set.ts';
import { openFeeds } from '../src/server/feeds/open-feeds.ts';
import { Authority } from '../test/kit/certificates.ts';
import { collectGarbage, cpuSeconds, load, print, quantile, smoke } from './figure.ts';

const size = smoke ? 1_000 : 100_000;
const kept = smoke ? 500 : 40_000;
const fresh = smoke ? 50 : 4_000;
/** So often both servers take their turns. */
const turns = smoke ? 1 : 4;
const changes = smoke ? 3 : 30;
const CLIENTS = 32;
const PATH = '/lists/payments.txt';
const HEADERS = { authorization: 'Bearer token' };
const OWNER = { cluster: 'bench', firewall: 'edge-1' };

type Order = { readonly order: 'cpu' } | { readonly order: 'change'; readonly with: string };
type Answer = { readonly port?: number; readonly cpu?: number; readonly ms?: number; readonly blocked?: number };

/** The server: gives a list out, and changes it when it is told to. */
async function serve(folder: string, cert: string, key: string): Promise<void> {
  const feeds = new Feeds({ clock: systemClock });
  const publication = new Publication(new FeedStore(join(folder, 'feeds'), OWNER), systemClock);
  const driver = new FeedDriver(publication, OWNER);
  feeds.give(OWNER.firewall, { owner: OWNER, publication, holds: () => true });
  let members = BucketMap.from(
    Array.from({ length: size }, (_, at) => [`10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`, true as const]),
  );
  const signal = new AbortController().signal;
  const bring = async (): Promise<void> => {
    const wanted = driver.translate(rulesetOf(members));
    for (const step of driver.steps(await driver.observe(signal), wanted)) await driver.apply(step, signal);
  };
  await bring();
  const consumers = [
    { name: 'panos', firewall: OWNER.firewall, auth: { kind: 'Bearer', token: { text: 'token' } } },
  ] as const;
  const server = await openFeeds({ host: '127.0.0.1', port: 0, tls: { cert, key }, consumers }, feeds, silentLog);
  const say = (answer: Answer): void => void process.send?.(answer);
  process.on('message', (order: Order) => {
    if (order.order === 'cpu') return say({ cpu: cpuSeconds() });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const started = performance.now();
    members = members.with([[order.with, true]]);
    bring()
      .then(() => new Promise((resolve) => setTimeout(resolve, 20)))
      .then(() => {
        delay.disable();
        say({ ms: performance.now() - started - 20, blocked: delay.max / 1e6 });
      })
      .catch((thrown: unknown) => {
        throw thrown;
      });
  });
  say({ port: (server.address() as AddressInfo).port });
}

/** What a handshake costs with nothing of ours behind it. */
function serveBare(cert: string, key: string): void {
  const say = (answer: Answer): void => void process.send?.(answer);
  const files = { cert: readFileSync(cert), key: readFileSync(key), minVersion: 'TLSv1.2' } as const;
  const server = createServer(files, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n'));
  });
  server.listen(0, '127.0.0.1', () => say({ port: (server.address() as AddressInfo).port }));
  process.on('message', () => say({ cpu: cpuSeconds() }));
}

function rulesetOf(members: BucketMap<true>): Ruleset {
  const group = {
    id: 'g',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'payments',
    resource: 'AddressGroup/payments',
    use: 'Allow',
    members,
  } as const;
  return {
    ...OWNER,
    destinations: PrefixSet.all,
    inside: PrefixSet.empty,
    networks: PrefixSet.empty,
    classes: new Map(),
    members: BucketMap.empty(),
    groups: new Map([['g', group]]),
    nats: [],
    established: 'Cut',
  };
}

const tell = async (child: ChildProcess, order?: Order): Promise<Answer> => {
  const answered = once(child, 'message') as Promise<[Answer]>;
  if (order !== undefined) child.send(order);
  return (await answered)[0];
};

/** Every client asks one after the other, until all have asked so many times. */
async function ask(count: number, one: () => Promise<number>): Promise<void> {
  let left = count;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const status = await one();
      if (status !== 304) throw new Error(`answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

/** Seconds of the server's CPU, and by the clock, for so many answers. */
async function spent(
  child: ChildProcess,
  count: number,
  one: () => Promise<number>,
): Promise<{ readonly cpu: number; readonly clock: number }> {
  const before = await tell(child, { order: 'cpu' });
  const started = performance.now();
  await ask(count, one);
  const clock = (performance.now() - started) / 1_000;
  return { cpu: ((await tell(child, { order: 'cpu' })).cpu ?? 0) - (before.cpu ?? 0), clock };
}

async function measure(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const authority = new Authority(folder);
  const { certificateFile, keyFile } = authority.issue('/CN=feeds', { names: 'IP:127.0.0.1' });
  const start = (what: string): ChildProcess =>
    fork(import.meta.filename, [...process.argv.slice(2), what, folder, certificateFile, keyFile]);
  const [child, bare] = [start('--serve'), start('--bare')];
  try {
    const [{ port }, { port: barePort }] = await Promise.all([tell(child), tell(bare)]);
    const base = `https://127.0.0.1:${port}`;
    const agent = new Agent({ connect: { ca: authority.certificate }, connections: CLIENTS });
    const first = await request(base + PATH, { dispatcher: agent, headers: HEADERS });
    await first.body.dump();
    const headers = { ...HEADERS, 'if-none-match': String(first.headers['etag']) };
    const again = async (): Promise<number> => {
      const { statusCode, body } = await request(base + PATH, { dispatcher: agent, headers });
      await body.dump();
      return statusCode;
    };
    await ask(Math.ceil(kept / 10), again);
    const { cpu, clock } = await spent(child, kept, again);
    const about = { count: kept, by_clock: Math.round(kept / clock), ...load() };
    print({ bench: 'feeds/conditional/kept', unit: 'per second', value: kept / cpu, budget: 10_000, ...about });
    const options = { ca: authority.certificate, agent: false as const, headers };
    const freshly = (url: string) => (): Promise<number> =>
      new Promise((resolve, reject) => {
        httpsRequest(url + PATH, options, (answer) =>
          answer.resume().once('end', () => resolve(answer.statusCode ?? 0)),
        )
          .once('error', reject)
          .end();
      });
    await handshakes(child, freshly(base), bare, freshly(`https://127.0.0.1:${barePort}`));
    await changed(child, base, agent);
    await agent.destroy();
  } finally {
    child.kill();
    bare.kill();
    rmSync(folder, { recursive: true });
  }
}

/** New connections to both servers, in turns. */
async function handshakes(
  child: ChildProcess,
  one: () => Promise<number>,
  bare: ChildProcess,
  oneBare: () => Promise<number>,
): Promise<void> {
  const each = Math.ceil(fresh / turns);
  await ask(each, one);
  await ask(each, oneBare);
  const ours = { cpu: 0, clock: 0 };
  const alone = { cpu: 0, clock: 0 };
  for (let turn = 0; turn < turns; turn++) {
    for (const [sum, server, ask1] of [[ours, child, one] as const, [alone, bare, oneBare] as const]) {
      const { cpu, clock } = await spent(server, each, ask1);
      sum.cpu += cpu;
      sum.clock += clock;
    }
  }
  const count = turns * each;
  const about = { count, by_clock: Math.round(count / ours.clock), ...load() };
  print({ bench: 'feeds/conditional/new', unit: 'per second', value: count / ours.cpu, budget: 2_000, ...about });
  print({ bench: 'feeds/conditional/new/tls-alone', unit: 'per second', value: count / alone.cpu, count, ...load() });
  print({
    bench: 'feeds/conditional/new/beside-tls-alone',
    unit: 'ratio',
    value: ours.cpu / alone.cpu,
    count,
    ...load(),
  });
}

/** From the change to the answer that has it. */
async function changed(child: ChildProcess, base: string, agent: Agent): Promise<void> {
  const visible: number[] = [];
  const packed: number[] = [];
  const blocked: number[] = [];
  for (let at = 0; at < changes; at++) {
    const { ms = Number.NaN, blocked: most = Number.NaN } = await tell(child, {
      order: 'change',
      with: `10.250.0.${at}`,
    });
    collectGarbage();
    const started = performance.now();
    const gzip = { ...HEADERS, 'accept-encoding': 'gzip' };
    const { body } = await request(base + PATH, { dispatcher: agent, headers: gzip });
    await body.dump();
    visible.push(ms);
    packed.push(ms + performance.now() - started);
    blocked.push(most);
  }
  const about = { entries: size, changes, ...load() };
  print({ bench: 'feeds/change/visible/p50', unit: 'ms', value: quantile(visible, 0.5), budget: 50, ...about });
  print({ bench: 'feeds/change/visible/p99', unit: 'ms', value: quantile(visible, 0.99), budget: 50, ...about });
  print({ bench: 'feeds/change/packed/p99', unit: 'ms', value: quantile(packed, 0.99), budget: 500, ...about });
  print({ bench: 'feeds/change/longest-stop', unit: 'ms', value: Math.max(...blocked), budget: 50, ...about });
}

const role = process.argv.findIndex((word) => word === '--serve' || word === '--bare');
const [folder = '', cert = '', key = ''] = process.argv.slice(role + 1);
if (role === -1) await measure();
else if (process.argv[role] === '--serve') await serve(folder, cert, key);
else serveBare(cert, key);
