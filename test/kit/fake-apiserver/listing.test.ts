import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeApiServer, type Given } from './server.ts';
import { type Answer, ask } from './test-client.ts';

const pod = (name: string, namespace = 'shop', labels: Record<string, string> = {}): Given => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace, labels },
});
const names = ({ body }: Answer): readonly unknown[] | undefined =>
  body.items?.map(({ metadata }) => metadata?.['name']);

let api: FakeApiServer;
const list = (query = '', path = '/api/v1/pods'): Promise<Answer> => ask(`${api.url}${path}?${query}`);

beforeEach(async () => {
  api = await FakeApiServer.start({ historySize: 5 });
});
afterEach(() => api.stop());

test('lists in the order of keys, with the version of the whole store', async () => {
  for (const one of [pod('b', 'a'), pod('x', 'a-b'), pod('a', 'a')]) api.put(one);
  api.put({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } });
  const { body, headers } = await list();
  expect(headers['content-type']).toBe('application/json');
  expect([body.kind, body.apiVersion, body.metadata]).toEqual(['PodList', 'v1', { resourceVersion: '1004' }]);
  // As etcd sorts its keys: `-` comes before `/`.
  expect(body.items?.map(({ metadata }) => [metadata?.['namespace'], metadata?.['name']])).toEqual([
    ['a-b', 'x'],
    ['a', 'a'],
    ['a', 'b'],
  ]);
  expect(names(await list('', '/api/v1/namespaces/a/pods'))).toEqual(['a', 'b']);
  expect((await list('', '/api/v1/namespaces/a')).body.kind).toBe('Namespace');
});

test('pages are of one moment, whatever happens between them', async () => {
  for (const name of ['a', 'b', 'c', 'd']) api.put(pod(name));
  const first = await list('limit=2');
  expect(first.body.metadata).toMatchObject({ resourceVersion: '1004', remainingItemCount: 2 });
  api.delete(pod('c'));
  api.put(pod('e'));
  const second = await list(`limit=2&continue=${String(first.body.metadata?.['continue'])}`);
  expect([...(names(first) ?? []), ...(names(second) ?? [])]).toEqual(['a', 'b', 'c', 'd']);
  expect(second.body.metadata).toEqual({ resourceVersion: '1004' });
});

test('a page that is asked for too late is refused, with a token for an inconsistent rest', async () => {
  for (const name of ['a', 'b', 'c']) api.put(pod(name));
  const first = await list('limit=2');
  for (let i = 0; i < 6; i++) api.put(pod(`x${i}`));
  const late = await list(`limit=2&continue=${String(first.body.metadata?.['continue'])}`);
  expect([late.status, late.body.reason, late.body.code]).toEqual([410, 'Expired', 410]);
  expect(late.body.message).toContain('continue parameter is too old');
  const rest = await list(`continue=${String(late.body.metadata?.['continue'])}`);
  expect(names(rest)).toEqual(['c', 'x0', 'x1', 'x2', 'x3', 'x4', 'x5']);
});

describe('versions asked for', () => {
  beforeEach(() => {
    for (const name of ['a', 'b', 'c']) api.put(pod(name));
  });

  test.each([
    ['', ['a', 'b', 'c'], '1003'],
    ['resourceVersion=0', ['a', 'b', 'c'], '1003'],
    ['resourceVersion=1002', ['a', 'b', 'c'], '1003'],
    ['resourceVersion=1002&resourceVersionMatch=NotOlderThan', ['a', 'b', 'c'], '1003'],
    ['resourceVersion=1002&resourceVersionMatch=Exact', ['a', 'b'], '1002'],
    ['resourceVersion=1002&limit=10', ['a', 'b'], '1002'],
  ])('%s', async (query, expected, version) => {
    const answer = await list(query);
    expect(names(answer)).toEqual(expected);
    expect(answer.body.metadata?.['resourceVersion']).toBe(version);
  });

  test.each([
    ['resourceVersionMatch=Exact', 422, 'Invalid', 'forbidden unless resourceVersion is provided'],
    ['resourceVersion=0&resourceVersionMatch=Exact', 422, 'Invalid', 'is forbidden for resourceVersion "0"'],
    ['resourceVersion=5&resourceVersionMatch=Newest', 422, 'Invalid', 'Unsupported value: "Newest"'],
    ['sendInitialEvents=true', 422, 'Invalid', 'forbidden for list'],
    ['resourceVersion=9999', 504, 'Timeout', 'Too large resource version: 9999, current: 1003'],
    ['resourceVersion=new', 400, 'BadRequest', 'invalid resource version'],
    ['continue=abc', 400, 'BadRequest', 'continue key is not valid'],
    ['fieldSelector=spec.other=x', 400, 'BadRequest', 'field label not supported: spec.other'],
    ['labelSelector=a in b', 400, 'BadRequest', 'unable to parse requirement'],
  ])('%s is refused', async (query, status, reason, why) => {
    const answer = await list(encodeURI(query));
    expect([answer.status, answer.body.reason]).toEqual([status, reason]);
    expect(answer.body.message).toContain(why);
  });
});

test.each([
  ['labelSelector=tier=web', ['a', 'c']],
  ['labelSelector=tier!=web', ['b', 'd']],
  ['labelSelector=tier', ['a', 'b', 'c']],
  ['labelSelector=!tier', ['d']],
  ['labelSelector=tier in (web, db),zone notin (x)', ['a', 'b']],
  ['labelSelector=n>4', ['b']],
  ['fieldSelector=metadata.name=b', ['b']],
  ['fieldSelector=metadata.namespace!=shop', ['d']],
  ['fieldSelector=metadata.name=a,metadata.namespace=other', []],
])('%s', async (query, expected) => {
  api.put(pod('a', 'shop', { tier: 'web' }));
  api.put(pod('b', 'shop', { tier: 'db', n: '5' }));
  api.put(pod('c', 'shop', { tier: 'web', zone: 'x' }));
  api.put(pod('d', 'spare', {}));
  expect(names(await list(encodeURI(query)))?.toSorted()).toEqual(expected);
});

test('what is not there is told as the real one tells it', async () => {
  const missing = await list('', '/api/v1/namespaces/shop/pods/none');
  expect(missing.body).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'pods "none" not found',
    reason: 'NotFound',
    details: { name: 'none', kind: 'pods' },
    code: 404,
  });
  const unserved = await list('', '/apis/sallyport.dev/v1alpha1/borderfirewalls');
  expect([unserved.status, unserved.text]).toEqual([404, '404 page not found\n']);
});

test('once a token is set, only tokens open', async () => {
  api.access.setToken('secret', { name: 'ann' });
  const url = `${api.url}/api/v1/pods`;
  const nobody = await ask(url);
  expect([nobody.status, nobody.body.reason]).toEqual([401, 'Unauthorized']);
  const ann = { headers: { authorization: 'Bearer secret' } };
  expect((await ask(url, ann)).status).toBe(200);
  api.access.revokeToken('secret');
  expect((await ask(url, ann)).status).toBe(401);
});

test('after a restart the history is the same, or a new one', async () => {
  api.put(pod('a'));
  api.put(pod('b'));
  const { url } = api;
  await api.restart();
  expect(api.url).toBe(url);
  expect((await list()).body.metadata?.['resourceVersion']).toBe('1002');
  await api.restart({ keep: ({ metadata }) => metadata.name === 'b' });
  const restored = await list();
  expect([names(restored), restored.body.metadata?.['resourceVersion']]).toEqual([['b'], '2']);
  await api.refuseConnections();
  await expect(list()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
