import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { renderChart } from '../../scripts/helm.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { Controller } from '../../src/controller/controller.ts';
import { openGate } from '../../src/controller/gate-duty.ts';
import { MemoryDevice } from '../../src/firewalls/memory/device.ts';
import { MemoryDriver } from '../../src/firewalls/memory/memory-driver.ts';
import { soleWriter } from '../../src/firewalls/writer-lock.ts';
import { connectKubeconfig } from '../../src/kubernetes/kubeconfig.ts';
import { KubernetesSource } from '../../src/sources/kubernetes/kubernetes-source.ts';
import type { Delivery } from '../../src/sources/source.ts';
import { type ApiServer, startApiServer } from '../kit/apiserver.ts';
import { type ApiObject, RawApi } from '../kit/raw-api.ts';
import { apply, define } from './definitions.ts';

const root = join(import.meta.dirname, '../..');
let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
  await define(server.admin);
  await server.admin.json('POST', '/api/v1/namespaces', { metadata: { name: 'sallyport' } });
});
afterAll(async () => {
  await server.stop();
});

function objects(text: string): readonly ApiObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as ApiObject | null)
    .filter((one) => one !== null);
}

/** Where an object lives, as the server says. */
async function pathOf({ apiVersion, kind, metadata }: ApiObject): Promise<string> {
  const base = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const { resources } = await server.admin.json<{ resources: { kind: string; name: string; namespaced: boolean }[] }>(
    'GET',
    base,
  );
  const found = resources.find((one) => one.kind === kind && !one.name.includes('/'));
  if (found === undefined) throw new Error(`${kind} is not served`);
  const within = found.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
  return `${base}${within}/${found.name}/${metadata.name}`;
}

/** Those that the Prometheus operator defines; no API server has them by itself. */
const isOperators = ({ apiVersion }: ApiObject): boolean => apiVersion.startsWith('monitoring.coreos.com/');

async function applyAll(text: string, query = ''): Promise<number> {
  const all = objects(text).filter((one) => !isOperators(one));
  for (const one of all) await apply(server.admin, await pathOf(one), one, query);
  return all.length;
}

describe('a real API server takes, strictly,', () => {
  test('the chart as it is', async () => {
    expect(await applyAll(renderChart(root), '&dryRun=All')).toBeGreaterThan(10);
  });

  test('the chart with everything on', async () => {
    const values = parse(readFileSync(join(import.meta.dirname, 'everything.yaml'), 'utf8')) as Record<string, unknown>;
    expect(await applyAll(renderChart(root, values), '&dryRun=All')).toBeGreaterThan(15);
  });

  test('plain manifests', async () => {
    expect(await applyAll(readFileSync(join(root, 'deploy/manifests/sallyport.yaml'), 'utf8'))).toBeGreaterThan(10);
  });
});

test('its pod keeps to the restricted level of pod security; with the firewall of the node itself it cannot', async () => {
  const namespace = 'strict';
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await server.admin.json('POST', '/api/v1/namespaces', { metadata: { name: namespace, labels } });
  await server.admin.json('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
    metadata: { name: 'sallyport' },
  });
  const everything = { queries: { enabled: true, tlsSecret: 'tls' }, readiness: { enabled: true }, sshSecret: 'ssh' };
  const answer = async (values: Readonly<Record<string, unknown>>): Promise<string> => {
    const found = objects(renderChart(root, values)).find(({ kind }) => kind === 'Deployment') as unknown as {
      spec: { template: { metadata: object; spec: object } };
    };
    const { metadata, spec } = found.spec.template;
    const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    const { status, bytes } = await server.admin.send({
      method: 'POST',
      path,
      body: { metadata: { ...metadata, name: 'sallyport' }, spec },
    });
    return `${status} ${status === 201 ? '' : bytes.toString()}`;
  };
  expect(await answer({})).toBe('201 ');
  expect(await answer(everything)).toBe('201 ');
  expect(
    await answer({
      localNftables: { enabled: true },
      replicas: 1,
      nodeSelector: { 'kubernetes.io/hostname': 'border-1' },
    }),
  ).toMatch(/^403 .*violates PodSecurity.*restricted/);
});

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

