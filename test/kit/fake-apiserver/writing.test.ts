import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeApiServer, type Given } from './server.ts';
import { type Answer, type Body, ask } from './test-client.ts';

let api: FakeApiServer;
const MAPS = '/api/v1/namespaces/shop/configmaps';
const map = (name: string, data: Record<string, string> = {}, metadata: object = {}): Given => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const send = (
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => ask(`${api.url}${path}`, { method, body, headers });
const patch = (path: string, body: unknown, type = 'merge-patch+json'): Promise<Answer> =>
  send('PATCH', path, body, { 'content-type': `application/${type}` });
const told = ({ status, body }: Answer): readonly unknown[] => [status, body.reason, body.message];
const versionOf = ({ metadata }: Body): string => String(metadata?.['resourceVersion']);

beforeEach(async () => {
  api = await FakeApiServer.start();
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => api.stop());

describe('create', () => {
  test('fills in what the server knows, and records who wrote', async () => {
    const { status, body } = await send('POST', `${MAPS}?fieldManager=ann`, map('a', { x: '1' }));
    expect(status).toBe(201);
    expect(body.metadata).toMatchObject({ name: 'a', namespace: 'shop', resourceVersion: '1002' });
    expect(body.metadata?.['uid']).toMatch(/^[0-9a-f-]{36}$/);
    expect(body.metadata?.['managedFields']).toMatchObject([
      { manager: 'ann', operation: 'Update', apiVersion: 'v1', fieldsV1: { 'f:data': { 'f:x': {} } } },
    ]);
    expect(api.get(map('a', {}, { namespace: 'shop' }))?.['data']).toEqual({ x: '1' });
  });

  test('generates names', async () => {
    const { body } = await send('POST', MAPS, { ...map(''), metadata: { generateName: 'web-' } });
    expect(body.metadata?.['name']).toMatch(/^web-[0-9a-f]{5}$/);
  });

  test.each([
    ['twice', MAPS, map('there'), 409, 'configmaps "there" already exists'],
    ['without a name', MAPS, map(''), 422, 'name or generateName is required'],
    ['with a bad name', MAPS, map('A_b'), 422, 'a lowercase RFC 1123 subdomain'],
    ['with a bad label', MAPS, map('b', {}, { labels: { 'a b': 'c' } }), 422, 'metadata.labels: Invalid value: "a b"'],
    ['elsewhere', MAPS, map('b', {}, { namespace: 'x' }), 400, 'does not match the namespace sent on the request'],
    ['of another kind', MAPS, { ...map('b'), kind: 'Secret' }, 400, 'cannot be handled as a ConfigMap'],
    ['of another version', MAPS, { ...map('b'), apiVersion: 'v2' }, 400, 'does not match the expected API version'],
    ['with a version', MAPS, map('b', {}, { resourceVersion: '5' }), 500, 'should not be set on objects to be created'],
    ['in no namespace', '/api/v1/namespaces/none/configmaps', map('b'), 404, 'namespaces "none" not found'],
  ])('%s is refused', async (_what, path, body, status, why) => {
    api.put(map('there', {}, { namespace: 'shop' }));
    const answer = await send('POST', path, body);
    expect(answer.status).toBe(status);
    expect(answer.body.message).toContain(why);
  });

  test('nothing is stored by a dry run', async () => {
    expect((await send('POST', `${MAPS}?dryRun=All`, map('a'))).status).toBe(201);
    expect((await send('GET', `${MAPS}/a`)).status).toBe(404);
  });
});

describe('update', () => {
  test('replaces, unless somebody was faster', async () => {
    const first = (await send('POST', MAPS, map('a', { x: '1' }))).body;
    const second = await send('PUT', `${MAPS}/a`, { ...first, data: { x: '2' } });
    expect([second.status, second.body['data']]).toEqual([200, { x: '2' }]);
    const late = await send('PUT', `${MAPS}/a`, { ...first, data: { x: '3' } });
    expect(told(late)).toEqual([
      409,
      'Conflict',
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
    ]);
  });

  test('that changes nothing makes no new version', async () => {
    const { body } = await send('POST', MAPS, map('a', { x: '1' }));
    const again = await send('PUT', `${MAPS}/a`, body);
    expect(versionOf(again.body)).toBe(versionOf(body));
    expect(api.version).toBe(1_002);
  });

  test('cannot change what is the server’s', async () => {
    const { body } = await send('POST', MAPS, map('a'));
    const changed = { ...body, metadata: { ...body.metadata, creationTimestamp: '2001-01-01T00:00:00Z' } };
    const answer = await send('PUT', `${MAPS}/a`, changed);
    expect(answer.body.metadata?.['creationTimestamp']).toBe(body.metadata?.['creationTimestamp']);
    const other = await send('PUT', `${MAPS}/a`, { ...body, metadata: { ...body.metadata, uid: 'x' } });
    expect(other.status).toBe(409);
    const renamed = await send('PUT', `${MAPS}/a`, { ...body, metadata: { ...body.metadata, name: 'b' } });
    expect(told(renamed)[2]).toBe('the name of the object (b) does not match the name on the URL (a)');
  });

  test('a Lease needs its version, and is created by PUT', async () => {
    const path = '/apis/coordination.k8s.io/v1/namespaces/shop/leases/edge';
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'edge' }, spec: {} };
    expect((await send('PUT', path, lease)).status).toBe(201);
    const blind = await send('PUT', path, lease);
    expect(blind.status).toBe(422);
    expect(blind.body.message).toContain('metadata.resourceVersion: Invalid value: 0: must be specified for an update');
  });
});

