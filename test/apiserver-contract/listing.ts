import { gunzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { type List, type Clause, type Stage, configMaps, pods, refusal } from './server-under-test.ts';

/** Lists, single objects, and how a server says no to reading. */
export function listing(stage: () => Stage, test: Clause): void {
  const names = (list: List): readonly string[] => list.items.map((item) => item.metadata.name);

  test('a list comes in pages of one moment', async () => {
    const namespace = await stage().namespace();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await stage().configMap(namespace, name);
    const first = await stage().list(`${configMaps(namespace)}?limit=2`);
    expect(names(first)).toEqual(['a', 'b']);
    expect(first.metadata.remainingItemCount).toBe(3);
    await stage().configMap(namespace, 'bb');
    await stage().api.json('DELETE', `${configMaps(namespace)}/d`);
    const next = async (page: List): Promise<List> =>
      stage().list(`${configMaps(namespace)}?limit=2&continue=${encodeURIComponent(page.metadata.continue ?? '')}`);
    const second = await next(first);
    expect(names(second)).toEqual(['c', 'd']);
    const third = await next(second);
    expect(names(third)).toEqual(['e']);
    expect(third.metadata.continue).toBeUndefined();
    expect(new Set([first, second, third].map((page) => page.metadata.resourceVersion)).size).toBe(1);
    expect(names(await stage().list(configMaps(namespace)))).toEqual(['a', 'b', 'bb', 'c', 'e']);
  });

  test('a list names its kind, its items do not', async () => {
    const namespace = await stage().namespace();
    await stage().pod(namespace, 'one');
    const list = await stage().list(pods(namespace));
    expect([list.kind, list.apiVersion, list.items.length]).toEqual(['PodList', 'v1', 1]);
    expect(list.items[0]).not.toHaveProperty('kind');
    const single = await stage().api.json('GET', `${pods(namespace)}/one`);
    expect([single.kind, single.apiVersion]).toEqual(['Pod', 'v1']);
    // Nothing happened in between, so the list is not older than its items.
    expect(BigInt(list.metadata.resourceVersion)).toBeGreaterThanOrEqual(BigInt(single.metadata.resourceVersion));
  });

  test('a continue token that is too old is answered by 410, Expired; one that is none by 400', async () => {
    const namespace = await stage().namespace();
    for (const name of ['a', 'b', 'c']) await stage().configMap(namespace, name);
    const page = await stage().list(`${configMaps(namespace)}?limit=1`);
    await stage().configMap(namespace, 'd');
    await stage().server.expireHistory();
    const token = encodeURIComponent(page.metadata.continue ?? '');
    const status = await refusal(stage().api, 'GET', `${configMaps(namespace)}?limit=1&continue=${token}`);
    expect(status).toMatchObject({ http: 410, code: 410, reason: 'Expired', status: 'Failure' });
    expect(await refusal(stage().api, 'GET', `${configMaps(namespace)}?limit=1&continue=nonsense`)).toMatchObject({
      http: 400,
      reason: 'BadRequest',
    });
  });

  test('selectors of labels and of metadata.name choose', async () => {
    const namespace = await stage().namespace();
    await stage().pod(namespace, 'one', { tier: 'front' });
    await stage().pod(namespace, 'two', { tier: 'back' });
    const listed = async (query: string): Promise<readonly string[]> =>
      names(await stage().list(`${pods(namespace)}?${query}`));
    expect(await listed('fieldSelector=metadata.name%3Dtwo')).toEqual(['two']);
    expect(await listed('labelSelector=tier%3Dfront')).toEqual(['one']);
    expect(await listed('labelSelector=tier%20notin%20(front)')).toEqual(['two']);
    expect((await refusal(stage().api, 'GET', `${pods(namespace)}?fieldSelector=spec.nothing%3Da`)).http).toBe(400);
  });

  test('what is not there is a 404 with a Status: objects, resources, groups', async () => {
    const namespace = await stage().namespace();
    const missing = await refusal(stage().api, 'GET', `${pods(namespace)}/nobody`);
    expect(missing).toEqual({
      http: 404,
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'pods "nobody" not found',
      reason: 'NotFound',
      details: { name: 'nobody', kind: 'pods' },
      code: 404,
    });
    for (const path of ['/api/v1/things', '/apis/apps/v1/things', '/apis/apps/v2/deployments']) {
      expect(await refusal(stage().api, 'GET', path)).toMatchObject({
        http: 404,
        message: 'the server could not find the requested resource',
        reason: 'NotFound',
        details: {},
      });
    }
    // A group that nobody serves is a path like any other.
    for (const path of ['/apis/nobody.example/v1', '/apis/nobody.example/v1/things']) {
      const { status, headers, bytes } = await stage().api.send({ path });
      expect([status, headers['content-type'], bytes.toString()]).toEqual([
        404,
        'text/plain; charset=utf-8',
        '404 page not found\n',
      ]);
    }
  });

  test('the marked-up Accept header that drops managedFields does no harm', async () => {
    const namespace = await stage().namespace();
    await stage().configMap(namespace, 'one', { a: '1' });
    const accept = 'application/json;drop=metadata.managedFields,application/json';
    const { status, headers, bytes } = await stage().api.send({ path: configMaps(namespace), headers: { accept } });
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    expect((JSON.parse(bytes.toString()) as List).items[0]).toMatchObject({
      metadata: { name: 'one' },
      data: { a: '1' },
    });
  });

  test('nothing that is acceptable is a 406', async () => {
    const { status } = await stage().api.send({ path: '/api/v1/namespaces', headers: { accept: 'text/html' } });
    expect(status).toBe(406);
  });

  test('long answers are compressed for whoever takes gzip, and for nobody else', async () => {
    const namespace = await stage().namespace();
    // Servers compress from 128 KiB on.
    await stage().configMap(namespace, 'long', { text: 'word '.repeat(60_000) });
    const path = configMaps(namespace);
    const packed = await stage().api.send({ path, headers: { 'accept-encoding': 'gzip' } });
    const plain = await stage().api.send({ path });
    expect([packed.headers['content-encoding'], plain.headers['content-encoding']]).toEqual(['gzip', undefined]);
    expect(JSON.parse(gunzipSync(packed.bytes).toString())).toEqual(JSON.parse(plain.bytes.toString()));
  });
}