describe('the identity for readiness', () => {
  const GATE = 'sallyport.dev/border';
  const pod = '/api/v1/namespaces/shop/pods/web';
  let readiness: RawApi;

  beforeAll(async () => {
    await applyAll(renderChart(root, { readiness: { enabled: true } }));
    await server.admin.json('POST', '/api/v1/namespaces', { metadata: { name: 'shop' } });
    await server.admin.json('POST', '/api/v1/namespaces/shop/serviceaccounts', { metadata: { name: 'default' } });
    await server.admin.json('POST', '/api/v1/namespaces/shop/pods', {
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web' }], readinessGates: [{ conditionType: GATE }] },
    });
    readiness = new RawApi(server.target({ token: await server.tokenFor('sallyport', 'sallyport-readiness') }));
    // A new policy is in force a moment after it was made.
    for (;;) {
      const { status } = await patch({ metadata: { labels: { probe: String(performance.now()) } } });
      if (status === 403 || status === 422) break;
    }
  });
  afterAll(() => readiness.close());

  function patch(body: object, path = `${pod}/status`) {
    const headers = { 'content-type': 'application/strategic-merge-patch+json' };
    return readiness.send({ method: 'PATCH', path, body, headers });
  }
  const condition = (type: string, status = 'True') => ({ status: { conditions: [{ type, status }] } });

  test('sets its condition, true and false', async () => {
    for (const status of ['True', 'False', 'True']) {
      const { status: code, bytes } = await patch(condition(GATE, status));
      expect(code, bytes.toString()).toBe(200);
    }
  });

  test('a rollout waits for a slow firewall: the pod is not ready before it has confirmed, and again with another address', async () => {
    const { admin } = server;
    await admin.json('POST', '/apis/sallyport.dev/v1alpha1/borderfirewalls', {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'BorderFirewall',
      metadata: { name: 'edge-1' },
      spec: { driver: 'nftables', address: 'local', workloads: {}, sees: 'Pod', mode: 'Enforce' },
    });
    const till = '/api/v1/namespaces/shop/pods/till';
    await admin.json('POST', '/api/v1/namespaces/shop/pods', {
      metadata: { name: 'till', labels: { app: 'till' } },
      spec: { nodeName: 'a', containers: [{ name: 'web', image: 'web' }], readinessGates: [{ conditionType: GATE }] },
    });
    const kubelet = (podIP: string) => {
      const conditions = [{ type: 'ContainersReady', status: 'True' }];
      const status = { phase: 'Running', podIP, podIPs: [{ $patch: 'replace' }, { ip: podIP }], conditions };
      return admin.json('PATCH', `${till}/status`, { status }, 'application/strategic-merge-patch+json');
    };
    const conditions = async () => {
      const { status } = await admin.json<{ status: { conditions: readonly Condition[] } }>('GET', till);
      return new Map(status.conditions.map((one) => [one.type, one]));
    };
    /** As the kubelet works it out: containers, and every gate. */
    const isReady = async (): Promise<boolean> => {
      const found = await conditions();
      return ['ContainersReady', GATE].every((type) => found.get(type)?.status === 'True');
    };
    const told = async (): Promise<string> => {
      const found = (await conditions()).get(GATE);
      return `${found?.status} ${found?.reason} ${found?.message}`;
    };

    // As a pod has it: the folder of the service account, and where the API server is.
    const account = mkdtempSync(join(tmpdir(), 'sallyport-account-'));
    writeFileSync(join(account, 'token'), await server.tokenFor('sallyport', 'sallyport-readiness'));
    writeFileSync(join(account, 'ca.crt'), server.ca);
    writeFileSync(join(account, 'namespace'), 'sallyport');
    const { hostname, port } = new URL(server.url);
    const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
    const { client: api } = await connectKubeconfig({ path: server.kubeconfig, environment: {}, log: silentLog });
    let slow = true;
    let taken: (changes: Delivery['changes']) => void = () => undefined;
    const controller = new Controller({
      cluster: 'test',
      source: new KubernetesSource({ name: 'real', api, clock: systemClock }),
      open: () => {
        const driver = new MemoryDriver(new MemoryDevice());
        const step = driver.apply.bind(driver);
        driver.apply = async (one, signal) => {
          while (slow && !signal.aborted) await setTimeout(5);
          await step(one, signal);
        };
        return { driver, lock: soleWriter, close: () => Promise.resolve() };
      },
      taken: (changes) => taken(changes),
      clock: systemClock,
      log: silentLog,
    });
    const lock = { lock: soleWriter, epoch: { now: () => ({ lease: '', number: 0 }), outranked: () => undefined } };
    const { gate, close } = await openGate({
      controller,
      writers: { grant: () => lock },
      api,
      account,
      environment,
      clock: systemClock,
      log: silentLog,
    });
    taken = (changes) => gate.taken(changes);
    const stop = new AbortController();
    const running = controller.run(stop.signal);
    try {
      const patience = { timeout: 30_000 };
      await kubelet('10.1.0.1');
      await expect.poll(told, patience).toBe('False Waiting 10.1.0.1: edge-1: nothing was confirmed there yet');
      expect(await isReady()).toBe(false);
      slow = false;
      await expect.poll(told, patience).toBe('True Confirmed 10.1.0.1: confirmed by edge-1');
      expect(await isReady()).toBe(true);
      slow = true;
      await kubelet('10.1.0.2');
      await expect.poll(told, patience).toBe('False Waiting 10.1.0.2: edge-1: 10.1.0.2 is not there yet');
      expect(await isReady()).toBe(false);
      slow = false;
      await expect.poll(told, patience).toBe('True Confirmed 10.1.0.2: confirmed by edge-1');
      expect((await conditions()).get('ContainersReady')?.status).toBe('True');
    } finally {
      slow = false;
      await close();
      stop.abort();
      await running;
      await api.close();
      rmSync(account, { recursive: true });
    }
  });

  test.each<readonly [string, object]>([
    ['another condition', condition('Ready')],
    ['the phase', { status: { phase: 'Succeeded' } }],
    ['an address', { status: { podIP: '10.9.9.9', podIPs: [{ ip: '10.9.9.9' }] } }],
    ['labels', { metadata: { labels: { app: 'bank' } } }],
    ['annotations', { metadata: { annotations: { 'cni.projectcalico.org/podIP': '10.9.9.9/32' } } }],
    ['finalizers', { metadata: { finalizers: ['example.com/x'] } }],
    ['its condition and a label', { ...condition(GATE, 'Unknown'), metadata: { labels: { app: 'bank' } } }],
  ])('cannot change %s', async (_, body) => {
    const { status, bytes } = await patch(body);
    expect([403, 422]).toContain(status);
    expect(bytes.toString()).toContain('this identity changes');
  });

  test('cannot do anything else, even where somebody lets it', async () => {
    await server.admin.json('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'too-much' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'sallyport-readiness', namespace: 'sallyport' }],
    });
    const tries = [
      () => patch({ metadata: { labels: { app: 'bank' } } }, pod),
      () => readiness.send({ method: 'DELETE', path: pod }),
      () =>
        readiness.send({
          method: 'POST',
          path: '/api/v1/namespaces/shop/configmaps',
          body: { metadata: { name: 'x' } },
        }),
    ];
    for (const attempt of tries)
      await expect.poll(async () => (await attempt()).bytes.toString()).toContain('this identity changes');
  });

  test('every field of a pod’s status that this server knows is held', async () => {
    const { bytes } = await server.admin.send({ path: '/openapi/v3/api/v1' });
    const { components } = JSON.parse(bytes.toString()) as {
      components: { schemas: Record<string, { properties: Record<string, unknown> }> };
    };
    const known = Object.keys(components.schemas['io.k8s.api.core.v1.PodStatus']?.properties ?? {});
    const policy = renderChart(root, { readiness: { enabled: true } });
    expect(known.length).toBeGreaterThan(10);
    expect(known.filter((field) => field !== 'conditions' && !policy.includes(`object.status.${field} ==`))).toEqual(
      [],
    );
  });
});

