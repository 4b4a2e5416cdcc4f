import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { FakeClock } from '../../../test/kit/fake-clock.ts';
import {
  CRDS,
  MemoryApi,
  type MemoryObject,
  NAMESPACES,
  PODS,
  POLICIES,
  broken,
  refused,
} from '../../../test/kit/memory-api.ts';
import type { DeliveredState } from '../../../test/kit/delivered-state.ts';
import { FollowedSource, namespace, pod, policy, until } from '../../../test/kit/followed-source.ts';
import { silentLog } from '../../base/log.ts';

let source: FollowedSource;
let api: MemoryApi;
let clock: FakeClock;
let seen: DeliveredState;

beforeEach(() => {
  source = new FollowedSource();
  ({ api, clock, seen } = source);
});
afterEach(() => source.end());

const start = (): void => source.start();

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

test('nothing is believed of a server that is not ready, which does not name all that it will serve', async () => {
  api.put(NAMESPACES, namespace('shop'));
  const open = api.open.bind(api);
  let isReady = false;
  let asked = 0;
  vi.spyOn(api, 'open').mockImplementation(async (request, signal) => {
    if (request.path !== '/readyz') return await open(request, signal);
    asked += 1;
    if (!isReady) throw broken();
    return { contentType: 'text/plain', chunks: (async function* () {})() };
  });
  start();
  await until(() => asked === 1);
  await clock.pass(3_000);
  expect(asked).toBeGreaterThan(1);
  expect(seen.state).toBe('loading');
  expect(seen.keys).toEqual([]);
  isReady = true;
  for (let waits = 0; waits < 60 && seen.state !== 'complete'; waits++) await clock.pass(1_000);
  expect(seen.keys).toEqual(['Namespace/shop']);
  const before = asked;
  await clock.pass(600_000, 60_000);
  expect(asked).toBe(before);
});

test('an hour without the server freezes, and a new history without one object thaws and tells it', async () => {
  api.put(NAMESPACES, namespace('shop'));
  for (const name of ['a', 'b', 'c', 'd']) api.put(PODS, pod(name));
  start();
  await until(() => seen.state === 'complete');
  let isDown = true;
  api.intercept = () => (isDown ? broken() : undefined);
  for (const stream of api.watches()) stream.end(broken());
  await clock.pass(30_000);
  expect(seen.state).toBe('complete');
  await clock.pass(3_600_000, 20_000);
  expect(seen.state).toBe('frozen');
  expect(seen.codes).toContain('CLUSTER_KIND_LOST');
  api.delete(PODS, 'shop/b', false);
  api.restore(10);
  isDown = false;
  await clock.pass(120_000);
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
  await clock.pass(300_000);
  expect(seen.state).toBe('frozen');
  expect(seen.codes).toEqual(['CLUSTER_KIND_SHRUNK']);
  api.put(PODS, pod('new'));
  await clock.pass(5_000);
  expect(seen.keys).toHaveLength(4);
  for (const name of ['a', 'b', 'c', 'd']) api.put(POLICIES, policy(name));
  await clock.pass(5_000);
  expect(seen.state).toBe('complete');
  expect(seen.deleted).toEqual([]);
  expect(seen.keys).toContain('Pod/shop/new');
});

test('half a list that was wrong is read again with a later watch, though nobody tells of any change', async () => {
  const names = ['a', 'b', 'c', 'd'];
  const same = (name: string): MemoryObject => ({ ...pod(name), metadata: { namespace: 'shop', name, uid: name } });
  for (const name of names) api.put(PODS, same(name));
  start();
  await until(() => seen.state === 'complete');
  for (const name of ['a', 'b']) api.delete(PODS, `shop/${name}`, false);
  api.compact();
  for (const stream of api.watches(PODS)) stream.end(broken());
  await clock.pass(90_000);
  expect([seen.state, seen.codes]).toEqual(['frozen', ['CLUSTER_KIND_SHRUNK']]);
  for (const name of ['a', 'b']) api.put(PODS, same(name), false);
  for (const stream of api.watches(PODS)) stream.end();
  await clock.pass(5_000);
  expect([seen.state, seen.codes, seen.deleted]).toEqual(['complete', [], []]);
});

const OURS = '/apis/sallyport.dev/v1alpha1/addressgroups';
const group = (name: string): MemoryObject => ({
  metadata: { name },
  spec: { selector: 'all()', namespaceSelector: 'all()', firewalls: ['edge'] },
});
const definition = (fields: object = {}): MemoryObject => ({
  metadata: { name: 'addressgroups.sallyport.dev', ...fields },
});

