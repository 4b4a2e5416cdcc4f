import { describe, expect, test } from 'vitest';
import { SmallApi, statusBody } from '../../test/kit/small-api.ts';
import { clusterNameOf, discover, isServed, serverVersion } from './discovery.ts';

const never = new AbortController().signal;
const of = (group: string, version: string, plural: string): Parameters<typeof isServed>[1] => ({
  group,
  version,
  plural,
});

/** The same server, as old and as new ones tell it. `metrics.k8s.io` is served by somebody who does not answer. */
const tellings: Readonly<Record<string, Readonly<Record<string, readonly [number, unknown]>>>> = {
  'at once': {
    '/api': [
      200,
      {
        kind: 'APIGroupDiscoveryList',
        items: [
          {
            versions: [{ version: 'v1', resources: [{ resource: 'pods', subresources: [{}] }], freshness: 'Current' }],
          },
        ],
      },
    ],
    '/apis': [
      200,
      {
        kind: 'APIGroupDiscoveryList',
        items: [
          {
            metadata: { name: 'sallyport.dev' },
            versions: [
              { version: 'v1alpha1', resources: [{ resource: 'borderfirewalls' }], freshness: 'Current' },
              { version: 'v1alpha0', freshness: 'Current' },
            ],
          },
          { metadata: { name: 'metrics.k8s.io' }, versions: [{ version: 'v1beta1', freshness: 'Stale' }] },
        ],
      },
    ],
  },
  'one by one': {
    '/api': [200, { kind: 'APIVersions', versions: ['v1'] }],
    '/api/v1': [200, { kind: 'APIResourceList', resources: [{ name: 'pods' }, { name: 'pods/status' }] }],
    '/apis': [
      200,
      {
        kind: 'APIGroupList',
        groups: [
          {
            name: 'sallyport.dev',
            versions: [{ version: 'v1alpha0' }, { version: 'v1alpha1' }],
            preferredVersion: { version: 'v1alpha1' },
          },
          { name: 'metrics.k8s.io', versions: [{ version: 'v1beta1' }] },
        ],
      },
    ],
    '/apis/sallyport.dev/v1alpha0': [404, '404 page not found\n'],
    '/apis/sallyport.dev/v1alpha1': [200, { kind: 'APIResourceList', resources: [{ name: 'borderfirewalls' }] }],
    '/apis/metrics.k8s.io/v1beta1': [503, statusBody(503, 'ServiceUnavailable')],
  },
};

describe.each(Object.entries(tellings))('what a server serves, told %s', (_, answers) => {
  const start = (): Promise<SmallApi> =>
    SmallApi.start(({ line }) => answers[line.replace('GET ', '')] ?? expect.fail(line));

  test('yes, no, and nobody knows', async () => {
    await using api = await start();
    const served = await discover(api.client, never);
    expect(served.serves(of('', 'v1', 'pods'))).toBe('yes');
    expect(served.serves(of('', 'v1', 'services'))).toBe('no');
    expect(served.serves(of('sallyport.dev', 'v1alpha1', 'borderfirewalls'))).toBe('yes');
    expect(served.serves(of('sallyport.dev', 'v1alpha0', 'borderfirewalls'))).toBe('no');
    expect(served.serves(of('projectcalico.org', 'v3', 'tiers'))).toBe('no');
    expect(served.serves(of('metrics.k8s.io', 'v1beta1', 'pods'))).toBe('unknown');
    expect(served.versions('sallyport.dev')).toEqual(['v1alpha1', 'v1alpha0']);
    expect(served.versions('projectcalico.org')).toEqual([]);
  });
});

test('one kind is one small request', async () => {
  const answers = tellings['one by one'] ?? {};
  await using api = await SmallApi.start(
    ({ line }) => answers[line.replace('GET ', '')] ?? [404, '404 page not found\n'],
  );
  expect(await isServed(api.client, of('sallyport.dev', 'v1alpha1', 'borderfirewalls'), never)).toBe(true);
  expect(await isServed(api.client, of('sallyport.dev', 'v1alpha1', 'others'), never)).toBe(false);
  expect(await isServed(api.client, of('projectcalico.org', 'v3', 'tiers'), never)).toBe(false);
  expect(api.asked).toHaveLength(3);
  await expect(isServed(api.client, of('metrics.k8s.io', 'v1beta1', 'pods'), never)).rejects.toMatchObject({
    code: 'API_BUSY',
  });
});

test('what is no answer of an API server is not taken for an empty one', async () => {
  await using api = await SmallApi.start(() => [200, { hello: 'world' }]);
  await expect(discover(api.client, never)).rejects.toMatchObject({ code: 'API_FAILED' });
  await expect(isServed(api.client, of('', 'v1', 'pods'), never)).rejects.toMatchObject({ code: 'API_FAILED' });
  await expect(serverVersion(api.client, never)).rejects.toMatchObject({ code: 'API_FAILED' });
  await expect(clusterNameOf(api.client, never)).rejects.toMatchObject({ code: 'API_FAILED' });
});

test('version and name of a cluster', async () => {
  await using api = await SmallApi.start(({ line }) =>
    line === 'GET /version'
      ? [200, { gitVersion: 'v1.34.1' }]
      : [200, { metadata: { name: 'kube-system', uid: '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9' } }],
  );
  expect(await serverVersion(api.client, never)).toBe('v1.34.1');
  expect(await clusterNameOf(api.client, never)).toBe('0a1b2c3d');
  expect(api.asked[1]?.line).toBe('GET /api/v1/namespaces/kube-system');
});
