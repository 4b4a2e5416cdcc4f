import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../test/kit/apiserver.ts';
import { systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import { silentLog } from '../base/log.ts';
import type { ApiClient } from './api-client.ts';
import { clusterNameOf, discover, isServed, serverVersion } from './discovery.ts';
import { connectInCluster } from './in-cluster.ts';
import { connectKubeconfig } from './kubeconfig.ts';
import { apply, createObject, deleteObject, getObject, replaceObject } from './objects.ts';
import { ReviewedAccess } from './reviewed-access.ts';

const never = new AbortController().signal;
const core = (plural: string): Parameters<typeof createObject>[1] => ({ group: '', version: 'v1', plural });
const rbac = (plural: string): Parameters<typeof createObject>[1] => ({
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural,
});

let server: ApiServer;
let folder: string;
let admin: ApiClient;
const open: ApiClient[] = [];

async function byKubeconfig(path: string): Promise<ApiClient> {
  const { client } = await connectKubeconfig({ path, environment: {}, log: silentLog });
  open.push(client);
  return client;
}

const failure = (work: Promise<unknown>): Promise<SallyportError> =>
  work.then(
    () => expect.fail('did not fail'),
    (thrown: unknown) => (thrown instanceof SallyportError ? thrown : expect.fail(String(thrown))),
  );

beforeAll(async () => {
  server = await startApiServer();
  folder = mkdtempSync(join(tmpdir(), 'sallyport-real-server-'));
  admin = await byKubeconfig(server.kubeconfig);
  await createObject(admin, core('namespaces'), {}, { metadata: { name: 'shop' } }, never);
});
afterAll(async () => {
  for (const client of open) await client.close();
  await server.stop();
  rmSync(folder, { recursive: true });
});

async function account(name: string): Promise<string> {
  await createObject(admin, core('serviceaccounts'), { namespace: 'shop' }, { metadata: { name } }, never);
  return await server.tokenFor('shop', name);
}

/** In a pod of the cluster, with this token. */
async function inPod(token: string): Promise<ApiClient> {
  writeFileSync(join(folder, 'ca.crt'), server.ca);
  writeFileSync(join(folder, 'token'), token);
  writeFileSync(join(folder, 'namespace'), 'shop');
  const { hostname, port } = new URL(server.url);
  const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  const { client } = await connectInCluster({ environment, folder });
  open.push(client);
  return client;
}

test('a client certificate; version, kinds and name of the cluster', async () => {
  expect(await serverVersion(admin, never)).toMatch(/^v\d+\.\d+/);
  const served = await discover(admin, never);
  expect(served.serves(core('pods'))).toBe('yes');
  expect(served.serves(rbac('clusterroles'))).toBe('yes');
  expect(served.serves({ group: 'projectcalico.org', version: 'v3', plural: 'tiers' })).toBe('no');
  expect(served.versions('rbac.authorization.k8s.io')).toEqual(['v1']);
  expect(await isServed(admin, core('pods'), never)).toBe(true);
  expect(await isServed(admin, { group: 'projectcalico.org', version: 'v3', plural: 'tiers' }, never)).toBe(false);
  const space = (await getObject(admin, core('namespaces'), { name: 'kube-system' }, never)) as {
    readonly metadata: { readonly uid: string };
  };
  expect(space.metadata.uid.startsWith(await clusterNameOf(admin, never))).toBe(true);
});

test('a certificate that has expired is told with its date', async () => {
  const late = await byKubeconfig(server.kubeconfigFor({ certificate: await server.certificateFor('late', [], -60) }));
  const error = await failure(late.call({ method: 'GET', path: '/api/v1/namespaces' }, never));
  expect(error.code).toBe('API_UNAUTHORIZED');
  expect(error.message).toMatch(/401 Unauthorized: Unauthorized; the client certificate \(CN=late\) expired on 20/);
});

test('a service account without rights is told which one is missing', async () => {
  const client = await inPod(await account('poor'));
  const error = await failure(client.call({ method: 'GET', path: '/api/v1/namespaces/shop/pods' }, never));
  expect(error).toMatchObject({ code: 'API_FORBIDDEN', details: { status: 403, reason: 'Forbidden' } });
  expect(error.message).toBe(
    `${server.url}: GET /api/v1/namespaces/shop/pods: 403 Forbidden: pods is forbidden: User "system:serviceaccount:shop:poor" cannot list resource "pods" in API group "" in the namespace "shop"`,
  );
});

test('a token that is worth nothing any more is read again, and the request goes on', async () => {
  const client = await inPod(await account('rotated'));
  const self = { method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews' } as const;
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  await client.call({ ...self, body }, never);
  const path = '/api/v1/namespaces/shop/serviceaccounts/rotated';
  await admin.call({ method: 'DELETE', path }, never);
  // The server keeps what it knows of a token for ten seconds.
  await expect
    .poll(() => client.call({ ...self, body }, never).then(() => '', String), { interval: 500 })
    .toMatch(/401/);
  writeFileSync(join(folder, 'token'), await account('rotated'));
  expect(await client.call({ ...self, body }, never)).toMatchObject({
    status: { userInfo: { username: 'system:serviceaccount:shop:rotated' } },
  });
});

test('who may read our metrics', async () => {
  const [reader, other] = [await account('reader'), await account('other')];
  const rules = [{ nonResourceURLs: ['/metrics'], verbs: ['get'] }];
  await createObject(admin, rbac('clusterroles'), {}, { metadata: { name: 'metrics' }, rules }, never);
  const binding = {
    metadata: { name: 'metrics' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'metrics' },
    subjects: [{ kind: 'ServiceAccount', namespace: 'shop', name: 'reader' }],
  };
  await createObject(admin, rbac('clusterrolebindings'), {}, binding, never);
  // A new right counts once the server's own cache has it.
  const ask = (token: string, path = '/metrics'): Promise<string> =>
    new ReviewedAccess(admin, systemClock).ofReader(`Bearer ${token}`, path);
  await expect.poll(() => ask(reader)).toBe('allowed');
  expect(await ask(reader, '/other')).toBe('forbidden');
  expect(await ask(other)).toBe('forbidden');
  expect(await ask('no-token')).toBe('unauthenticated');
  const { code } = await failure(
    (await inPod(other)).call({ method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews', body: {} }, never),
  );
  expect(code).toBe('API_FORBIDDEN');
  expect(await new ReviewedAccess(await inPod(other), systemClock).ofReader(`Bearer ${reader}`, '/metrics')).toBe(
    'unavailable',
  );
});

describe('objects', () => {
  const maps = core('configmaps');
  const which = { namespace: 'shop', name: 'one' };
  type Map = { readonly metadata: { readonly uid: string; readonly resourceVersion: string } };

  test('are written by the version and uid that were seen', async () => {
    expect(await getObject(admin, maps, which, never)).toBeUndefined();
    const first = (await createObject(admin, maps, { namespace: 'shop' }, { metadata: { name: 'one' } }, never)) as Map;
    expect(
      (await failure(createObject(admin, maps, { namespace: 'shop' }, { metadata: { name: 'one' } }, never))).details[
        'reason'
      ],
    ).toBe('AlreadyExists');
    const second = (await replaceObject(admin, maps, which, { ...first, data: { a: '1' } } as Map, never)) as Map;
    expect(await failure(replaceObject(admin, maps, which, first, never))).toMatchObject({
      code: 'API_CONFLICT',
      details: { reason: 'Conflict' },
    });
    const { uid } = second.metadata;
    expect((await failure(deleteObject(admin, maps, which, { uid: 'another' }, never))).code).toBe('API_CONFLICT');
    expect(
      (await failure(deleteObject(admin, maps, which, { uid, resourceVersion: first.metadata.resourceVersion }, never)))
        .code,
    ).toBe('API_CONFLICT');
    await deleteObject(admin, maps, which, { uid }, never);
    await deleteObject(admin, maps, which, { uid }, never);
    expect(await getObject(admin, maps, which, never)).toBeUndefined();
  });

  test('are applied; fields of others only by force', async () => {
    const apiVersion = 'v1';
    const body = { apiVersion, kind: 'ConfigMap', metadata: { name: 'two' }, data: { a: '1', b: '1' } };
    const two = { namespace: 'shop', name: 'two' };
    await admin.call(
      {
        method: 'POST',
        path: '/api/v1/namespaces/shop/configmaps',
        query: { fieldManager: 'other' },
        body: { ...body, data: { a: '0' } },
      },
      never,
    );
    expect((await failure(apply(admin, maps, two, body, { force: false }, never))).code).toBe('API_CONFLICT');
    expect(await apply(admin, maps, two, body, { force: true }, never)).toMatchObject({ data: { a: '1', b: '1' } });
    expect(await apply(admin, maps, two, { ...body, data: { a: '1' } }, { force: true }, never)).toMatchObject({
      data: { a: '1' },
    });
    expect(((await getObject(admin, maps, two, never)) as { data: object }).data).toEqual({ a: '1' });
  });

  test('that are large, which the server compresses, come whole', async () => {
    const text = 'The same again. '.repeat(30_000);
    const body = { metadata: { name: 'large' }, data: { text } };
    await createObject(admin, maps, { namespace: 'shop' }, body, never);
    expect(await getObject(admin, maps, { namespace: 'shop', name: 'large' }, never)).toMatchObject({ data: { text } });
  });

  test('that break the rules are refused in the server’s words', async () => {
    const error = await failure(
      createObject(admin, maps, { namespace: 'shop' }, { metadata: { name: 'Not A Name' } }, never),
    );
    expect(error).toMatchObject({ code: 'API_REFUSED', details: { status: 422, reason: 'Invalid' } });
    expect(error.message).toMatch(/metadata\.name: Invalid value: "Not A Name"/);
  });
});

test('while the server is down nobody is let in, and afterwards everything goes on', async () => {
  const token = await account('patient');
  const access = new ReviewedAccess(admin, systemClock);
  const before = await serverVersion(admin, never);
  await server.down();
  expect(await access.ofReader(`Bearer ${token}`, '/metrics')).toBe('unavailable');
  expect(await failure(serverVersion(admin, never))).toMatchObject({ code: 'API_UNREACHABLE', blame: 'transient' });
  await server.up();
  expect(await serverVersion(admin, never)).toBe(before);
  expect(await access.ofReader(`Bearer ${token}`, '/metrics')).toBe('forbidden');
});
