import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ReportedCluster } from '../../../test/kit/reported-cluster.ts';

const ours = 'sallyport.dev/v1alpha1';
const edge = (name: string, spec: object = {}) => ({
  apiVersion: ours,
  kind: 'BorderFirewall',
  metadata: { name },
  spec: { driver: 'nftables', address: `netns:${name}`, workloads: {}, mode: 'Enforce', ...spec },
});
const policy = (name: string, spec: object = {}) => ({
  apiVersion: ours,
  kind: 'ClusterBorderPolicy',
  metadata: { name },
  spec: {
    selector: "app == 'till'",
    namespaceSelector: 'all()',
    egress: [{ action: 'Allow', nets: ['203.0.113.0/24'] }],
    ...spec,
  },
});
const everything = { selector: 'all()', namespaceSelector: 'all()' };
const group = { apiVersion: ours, kind: 'AddressGroup', metadata: { name: 'tills' }, spec: everything };
const nat = {
  apiVersion: ours,
  kind: 'SourceNAT',
  metadata: { name: 'bank' },
  spec: { ...everything, destination: { nets: ['203.0.113.0/24'] }, translate: { address: '192.0.2.1' } },
};
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

let cluster: ReportedCluster;
beforeEach(() => {
  cluster = new ReportedCluster();
});
afterEach(() => cluster.stop());

/** All statuses, as `kubectl get -o yaml` shows them. */
function statuses(...paths: readonly string[]): string {
  return stringify(Object.fromEntries(paths.map((path) => [path, cluster.statusOf(path)])), { lineWidth: 120 });
}

