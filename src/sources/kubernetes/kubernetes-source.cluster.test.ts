import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ApiServer, startApiServer } from '../../../test/kit/apiserver.ts';
import { DeliveredState } from '../../../test/kit/delivered-state.ts';
import { systemClock } from '../../base/clock.ts';
import { SallyportError } from '../../base/error.ts';
import { silentLog } from '../../base/log.ts';
import { formatAddress } from '../../ip/address.ts';
import type { ApiClient, ApiRequest } from '../../kubernetes/api-client.ts';
import { connectKubeconfig } from '../../kubernetes/kubeconfig.ts';
import { KubernetesSource } from './kubernetes-source.ts';

let server: ApiServer;
let stop: AbortController;
let running: Promise<void> | undefined;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(async () => {
  await server.stop();
});
afterEach(async () => {
  stop.abort();
  await running;
});

const until = (done: () => boolean): Promise<boolean> => vi.waitUntil(done, { timeout: 60_000, interval: 20 });

interface Way {
  readonly isStreamed: boolean;
  readonly isJson: boolean;
}

/** The server as one that can less. */
async function connect({ isStreamed, isJson }: Way, relists: string[]): Promise<DeliveredState> {
  const { client } = await connectKubeconfig({ path: server.kubeconfig, environment: {}, log: silentLog });
  const types = new Set<string>();
  const api: ApiClient = {
    title: client.title,
    call: (request, signal) => client.call(request, signal),
    async open(request: ApiRequest, signal, silenceMs) {
      if (!isStreamed && request.query?.['sendInitialEvents'] === 'true')
        throw new SallyportError('API_REFUSED', 'no streamed lists here');
      const stream = await client.open(
        isJson ? { ...request, accept: 'application/json' } : request,
        signal,
        silenceMs,
      );
      if (request.path === '/api/v1/pods') types.add(`${stream.contentType} ${request.query?.['watch'] ?? 'list'}`);
      return stream;
    },
    close: () => client.close(),
  };
  stop = new AbortController();
  const seen = new DeliveredState();
  const source = new KubernetesSource({
    name: 'real',
    api,
    clock: systemClock,
    events: { relist: (kind, reason) => relists.push(`${kind}: ${reason}`) },
  });
  running = source.run((delivery) => seen.take(delivery), stop.signal).then(() => client.close());
  await until(() => seen.state === 'complete');
  const expected = isJson ? 'application/json' : 'application/vnd.kubernetes.protobuf';
  expect([...types]).toContain(`${expected} ${isStreamed ? 'true' : 'list'}`);
  return seen;
}

const podPath = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
const pod = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    labels: { app: name, 'example.com/tier': 'front' },
    annotations: { 'cni.projectcalico.org/podIP': '10.65.0.7/32', note: 'x' },
  },
  spec: {
    nodeName: 'node-1',
    hostNetwork: false,
    automountServiceAccountToken: false,
    containers: [{ name: 'main', image: 'web', ports: [{ name: 'http', containerPort: 8080 }] }],
  },
});

describe.each([
  { isStreamed: true, isJson: false },
  { isStreamed: true, isJson: true },
  { isStreamed: false, isJson: false },
  { isStreamed: false, isJson: true },
])('a real API server, %j', (way) => {
  test('is loaded and followed, without reading any list twice', async () => {
    const namespace = `way-${Number(way.isStreamed)}${Number(way.isJson)}`;
    await server.admin.json('POST', '/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    });
    await server.admin.json('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
    });
    await server.admin.json('POST', podPath(namespace), pod('before'));
    const relists: string[] = [];
    const seen = await connect(way, relists);
    const before = seen.resources.get(`Pod/${namespace}/before`);
    expect(before).toMatchObject({
      type: 'Pod',
      nodeName: 'node-1',
      serviceAccountName: 'default',
      phase: 'Pending',
      annotations: new Map([['cni.projectcalico.org/podIP', '10.65.0.7/32']]),
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    });
    expect([...(before?.labels ?? [])]).toEqual([
      ['app', 'before'],
      ['example.com/tier', 'front'],
    ]);
    await server.admin.json('POST', podPath(namespace), pod('after'));
    await until(() => seen.resources.has(`Pod/${namespace}/after`));
    const status = { status: { phase: 'Running', podIP: '10.65.0.9', podIPs: [{ ip: '10.65.0.9' }] } };
    await server.admin.json('PATCH', `${podPath(namespace)}/after/status`, status, 'application/merge-patch+json');
    await until(() => {
      const now = seen.resources.get(`Pod/${namespace}/after`);
      const [shown] = now?.type === 'Pod' ? now.podIPs : [];
      return typeof shown === 'object' && formatAddress(shown) === '10.65.0.9';
    });
    await server.admin.json('DELETE', `${podPath(namespace)}/before?gracePeriodSeconds=0`);
    await until(() => !seen.resources.has(`Pod/${namespace}/before`));
    expect(seen.diagnostics).toEqual([]);
    expect(relists).toEqual([]);
  });
});

