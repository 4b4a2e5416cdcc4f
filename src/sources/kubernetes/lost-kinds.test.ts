import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FakeClock } from '../../../test/kit/fake-clock.ts';
import { MemoryApi, NAMESPACES, NODES, PODS, POLICIES, broken, refused } from '../../../test/kit/memory-api.ts';
import type { DeliveredState } from '../../../test/kit/delivered-state.ts';
import { FollowedSource, namespace, pod, policy, until } from '../../../test/kit/followed-source.ts';

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

/** The watch of a kind breaks, and goes on doing so. */
const lose = (path: string): void => {
  api.intercept = (request) => (request.path === path ? broken() : undefined);
  for (const stream of api.watches(path)) stream.end(broken());
};
const lostKinds = (): readonly string[] | undefined => {
  const state = seen.last?.state;
  return state?.kind === 'frozen' && state.kinds !== undefined ? [...state.kinds] : undefined;
};

test('while a kind that feeds every firewall is lost nothing is told of others that come or change, and then everything at once', async () => {
  api.put(PODS, pod('a'));
  api.put(NAMESPACES, namespace('old'));
  start();
  await until(() => seen.state === 'complete');
  api.intercept = ({ path }) => (path === NODES ? refused(500, 'InternalError') : undefined);
  for (const stream of api.watches(NODES)) stream.end(broken());
  await clock.pass(70_000);
  expect([seen.state, lostKinds()]).toEqual(['frozen', undefined]);
  const since = seen.last?.state;
  api.delete(NAMESPACES, 'old');
  api.put(PODS, pod('b'));
  await clock.pass(10_000);
  expect(seen.keys).toEqual(['Namespace/old', 'Pod/shop/a']);
  expect(seen.last?.state).toEqual(since);
  api.intercept = () => undefined;
  await clock.pass(40_000);
  expect([seen.state, seen.keys]).toEqual(['complete', ['Pod/shop/a', 'Pod/shop/b']]);
});

test('while such a kind is lost, deletions of pods are told, and nothing else is', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) api.put(PODS, pod(name));
  api.put(POLICIES, policy('p'));
  start();
  await until(() => seen.state === 'complete');
  lose(NODES);
  await clock.pass(90_000);
  expect(seen.state).toBe('frozen');
  api.put(PODS, pod('new'));
  api.put(PODS, pod('b', { status: { phase: 'Failed' } }));
  api.put(NAMESPACES, namespace('later'));
  api.delete(PODS, 'shop/a');
  api.delete(PODS, 'shop/c');
  api.put(PODS, pod('c'));
  await until(() => seen.deleted.length === 2);
  expect([seen.state, seen.deleted, seen.keys]).toEqual([
    'frozen',
    ['Pod/shop/a', 'Pod/shop/c'],
    ['KubernetesNetworkPolicy/shop/p', 'Pod/shop/b', 'Pod/shop/d', 'Pod/shop/e'],
  ]);
  // What is only missing from a list is no proof.
  api.delete(PODS, 'shop/d', false);
  api.compact();
  for (const stream of api.watches(PODS)) stream.end(broken());
  await clock.pass(10_000);
  expect([seen.state, seen.deleted]).toEqual(['frozen', ['Pod/shop/a', 'Pod/shop/c']]);
  api.intercept = () => undefined;
  await clock.pass(40_000);
  expect(seen.state).toBe('complete');
  expect(seen.keys).toEqual([
    'KubernetesNetworkPolicy/shop/p',
    'Namespace/later',
    'Pod/shop/b',
    'Pod/shop/c',
    'Pod/shop/e',
    'Pod/shop/new',
  ]);
});

test('while a kind of policies is lost, all others are told as ever, and the state names it', async () => {
  api.put(PODS, pod('a'));
  api.put(POLICIES, policy('p'));
  api.put(POLICIES, policy('q'));
  start();
  await until(() => seen.state === 'complete');
  lose(POLICIES);
  await clock.pass(70_000);
  expect([seen.state, lostKinds()]).toEqual(['frozen', ['KubernetesNetworkPolicy']]);
  api.put(PODS, pod('b'));
  api.put(NAMESPACES, namespace('later'));
  api.delete(PODS, 'shop/a');
  api.delete(POLICIES, 'shop/p');
  await until(() => seen.keys.includes('Namespace/later'));
  expect(seen.keys).toEqual([
    'KubernetesNetworkPolicy/shop/p',
    'KubernetesNetworkPolicy/shop/q',
    'Namespace/later',
    'Pod/shop/b',
  ]);
  // One that feeds every firewall is lost as well: now nothing is told but deletions of pods.
  api.intercept = ({ path }) => (path === POLICIES || path === NODES ? broken() : undefined);
  for (const stream of api.watches(NODES)) stream.end(broken());
  await clock.pass(70_000);
  expect([seen.state, lostKinds()]).toEqual(['frozen', undefined]);
  api.put(PODS, pod('c'));
  await clock.pass(5_000);
  expect(seen.keys).not.toContain('Pod/shop/c');
  api.intercept = ({ path }) => (path === POLICIES ? broken() : undefined);
  await clock.pass(40_000);
  expect(lostKinds()).toEqual(['KubernetesNetworkPolicy']);
  expect(seen.keys).toContain('Pod/shop/c');
  api.intercept = () => undefined;
  await clock.pass(40_000);
  expect([seen.state, seen.keys.filter((key) => key.startsWith('Kubernetes'))]).toEqual([
    'complete',
    ['KubernetesNetworkPolicy/shop/q'],
  ]);
});