describe('status', () => {
  const path = '/api/v1/namespaces/shop/pods/a';

  test('is written through its sub-resource alone, and the rest not through it', async () => {
    api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'shop', generation: 1 }, spec: {} });
    const whole = await patch(path, { spec: { nodeName: 'n' }, status: { phase: 'Failed' } });
    expect(whole.body).toMatchObject({ spec: { nodeName: 'n' }, metadata: { generation: 2 } });
    expect(whole.body['status']).toBeUndefined();
    const part = await patch(`${path}/status`, { spec: { nodeName: 'm' }, status: { phase: 'Running' } });
    expect(part.body).toMatchObject({ spec: { nodeName: 'n' }, status: { phase: 'Running' } });
    expect(part.body.metadata).toMatchObject({ generation: 2 });
  });

  test('is not there for kinds without it', async () => {
    api.put(map('a', {}, { namespace: 'shop' }));
    expect(told(await patch(`${MAPS}/a/status`, {}))).toEqual([
      404,
      'NotFound',
      'the server could not find the requested resource',
    ]);
  });
});

describe('patch', () => {
  beforeEach(() => void api.put(map('a', { x: '1', y: '2' }, { namespace: 'shop' })));

  test.each([
    ['merge-patch+json', { data: { x: null, z: '3' } }, { y: '2', z: '3' }],
    ['strategic-merge-patch+json', { data: { x: null, z: '3' } }, { y: '2', z: '3' }],
    [
      'json-patch+json',
      [
        { op: 'replace', path: '/data/x', value: '9' },
        { op: 'remove', path: '/data/y' },
      ],
      { x: '9' },
    ],
  ])('%s', async (type, body, expected) => {
    expect((await patch(`${MAPS}/a`, body, type)).body['data']).toEqual(expected);
  });

  test('a test that fails, an unknown form, a wrong version are refused', async () => {
    const tested = await patch(`${MAPS}/a`, [{ op: 'test', path: '/data/x', value: '2' }], 'json-patch+json');
    expect(tested.status).toBe(422);
    const unknown = await patch(`${MAPS}/a`, {}, 'json');
    expect([unknown.status, unknown.body.reason]).toEqual([415, 'UnsupportedMediaType']);
    const late = await patch(`${MAPS}/a`, { metadata: { resourceVersion: '1' }, data: { x: '5' } });
    expect(late.status).toBe(409);
    expect((await patch(`${MAPS}/none`, {})).status).toBe(404);
  });

  test('a strategic patch merges conditions by type', async () => {
    api.put({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'shop' },
      status: {
        conditions: [
          { type: 'Ready', status: 'False' },
          { type: 'Other', status: 'True' },
        ],
      },
    });
    const { body } = await patch(
      '/api/v1/namespaces/shop/pods/p/status',
      {
        status: {
          conditions: [
            { type: 'Ready', status: 'True' },
            { type: 'Other', $patch: 'delete' },
          ],
        },
      },
      'strategic-merge-patch+json',
    );
    expect(body['status']).toEqual({ conditions: [{ type: 'Ready', status: 'True' }] });
  });
});