test('objects that go with their definition stay, until they are back', async () => {
  api.serve(OURS);
  api.put(CRDS, definition());
  for (const name of ['a', 'b']) api.put(OURS, group(name));
  start();
  await until(() => seen.state === 'complete');
  // As API servers do it: the mark, the objects one by one, then the definition.
  api.put(CRDS, definition({ deletionTimestamp: '2026-01-05T12:00:00Z' }));
  for (const name of ['a', 'b']) api.delete(OURS, name);
  await clock.pass(3_000);
  expect([seen.state, seen.codes]).toEqual(['frozen', ['CLUSTER_KIND_GONE']]);
  api.delete(CRDS, 'addressgroups.sallyport.dev');
  api.unserve(OURS);
  await clock.pass(120_000);
  expect([seen.state, seen.codes]).toEqual(['frozen', ['CLUSTER_KIND_GONE']]);
  // Installed again, without its objects, then with the first of two, then with both.
  api.serve(OURS);
  api.put(CRDS, definition({ uid: 'another' }));
  await clock.pass(120_000);
  expect([seen.state, seen.codes]).toEqual(['frozen', ['CLUSTER_KIND_GONE']]);
  expect(seen.diagnostics[0]?.message).toMatchInlineSnapshot(
    `"2 of 2 objects of addressgroups.sallyport.dev vanished with the definition (CRD) of their kind; they stay in force; restore them, or restart Sallyport if they are meant to be gone"`,
  );
  api.put(OURS, group('a'));
  await clock.pass(10_000);
  expect(seen.state).toBe('frozen');
  api.put(OURS, group('b'));
  await clock.pass(3_000);
  expect([seen.state, seen.codes]).toEqual(['complete', []]);
  expect(seen.keys).toEqual(['AddressGroup/a', 'AddressGroup/b']);
});

test('an object that is deleted while its definition stays goes at once', async () => {
  api.serve(OURS);
  api.put(CRDS, definition());
  for (const name of ['a', 'b']) api.put(OURS, group(name));
  start();
  await until(() => seen.state === 'complete');
  api.delete(OURS, 'a');
  await until(() => seen.keys.length === 1);
  expect(seen.keys).toEqual(['AddressGroup/b']);
  api.delete(OURS, 'b');
  await until(() => seen.keys.length === 0);
  expect(seen.state).toBe('complete');
});

test('a kind that appears later is followed, and was empty before', async () => {
  start();
  await until(() => seen.state === 'complete');
  api.serve(OURS);
  api.put(OURS, group('a'));
  api.put(CRDS, definition());
  await clock.pass(5_000);
  expect(seen.keys).toEqual(['AddressGroup/a']);
  expect(seen.deliveries.filter(({ state }) => state.kind !== 'complete' && state.kind !== 'loading')).toEqual([]);
});

test('a right that is missing is named, and given later it is used', async () => {
  api.put(POLICIES, policy('a'));
  api.intercept = ({ path }) => (path === POLICIES ? refused(403, 'Forbidden') : undefined);
  start();
  await clock.pass(50_000);
  expect(seen.state).toBe('loading');
  expect(seen.reason).toMatchInlineSnapshot(
    `"the right to list and watch networkpolicies.networking.k8s.io is missing (memory: 403 Forbidden)"`,
  );
  expect(seen.diagnostics).toMatchInlineSnapshot(`
    [
      {
        "at": {
          "file": "cluster",
        },
        "code": "CLUSTER_KIND_FORBIDDEN",
        "message": "the right to list and watch networkpolicies.networking.k8s.io is missing (memory: 403 Forbidden)",
        "object": "networkpolicies.networking.k8s.io",
        "path": "",
        "severity": "error",
      },
    ]
  `);
  api.intercept = () => undefined;
  await clock.pass(31_000);
  expect([seen.state, seen.keys]).toEqual(['complete', ['KubernetesNetworkPolicy/shop/a']]);
});

const calico = (path: string): string => `/apis/projectcalico.org/v3/${path}`;
const stored = (path: string): string => `/apis/crd.projectcalico.org/v1/${path}`;

