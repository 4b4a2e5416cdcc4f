import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { LeaseServer } from '../../../test/kit/lease-world.ts';
import { silentLog } from '../../base/log.ts';
import { MemoryDevice } from '../../firewalls/memory/device.ts';
import { MemoryDriver } from '../../firewalls/memory/memory-driver.ts';
import { soleWriter } from '../../firewalls/writer-lock.ts';
import { serveReadiness } from '../../server/readiness.ts';
import { readText } from '../../sources/manifests/reading.ts';
import type { Delivery } from '../../sources/source.ts';
import { Controller } from '../controller.ts';
import { LeasedWriters } from '../devices/writers.ts';
import { askOverHttp } from './holders.ts';
import { type BorderKnowledge, Readiness } from './readiness.ts';

const firewall = (name: string): string =>
  `{apiVersion: sallyport.dev/v1alpha1, kind: BorderFirewall, metadata: {name: ${name}}, spec: {driver: nftables, address: ${name}, mode: Enforce, workloads: {}, guard: {gains: {percent: 100, percentPerHour: 100}}}}`;
const pod = (name: string, ip: string, app = 'till'): string =>
  `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: shop, labels: {app: ${app}}}, spec: {nodeName: a}, status: {phase: Running, podIP: ${ip}}}`;
const POLICY =
  '{apiVersion: sallyport.dev/v1alpha1, kind: ClusterBorderPolicy, metadata: {name: bank}, spec: {selector: "app == \'bank\'", namespaceSelector: all(), egress: [{action: Allow, nets: [203.0.113.0/24]}]}}';
const WORLD = [
  '{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: pods}, spec: {cidr: 10.1.0.0/16}}',
  '{apiVersion: v1, kind: Node, metadata: {name: a}, status: {addresses: [{type: InternalIP, address: 10.9.0.1}]}}',
  '{apiVersion: v1, kind: Namespace, metadata: {name: shop}}',
  POLICY,
  firewall('edge-1'),
  firewall('edge-2'),
  firewall('edge-3'),
];
const ID = 'pod:shop/till-1';

interface Copy {
  readonly name: string;
  readonly controller: Controller;
  readonly writers: LeasedWriters;
  readonly server: Server;
  readonly stop: AbortController;
  readonly running: Promise<void>;
  tell(objects: readonly string[]): void;
}

