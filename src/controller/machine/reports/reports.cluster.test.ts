import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../../../test/kit/apiserver.ts';
import {
  CWNP_DEFINITION,
  define,
  FIREWALL_DEFINITION,
  MONITOR_DEFINITION,
} from '../../../../test/kit/metal-stack-crds.ts';
import { RunningMachine } from '../../../../test/kit/running-machine.ts';
import { systemClock } from '../../../base/clock.ts';
import { NameStateBeside, NameStateFile } from '../dns/name-state.ts';
import type { ClusterAccess } from '../sources/cluster-source.ts';

const POLICIES = '/apis/metal-stack.io/v1/namespaces/firewall/clusterwidenetworkpolicies';
const MERGE = 'application/merge-patch+json';

interface Policy {
  readonly metadata: { readonly resourceVersion: string };
  readonly status?: Readonly<Record<string, unknown>>;
}
interface Event {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string };
  readonly source: { readonly component: string };
}

const policy = (name: string, to: string, port: number, namespace = 'firewall'): object => ({
  apiVersion: 'metal-stack.io/v1',
  kind: 'ClusterwideNetworkPolicy',
  metadata: { name, namespace },
  spec: { egress: [{ to: [{ cidr: to }], ports: [{ protocol: 'TCP', port }] }] },
});