const CRD_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const GROUPS = '/apis/sallyport.dev/v1alpha1/addressgroups';
const definition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'addressgroups.sallyport.dev' },
  spec: {
    group: 'sallyport.dev',
    scope: 'Cluster',
    names: { plural: 'addressgroups', singular: 'addressgroup', kind: 'AddressGroup', listKind: 'AddressGroupList' },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
};
const group = (name: string): object => ({
  apiVersion: 'sallyport.dev/v1alpha1',
  kind: 'AddressGroup',
  metadata: { name },
  spec: { selector: 'all()', namespaceSelector: 'all()', firewalls: ['edge'] },
});
/** Custom objects can be made some moments after their definition. */
const create = (name: string): Promise<unknown> =>
  vi.waitFor(() => server.admin.json('POST', GROUPS, group(name)), { timeout: 30_000, interval: 100 });

test('a definition that is deleted under us takes nothing with it', async () => {
  const seen = await connect({ isStreamed: true, isJson: false }, []);
  const groups = (): readonly string[] => seen.keys.filter((key) => key.startsWith('AddressGroup/'));
  await server.admin.json('POST', CRD_PATH, definition);
  for (const name of ['a', 'b', 'c']) await create(name);
  await until(() => groups().length === 3);
  await server.admin.json('DELETE', `${GROUPS}/c`);
  await until(() => groups().length === 2);
  await server.admin.json('DELETE', `${CRD_PATH}/${definition.metadata.name}`);
  await until(() => seen.state === 'frozen');
  expect(seen.codes).toEqual(['CLUSTER_KIND_GONE']);
  await vi.waitFor(() => server.admin.json('POST', CRD_PATH, definition), { timeout: 30_000, interval: 100 });
  for (const name of ['a', 'b']) await create(name);
  await until(() => seen.state === 'complete');
  expect(groups()).toEqual(['AddressGroup/a', 'AddressGroup/b']);
  // Objects of the same names that are others: each was replaced in one delivery, never missing in between.
  expect(seen.deliveries.every(({ changes, state }) => state.kind !== 'frozen' || changes.length === 0)).toBe(true);
  expect(seen.diagnostics).toEqual([]);
});

test('a server that was restored from a backup is noticed', async () => {
  const policies = '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies';
  const policy = (name: string): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name },
    spec: { podSelector: {} },
  });
  await server.admin.json('POST', policies, policy('kept'));
  await server.save();
  for (const name of ['lost-1', 'lost-2', 'lost-3', 'lost-4']) await server.admin.json('POST', policies, policy(name));
  const relists: string[] = [];
  const seen = await connect({ isStreamed: true, isJson: false }, relists);
  const names = (): readonly string[] =>
    seen.keys.filter((key) => key.startsWith('KubernetesNetworkPolicy/')).map((key) => key.split('/')[2] ?? '');
  expect(names()).toEqual(['kept', 'lost-1', 'lost-2', 'lost-3', 'lost-4']);
  await server.restore();
  await until(() => seen.codes.includes('CLUSTER_KIND_SHRUNK'));
  expect(seen.state).toBe('frozen');
  expect(names()).toHaveLength(5);
  for (const name of ['lost-1', 'lost-2', 'lost-3', 'lost-4']) await server.admin.json('POST', policies, policy(name));
  await until(() => seen.state === 'complete');
  expect(names()).toHaveLength(5);
});
