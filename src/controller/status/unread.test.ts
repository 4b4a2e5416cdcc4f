import { afterEach, beforeEach, expect, test } from 'vitest';
import { ReportedCluster } from '../../../test/kit/reported-cluster.ts';
import { statusObject } from './picture.ts';

const ours = 'sallyport.dev/v1alpha1';
const edge = (spec: object = {}) => ({
  apiVersion: ours,
  kind: 'BorderFirewall',
  metadata: { name: 'edge-1' },
  spec: { driver: 'nftables', address: 'netns:edge-1', workloads: {}, mode: 'Enforce', ...spec },
});
const pool = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name: 'pods' },
  spec: { cidr: '10.1.0.0/16' },
};
const pod = (name: string, ip: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'shop', labels: { app: 'till' } },
  spec: { nodeName: 'a' },
  status: { phase: 'Running', podIP: ip },
});
const bank = {
  apiVersion: ours,
  kind: 'ClusterBorderPolicy',
  metadata: { name: 'bank' },
  spec: {
    selector: "app == 'till'",
    namespaceSelector: 'all()',
    egress: [{ action: 'Allow', nets: ['203.0.113.0/24'] }],
  },
};
/** A server takes each of these; so does the driver none of the first. */
const NONSENSE = {
  options: { position: 'First' },
  tls: { pin: 'abc' },
  workloads: { selector: 'app = till' },
  behind: ['edge-1'],
};
const FIREWALL = 'borderfirewalls/edge-1';

let cluster: ReportedCluster;
beforeEach(() => {
  cluster = new ReportedCluster();
  cluster.put(pool, pod('till-1', '10.1.0.1'), bank);
});
afterEach(() => cluster.stop());

interface Words {
  readonly observedGeneration?: number;
  readonly device?: string;
  readonly confirmedAt?: string;
  readonly conditions?: readonly Record<'type' | 'status' | 'reason' | 'message', string>[];
}

function status(): Words {
  return cluster.statusOf(FIREWALL);
}

function condition(type: string): string {
  const found = (status().conditions ?? []).find((one) => one.type === type);
  return found === undefined ? 'absent' : `${found.status} ${found.reason}: ${found.message}`;
}

function policyEntries(): string[] {
  const { firewalls = [] } = cluster.statusOf('clusterborderpolicies/bank') as {
    readonly firewalls?: readonly Record<'name' | 'holds' | 'reason', string>[];
  };
  return firewalls.map(({ name, holds, reason }) => `${name} ${holds} ${reason}`);
}

function events(): string[] {
  return cluster.server.events.map(({ reason, note }) => `${String(reason)}: ${String(note)}`);
}

const ALL =
  'it cannot be read, so nothing is planned for it and its device stays as it is: ' +
  'spec.behind[0]: a firewall cannot name itself here; remove it; spec.workloads.selector: ';
const DRIVERS = ['spec.options.position', 'spec.tls'];

test('one that was never read says all that is wrong with it, its driver included, and no device is asked', async () => {
  cluster.put(edge(NONSENSE));
  cluster.start('sallyport-a');
  await cluster.pass(10_000);
  expect(condition('Stalled')).toContain(`True FIELD_CONFLICT: ${ALL}`);
  for (const path of DRIVERS) expect(condition('Stalled')).toContain(path);
  expect(condition('Ready')).toContain('False FIELD_CONFLICT: Stalled: it cannot be read');
  expect(status().observedGeneration).toBe(1);
  expect(events()).toEqual([expect.stringContaining(`Unreadable: ${ALL}`)]);
  expect(cluster.deviceOf('edge-1').dump()).toBe('');
  const written = cluster.server.requests.filter(({ method, path }) => method !== 'GET' && path.includes(FIREWALL));
  expect(written.map(({ method, path, contentType }) => [method, path.split('/').at(-1), contentType])).toEqual([
    ['PATCH', 'status', 'application/apply-patch+yaml'],
  ]);
});

