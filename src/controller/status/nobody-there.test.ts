import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Copy, ReportedCluster } from '../../../test/kit/reported-cluster.ts';
import { NOBODY_THERE } from '../unread.ts';

const ours = 'sallyport.dev/v1alpha1';
const edge = (name: string, spec: object = {}) => ({
  apiVersion: ours,
  kind: 'BorderFirewall',
  metadata: { name },
  spec: { driver: 'nftables', address: 'local', workloads: {}, mode: 'Enforce', ...spec },
});
const policy = (spec: object = {}) => ({
  apiVersion: ours,
  kind: 'ClusterBorderPolicy',
  metadata: { name: 'bank' },
  spec: {
    selector: "app == 'till'",
    namespaceSelector: 'all()',
    egress: [{ action: 'Allow', nets: ['203.0.113.0/24'] }],
    ...spec,
  },
});
const pool = {
  apiVersion: 'projectcalico.org/v3',
  kind: 'IPPool',
  metadata: { name: 'pods' },
  spec: { cidr: '10.1.0.0/16' },
};
const FIREWALL = 'borderfirewalls/edge-1';
const POLICY = 'clusterborderpolicies/bank';

let cluster: ReportedCluster;
beforeEach(() => {
  cluster = new ReportedCluster();
  cluster.put(pool, edge('edge-1'), policy());
});
afterEach(() => cluster.stop());