test('Calico is read through its API where there is one, else from its storage, never from both', async () => {
  const paths = ['globalnetworkpolicies', 'tiers'];
  for (const path of paths) api.serve(stored(path));
  const kind = { kind: 'GlobalNetworkPolicy', apiVersion: 'crd.projectcalico.org/v1' };
  api.put(stored(paths[0] ?? ''), { ...kind, metadata: { name: 'default.deny' }, spec: { selector: 'all()' } });
  start();
  await until(() => seen.state === 'complete');
  expect(seen.keys).toEqual(['GlobalNetworkPolicy/deny']);
  // Its API server is installed: the same object by its real name.
  for (const path of paths) api.serve(calico(path));
  api.put(calico(paths[0] ?? ''), { metadata: { name: 'deny' }, spec: { selector: 'all()' } });
  api.put(CRDS, { metadata: { name: 'something.else' } });
  await clock.pass(5_000);
  expect([seen.state, seen.keys]).toEqual(['complete', ['GlobalNetworkPolicy/deny']]);
  expect(api.watches(stored(paths[0] ?? ''))).toEqual([]);
  expect(api.watches(calico(paths[0] ?? ''))).toHaveLength(1);
});

test('of two stored objects of one name the first counts, and the other when that goes', async () => {
  const path = stored('globalnetworkpolicies');
  api.serve(path);
  api.put(CRDS, { metadata: { name: 'globalnetworkpolicies.crd.projectcalico.org' } });
  const put = (name: string): void =>
    api.put(path, { kind: 'GlobalNetworkPolicy', metadata: { name, uid: name }, spec: { selector: 'all()' } });
  const which = (): string | undefined => seen.resources.get('GlobalNetworkPolicy/deny')?.uid;
  put('deny');
  start();
  await until(() => seen.state === 'complete');
  expect(which()).toBe('deny');
  put('default.deny');
  await until(() => which() === 'default.deny');
  api.delete(path, 'default.deny');
  await until(() => which() === 'deny');
  api.delete(path, 'deny');
  await until(() => seen.keys.length === 0);
});

test('an object made anew under its name is a removal and an object, in one delivery', async () => {
  api.put(PODS, pod('a'));
  start();
  await until(() => seen.state === 'complete');
  const count = seen.deliveries.length;
  api.put(PODS, { ...pod('a'), metadata: { namespace: 'shop', name: 'a', uid: 'second' } });
  await until(() => seen.deliveries.length > count);
  expect(seen.last?.changes.map(({ kind }) => kind)).toEqual(['delete', 'put']);
});

test('an endpoint that cannot be read goes, everything else stays as it was read last', async () => {
  api.serve(OURS);
  api.put(PODS, pod('a'));
  api.put(OURS, group('g'));
  start();
  await until(() => seen.state === 'complete');
  api.put(PODS, pod('a', { status: { podIPs: 'nonsense' } }));
  api.put(OURS, { ...group('g'), spec: 'nonsense' });
  await until(() => seen.codes.length > 1 && !seen.keys.includes('Pod/shop/a'));
  expect(seen.keys).toEqual(['AddressGroup/g']);
  expect([...(seen.last?.broken ?? [])].sort()).toContain('Pod/shop/a');
  expect(seen.diagnostics.every(({ at }) => at?.file === 'cluster')).toBe(true);
  api.put(PODS, pod('a'));
  api.put(OURS, group('g'));
  await until(() => seen.codes.length === 0);
  expect(seen.keys).toEqual(['AddressGroup/g', 'Pod/shop/a']);
});

test('a BorderFirewall that was never read is told of at once: what is wrong with it, who it is, and that it is gone', async () => {
  const FIREWALLS = '/apis/sallyport.dev/v1alpha1/borderfirewalls';
  const edge = (spec: object) => ({
    metadata: { name: 'edge-1' },
    spec: { driver: 'nftables', address: 'local', workloads: {}, ...spec },
  });
  api.serve(FIREWALLS);
  const { metadata, ...rest } = definition();
  api.put(CRDS, { ...rest, metadata: { ...metadata, name: 'borderfirewalls.sallyport.dev' } });
  start();
  await until(() => seen.state === 'complete');
  api.put(FIREWALLS, edge({ destinations: ['nowhere'], onDelete: 'Remove' }));
  await until(() => seen.diagnostics.length > 0);
  expect(seen.last?.unread).toMatchObject([{ name: 'edge-1', onDelete: 'Remove', settings: { address: 'local' } }]);
  expect([...(seen.last?.unread?.[0]?.unreadable ?? [])]).toEqual(['destinations']);
  // The same mistake; only who speaks of it differs.
  const count = seen.deliveries.length;
  api.put(FIREWALLS, edge({ destinations: ['nowhere'], onDelete: 'Keep' }));
  await until(() => seen.deliveries.length > count);
  expect(seen.last?.unread).toMatchObject([{ onDelete: 'Keep' }]);
  api.delete(FIREWALLS, 'edge-1');
  await until(() => seen.diagnostics.length === 0);
  expect([seen.last?.unread, [...(seen.last?.broken ?? [])]]).toEqual([[], []]);
});

