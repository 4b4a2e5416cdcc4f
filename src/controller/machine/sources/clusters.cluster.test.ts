import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../../../test/kit/apiserver.ts';
import {
  CWNP_DEFINITION,
  define,
  FIREWALL_DEFINITION,
  MONITOR_DEFINITION,
} from '../../../../test/kit/metal-stack-crds.ts';
import { RunningMachine } from '../../../../test/kit/running-machine.ts';

const CWNP = '/apis/metal-stack.io/v1/namespaces/firewall/clusterwidenetworkpolicies';
const SEED = 'shoot--abc--cluster';
const FIREWALLS = `/apis/firewall.metal-stack.io/v2/namespaces/${SEED}/firewalls`;

const policy = (name: string, port: number): object => ({
  apiVersion: 'metal-stack.io/v1',
  kind: 'ClusterwideNetworkPolicy',
  metadata: { name },
  spec: { egress: [{ to: [{ cidr: '0.0.0.0/0' }], ports: [{ protocol: 'TCP', port }] }] },
});
const firewall = (spec: object = {}): object => ({
  apiVersion: 'firewall.metal-stack.io/v2',
  kind: 'Firewall',
  metadata: { name: 'fw-1', namespace: SEED },
  distance: 0,
  spec: { size: 's', image: 'i', partition: 'p', project: 'x', networks: ['internet'], userdata: 'secret', ...spec },
});