test('nothing is written or told again by an hour, or by a restart', async () => {
  cluster.put(edge(NONSENSE));
  const copy = cluster.start('sallyport-a');
  await cluster.pass(60_000);
  cluster.server.requests.splice(0);
  await cluster.pass(3_600_000, 10_000);
  await copy.stop();
  cluster.copies = [];
  cluster.start('sallyport-a');
  await cluster.pass(60_000);
  expect(cluster.server.requests).toEqual([]);
});

test('another mistake is told, and what is mended is served', async () => {
  cluster.put(edge(NONSENSE));
  cluster.start('sallyport-a');
  await cluster.pass(10_000);
  cluster.put(edge({ ...NONSENSE, workloads: {} }));
  await cluster.pass(10_000);
  expect(status().observedGeneration).toBe(2);
  expect(condition('Stalled')).not.toContain('spec.workloads');
  expect(events()).toHaveLength(2);
  cluster.put(edge());
  await cluster.pass(10_000);
  expect(condition('Ready')).toContain('True Confirmed');
  expect(condition('Stalled')).toBe('absent');
  expect(cluster.deviceOf('edge-1').dump()).toContain('10.1.0.1');
});

test('what it held before it broke stays, whatever comes and whoever begins anew, and its status says so', async () => {
  cluster.put(edge());
  const copy = cluster.start('sallyport-a');
  await cluster.pass(10_000);
  const held = cluster.deviceOf('edge-1').dump();
  const { confirmedAt } = status();
  cluster.put(edge(NONSENSE));
  cluster.put(pod('till-2', '10.1.0.2'));
  await cluster.pass(10_000);
  expect(cluster.deviceOf('edge-1').dump()).toBe(held);
  expect(condition('Stalled')).toContain(`True FIELD_CONFLICT: ${ALL}`);
  expect(status()).toMatchObject({ observedGeneration: 2, confirmedAt, device: 'firewall in memory' });
  await copy.stop();
  cluster.copies = [];
  cluster.start('sallyport-b');
  await cluster.pass(10_000);
  expect(cluster.deviceOf('edge-1').dump()).toBe(held);
  expect(condition('Stalled')).toContain(`True FIELD_CONFLICT: ${ALL}`);
  expect(status()).toMatchObject({ observedGeneration: 2, confirmedAt, device: 'firewall in memory' });
  // Its rules stand there, as far as anybody knows.
  expect(policyEntries()).toEqual(['edge-1 True Confirmed']);
});

test('of what one is to hold that was never read nobody can say whether it does', async () => {
  cluster.put(edge(NONSENSE));
  cluster.start('sallyport-a');
  await cluster.pass(10_000);
  expect(policyEntries()).toEqual(['edge-1 Unknown Unreadable']);
  const { conditions } = cluster.statusOf('clusterborderpolicies/bank') as Words;
  expect(conditions?.[0]).toMatchObject({ status: 'False', reason: 'Unreadable' });
});

test('one that is deleted before it could be read is written of no more', async () => {
  cluster.put(edge(NONSENSE));
  cluster.start('sallyport-a');
  await cluster.pass(10_000);
  // What is to be said of its last edit waits for its turn.
  cluster.put(edge({ ...NONSENSE, workloads: {} }));
  await cluster.pass(1_000);
  cluster.server.requests.splice(0);
  const writer = cluster.copies[0]?.writer;
  const edgeObject = statusObject({ type: 'BorderFirewall', namespace: '', name: 'edge-1' });
  expect([writer?.counts.waiting, writer?.statusOf(edgeObject)]).toMatchObject([1, { observedGeneration: 1 }]);
  cluster.delete('BorderFirewall/edge-1');
  await cluster.pass(60_000);
  expect(cluster.server.requests.filter(({ path }) => path.includes(FIREWALL))).toEqual([]);
  expect(writer?.counts).toEqual({ waiting: 0, refused: 0 });
  // Nothing of it is kept: names come and go for ever.
  expect(writer?.statusOf(edgeObject)).toBeUndefined();
});