test('a namespace with 5,000 pods is deleted: all of them go, in a few deliveries', async () => {
  api.put(NAMESPACES, namespace('shop'));
  for (let index = 0; index < 5_000; index++) api.put(PODS, pod(`p${index}`));
  start();
  await until(() => seen.state === 'complete');
  expect(seen.keys).toHaveLength(5_001);
  const count = seen.deliveries.length;
  for (let index = 0; index < 5_000; index++) api.delete(PODS, `shop/p${index}`);
  api.delete(NAMESPACES, 'shop');
  await until(() => seen.keys.length === 0);
  expect(seen.state).toBe('complete');
  expect(seen.deliveries.length - count).toBeLessThan(60);
});

test('a burst of events is told as one change for each object', async () => {
  for (let index = 0; index < 10; index++) api.put(PODS, pod(`p${index}`));
  start();
  await until(() => seen.state === 'complete');
  const before = seen.deliveries.length;
  for (let event = 0; event < 5_000; event++) api.put(PODS, pod(`p${event % 10}`, { spec: { nodeName: `n${event}` } }));
  await until(() => {
    const last = seen.resources.get('Pod/shop/p9');
    return last?.type === 'Pod' && last.nodeName === 'n4999';
  });
  const told = seen.deliveries.slice(before);
  expect(Math.max(...told.map(({ changes }) => changes.length))).toBe(10);
});

test('half of the pods of a restored backup settle after a minute', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) api.put(PODS, pod(name));
  start();
  await until(() => seen.state === 'complete');
  for (const name of ['a', 'b', 'c', 'd']) api.delete(PODS, `shop/${name}`, false);
  api.compact();
  for (const stream of api.watches(PODS)) stream.end(broken());
  api.put(NAMESPACES, namespace('x'));
  api.compact();
  await clock.pass(10_000);
  expect(seen.state).toBe('frozen');
  for (const name of ['x', 'y']) api.put(PODS, pod(name));
  await clock.pass(30_000);
  expect(seen.state).toBe('frozen');
  await clock.pass(40_000);
  expect([seen.state, seen.keys]).toEqual(['complete', ['Namespace/x', 'Pod/shop/e', 'Pod/shop/x', 'Pod/shop/y']]);
});

test('when it is stopped no timer is left that would keep the process', async () => {
  api.serve(OURS);
  api.put(CRDS, definition());
  api.put(OURS, group('a'));
  start();
  await until(() => seen.state === 'complete');
  api.intercept = () => broken();
  api.delete(OURS, 'a');
  for (const stream of api.watches()) stream.end(broken());
  await clock.pass(2_000);
  await source.end();
  await clock.pass(0);
  expect(clock.next()).toBeUndefined();
});

test('an hour of the same failure is one line of the log for each kind, and one that its list will be read again', async () => {
  const lines: string[] = [];
  const log = {
    ...silentLog,
    info: (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`),
  };
  api.put(PODS, pod('a'));
  source.start(log);
  await until(() => seen.state === 'complete');
  lines.length = 0;
  api.intercept = () => broken();
  for (const stream of api.watches()) stream.end(broken());
  await clock.pass(3_600_000, 30_000);
  expect(lines.filter((line) => line.includes('"pods"'))).toEqual([
    'the watch broke {"source":"prod","kind":"pods","code":"API_UNREACHABLE","error":"the connection was cut"}',
    'the list is read again {"source":"prod","kind":"pods","reason":"the server was away for so long that it may have begun another history"}',
  ]);
});

test('a long first list is told every five seconds by how much was read, and no more once it is whole', async () => {
  const lines: object[] = [];
  const log = {
    ...silentLog,
    info: (fields: object, message: string) => void (message === 'reading the first lists' && lines.push(fields)),
  };
  for (let index = 0; index < 750; index++) api.put(PODS, pod(`p${index}`));
  api.streamsLists = false;
  let answerSecondPage = (): void => {};
  const open = api.open.bind(api);
  vi.spyOn(api, 'open').mockImplementation(async (request, signal) => {
    if (request.query?.['continue'] !== undefined) await new Promise<void>((resolve) => (answerSecondPage = resolve));
    return await open(request, signal);
  });
  source.start(log);
  await clock.pass(4_000);
  expect(lines).toEqual([]);
  await clock.pass(7_000);
  const line = { source: 'prod', read: ['pods: 500'] };
  expect(lines).toEqual([line, line]);
  answerSecondPage();
  await until(() => seen.state === 'complete');
  await clock.pass(60_000);
  expect(lines).toHaveLength(2);
  expect(seen.keys).toHaveLength(750);
});