/** Type, reason and message of the conditions of a status. */
function words(path: string): string[] {
  const { conditions = [] } = cluster.statusOf(path) as {
    readonly conditions?: readonly Record<'type' | 'status' | 'reason' | 'message', string>[];
  };
  return conditions.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`);
}

function entries(path: string): string[] {
  const { firewalls = [] } = cluster.statusOf(path) as {
    readonly firewalls?: readonly Record<'name' | 'holds' | 'reason', string>[];
  };
  return firewalls.map(({ name, holds, reason }) => `${name} ${holds} ${reason}`).toSorted();
}

function requests(): string[] {
  return cluster.server.requests.map(({ method, path }) => `${method} ${path.split('/').slice(-3).join('/')}`);
}

const FIREWALL = 'borderfirewalls/edge-1';
const POLICY = 'clusterborderpolicies/bank';

describe('what people read', () => {
  test('of a border that holds everything', async () => {
    cluster.put(pool, pod('till-1', '10.1.0.1'), edge('edge-1'), policy('bank'), group, nat);
    cluster.start('sallyport-a');
    await cluster.pass(10_000);
    const text = statuses(FIREWALL, POLICY, 'addressgroups/tills', 'sourcenats/bank');
    await expect(text).toMatchFileSnapshot('golden/confirmed.yaml');
  });

  test('of a plan that waits for a yes, and of the policy in it', async () => {
    cluster.put(pool, pod('till-1', '10.1.0.1'), edge('edge-1', { mode: 'Approve' }), policy('bank'));
    cluster.start('sallyport-a');
    await cluster.pass(10_000);
    await expect(statuses(FIREWALL, POLICY)).toMatchFileSnapshot('golden/waiting.yaml');
    expect(cluster.server.events).toEqual([]);
  });

  test('of what is only looked at', async () => {
    cluster.put(pool, pod('till-1', '10.1.0.1'), edge('edge-1', { mode: 'Observe' }), policy('bank'));
    cluster.start('sallyport-a');
    await cluster.pass(10_000);
    await expect(statuses(FIREWALL, POLICY)).toMatchFileSnapshot('golden/observed.yaml');
  });

  test('of mistakes: a firewall that is not there, a rule that the device cannot say, one that is not accepted', async () => {
    cluster.put(
      pool,
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
      pod('till-1', '10.1.0.1'),
      edge('edge-1'),
      edge('edge-2', { driver: 'other' }),
      policy('bank', { firewalls: ['edge-1', 'edge-9'] }),
      policy('names', { egress: [{ action: 'Allow', domains: ['api.example.com'] }], firewalls: ['edge-1'] }),
      {
        ...policy('own'),
        kind: 'BorderPolicy',
        metadata: { name: 'own', namespace: 'shop' },
        spec: { selector: 'all()', firewalls: ['edge-1'] },
      },
    );
    cluster.start('sallyport-a');
    await cluster.pass(10_000);
    const paths = [
      'borderfirewalls/edge-2',
      POLICY,
      'clusterborderpolicies/names',
      'namespaces/shop/borderpolicies/own',
    ];
    await expect(statuses(...paths)).toMatchFileSnapshot('golden/mistakes.yaml');
  });
});

describe('no write without a reason', () => {
  beforeEach(async () => {
    cluster.put(pool, pod('till-1', '10.1.0.1'), edge('edge-1'), policy('bank'), group, nat);
    cluster.start('sallyport-a');
    await cluster.pass(120_000);
    cluster.server.requests.splice(0);
  });

  test('an idle hour', async () => {
    await cluster.pass(3_600_000, 10_000);
    expect(requests()).toEqual([]);
  });

  test('a restart', async () => {
    await cluster.stop();
    cluster.clock.advance(60_000);
    cluster.start('sallyport-a');
    await cluster.pass(600_000, 10_000);
    expect(requests()).toEqual([]);
  });

  test('another copy that takes over says who it is, and nothing else', async () => {
    await cluster.stop();
    cluster.start('sallyport-b');
    await cluster.pass(600_000, 10_000);
    expect(requests()).toEqual(['PATCH borderfirewalls/edge-1/status']);
    expect(cluster.statusOf(FIREWALL)).toMatchObject({ writer: 'sallyport-b' });
  });

  test('pods that come and go all the time are numbers, written twice a minute at most', async () => {
    for (let turn = 0; turn < 60; turn++) {
      cluster.put(pod(`till-${turn + 2}`, `10.1.0.${turn + 2}`));
      await cluster.pass(10_000, 1_000);
    }
    // Three objects have numbers that follow: the firewall, the group and the translation, these two in two portions, and the policy.
    expect(cluster.server.requests.length).toBeLessThanOrEqual(6 * 21);
    await cluster.pass(60_000);
    expect(cluster.statusOf('addressgroups/tills')).toMatchObject({ workloads: 61, firewalls: [{ addresses: 61 }] });
    expect(cluster.statusOf(FIREWALL)).toMatchObject({ counts: { senders: 61 }, addressToConfirmed: { count: 60 } });
  });

  test('while the source is frozen that is said, and what is held stays held', async () => {
    cluster.state({ kind: 'frozen', sinceMs: 0, reason: 'the API server does not answer' });
    await cluster.pass(60_000);
    expect(words(FIREWALL)).toEqual([
      'Ready=False SourceLost: Frozen: the API server does not answer',
      'Frozen=True SourceLost: the API server does not answer',
    ]);
    expect(entries(POLICY)).toEqual(['edge-1 True Confirmed']);
    cluster.state({ kind: 'complete' });
    await cluster.pass(60_000);
    expect(words(FIREWALL)).toEqual(['Ready=True Confirmed: the firewall holds what is wanted, as read back from it']);
    expect(cluster.server.events.map(({ reason }) => reason)).toEqual(['Frozen', 'Ready']);
  });

  test('a hand edit that is repaired is an event', async () => {
    const device = cluster.deviceOf('edge-1');
    const [object = ''] = device.read().program.objects.keys();
    device.edit(object, 'something else');
    await cluster.pass(60_000);
    expect(cluster.server.events.map(({ reason }) => reason)).toContain('Repaired');
    expect(words(FIREWALL)[0]).toMatch(/^Ready=True/);
  });

  test('an edit of a policy begins anew: not held, until it is', async () => {
    cluster.put(policy('bank', { egress: [{ action: 'Allow', nets: ['198.51.100.0/24'] }] }));
    await cluster.pass(60_000);
    expect(cluster.statusOf(POLICY)).toMatchObject({
      observedGeneration: 2,
      firewalls: [{ observedGeneration: 2, holds: 'True' }],
    });
  });
});

describe('several copies', () => {
  beforeEach(() => {
    cluster.put(
      pool,
      pod('till-1', '10.1.0.1'),
      edge('edge-1'),
      edge('edge-2', { mode: 'Approve' }),
      policy('bank'),
      group,
    );
  });

  test('each says what its firewalls hold, and the one with the first says the whole', async () => {
    cluster.start('sallyport-a', ['edge-1']);
    cluster.start('sallyport-b', ['edge-2']);
    await cluster.pass(60_000);
    expect(entries(POLICY)).toEqual(['edge-1 True Confirmed', 'edge-2 Unknown PlanWaits']);
    expect(words(POLICY)[0]).toMatch(/^Ready=False PlanWaits: Waiting: edge-2: /);
    expect(cluster.statusOf(FIREWALL)).toMatchObject({ writer: 'sallyport-a' });
    expect(cluster.statusOf('borderfirewalls/edge-2')).toMatchObject({ writer: 'sallyport-b' });
    cluster.server.requests.splice(0);
    await cluster.pass(3_600_000, 10_000);
    expect(requests()).toEqual([]);
  });

  test('one that spoke for all before there were others says no more of it', async () => {
    cluster.delete('BorderFirewall/edge-1');
    cluster.put(edge('edge-2'));
    cluster.start('sallyport-a', ['edge-1']);
    cluster.start('sallyport-b', ['edge-2']);
    await cluster.pass(60_000);
    expect(words(POLICY)).toEqual(['Ready=True Confirmed: 1 of 1 firewalls hold it']);
    cluster.put(edge('edge-1'));
    await cluster.pass(60_000);
    expect(words(POLICY)).toEqual(['Ready=True Confirmed: 2 of 2 firewalls hold it']);
    cluster.server.requests.splice(0);
    await cluster.pass(600_000, 10_000);
    expect(requests()).toEqual([]);
  });

  test('one that takes the firewalls of another over writes on where that one stopped', async () => {
    cluster.start('sallyport-a', ['edge-1']);
    const second = cluster.start('sallyport-b', ['edge-2']);
    await cluster.pass(60_000);
    const before = cluster.statusOf(POLICY);
    await cluster.copies.shift()?.stop();
    second.writers.give(['edge-1', 'edge-2']);
    cluster.server.requests.splice(0);
    await cluster.pass(60_000);
    expect(cluster.statusOf(POLICY)).toEqual(before);
    expect(new Set(requests())).toEqual(new Set(['PATCH borderfirewalls/edge-1/status']));
    expect(cluster.statusOf(FIREWALL)).toMatchObject({ writer: 'sallyport-b' });
  });

  test('the entry of a firewall that is gone goes, as does that of one that a policy names no more', async () => {
    cluster.start('sallyport-a');
    await cluster.pass(60_000);
    cluster.delete('BorderFirewall/edge-2');
    cluster.put(policy('bank', { firewalls: ['edge-9'] }));
    await cluster.pass(60_000);
    expect(entries('addressgroups/tills')).toEqual(['edge-1 True Confirmed']);
    expect(entries(POLICY)).toEqual([]);
    expect(words(POLICY)[0]).toMatch(/^Ready=False BORDER_FIREWALL_UNKNOWN: /);
  });

  test('an object that is deleted and made again has a status of its own', async () => {
    cluster.start('sallyport-a');
    await cluster.pass(60_000);
    cluster.delete('AddressGroup/tills');
    cluster.put(group);
    await cluster.pass(60_000);
    expect(entries('addressgroups/tills')).toEqual(['edge-1 True Confirmed', 'edge-2 Unknown PlanWaits']);
  });
});
