import { afterEach, beforeEach, expect, test } from 'vitest';
import { ClusterInProcess, payPod } from '../../test/kit/cluster-in-process.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { SallyportError } from '../base/error.ts';
import type { Given } from '../../test/kit/fake-apiserver/server.ts';
import { MemoryDevice } from '../firewalls/memory/device.ts';

const OURS = 'sallyport.dev/v1alpha1';
const PODS = [1, 2, 3, 4].map((index) => payPod(`p${index}`, `10.1.0.${index}`));

let clock: FakeClock;
let device: MemoryDevice;
let cluster: ClusterInProcess;
beforeEach(async () => {
  clock = new FakeClock();
  device = new MemoryDevice();
  cluster = await ClusterInProcess.start(clock, device, PODS, { historySize: 1_000 });
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed'));
});
afterEach(() => cluster.stop());

/** Our series with their values, as Prometheus would read them. */
async function series(): Promise<ReadonlyMap<string, number>> {
  const lines = (await cluster.controller.metrics.text()).split('\n').filter((line) => line.startsWith('sallyport_'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))] as const));
}
const valueOf = async (name: string): Promise<number> => (await series()).get(name) ?? Number.NaN;

test('the time from a pod’s address to its being confirmed, and how far a firewall is behind meanwhile', async () => {
  const [count, sum] = ['count', 'sum'].map((part) => `sallyport_firewall_live_seconds_${part}{firewall="edge"}`);
  const behind = 'sallyport_firewall_versions_behind{firewall="edge"}';
  const [counted, summed] = [await valueOf(count ?? ''), await valueOf(sum ?? '')];
  expect(counted).toBeGreaterThan(0);
  expect(await valueOf(behind)).toBe(0);
  expect(await valueOf('sallyport_firewall_senders{firewall="edge"}')).toBe(4);
  for (let time = 0; time < 3; time++) device.failNext(new SallyportError('DEVICE_UNREACHABLE', 'no answer'));
  const began = clock.monotonic();
  cluster.api.put(payPod('p5', '10.1.0.5'));
  while ((await valueOf(behind)) === 0) await cluster.pass(100, 100);
  expect(await valueOf(behind)).toBe(1);
  expect(cluster.held()).toHaveLength(4);
  expect(await valueOf(count ?? '')).toBe(counted);
  await cluster.until(() => cluster.conditions().includes('Ready Confirmed') && cluster.held().length === 5);
  const tookAtMost = (clock.monotonic() - began) / 1_000;
  expect(await valueOf(behind)).toBe(0);
  expect(await valueOf(count ?? '')).toBe(counted + 1);
  const took = (await valueOf(sum ?? '')) - summed;
  expect(took).toBeGreaterThan(1);
  expect(took).toBeLessThanOrEqual(tookAtMost);
  expect(await valueOf('sallyport_firewall_senders{firewall="edge"}')).toBe(5);
});

test('what is true of a firewall is the same in its status and in the metrics, whatever it comes from', async () => {
  const inMetrics = async (): Promise<readonly string[]> =>
    [...(await series())].flatMap(([name, value]) => {
      const [, type = ''] = /^sallyport_firewall_condition\{firewall="edge",condition="(\w+)"\}$/.exec(name) ?? [];
      return type !== '' && value === 1 ? [type] : [];
    });
  const inStatus = (): readonly string[] => cluster.conditions().map((text) => text.split(' ')[0] ?? '');
  const both = async (): Promise<readonly (readonly string[])[]> => [
    inStatus().toSorted(),
    (await inMetrics()).toSorted(),
  ];
  expect(await both()).toEqual([['Ready'], ['Ready']]);

  // Two workloads of which nobody can tell whose packets are whose.
  const address = '10.1.9.9';
  const status = { addresses: [{ type: 'InternalIP', address }] };
  cluster.api.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, status });
  for (const name of ['host-1', 'host-2']) {
    const { spec, ...more } = payPod(name, address);
    cluster.api.put({ ...more, spec: { ...(spec as object), hostNetwork: true } });
  }
  await cluster.until(() => inStatus().includes('Blind'));
  expect(await both()).toEqual([
    ['Blind', 'Ready'],
    ['Blind', 'Ready'],
  ]);

  // What stands in the object, with what its driver cannot do of it.
  const edge = cluster.api.get({ apiVersion: OURS, kind: 'BorderFirewall', metadata: { name: 'edge' } }) as Given;
  const metadata = { ...edge.metadata, generation: 2 };
  const tls = { insecure: { reason: 'only a lab' } };
  cluster.api.put({ ...edge, metadata, spec: { ...(edge['spec'] as object), tls } });
  await cluster.until(() => inStatus().includes('Insecure'));
  expect(await both()).toEqual([
    ['Blind', 'Insecure', 'Stalled'],
    ['Blind', 'Insecure', 'Stalled'],
  ]);
});

test('what a source hears, how late it tells it, and for how long it has been frozen', async () => {
  const [events, lag, frozen] = [
    'sallyport_source_events_total{source="cluster",kind="pods"}',
    'sallyport_source_lag_seconds_count{source="cluster"}',
    'sallyport_source_frozen_seconds{source="cluster"}',
  ];
  const following = 'sallyport_source_following{source="cluster",kind="pods"}';
  const [heard, told] = [(await series()).get(events) ?? 0, await valueOf(lag)];
  cluster.api.put(payPod('p5', '10.1.0.5'));
  await cluster.until(() => cluster.held().length === 5);
  expect(await valueOf(events)).toBe(heard + 1);
  expect(await valueOf(lag)).toBeGreaterThan(told);
  expect([await valueOf(frozen), await valueOf(following)]).toEqual([0, 1]);

  await cluster.api.refuseConnections();
  await cluster.until(() => cluster.controller.ready().reason.includes('frozen'));
  const before = await valueOf(frozen);
  await cluster.pass(60_000);
  expect((await valueOf(frozen)) - before).toBe(60);
  expect(await valueOf(following)).toBe(0);
  expect(await valueOf('sallyport_source_state{source="cluster",state="frozen"}')).toBe(1);
  await cluster.api.restart({ firstVersion: 1 });
  await cluster.until(() => !cluster.controller.ready().reason.includes('frozen'));
  expect([await valueOf(frozen), await valueOf(following)]).toEqual([0, 1]);
  expect(await valueOf('sallyport_source_relists_total{source="cluster",kind="pods"}')).toBe(1);
});

test('as many series with ten times the pods, policies and namespaces', async () => {
  const names = async (): Promise<readonly string[]> => [...(await series()).keys()].toSorted();
  // One pod more, so that what is counted by its change has been counted.
  cluster.api.put(payPod('p5', '10.1.0.5'));
  await cluster.until(() => cluster.held().length === 5);
  const before = await names();
  for (let index = 6; index <= 50; index++) {
    cluster.api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `tenant-${index}` } });
    cluster.api.put(payPod(`pod-${index}`, `10.1.0.${index}`));
    cluster.api.put({
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'AddressGroup',
      metadata: { name: `group-${index}` },
      spec: { selector: `app == 'pay' && tenant != '${index}'`, namespaceSelector: 'all()' },
    });
  }
  await cluster.until(() => cluster.held().length === 50);
  // Statuses and events follow a moment later.
  await cluster.pass(60_000);
  const added = (await names()).filter((name) => !before.includes(name));
  // Kinds that nobody had changed before.
  expect(
    added.filter((name) => !/^sallyport_source_events_total\{source="cluster",kind="[^"]+"\}$/.test(name)),
  ).toEqual([]);
});