function words(path: string): string[] {
  const { conditions = [] } = cluster.statusOf(path) as {
    readonly conditions?: readonly Record<'type' | 'status' | 'reason' | 'message', string>[];
  };
  return conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

function requests(): string[] {
  return cluster.server.requests.map(({ method, path }) => `${method} ${path.split('/').slice(-3).join('/')}`);
}

/** What metrics say of firewalls. */
const held = ({ controller }: Copy) => controller.metrics.condition.held?.() ?? new Map<string, ReadonlySet<string>>();

describe('a firewall that no copy can work at where it runs', () => {
  test('says so, also where it was kept before, and keeps what was told of its device', async () => {
    cluster.start('machine', ['edge-1']);
    await cluster.pass(30_000);
    expect(words(FIREWALL)).toEqual(['Ready=True Confirmed']);
    const before = cluster.statusOf(FIREWALL);
    await cluster.stop();
    const pod = cluster.start('pod', []);
    await cluster.pass(30_000);
    expect(words(FIREWALL)).toEqual(['Ready=True Confirmed']);
    pod.writers.leaveAlone(['edge-1']);
    await cluster.pass(30_000);
    expect(words(FIREWALL)).toEqual(['Ready=False NOBODY_THERE', 'Stalled=True NOBODY_THERE']);
    const { writer, conditions: _, ...after } = cluster.statusOf(FIREWALL);
    const { writer: wrote, conditions: __, ...told } = before;
    expect([writer, wrote, after]).toEqual([undefined, 'machine', told]);
    expect(cluster.server.events.map(({ reason, note }) => [reason, note])).toEqual([
      ['Stalled', `NOBODY_THERE: ${NOBODY_THERE.message}`],
    ]);
    // Its device holds what it held; of what is edited meanwhile nobody knows.
    expect(cluster.statusOf(POLICY)).toMatchObject({ firewalls: [{ name: 'edge-1', holds: 'True' }] });
    cluster.put(policy({ egress: [{ action: 'Allow', nets: ['198.51.100.0/24'] }] }));
    await cluster.pass(30_000);
    expect(cluster.statusOf(POLICY)).toMatchObject({
      firewalls: [{ name: 'edge-1', holds: 'Unknown', reason: 'NOBODY_THERE' }],
    });
    expect(words(POLICY)).toEqual(['Ready=False NOBODY_THERE', 'Stalled=True NOBODY_THERE']);
  });

  test('says so once: not each hour, not by another copy, not after a restart', async () => {
    const first = cluster.start('pod-1', []);
    const second = cluster.start('pod-2', []);
    first.writers.leaveAlone(['edge-1']);
    await cluster.pass(60_000);
    expect(words(FIREWALL)).toEqual(['Ready=False NOBODY_THERE', 'Stalled=True NOBODY_THERE']);
    cluster.server.requests.splice(0);
    cluster.server.events.splice(0);
    await cluster.pass(3_600_000, 10_000);
    second.writers.leaveAlone(['edge-1']);
    await cluster.pass(60_000);
    first.writers.leaveAlone([]);
    await cluster.pass(60_000);
    await cluster.stop();
    cluster.start('pod-3', []).writers.leaveAlone(['edge-1']);
    await cluster.pass(60_000);
    expect([requests(), cluster.server.events]).toEqual([[], []]);
  });

  test('is told by whoever works at it as soon as somebody does', async () => {
    const pod = cluster.start('pod', []);
    const machine = cluster.start('machine', []);
    pod.writers.leaveAlone(['edge-1']);
    await cluster.pass(60_000);
    expect(held(pod).get('edge-1')).toEqual(new Set(['Stalled']));
    pod.writers.leaveAlone([]);
    machine.writers.give(['edge-1']);
    await cluster.pass(60_000);
    expect([words(FIREWALL), words(POLICY)]).toEqual([['Ready=True Confirmed'], ['Ready=True Confirmed']]);
    expect(cluster.statusOf(FIREWALL)).toMatchObject({ writer: 'machine' });
    expect([...held(pod)]).toEqual([]);
    cluster.server.requests.splice(0);
    await cluster.pass(600_000, 10_000);
    expect(requests()).toEqual([]);
  });

  test('is not fought over with somebody whose Lease is not seen here: that one knows better', async () => {
    const pod = cluster.start('pod', []);
    pod.writers.leaveAlone(['edge-1']);
    await cluster.pass(60_000);
    expect(words(FIREWALL)[0]).toBe('Ready=False NOBODY_THERE');
    const machine = cluster.start('machine', ['edge-1']);
    /** What stands there each second of a minute, without what stood there the second before. */
    const minute = async (path: string): Promise<readonly (string | undefined)[]> => {
      const seen: (string | undefined)[] = [];
      for (let second = 0; second < 60; second++) {
        await cluster.pass(1_000);
        const [now] = words(path);
        if (now !== seen.at(-1)) seen.push(now);
      }
      return seen;
    };
    // It is said once, and never taken back.
    const said = await minute(FIREWALL);
    expect(said.slice(said.indexOf('Ready=True Confirmed'))).toEqual(['Ready=True Confirmed']);
    expect(words(POLICY)).toEqual(['Ready=True Confirmed']);
    cluster.put(policy({ egress: [{ action: 'Allow', nets: ['198.51.100.0/24'] }] }));
    cluster.server.requests.splice(0);
    await cluster.pass(60_000);
    // Its entry, and what stands around it: by one of the two.
    expect(requests().filter((one) => one.includes(POLICY))).toEqual([
      `PATCH ${POLICY}/status`,
      `PATCH ${POLICY}/status`,
    ]);
    expect(cluster.statusOf(POLICY)).toMatchObject({ firewalls: [{ observedGeneration: 2, holds: 'True' }] });
    cluster.server.requests.splice(0);
    await cluster.pass(600_000, 10_000);
    expect([requests(), words(FIREWALL)]).toEqual([[], ['Ready=True Confirmed']]);
    expect(cluster.server.events.filter(({ reason }) => reason === 'OtherInstallation')).toHaveLength(1);
    // Where their Leases are side by side it was a moment in which both wrote.
    pod.writers.leaveAlone([]);
    await cluster.pass(10_000);
    machine.writers.give([]);
    pod.writers.leaveAlone(['edge-1']);
    await cluster.pass(60_000);
    expect(words(FIREWALL)[0]).toBe('Ready=False NOBODY_THERE');
  });

  test('names its own mistakes first', async () => {
    cluster.put(edge('edge-1', { credentialsRef: { secret: 'x' } }));
    cluster.start('pod', []).writers.leaveAlone(['edge-1']);
    await cluster.pass(60_000);
    expect(words(FIREWALL)).toEqual(['Ready=False DEVICE_SETTING', 'Stalled=True DEVICE_SETTING']);
  });
});
