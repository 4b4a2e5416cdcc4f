/** The whole of `sallyport run`, in this process, on days when the cluster behaves badly. docs/design/cluster-tests.md has them all. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClusterInProcess, payPod } from '../kit/cluster-in-process.ts';
import { FakeClock } from '../kit/fake-clock.ts';
import { MemoryDevice } from '../../src/firewalls/memory/device.ts';

const EDGE = { apiVersion: 'sallyport.dev/v1alpha1', kind: 'BorderFirewall', metadata: { name: 'edge' } };
const PODS = [1, 2, 3, 4].map((index) => payPod(`p${index}`, `10.1.0.${index}`));
const ALL = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4'];
const HOUR = 3_600_000;

let clock: FakeClock;
let device: MemoryDevice;
let clusters: ClusterInProcess[];
beforeEach(() => {
  clock = new FakeClock();
  device = new MemoryDevice();
  clusters = [];
});
afterEach(async () => {
  for (const cluster of clusters) await cluster.stop();
});

async function start(pods = PODS, historySize = 1_000): Promise<ClusterInProcess> {
  const cluster = await ClusterInProcess.start(clock, device, pods, { historySize });
  clusters.push(cluster);
  return cluster;
}

async function ready(): Promise<ClusterInProcess> {
  const cluster = await start();
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed'));
  expect(cluster.held()).toEqual(ALL);
  return cluster;
}

test('the API server is gone for an hour, and back with a new history: the border keeps everything', async () => {
  const cluster = await ready();
  const before = device.dump();
  const { writes } = device;
  await cluster.api.refuseConnections();
  await cluster.pass(HOUR, 20_000);
  expect(device.dump()).toBe(before);
  await cluster.api.restart({ firstVersion: 1, keep: ({ metadata }) => metadata.name !== 'p2' });
  cluster.api.put(payPod('p5', '10.1.0.5'));
  await cluster.until(() => cluster.held().includes('10.1.0.5'));
  expect(cluster.held()).toEqual(['10.1.0.1', '10.1.0.3', '10.1.0.4', '10.1.0.5']);
  expect(device.writes - writes).toBeLessThanOrEqual(4);
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed'));
});

test('while one kind cannot be read, pods that are deleted leave the border all the same, and nothing else happens there', async () => {
  const cluster = await ready();
  for (const verb of ['list', 'watch'] as const)
    cluster.api.faults.always({ fault: 'status', status: 500 }, { verb, resource: 'addressgroups' });
  for (const stream of cluster.api.streams()) if (stream.call.path.includes('addressgroups')) stream.end();
  await cluster.until(() => cluster.controller.ready().reason.includes('frozen'));
  cluster.api.put(payPod('p5', '10.1.0.5'));
  cluster.api.put({
    ...payPod('p2', '10.1.0.2'),
    metadata: { namespace: 'shop', name: 'p2', labels: { app: 'other' } },
  });
  await cluster.pass(5_000);
  expect(cluster.held()).toEqual(ALL);
  cluster.api.delete(payPod('p1', '10.1.0.1'));
  // This one is made anew at once, with the same address: it is another one's now, and waits.
  cluster.api.delete(payPod('p4', '10.1.0.4'));
  cluster.api.put(payPod('p4', '10.1.0.4'));
  await cluster.until(() => cluster.held().length === 2);
  await cluster.pass(5_000);
  expect(cluster.held()).toEqual(['10.1.0.2', '10.1.0.3']);
  expect(cluster.conditions()).toContain('Frozen SourceLost');
  cluster.api.faults.clear();
  await cluster.until(() => cluster.held().includes('10.1.0.5'));
  expect(cluster.held()).toEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4', '10.1.0.5']);
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed'));
});

test('while a kind of policies cannot be read, a firewall that it does not feed follows; one that it feeds takes away who is gone, and no more', async () => {
  const cluster = await ready();
  for (const verb of ['list', 'watch'] as const)
    cluster.api.faults.always({ fault: 'status', status: 500 }, { verb, resource: 'networkpolicies' });
  for (const stream of cluster.api.streams()) if (stream.call.path.includes('networkpolicies')) stream.end();
  await cluster.until(() => cluster.controller.ready().reason.includes('is frozen for 0 of 1 firewalls'));
  cluster.api.put(payPod('p5', '10.1.0.5'));
  cluster.api.delete(payPod('p1', '10.1.0.1'));
  await cluster.until(() => cluster.held().join() === '10.1.0.2,10.1.0.3,10.1.0.4,10.1.0.5');
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed'));

  // It repeats the tier that these policies are in from now on: what they say of it is not known.
  const edge = cluster.api.get(EDGE);
  cluster.api.put({ ...EDGE, spec: { ...(edge?.['spec'] as object), policies: { tiers: ['default'] } } });
  await cluster.until(() => cluster.conditions().includes('Frozen SourceLost'));
  cluster.api.put(payPod('p6', '10.1.0.6'));
  cluster.api.delete(payPod('p2', '10.1.0.2'));
  // Another pod of that name and address is no heir.
  cluster.api.delete(payPod('p3', '10.1.0.3'));
  cluster.api.put(payPod('p3', '10.1.0.3'));
  await cluster.until(() => cluster.held().length === 2);
  await cluster.pass(5_000);
  expect(cluster.held()).toEqual(['10.1.0.4', '10.1.0.5']);
  cluster.api.faults.clear();
  await cluster.until(() => cluster.held().includes('10.1.0.6'));
  expect(cluster.held()).toEqual(['10.1.0.3', '10.1.0.4', '10.1.0.5', '10.1.0.6']);
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed'));
});

test('every watch ends cleanly every second: no list is read again, and requests stay few', async () => {
  const cluster = await ready();
  cluster.api.faults.always({ fault: 'endAfter', ms: 1_000 }, { verb: 'watch' });
  for (const stream of cluster.api.streams()) stream.end();
  await cluster.pass(5_000, 500);
  const kinds = new Set(cluster.api.streams().map(({ call }) => call.path)).size;
  cluster.api.forgetRequests();
  await cluster.pass(60_000, 500);
  const { requests } = cluster.api;
  const watched = requests.filter(({ verb }) => verb === 'watch').length;
  expect(requests.filter(({ verb, path }) => verb === 'list' && !path.includes('/leases'))).toEqual([]);
  expect(requests.filter(({ query }) => query.get('sendInitialEvents') === 'true')).toEqual([]);
  expect(watched).toBeGreaterThan(10 * kinds);
  expect(watched).toBeLessThanOrEqual(61 * kinds);
  cluster.api.put(payPod('p5', '10.1.0.5'));
  await cluster.until(() => cluster.held().length === 5);
  expect(cluster.conditions()).toContain('Ready Confirmed');
});

test.each(['emptyState', 'halfState'] as const)(
  'an API server that was restored answers %s: the border keeps everything until the objects are back',
  async (fault) => {
    const cluster = await ready();
    const before = device.dump();
    for (const verb of ['list', 'watch'] as const)
      for (const resource of ['pods', 'addressgroups', 'clusterborderpolicies', 'borderfirewalls'])
        cluster.api.faults.always({ fault }, { verb, resource });
    await cluster.api.restart({ firstVersion: 1 });
    await cluster.pass(70_000);
    expect(device.dump()).toBe(before);
    expect(cluster.controller.ready().reason).toContain('frozen');
    cluster.api.faults.clear();
    await cluster.api.restart();
    cluster.api.put(payPod('p5', '10.1.0.5'));
    await cluster.until(() => cluster.held().length === 5);
    expect(cluster.held()).toEqual([...ALL, '10.1.0.5']);
  },
);

test('a webhook refuses our statuses: the border follows, we ask seldom, and statuses come once it is gone', async () => {
  const cluster = await start();
  const remove = cluster.api.admit('picky', ({ part }) => (part === 'status' ? { message: 'not today' } : undefined));
  await cluster.until(() => cluster.held().length === 4);
  await cluster.pass(60_000);
  cluster.api.forgetRequests();
  await cluster.pass(HOUR / 2, 2_000);
  expect(cluster.conditions()).toEqual([]);
  const asked = cluster.api.requests.filter(({ path }) => path.endsWith('/status'));
  // Three objects, each at most every ten minutes once it was refused some times.
  expect(asked.length).toBeLessThanOrEqual(30);
  cluster.api.put(payPod('p5', '10.1.0.5'));
  await cluster.until(() => cluster.held().length === 5);
  remove();
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed'));
});

test('two installations with one cluster name and one firewall: it is shown at both, and writes are few', async () => {
  const one = await ready();
  const two = await start([payPod('other', '10.1.0.9')]);
  const { writes } = device;
  const told = new Set<string>();
  for (let minute = 0; minute < 10; minute++) {
    await one.pass(60_000, 2_000);
    for (const cluster of [one, two]) for (const condition of cluster.conditions()) told.add(condition);
  }
  // Without anybody counting they would undo each other thousands of times.
  expect(device.writes - writes).toBeLessThanOrEqual(60);
  expect([...told]).toContain('Stalled RIVAL_WRITER');
});

test('a namespace with 5,000 pods is deleted: all leave the border in a few writes', async () => {
  const pods = Array.from({ length: 5_000 }, (_, index) =>
    payPod(`n${index}`, `10.1.${1 + (index >> 8)}.${index & 255}`),
  );
  // Deletions that nobody was told of would be doubted.
  const cluster = await start(pods, 20_000);
  await cluster.until(() => cluster.held().length === 5_000, 20);
  const { writes } = device;
  for (const pod of pods) cluster.api.delete(pod);
  cluster.api.delete({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  await cluster.until(() => cluster.held().length === 0, 20);
  expect(device.writes - writes).toBeLessThan(60);
});

test('a million events in a burst: each is taken, the border is right after it, and memory stays bounded', async () => {
  const cluster = await start([], 50_000);
  cluster.api.load.fill({ pods: 1_000 });
  await cluster.api.restart();
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed'), 100);
  const { writes } = device;
  const before = { ...cluster.told };
  let most = 0;
  for (let round = 0; round < 100; round++) {
    cluster.api.load.modify(10_000);
    await cluster.until(() => cluster.told.events - before.events >= (round + 1) * 10_000, 1);
    most = Math.max(most, process.memoryUsage().rss);
  }
  cluster.api.put(payPod('last', '10.1.0.1'));
  await cluster.until(() => cluster.held().includes('10.1.0.1'), 10);
  expect(cluster.told.lists).toBe(before.lists);
  // With the server, which is in this process too, and its history.
  expect(most).toBeLessThan(1_500_000_000);
  // What changed means nothing to the border.
  expect(device.writes - writes).toBeLessThanOrEqual(4);
});