test('a kind of policies that shrank freezes the whole: the server may leave out more', async () => {
  for (const name of ['p', 'q', 'r', 's']) api.put(POLICIES, policy(name));
  api.put(PODS, pod('a'));
  start();
  await until(() => seen.state === 'complete');
  for (const name of ['p', 'q', 'r']) api.delete(POLICIES, `shop/${name}`, false);
  api.compact();
  for (const stream of api.watches(POLICIES)) stream.end(broken());
  await clock.pass(10_000);
  expect(seen.codes).toEqual(['CLUSTER_KIND_SHRUNK']);
  expect([seen.state, lostKinds()]).toEqual(['frozen', undefined]);
});

test('a kind of policies that was never heard keeps nobody but those whom it feeds from beginning', async () => {
  api.put(PODS, pod('a'));
  api.put(POLICIES, policy('p'));
  api.intercept = ({ path }) => (path === POLICIES ? refused(403, 'Forbidden') : undefined);
  start();
  await clock.pass(30_000);
  expect(seen.state).toBe('loading');
  await clock.pass(40_000);
  expect([seen.state, lostKinds(), seen.keys]).toEqual(['frozen', ['KubernetesNetworkPolicy'], ['Pod/shop/a']]);
  api.intercept = ({ path }) => (path === POLICIES ? broken() : undefined);
  await clock.pass(40_000);
  expect(seen.state).toBe('frozen');
  api.intercept = () => undefined;
  await clock.pass(40_000);
  expect([seen.state, seen.keys]).toEqual(['complete', ['KubernetesNetworkPolicy/shop/p', 'Pod/shop/a']]);
});

test('one that feeds every firewall and was never heard keeps all from beginning', async () => {
  api.put(PODS, pod('a'));
  api.intercept = ({ path }) => (path === NODES ? refused(403, 'Forbidden') : undefined);
  start();
  await clock.pass(90_000);
  expect(seen.state).toBe('loading');
});

test('a kind that is only shown stops nothing, at the start or later, and is told', async () => {
  const staged = '/apis/projectcalico.org/v3/stagednetworkpolicies';
  api.serve(staged);
  api.put(PODS, pod('a'));
  api.intercept = ({ path }) => (path === staged ? refused(403, 'Forbidden') : undefined);
  start();
  await clock.pass(90_000);
  expect([seen.state, seen.codes, seen.keys]).toEqual(['complete', ['CLUSTER_KIND_FORBIDDEN'], ['Pod/shop/a']]);
  api.intercept = () => undefined;
  await clock.pass(40_000);
  expect([seen.state, seen.codes]).toEqual(['complete', []]);
  api.intercept = ({ path }) => (path === staged ? broken() : undefined);
  for (const stream of api.watches(staged)) stream.end(broken());
  await clock.pass(90_000);
  expect([seen.state, seen.codes]).toEqual(['complete', ['CLUSTER_KIND_LOST']]);
});

test('kinds of which nobody says whether they are served are followed as they were, and keep a start waiting', async () => {
  const v3 = '/apis/projectcalico.org/v3';
  const [sets, tiers] = [`${v3}/globalnetworksets`, `${v3}/tiers`];
  for (const path of [sets, tiers]) api.serve(path);
  api.put(sets, { metadata: { name: 'bank' }, spec: { nets: ['203.0.113.0/24'] } });
  const isAway = ({ path }: { readonly path: string }) =>
    path === v3 ? refused(503, 'ServiceUnavailable') : undefined;
  api.intercept = isAway;
  start();
  await clock.pass(90_000);
  expect([seen.state, seen.keys]).toEqual(['loading', []]);
  api.intercept = () => undefined;
  await clock.pass(40_000);
  expect([seen.state, seen.keys]).toEqual(['complete', ['GlobalNetworkSet/bank']]);
  // Whoever serves them is away to those who ask what there is; the watches go on.
  api.intercept = isAway;
  const [watch] = api.watches(sets);
  await clock.pass(1_000_000, 20_000);
  expect([seen.state, seen.keys]).toEqual(['complete', ['GlobalNetworkSet/bank']]);
  expect(api.watches(sets)).toEqual([watch]);
});