describe('firewalls that another copy keeps', () => {
  let leases: LeaseServer;
  let clock: FakeClock;
  let copies: Copy[];
  let slow: Set<string>;
  const { signal } = new AbortController();

  async function start(name: string): Promise<Copy> {
    let controller: Controller | undefined;
    const server = await serveReadiness(
      { host: '127.0.0.1', port: 0 },
      {
        whenReady: () => Promise.reject(new Error('no pod asks here')),
        holds: (question) => controller?.readiness.holds(question) ?? false,
        addressesOf: () => [],
      },
    );
    const writers = new LeasedWriters({
      client: {
        title: 'test',
        call: (request) => Promise.resolve().then(() => leases.answer(request)),
        open: () => Promise.reject(new Error('nobody watches Leases')),
        close: () => Promise.resolve(),
      },
      namespace: 'sallyport',
      cluster: 'prod',
      name,
      readiness: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      duties: ['sallyport.dev/border'],
      clock,
      log: silentLog,
    });
    let deliver: (delivery: Delivery) => void = () => undefined;
    controller = new Controller({
      cluster: 'prod',
      source: {
        name: 'static',
        run: (take, end) => {
          deliver = take;
          return new Promise((resolve) => end.addEventListener('abort', () => resolve(), { once: true }));
        },
      },
      open: ({ name: at }, grant) => {
        const driver = new MemoryDriver(new MemoryDevice());
        const apply = driver.apply.bind(driver);
        driver.apply = async (step, ended) => {
          while (slow.has(at) && !ended.aborted) await new Promise((resolve) => setTimeout(resolve, 1));
          await apply(step, ended);
        };
        return { driver, lock: grant?.lock ?? soleWriter, close: () => Promise.resolve() };
      },
      writers,
      clock,
      log: silentLog,
    });
    const stop = new AbortController();
    const running = controller.run(stop.signal);
    const tell = (objects: readonly string[]): void => {
      const put = [...readText(objects.join('\n---\n'), 'world.yaml').resources.values()];
      const changes = put.map((resource) => ({ kind: 'put', resource }) as const);
      deliver({ changes, state: { kind: 'complete' }, diagnostics: [] });
    };
    const copy = { name, controller, writers, server, stop, running, tell };
    copies.push(copy);
    return copy;
  }
  const pass = (ms: number): Promise<void> => clock.pass(ms, 500);
  const keeps = ({ controller }: Copy): readonly string[] => [...controller.status().keys()].toSorted();
  const said = async ({ controller }: Copy): Promise<string> => {
    const { ready, message } = await controller.readiness.standingEverywhere(ID, signal);
    return `${ready ? 'ready' : 'waits'}: ${message}`;
  };

  /** As the controller gives it to its own. */
  const knowledgeOf = ({ controller, writers }: Copy): BorderKnowledge => ({
    border: controller.world.border,
    owners: controller.world.owners,
    unread: (endpoint) => controller.world.unreadBefore(endpoint),
    isComputing: controller.isComputing,
    uidOf: (endpoint) => controller.world.inventory.uidOf(endpoint),
    confirmed: (name) => controller.station(name)?.worker.confirmed(),
    elsewhere: (name) => writers.elsewhere(name),
  });

  beforeEach(async () => {
    leases = new LeaseServer();
    clock = new FakeClock();
    [copies, slow] = [[], new Set()];
    for (const name of ['a', 'b']) (await start(name)).tell([...WORLD, pod('till-1', '10.1.0.1')]);
    await pass(60_000);
  });
  afterEach(async () => {
    slow.clear();
    for (const { stop, running, server } of copies) {
      stop.abort();
      await running;
      server.closeAllConnections();
      server.close();
    }
  });

  test('are asked of the copy that keeps them, and a pod is ready when all have said yes', async () => {
    const [a, b] = copies as [Copy, Copy];
    expect([...keeps(a), ...keeps(b)].toSorted()).toEqual(['edge-1', 'edge-2', 'edge-3']);
    expect(new Set(copies.map((copy) => keeps(copy).length))).toEqual(new Set([1, 2]));
    for (const copy of copies) {
      expect(await said(copy)).toBe('ready: confirmed by edge-1, edge-2, edge-3');
      expect(copy.controller.readiness.standing(ID).ready).toBe(false);
    }
    expect(copies.filter(({ writers }) => writers.grant('sallyport.dev/border') !== undefined).length).toBe(1);
  });

  test('a yes to what is no longer asked is none: the pod has another address, or other rights, by the time that it comes', async () => {
    const [a, b] = copies.toSorted((one, other) => keeps(other).length - keeps(one).length) as [Copy, Copy];
    const [far = ''] = keeps(b);
    const yes: boolean[] = [];
    const saidAfter = async (meanwhile: string): Promise<string> => {
      const readiness = new Readiness(
        () => knowledgeOf(a),
        clock,
        async (...question) => {
          yes.push(await askOverHttp(...question));
          a.tell([meanwhile]);
          await pass(1_000);
          return yes.at(-1) === true;
        },
      );
      const { ready, message } = await readiness.standingEverywhere(ID, signal);
      return `${ready ? 'ready' : 'waits'}: ${message}`;
    };
    expect(await saidAfter(pod('till-1', '10.1.0.1'))).toBe('ready: confirmed by edge-1, edge-2, edge-3');
    expect(await saidAfter(pod('till-1', '10.1.0.9'))).toBe(
      `waits: ${far}: the copy that keeps it has not confirmed it`,
    );
    a.tell([pod('till-1', '10.1.0.1')]);
    await pass(1_000);
    expect(await saidAfter(pod('till-1', '10.1.0.1', 'bank'))).toBe(
      `waits: ${far}: the copy that keeps it has not confirmed it`,
    );
    expect(yes).toEqual([true, true, true]);
  });

  test('hold the pod as long as their copy has not confirmed it, knows it otherwise, or does not answer', async () => {
    // The second keeps one firewall, so that one alone is waited for.
    const [a, b] = copies.toSorted((one, other) => keeps(other).length - keeps(one).length) as [Copy, Copy];
    const [far = ''] = keeps(b);
    slow.add(far);
    const moved = pod('till-1', '10.1.0.9');
    // A copy that lags behind confirms what the pod had before.
    a.tell([moved]);
    await pass(1_000);
    expect(await said(a)).toBe(`waits: ${far}: the copy that keeps it has not confirmed it`);
    b.tell([moved]);
    await pass(1_000);
    expect(await said(a)).toBe(`waits: ${far}: the copy that keeps it has not confirmed it`);
    slow.clear();
    await expect
      .poll(async () => {
        await pass(1_000);
        return said(a);
      })
      .toBe('ready: confirmed by edge-1, edge-2, edge-3');
    // The same address with other rights, of which the other copy has not heard.
    a.tell([pod('till-1', '10.1.0.9', 'bank')]);
    await pass(1_000);
    expect(await said(a)).toBe(`waits: ${far}: the copy that keeps it has not confirmed it`);
    b.tell([pod('till-1', '10.1.0.9', 'bank')]);
    await pass(1_000);
    expect(await said(a)).toBe('ready: confirmed by edge-1, edge-2, edge-3');
    b.server.closeAllConnections();
    await new Promise((resolve) => b.server.close(resolve));
    expect(await said(a)).toBe(`waits: ${far}: the copy that keeps it has not confirmed it`);
  });
});