describe('delete', () => {
  test('tells of what is gone; what has finalizers waits for them', async () => {
    const uid = api.put(map('a', {}, { namespace: 'shop' })).metadata.uid;
    const gone = await send('DELETE', `${MAPS}/a`);
    expect(gone.body).toMatchObject({ status: 'Success', details: { name: 'a', kind: 'configmaps', uid } });
    api.put(map('b', {}, { namespace: 'shop', finalizers: ['example.org/hold'] }));
    const held = await send('DELETE', `${MAPS}/b`);
    expect(held.body.metadata?.['deletionTimestamp']).toBeDefined();
    const more = await patch(`${MAPS}/b`, { metadata: { finalizers: ['example.org/hold', 'example.org/more'] } });
    expect(more.status).toBe(422);
    expect((await patch(`${MAPS}/b`, { metadata: { finalizers: null } })).status).toBe(200);
    expect((await send('GET', `${MAPS}/b`)).status).toBe(404);
  });

  test('keeps to its preconditions', async () => {
    api.put(map('a', {}, { namespace: 'shop' }));
    const answer = await send('DELETE', `${MAPS}/a`, { preconditions: { uid: 'other' } });
    expect(answer.status).toBe(409);
    expect(answer.body.message).toContain('the UID in the precondition (other) does not match the UID in record');
  });

  test('a pod on a node waits for its kubelet', async () => {
    api.put({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'shop' }, spec: { nodeName: 'n' } });
    const path = '/api/v1/namespaces/shop/pods/a';
    expect((await send('DELETE', path)).body.metadata).toMatchObject({ deletionGracePeriodSeconds: 30 });
    expect((await send('GET', path)).status).toBe(200);
    await send('DELETE', path, { gracePeriodSeconds: 0 });
    expect((await send('GET', path)).status).toBe(404);
  });

  test('a namespace goes when it is finalized, and takes nothing new until then', async () => {
    await send('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'spare' } });
    const { body } = await send('DELETE', '/api/v1/namespaces/spare');
    expect(body['status']).toEqual({ phase: 'Terminating' });
    const refused = await send('POST', '/api/v1/namespaces/spare/configmaps', map('late'));
    expect(refused.body.message).toContain('because it is being terminated');
    await send('PUT', '/api/v1/namespaces/spare/finalize', { ...body, spec: { finalizers: [] } });
    expect((await send('GET', '/api/v1/namespaces/spare')).status).toBe(404);
  });

  test('a collection, by selector', async () => {
    for (const name of ['a', 'b']) api.put(map(name, {}, { namespace: 'shop', labels: { name } }));
    await send('DELETE', `${MAPS}?labelSelector=name%3Da`);
    expect(api.list(map('')).map(({ metadata }) => metadata.name)).toEqual(['b']);
  });
});

test('a webhook refuses, or changes', async () => {
  const remove = api.admit('guard.example.org', ({ object, operation }) =>
    operation === 'DELETE'
      ? { message: 'not this one', code: 422 }
      : { object: { ...(object as Given), data: { by: 'guard' } } },
  );
  expect((await send('POST', MAPS, map('a'))).body['data']).toEqual({ by: 'guard' });
  expect(told(await send('DELETE', `${MAPS}/a`))).toEqual([
    422,
    'Invalid',
    'admission webhook "guard.example.org" denied the request: not this one',
  ]);
  remove();
  expect((await send('DELETE', `${MAPS}/a`)).status).toBe(200);
});
