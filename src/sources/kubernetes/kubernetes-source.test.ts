import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeClock } from '../../../test/kit/fake-clock.ts';
import { MemoryApi, type MemoryObject, NAMESPACES, PODS, POLICIES, broken } from '../../../test/kit/memory-api.ts';
import { DeliveredState } from '../../../test/kit/delivered-state.ts';
import { KubernetesSource } from './kubernetes-source.ts';

let api: MemoryApi;
let clock: FakeClock;
let seen: DeliveredState;
let stop: AbortController;
let running: Promise<void> | undefined;

beforeEach(() => {
  api = new MemoryApi();
  clock = new FakeClock();
  seen = new DeliveredState();
  stop = new AbortController();
  running = undefined;
});
afterEach(async () => {
  stop.abort();
  await running;
});

const start = (): void => {
  const source = new KubernetesSource({ name: 'prod', api, clock, random: () => 0 });
  running = source.run((delivery) => seen.take(delivery), stop.signal);
};
const until = (done: () => boolean): Promise<boolean> => vi.waitUntil(done, { timeout: 10_000, interval: 1 });
/** Moves time step by step, with all that follows from each. */
const pass = async (ms: number, step = 1_000): Promise<void> => {
  for (let passed = 0; passed < ms; passed += step) {
    clock.advance(step);
    for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
  }
};
const pod = (name: string, fields: object = {}): MemoryObject => ({
  metadata: { namespace: 'shop', name },
  spec: { nodeName: 'n1' },
  status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] },
  ...fields,
});
const policy = (name: string): MemoryObject => ({
  metadata: { namespace: 'shop', name, uid: `uid-of-${name}` },
  spec: { podSelector: {} },
});
const namespace = (name: string): MemoryObject => ({ metadata: { name } });

test('the first state is loaded whole, then followed', async () => {
  api.put(NAMESPACES, namespace('shop'));
  for (const name of ['a', 'b']) api.put(PODS, pod(name));
  start();
  await until(() => seen.state === 'complete');
  expect(seen.keys).toEqual(['Namespace/shop', 'Pod/shop/a', 'Pod/shop/b']);
  api.put(PODS, pod('c'));
  api.delete(PODS, 'shop/a');
  await until(() => seen.keys.length === 3 && seen.keys.includes('Pod/shop/c'));
  expect(seen.keys).toEqual(['Namespace/shop', 'Pod/shop/b', 'Pod/shop/c']);
  expect(seen.diagnostics).toEqual([]);
});

test('an hour without the server freezes, and a new history without one object thaws and tells it', async () => {
  api.put(NAMESPACES, namespace('shop'));
  for (const name of ['a', 'b', 'c', 'd']) api.put(PODS, pod(name));
  start();
  await until(() => seen.state === 'complete');
  let isDown = true;
  api.intercept = () => (isDown ? broken() : undefined);
  for (const stream of api.watches()) stream.end(broken());
  await pass(30_000);
  expect(seen.state).toBe('complete');
  await pass(3_600_000, 20_000);
  expect(seen.state).toBe('frozen');
  expect(seen.codes).toContain('CLUSTER_KIND_LOST');
  api.delete(PODS, 'shop/b', false);
  api.restore(10);
  isDown = false;
  await pass(120_000);
  expect(seen.state).toBe('complete');
  expect(seen.diagnostics).toEqual([]);
  expect(seen.keys).toEqual(['Namespace/shop', 'Pod/shop/a', 'Pod/shop/c', 'Pod/shop/d']);
  expect(seen.deleted).toEqual(['Pod/shop/b']);
});

test('an empty list after a restore freezes until the objects are back', async () => {
  for (const name of ['a', 'b', 'c', 'd']) api.put(POLICIES, policy(name));
  start();
  await until(() => seen.state === 'complete');
  for (const name of ['a', 'b', 'c', 'd']) api.delete(POLICIES, `shop/${name}`, false);
  api.compact();
  for (const stream of api.watches(POLICIES)) stream.end(broken());
  await pass(300_000);
  expect(seen.state).toBe('frozen');
  expect(seen.codes).toEqual(['CLUSTER_KIND_SHRUNK']);
  api.put(PODS, pod('new'));
  await pass(5_000);
  expect(seen.keys).toHaveLength(4);
  for (const name of ['a', 'b', 'c', 'd']) api.put(POLICIES, policy(name));
  await pass(5_000);
  expect(seen.state).toBe('complete');
  expect(seen.deleted).toEqual([]);
  expect(seen.keys).toContain('Pod/shop/new');
});