describe('a firewall machine and its clusters', () => {
  let server: ApiServer;
  let machine: RunningMachine;

  beforeAll(async () => {
    server = await startApiServer();
    for (const name of [SEED, 'firewall', 'shop'])
      await server.admin.json('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name },
      });
    for (const definition of [FIREWALL_DEFINITION, MONITOR_DEFINITION, CWNP_DEFINITION])
      await define(server.admin, definition);
    machine = await RunningMachine.open();
  });
  afterEach(async () => {
    await machine.reset();
    await server.admin.json('DELETE', CWNP);
    await server.admin.json('DELETE', FIREWALLS);
    await server.admin.json('DELETE', '/api/v1/namespaces/shop/services');
  });
  afterAll(async () => {
    await machine.close();
    await server.stop();
  });

  const both = (kubeconfig = server.kubeconfig): string => `sources:
  seed: { kubeconfig: ${kubeconfig}, namespace: ${SEED} }
  shoot: { kubeconfig: ${kubeconfig}, namespace: firewall }
controllers:
  firewall: { source: seed }
  cwnp: { source: shoot }
  service: { source: shoot }`;
  const eventually = (port: number, expected: boolean) =>
    expect.poll(() => machine.passes(port), { timeout: 20_000 }).toBe(expected);

  test('rules follow a Firewall, policies and Services, into the file and the kernel', async () => {
    await server.admin.json('POST', FIREWALLS, firewall({ internalPrefixes: ['10.0.0.0/16'] }));
    await server.admin.json('POST', CWNP, policy('web', 443));
    machine.configure(both());
    const controller = await machine.start();
    await expect.poll(() => controller.ready().ready, { timeout: 20_000 }).toBe(true);
    await eventually(443, true);
    expect(await machine.passes(80)).toBe(false);
    expect(machine.rules()).toContain('elements = { 10.0.0.0/16 }');

    await server.admin.json('POST', CWNP, policy('plain', 80));
    await eventually(80, true);
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: {
        type: 'LoadBalancer',
        ports: [{ port: 8443, protocol: 'TCP' }],
        loadBalancerSourceRanges: ['192.0.2.0/24'],
      },
    };
    await server.admin.json('POST', '/api/v1/namespaces/shop/services', service);
    const status = { status: { loadBalancer: { ingress: [{ ip: '203.0.113.80' }] } } };
    const merge = 'application/merge-patch+json';
    await server.admin.json('PATCH', '/api/v1/namespaces/shop/services/web/status', status, merge);
    await expect
      .poll(() => machine.rules())
      .toContain('ip saddr { 192.0.2.0/24 } ip daddr { 203.0.113.80 } tcp dport { 8443 }');

    await server.admin.json('DELETE', `${CWNP}/web`);
    await eventually(443, false);
    expect(await machine.passes(80)).toBe(true);
    expect(readFileSync(join(machine.folder, 'memory/sources.json'), 'utf8')).not.toContain('secret');
  });

  test('a server that is away leaves everything as it was, over a restart and a boot; then what was done meanwhile counts', async () => {
    await server.admin.json('POST', FIREWALLS, firewall());
    await server.admin.json('POST', CWNP, policy('web', 443));
    machine.configure(both());
    const running = await machine.start();
    await eventually(443, true);
    const good = machine.rules();
    await expect.poll(() => running.times.lastRunAgainstSeed).toBe(running.times.lastRun);
    await server.down();
    try {
      await machine.stop();
      await machine.boot();
      const controller = await machine.start();
      await expect.poll(() => controller.ready().ready).toBe(true);
      expect([machine.rules(), await machine.passes(443), await machine.passes(80)]).toEqual([good, true, false]);
      await expect.poll(() => controller.times.lastRun).toBeDefined();
      expect(controller.times.lastRunAgainstSeed).toBeUndefined();
    } finally {
      await server.up();
    }
    await server.admin.json('DELETE', `${CWNP}/web`);
    await server.admin.json('POST', CWNP, policy('plain', 80));
    await eventually(80, true);
    await eventually(443, false);
  });

  test('one source that is away holds up none of the others', async () => {
    await server.admin.json('POST', FIREWALLS, firewall());
    await server.admin.json('POST', CWNP, policy('web', 443));
    const seed = join(machine.folder, 'seed.yaml');
    writeFileSync(seed, readFileSync(server.kubeconfig, 'utf8'));
    const text = both().replace(`seed: { kubeconfig: ${server.kubeconfig}`, `seed: { kubeconfig: ${seed}`);
    machine.configure(text);
    await machine.start();
    await eventually(443, true);
    await machine.stop();
    // The seed is gone for good; the other cluster goes on.
    renameSync(seed, `${seed}.away`);
    await machine.start();
    await server.admin.json('POST', CWNP, policy('plain', 80));
    await eventually(80, true);
    await server.admin.json('DELETE', `${CWNP}/web`);
    await eventually(443, false);
    expect(machine.logged.some((line) => line.includes('the cluster cannot be asked'))).toBe(true);
  });

  test('a kubeconfig that comes later, and is not one at first', async () => {
    await server.admin.json('POST', FIREWALLS, firewall());
    await server.admin.json('POST', CWNP, policy('web', 443));
    const late = join(machine.folder, 'late.yaml');
    machine.configure(both(late));
    const controller = await machine.start();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect([controller.ready().ready, await machine.passes(443)]).toEqual([false, false]);
    writeFileSync(late, 'clusters: [');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(controller.ready().ready).toBe(false);
    writeFileSync(late, readFileSync(server.kubeconfig, 'utf8'));
    await eventually(443, true);
  });

  test('the access to the workload cluster is as the Firewall says, its token rotates, and it outlives the seed', async () => {
    const seed = `/api/v1/namespaces/${SEED}`;
    const secret = (name: string, data: Record<string, string>): object => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name },
      stringData: data,
    });
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'manager' } };
    await server.admin.json('POST', '/api/v1/namespaces/firewall/serviceaccounts', account);
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'manager' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'manager', namespace: 'firewall' }],
    };
    await server.admin.json('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', binding);
    const generic = {
      clusters: [
        {
          name: 'shoot',
          cluster: {
            server: 'https://else.invalid',
            'certificate-authority-data': Buffer.from(server.ca).toString('base64'),
          },
        },
      ],
      users: [{ name: 'shoot', user: { tokenFile: '/var/elsewhere' } }],
      contexts: [{ name: 'shoot', context: { cluster: 'shoot', user: 'shoot' } }],
    };
    await server.admin.json('POST', `${seed}/secrets`, secret('generic', { kubeconfig: JSON.stringify(generic) }));
    await server.admin.json(
      'POST',
      `${seed}/secrets`,
      secret('token', { token: await server.tokenFor('firewall', 'manager') }),
    );
    await server.admin.json('POST', FIREWALLS, firewall());
    const access = {
      genericKubeconfigSecretName: 'generic',
      tokenSecretName: 'token',
      namespace: SEED,
      apiServerURL: server.url,
    };
    const merge = 'application/merge-patch+json';
    await server.admin.json('PATCH', `${FIREWALLS}/fw-1/status`, { status: { shootAccess: access } }, merge);
    await server.admin.json('POST', CWNP, policy('web', 443));
    const seedFile = join(machine.folder, 'seed.yaml');
    writeFileSync(seedFile, readFileSync(server.kubeconfig, 'utf8'));
    machine.configure(both(seedFile).replace(/shoot: \{ kubeconfig: [^,]+,/, 'shoot: { shootAccess: seed,'));
    await machine.start();
    await eventually(443, true);
    const token = join(machine.folder, 'access/firewall-controller-manager-token');
    const first = readFileSync(token, 'utf8');
    expect(statSync(token).mode & 0o777).toBe(0o600);
    await server.admin.json('DELETE', `${seed}/secrets/token`);
    await server.admin.json(
      'POST',
      `${seed}/secrets`,
      secret('token', { token: await server.tokenFor('firewall', 'manager', 7200) }),
    );
    await machine.stop();
    await machine.start();
    await expect.poll(() => readFileSync(token, 'utf8')).not.toBe(first);
    await machine.stop();
    renameSync(seedFile, `${seedFile}.away`);
    await machine.start();
    await server.admin.json('POST', CWNP, policy('plain', 80));
    await eventually(80, true);
    expect(machine.logged.join('\n')).not.toContain(first);
  });

  test('a Firewall that is deleted, and one that was never there, open and empty nothing', async () => {
    machine.configure(both());
    const controller = await machine.start();
    await server.admin.json('POST', CWNP, policy('web', 443));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect([controller.ready().ready, await machine.passes(443), await machine.passes(80)]).toEqual([
      false,
      false,
      false,
    ]);
    await server.admin.json('POST', FIREWALLS, firewall());
    await eventually(443, true);
    await server.admin.json('DELETE', `${FIREWALLS}/fw-1`);
    await expect.poll(() => machine.logged.at(-1)).toContain('there is no Firewall of this name');
    expect([await machine.passes(443), await machine.passes(80)]).toEqual([true, false]);
  });
});