describe('the identity of the controller', () => {
  const path = '/apis/sallyport.dev/v1alpha1/borderfirewalls';
  const edge = `${path}/held-1`;
  const OURS = 'sallyport.dev/border';
  let controller: RawApi;

  beforeAll(async () => {
    await applyAll(renderChart(root));
    await server.admin.json('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      metadata: { name: 'far-too-much' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'sallyport', namespace: 'sallyport' }],
    });
    await server.admin.json('POST', path, {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'BorderFirewall',
      metadata: { name: 'held-1', labels: { of: 'us' }, finalizers: ['example.org/theirs'] },
      spec: { driver: 'nftables', address: 'local', workloads: {}, onDelete: 'Remove' },
    });
    controller = new RawApi(server.target({ token: await server.tokenFor('sallyport', 'sallyport') }));
    // A new policy, and a new binding, are in force a moment after they were made.
    for (;;) {
      const { said } = await edit({ metadata: { labels: { probe: String(performance.now()) } } });
      if (said.includes('the controller changes')) break;
      await setTimeout(50);
    }
  });
  afterAll(() => controller.close());

  async function edit(body: object, at = edge, method = 'PATCH'): Promise<{ status: number; said: string }> {
    const headers = { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' };
    const { status, bytes } = await controller.send({ method, path: at, headers, body });
    return { status, said: bytes.toString() };
  }

  test('holds a BorderFirewall, lets it go, and says how it stands', async () => {
    for (const finalizers of [['example.org/theirs', OURS], ['example.org/theirs']])
      expect((await edit({ metadata: { finalizers } })).status).toBe(200);
    expect((await edit({ status: { observedGeneration: 1 } }, `${edge}/status`)).status).toBe(200);
  });

  test.each([
    ['what it says', { spec: { address: 'netns:elsewhere' } }],
    ['labels', { metadata: { labels: { of: 'them' } } }],
    ['annotations', { metadata: { annotations: { a: 'b' } } }],
    ['finalizers of others', { metadata: { finalizers: [OURS] } }],
    ['finalizers of others, all of them', { metadata: { finalizers: null } }],
    ['owners', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'n' }] } }],
  ])('changes nothing else of it, even where somebody lets it: %s', async (_, body) => {
    const { status, said } = await edit(body);
    expect(said).toContain('the controller changes');
    expect(status).toBe(422);
  });

  test('makes none and deletes none, even where somebody lets it', async () => {
    const spec = { driver: 'nftables', address: 'local', workloads: {} };
    const another = {
      apiVersion: 'sallyport.dev/v1alpha1',
      kind: 'BorderFirewall',
      metadata: { name: 'held-2' },
      spec,
    };
    for (const [at, method, body] of [
      [path, 'POST', another],
      [edge, 'DELETE', {}],
      [path, 'DELETE', {}],
    ] as const)
      expect((await edit(body, at, method)).said).toContain('the controller makes and deletes no BorderFirewall');
  });
});
