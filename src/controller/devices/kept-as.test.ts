import { afterEach, beforeEach, expect, test } from 'vitest';
import { ReportedCluster } from '../../../test/kit/reported-cluster.ts';

const ours = 'sallyport.dev/v1alpha1';
const edge = (mode: string, status?: object) => ({
  apiVersion: ours,
  kind: 'BorderFirewall',
  metadata: { name: 'edge-1' },
  spec: { driver: 'nftables', address: 'netns:edge-1', workloads: {}, sees: 'Pod', mode },
  ...(status === undefined ? {} : { status }),
});
const policy = {
  apiVersion: ours,
  kind: 'ClusterBorderPolicy',
  metadata: { name: 'bank' },
  spec: {
    selector: 'all()',
    namespaceSelector: 'all()',
    egress: [{ action: 'Allow', nets: ['203.0.113.0/24'] }],
  },
};
const pod = (name: string, ip: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop' },
  spec: { nodeName: 'a' },
  status: { phase: 'Running', podIP: ip },
});

let cluster: ReportedCluster;
beforeEach(() => {
  cluster = new ReportedCluster();
});
afterEach(() => cluster.stop());

const status = () => cluster.statusOf('borderfirewalls/edge-1');
const held = () => cluster.deviceOf('edge-1').dump();

function stalled(): string | undefined {
  const { conditions = [] } = status() as {
    readonly conditions?: readonly Record<'type' | 'reason' | 'message', string>[];
  };
  const one = conditions.find(({ type }) => type === 'Stalled');
  return one && `${one.reason}: ${one.message}`;
}

test('a status says as which cluster a firewall is kept once something is to be written to it', async () => {
  cluster.put(edge('Observe'), policy, pod('till-1', '10.1.0.1'));
  cluster.start('copy', undefined, 'prod');
  await cluster.pass(10_000);
  expect(status()).not.toHaveProperty('cluster');
  cluster.put(edge('Enforce'));
  await cluster.pass(10_000);
  expect(status()).toMatchObject({ cluster: 'prod' });
  // What it holds bears that name all the same.
  cluster.put(edge('Observe'));
  await cluster.pass(10_000);
  expect(status()).toMatchObject({ cluster: 'prod' });
});

test('with another name for its cluster a controller writes nothing, until somebody says that this is meant', async () => {
  cluster.put(edge('Enforce'), policy, pod('till-1', '10.1.0.1'));
  const first = cluster.start('copy', undefined, 'prod');
  await cluster.pass(10_000);
  const before = held();
  expect(before).toContain('10.1.0.1');
  await first.stop();
  cluster.copies = [];
  cluster.start('copy', undefined, 'prod-eu');
  cluster.put(pod('till-2', '10.1.0.2'));
  await cluster.pass(10_000);
  expect(held()).toBe(before);
  expect(stalled()).toMatch(/^CLUSTER_DIFFERS: .*made as cluster "prod", and this is "prod-eu"/);
  expect(status()).toMatchObject({ cluster: 'prod' });
  cluster.server.takeOut('/apis/sallyport.dev/v1alpha1/borderfirewalls/edge-1', 'cluster');
  await cluster.pass(10_000);
  expect(held()).toContain('10.1.0.2');
  expect(stalled()).toBeUndefined();
  expect(status()).toMatchObject({ cluster: 'prod-eu' });
});

test('the name that it had before is welcome back', async () => {
  cluster.put(edge('Enforce', { cluster: 'prod' }), policy, pod('till-1', '10.1.0.1'));
  cluster.start('copy', undefined, 'prod');
  await cluster.pass(10_000);
  expect(held()).toContain('10.1.0.1');
});
