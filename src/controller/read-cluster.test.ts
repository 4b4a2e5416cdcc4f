import { beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { broken, MemoryApi, MemoryStream, NAMESPACES, PODS, refused } from '../../test/kit/memory-api.ts';
import { SallyportError } from '../base/error.ts';
import { silentLog } from '../base/log.ts';
import type { Delivery } from '../sources/source.ts';
import { readCluster } from './read-cluster.ts';

let api: MemoryApi;
let clock: FakeClock;
let told: string[];
beforeEach(() => {
  api = new MemoryApi();
  clock = new FakeClock();
  told = [];
  for (const name of ['shop', 'bank']) api.put(NAMESPACES, { metadata: { name } });
});

const read = (): Promise<Delivery> =>
  readCluster({ name: 'prod', api, clock, log: silentLog, progress: (text) => told.push(text) });

/** Moves time in steps, with all that follows from each. */
const pass = async (ms: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(500);
    for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => void setImmediate(resolve));
  }
};
const asked = (path: string): Promise<void> =>
  expect.poll(() => api.asked(path).length, { interval: 1 }).toBeGreaterThan(0);
const keysOf = ({ changes }: Delivery): readonly string[] =>
  changes.map((change) => (change.kind === 'put' ? change.resource.name : change.key));

test('a cluster is read once, whole, and left alone', async () => {
  const delivery = await read();
  expect(delivery.state).toEqual({ kind: 'complete' });
  expect(keysOf(delivery).toSorted()).toEqual(['bank', 'shop']);
  expect(told).toEqual([]);
  expect(api.watches()).toEqual([]);
  expect(clock.next()).toBeUndefined();
});

test('one that does not show all is told about at once and every ten seconds, and given up after a minute', async () => {
  api.intercept = (request) => (request.path === PODS ? new MemoryStream(request) : undefined);
  const reading = read();
  await asked(PODS);
  await pass(3_000);
  expect(told).toEqual(['reading the cluster: the list of pods is not whole yet']);
  await pass(10_000);
  expect(told).toEqual(Array(2).fill('reading the cluster: the list of pods is not whole yet'));
  await pass(60_000);
  expect((await reading).state.kind).toBe('loading');
  expect(clock.next()).toBeUndefined();
});

test.each([
  ['who is not let in', refused(401, 'Unauthorized'), 'API_UNAUTHORIZED'],
  ['who has nothing to show', new SallyportError('API_CREDENTIALS', 'no plugin'), 'API_CREDENTIALS'],
  [
    'who is not believed',
    new SallyportError('API_UNREACHABLE', 'expired', { cause: 'CERT_HAS_EXPIRED' }),
    'API_UNREACHABLE',
  ],
])('%s is told so at once', async (_, failure, code) => {
  api.intercept = () => failure;
  await expect(read()).rejects.toMatchObject({ code });
  expect(told).toEqual([]);
  expect(clock.next()).toBeUndefined();
});

test('a server that does not answer may come back', async () => {
  api.intercept = () => broken();
  const reading = read();
  await asked('/version');
  await pass(2_000);
  api.intercept = () => undefined;
  await pass(2_000);
  expect((await reading).state).toEqual({ kind: 'complete' });
});

test('rights that are missing are all waited for, and nothing else', async () => {
  const withheld = new Set<string>([NAMESPACES]);
  api.intercept = (request) => {
    if (request.path === PODS) return new MemoryStream(request);
    return withheld.has(request.path) ? refused(403, 'Forbidden') : undefined;
  };
  let ended = false;
  const reading = read().finally(() => (ended = true));
  await asked(NAMESPACES);
  await pass(500);
  expect(ended).toBe(false);
  await pass(1_500);
  const { state, diagnostics } = await reading;
  expect(state.kind).toBe('loading');
  expect(diagnostics.map(({ code, object }) => `${code} ${object ?? ''}`)).toEqual([
    'CLUSTER_KIND_FORBIDDEN namespaces',
  ]);
  expect(clock.next()).toBeUndefined();
});