describe('what is written back to clusters', () => {
  let server: ApiServer;
  let machine: RunningMachine;

  beforeAll(async () => {
    server = await startApiServer();
    for (const name of ['seed', 'firewall', 'shop'])
      await server.admin.json('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      });
    for (const definition of [FIREWALL_DEFINITION, MONITOR_DEFINITION, CWNP_DEFINITION])
      await define(server.admin, definition);
    await server.admin.json('POST', '/apis/firewall.metal-stack.io/v2/namespaces/seed/firewalls', {
      apiVersion: 'firewall.metal-stack.io/v2',
      kind: 'Firewall',
      metadata: { name: 'fw-1' },
      distance: 0,
      spec: {
        size: 's',
        image: 'i',
        partition: 'p',
        project: 'x',
        networks: ['internet'],
        allowedNetworks: { egress: ['198.51.100.0/24'], ingress: ['203.0.113.0/24'] },
      },
    });
    machine = await RunningMachine.open();
  });
  beforeEach(async () => {
    await server.admin.json('DELETE', POLICIES);
    await machine.reset();
    machine.configure(`sources:
  seed: { kubeconfig: ${server.kubeconfig}, namespace: seed }
  shoot: { kubeconfig: ${server.kubeconfig}, namespace: firewall }
controllers: { firewall: { source: seed }, cwnp: { source: shoot }, service: { source: shoot } }`);
  });
  afterAll(async () => {
    await machine.close();
    await server.stop();
  });

  const get = (name: string): Promise<Policy> => server.admin.json<Policy>('GET', `${POLICIES}/${name}`);
  const statusOf = async (name: string): Promise<unknown> => (await get(name)).status;
  const eventually = (name: string, status: object) =>
    expect.poll(() => statusOf(name), { timeout: 20_000 }).toEqual(status);
  const events = async (namespace: string): Promise<string[]> => {
    const { items } = await server.admin.json<{ items: Event[] }>('GET', `/api/v1/namespaces/${namespace}/events`);
    return items.map(
      ({ type, reason, message, involvedObject: { kind, name }, source }) =>
        `${source.component} ${type} ${reason} ${kind}/${name}: ${message}`,
    );
  };

  test('statuses say what is in force, and nothing is written when nothing changed', async () => {
    await server.admin.json('POST', POLICIES, policy('good', '198.51.100.0/24', 443));
    await server.admin.json('POST', POLICIES, policy('bad', '198.51.100.0/24', 70_000));
    await server.admin.json('POST', POLICIES, policy('far', '192.0.2.0/24', 443));
    await machine.start();
    await eventually('good', { state: 'deployed' });
    expect(await machine.passes(443)).toBe(true);
    await eventually('far', { state: 'ignored', message: 'ingress/egress does not match allowed networks' });
    await expect.poll(async () => JSON.stringify(await statusOf('bad'))).toContain('policy is not valid');

    // Somebody else's part of a status stays, and a word that is wrong is put right.
    const set = [{ fqdn: 'example.org.', setName: 'e91c11d2b23d2393' }];
    const foreign = { status: { state: 'ignored', message: 'x', fqdn_state: { 'example.org': set } } };
    await server.admin.json('PATCH', `${POLICIES}/good/status`, foreign, MERGE);
    await eventually('good', { state: 'deployed', message: '', fqdn_state: { 'example.org': set } });

    const versions = async (): Promise<readonly string[]> =>
      Promise.all(['good', 'bad', 'far'].map(async (name) => (await get(name)).metadata.resourceVersion));
    const before = await versions();
    await machine.stop();
    await machine.start();
    await pause(12_000);
    expect(await versions()).toEqual(before);

    await server.admin.json('PATCH', `${POLICIES}/far`, { spec: { egress: [] } }, MERGE);
    await eventually('far', { state: 'deployed', message: '' });
  });

  test('what names come to stands in the status and in the machine’s own namespace, is read back after a restart, and goes with the names', async () => {
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const learnt = `example.org.:\n  ipv4:\n    ips:\n      198.51.100.9: "${until}"\n    setName: e91c11d2b23d2393\n`;
    const maps = '/api/v1/namespaces/firewall/configmaps';
    await server.admin.json('POST', maps, { metadata: { name: 'fqdnstate' }, data: { state: learnt } });
    // Another machine's, in its own namespace.
    const others = { metadata: { name: 'fqdnstate' }, data: { state: learnt.replace('198.51.100.9', '192.0.2.7') } };
    await server.admin.json('POST', '/api/v1/namespaces/shop/configmaps', others);
    const named = (name: string): object => ({
      ...policy('named', '198.51.100.0/24', 443),
      spec: { egress: [{ toFQDNs: [{ matchName: name }], ports: [{ protocol: 'TCP', port: 443 }] }] },
    });
    await server.admin.json('POST', POLICIES, named('Example.org'));
    const { log } = machine;
    const state = (access: () => ClusterAccess | undefined) =>
      new NameStateBeside({
        file: new NameStateFile(() => join(machine.folder, 'fqdnstate.yaml')),
        access,
        clock: systemClock,
        log,
      });
    await machine.start(state);
    const at = { '198.51.100.9': `${until.slice(0, 19)}Z` };
    const own = [{ fqdn: 'example.org.', setName: 'e91c11d2b23d2393', version: 'ip', ipExpirationTimes: at }];
    await eventually('named', { state: 'deployed', fqdn_state: { 'Example.org': own } });
    expect(await machine.passes(443)).toBe(true);
    const before = (await get('named')).metadata.resourceVersion;
    await machine.stop();
    // The file is newer than what the cluster has.
    await server.admin.json('DELETE', `${maps}/fqdnstate`);
    await machine.boot();
    await machine.start(state);
    await pause(12_000);
    expect([(await get('named')).metadata.resourceVersion, await machine.passes(443)]).toEqual([before, true]);
    await server.admin.json('PATCH', `${POLICIES}/named`, named('else.example'), MERGE);
    await expect
      .poll(async () => JSON.stringify(await statusOf('named')), { timeout: 20_000 })
      .toContain('"fqdn_state":{"else.example":[{"fqdn":"else.example.","ipExpirationTimes":{}');
    await server.admin.json('PATCH', `${POLICIES}/named`, policy('named', '198.51.100.0/24', 443), MERGE);
    await eventually('named', { state: 'deployed' });
  });

  test('events have the reasons of today, each once', async () => {
    await server.admin.json('POST', POLICIES, policy('out', '192.0.2.0/24', 443));
    await server.admin.json(
      'POST',
      POLICIES.replace('/firewall/', '/shop/'),
      policy('astray', '198.51.100.0/24', 443, 'shop'),
    );
    await server.admin.json('POST', '/api/v1/namespaces/shop/services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { type: 'LoadBalancer', ports: [{ port: 443 }], loadBalancerIP: '192.0.2.1' },
    });
    await machine.start();
    const forbidden = (address: string, range: string): string =>
      `address "${address}" is outside of the allowed network range "${range}", ignoring`;
    await expect
      .poll(() => events('shop'), { timeout: 20_000 })
      .toEqual(
        expect.arrayContaining([
          'FirewallController Warning Inapplicable ClusterwideNetworkPolicy/astray: policies must be in namespace firewall',
          `FirewallController Warning ForbiddenCIDR Service/web: ${forbidden('192.0.2.1/32', '203.0.113.0/24')}`,
        ]),
      );
    await expect
      .poll(() => events('firewall'))
      .toEqual(
        expect.arrayContaining([
          `FirewallController Warning ForbiddenCIDR ClusterwideNetworkPolicy/out: ${forbidden('192.0.2.0/24', '198.51.100.0/24')}`,
          'FirewallController Normal Reconciled Firewall/fw-1: nftables rules and statistics successfully',
        ]),
      );
    // A policy of another namespace may be another machine's: nothing is written to it.
    const astray = await server.admin.json<Policy>('GET', `${POLICIES.replace('/firewall/', '/shop/')}/astray`);
    expect(astray.status).toBeUndefined();
    const count = (await events('shop')).length;
    await server.admin.json('POST', POLICIES, policy('more', '198.51.100.0/24', 80));
    await eventually('more', { state: 'deployed' });
    expect((await events('shop')).length).toBe(count);
  });

  test('a policy that could not be put in force is not said to be', async () => {
    await server.admin.json('POST', POLICIES, policy('first', '198.51.100.0/24', 443));
    await machine.start();
    await eventually('first', { state: 'deployed' });
    machine.refuse('the disk is full');
    await server.admin.json('POST', POLICIES, policy('second', '198.51.100.0/24', 80));
    await eventually('second', { state: 'ignored', message: 'not in force yet: the disk is full' });
    await server.admin.json('PATCH', `${POLICIES}/first`, policy('first', '198.51.100.0/24', 8443), MERGE);
    await eventually('first', { state: 'deployed', message: 'an earlier version is in force: the disk is full' });
    machine.refuse(undefined);
    await eventually('first', { state: 'deployed', message: '' });
    await eventually('second', { state: 'deployed', message: '' });
    expect(await machine.passes(80)).toBe(true);
  });
});
