import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ApiOfPod, json, PodFolder } from '../../test/kit/api-of-pod.ts';
import { Authority } from '../../test/kit/certificates.ts';
import { SallyportError } from '../base/error.ts';
import { connectInCluster } from './in-cluster.ts';

let pod: PodFolder;
let api: ApiOfPod;
beforeAll(() => {
  pod = new PodFolder();
});
afterAll(() => pod.remove());
beforeEach(async () => {
  api = await ApiOfPod.start(pod);
});
afterEach(() => api.stop());

const never = new AbortController().signal;
const get = (path = '/api/v1/pods'): Promise<unknown> => api.client.call({ method: 'GET', path }, never);
const failure = (work: Promise<unknown>): Promise<SallyportError> =>
  work.then(
    () => expect.fail('did not fail'),
    (thrown: unknown) => (thrown instanceof SallyportError ? thrown : expect.fail(String(thrown))),
  );

describe('a token that changes', () => {
  const only = (token: string): void => {
    api.answer = (request, response) =>
      request.headers.authorization === `Bearer ${token}`
        ? json(response, 200, { kind: 'PodList' })
        : json(response, 401, { kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized', code: 401 });
  };

  test('is read again within a second of its change', async () => {
    await get();
    pod.write('token', 'token-the-second\n');
    api.clock.advance(1_000);
    await get();
    expect(api.requests.map(({ authorization }) => authorization)).toEqual([
      'Bearer token-one',
      'Bearer token-the-second',
    ]);
    expect(api.sockets.size, 'on the same connection').toBe(1);
  });

  test('is read at once when the server does not take the old one', async () => {
    only('token-two');
    expect(await failure(get())).toMatchObject({ code: 'API_UNAUTHORIZED', details: { status: 401 } });
    expect(api.requests).toHaveLength(2);
    pod.write('token', 'token-two\n');
    expect(await get()).toEqual({ kind: 'PodList' });
    expect(api.requests).toHaveLength(4);
  });

  test('stays the last one while its file is away, and then it is said', async () => {
    await get();
    rmSync(join(pod.folder, 'token'));
    api.clock.advance(120_000);
    await get();
    expect(api.requests[1]?.authorization).toBe('Bearer token-one');
    only('token-two');
    expect(await failure(get())).toMatchObject({
      code: 'API_CREDENTIALS',
      message: expect.stringMatching(/^the token cannot be read: ENOENT/) as string,
    });
  });

  test('is not sent if it is none', async () => {
    pod.write('token', ' \n');
    expect((await failure(get())).message).toMatch(/^the token is empty: /);
    pod.write('token', 'a\r\nX-Injected: 1');
    expect((await failure(get())).code).toBe('API_CREDENTIALS');
    expect(api.requests).toEqual([]);
  });
});

describe('the server’s certificate', () => {
  test('has to come from the given authority, whatever the environment says', async () => {
    pod.write('ca.crt', new Authority(pod.folder, 'another CA').certificate);
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const error = await failure(get());
      expect(error.code).toBe('API_UNREACHABLE');
      expect(error.message).toMatch(/its certificate is not from an authority that it may come from.*\([A-Z_]+\)$/);
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
    expect(api.requests).toEqual([]);
  });

  test('an authority that is replaced counts without a restart', async () => {
    await get();
    const next = new Authority(pod.folder, 'next CA');
    const { certificate, key } = next.issue('/CN=api', { names: 'IP:127.0.0.1' });
    api.server.setSecureContext({ cert: certificate, key });
    api.server.closeAllConnections();
    await expect.poll(() => api.sockets.size).toBe(0);
    expect((await failure(get())).code).toBe('API_UNREACHABLE');
    pod.write('ca.crt', pod.authority.certificate + next.certificate);
    api.clock.advance(1_000);
    expect(await get()).toEqual({ kind: 'PodList' });
  });

  test.each([
    [
      'expired',
      { names: 'IP:127.0.0.1', expired: true },
      /its certificate, or one above it, has expired \(CERT_HAS_EXPIRED\)$/,
    ],
    ['of another name', { names: 'DNS:example.com' }, /does not match.*\(ERR_TLS_CERT_ALTNAME_INVALID\)$/],
  ])('%s', async (_, how, words) => {
    const { certificate, key } = pod.authority.issue('/CN=api', how);
    api.server.setSecureContext({ cert: certificate, key });
    const error = await failure(get());
    expect(error).toMatchObject({ code: 'API_UNREACHABLE', message: expect.stringMatching(words) as string });
    expect(api.requests).toEqual([]);
  });
});

test('outside of a cluster it is said what is missing', async () => {
  expect(await failure(connectInCluster({ environment: {}, folder: pod.folder }))).toMatchObject({
    code: 'KUBECONFIG_INVALID',
  });
  const environment = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  expect(await failure(connectInCluster({ environment, folder: join(pod.folder, 'none') }))).toMatchObject({
    message: expect.stringMatching(/this pod has no service account/) as string,
  });
});
