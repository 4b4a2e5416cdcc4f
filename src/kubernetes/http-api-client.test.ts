import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Authority, type Issued } from '../../test/kit/certificates.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { SallyportError } from '../base/error.ts';
import { version } from '../base/version.ts';
import { connectInCluster } from './in-cluster.ts';
import type { ApiClient } from './api-client.ts';

let folder: string;
let authority: Authority;
let issued: Issued;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-client-test-'));
  authority = new Authority(folder);
  issued = authority.issue('/CN=api', { names: 'IP:127.0.0.1,IP:::1' });
});
afterAll(() => rmSync(folder, { recursive: true }));

let server: Server;
let client: ApiClient;
let clock: FakeClock;
let answer: RequestListener;
let requests: { readonly line: string; readonly authorization: string | undefined }[];
const sockets = new Set<Duplex>();
const never = new AbortController().signal;

async function listen(host = '127.0.0.1'): Promise<number> {
  server = createServer({ key: issued.key, cert: issued.certificate }, (request, response) => {
    requests.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization });
    answer(request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

async function connect(host = '127.0.0.1'): Promise<ApiClient> {
  const port = await listen(host);
  const environment = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: String(port) };
  return (await connectInCluster({ environment, folder, clock })).client;
}

function json(response: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

beforeEach(async () => {
  requests = [];
  clock = new FakeClock();
  answer = (_, response) => json(response, 200, { kind: 'PodList' });
  writeFileSync(join(folder, 'ca.crt'), authority.certificate);
  writeFileSync(join(folder, 'token'), 'token-one\n');
  writeFileSync(join(folder, 'namespace'), 'sallyport\n');
  client = await connect();
});
afterEach(async () => {
  await client.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const get = (path = '/api/v1/pods'): Promise<unknown> => client.call({ method: 'GET', path }, never);
const failure = (work: Promise<unknown>): Promise<SallyportError> =>
  work.then(
    () => expect.fail('did not fail'),
    (thrown: unknown) => (thrown instanceof SallyportError ? thrown : expect.fail(String(thrown))),
  );

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

describe('a request', () => {
  test('shows the token, the version, and what it asks for', async () => {
    let headers: IncomingMessage['headers'] = {};
    let body = '';
    answer = (request, response) => {
      headers = request.headers;
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => json(response, 201, { kind: 'Pod' }));
    };
    const created = await client.call(
      {
        method: 'PATCH',
        path: '/api/v1/namespaces/a%2Fb/pods/x',
        query: { fieldManager: 'sallyport', force: 'true' },
        body: { a: 1 },
        contentType: 'application/apply-patch+yaml',
      },
      never,
    );
    expect(created).toEqual({ kind: 'Pod' });
    expect(requests).toEqual([
      {
        line: 'PATCH /api/v1/namespaces/a%2Fb/pods/x?fieldManager=sallyport&force=true',
        authorization: 'Bearer token-one',
      },
    ]);
    expect(headers).toMatchObject({
      accept: 'application/json',
      'accept-encoding': 'gzip',
      'content-type': 'application/apply-patch+yaml',
      'user-agent': `sallyport/${version}`,
    });
    expect(body).toBe('{"a":1}');
  });

  test('goes to an IPv6 address as well', async () => {
    await client.close();
    await new Promise((resolve) => server.close(resolve));
    client = await connect('::1');
    expect(await get()).toEqual({ kind: 'PodList' });
    expect(client.title).toMatch(/^https:\/\/\[::1\]:\d+$/);
  });

  test('keeps its connection', async () => {
    let opened = 0;
    server.on('connection', () => (opened += 1));
    for (let n = 0; n < 20; n++) await get();
    // A second one if the first is not quite free when it is asked again.
    expect(opened).toBeLessThanOrEqual(2);
  });
});

describe('an answer', () => {
  test('is decompressed', async () => {
    answer = (_, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'gzip' })
        .end(gzipSync('{"kind":"ä"}'));
    expect(await get()).toEqual({ kind: 'ä' });
    const { contentType, chunks } = await client.open({ method: 'GET', path: '/' }, never);
    expect(contentType).toBe('application/json');
    expect(await text(chunks)).toBe('{"kind":"ä"}');
  });

  test('that unpacks to far more than its size is not read', async () => {
    const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024));
    answer = (_, response) =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
    expect((await failure(get())).code).toBe('API_ANSWER_TOO_LARGE');
    const { chunks } = await client.open({ method: 'GET', path: '/' }, never);
    expect((await failure(text(chunks))).message).toMatch(/unpacks to more than 200 times its size/);
  });

  test('above 64 MiB is refused by call and given by open', async () => {
    const chunk = Buffer.alloc(1024 * 1024, ' ');
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      let left = 65;
      const more = (): void => {
        while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', more);
        response.end();
      };
      more();
    };
    expect((await failure(get())).code).toBe('API_ANSWER_TOO_LARGE');
    const { chunks } = await client.open({ method: 'GET', path: '/' }, never);
    let total = 0;
    for await (const part of chunks) total += part.length;
    expect(total).toBe(65 * chunk.length);
  });

  test.each([
    ['a page', { 'content-type': 'text/html' }, '<html>'],
    ['no type', {}, '{}'],
    ['half of it', { 'content-type': 'application/json' }, '{"kind":'],
  ])('that is no JSON is none of an API server: %s', async (_, headers, body) => {
    answer = (_request, response) => response.writeHead(200, headers).end(body);
    expect((await failure(get())).code).toBe('API_FAILED');
  });

  test('that breaks off is not taken for a whole one', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"a":');
      setImmediate(() => response.destroy());
    };
    expect((await failure(get())).code).toBe('API_UNREACHABLE');
    const { chunks } = await client.open({ method: 'GET', path: '/' }, never);
    expect((await failure(text(chunks))).code).toBe('API_UNREACHABLE');
  });
});

describe('a stream', () => {
  let response: ServerResponse;
  beforeEach(() => {
    answer = (_, given) => {
      response = given;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('one');
    };
  });

  test('that is silent for too long is a broken connection; any byte counts', async () => {
    const { chunks } = await client.open({ method: 'GET', path: '/' }, never, 1_000);
    const iterator = chunks[Symbol.asyncIterator]();
    expect(String((await iterator.next()).value)).toBe('one');
    clock.advance(5_000); // while nobody waits, nobody is silent
    const second = iterator.next();
    clock.advance(999);
    response.write('two');
    expect(Buffer.from((await second).value as Uint8Array).toString()).toBe('two');
    const third = failure(iterator.next());
    clock.advance(1_000);
    expect(await third).toMatchObject({
      code: 'API_UNREACHABLE',
      message: expect.stringMatching(/GET \/: the connection was silent for 1000 ms$/) as string,
    });
    await expect.poll(() => sockets.size).toBe(0);
  });

  test('ends with its signal, for its reason, read or not', async () => {
    const stop = new AbortController();
    const read = await client.open({ method: 'GET', path: '/' }, stop.signal);
    await client.open({ method: 'GET', path: '/unread' }, stop.signal);
    const iterator = read.chunks[Symbol.asyncIterator]();
    await iterator.next();
    const next = iterator.next();
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await expect.poll(() => sockets.size).toBe(0);
  });

  test('that nobody reads to its end is closed', async () => {
    const { chunks } = await client.open({ method: 'GET', path: '/' }, never);
    for await (const _ of chunks) break;
    await expect.poll(() => sockets.size).toBe(0);
  });

  test('ends when the client is closed', async () => {
    const { chunks } = await client.open({ method: 'GET', path: '/' }, never);
    const reading = failure(text(chunks));
    await client.close();
    expect((await reading).code).toBe('API_UNREACHABLE');
    expect((await failure(get())).message).toMatch(/this client is closed/);
  });
});

describe('a refusal', () => {
  const status = (code: number, reason: string, message = 'no'): unknown => ({ kind: 'Status', reason, message, code });

  test.each([
    [400, 'BadRequest', 'API_REFUSED'],
    [403, 'Forbidden', 'API_FORBIDDEN'],
    [404, 'NotFound', 'API_NOT_FOUND'],
    [405, 'MethodNotAllowed', 'API_REFUSED'],
    [408, 'Timeout', 'API_FAILED'],
    [409, 'Conflict', 'API_CONFLICT'],
    [409, 'AlreadyExists', 'API_CONFLICT'],
    [410, 'Expired', 'API_EXPIRED'],
    [422, 'Invalid', 'API_REFUSED'],
    [429, 'TooManyRequests', 'API_BUSY'],
    [500, 'InternalError', 'API_FAILED'],
    [503, 'ServiceUnavailable', 'API_BUSY'],
    [504, 'Timeout', 'API_FAILED'],
  ])('%i %s is %s', async (code, reason, expected) => {
    answer = (_, response) => json(response, code, status(code, reason));
    const error = await failure(get());
    expect(error).toMatchObject({ code: expected, details: { status: code, reason } });
    expect(error.message).toBe(`${client.title}: GET /api/v1/pods: ${code} ${reason}: no`);
    const opened = await failure(client.open({ method: 'GET', path: '/api/v1/pods' }, never));
    expect(opened.message).toBe(error.message);
  });

  test('only an API server can say that something is not there', async () => {
    answer = (_, response) =>
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
    expect(await failure(get())).toMatchObject({
      code: 'API_NOT_FOUND',
      message: expect.stringMatching(/: 404: 404 page not found$/) as string,
    });
    answer = (_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not Found</h1>');
    expect((await failure(get())).code).toBe('API_FAILED');
    answer = (_, response) => json(response, 404, { error: 'no route' });
    expect((await failure(get())).code).toBe('API_FAILED');
  });

  test('a redirect is not followed', async () => {
    answer = (request, response) =>
      request.url === '/other' ? json(response, 200, {}) : response.writeHead(302, { location: '/other' }).end();
    expect(await failure(get())).toMatchObject({ code: 'API_FAILED', details: { status: 302 } });
    expect(requests).toHaveLength(1);
  });

  test.each([
    ['3', 3_000],
    ['Mon, 05 Jan 2026 12:00:07 GMT', 7_000],
    ['Mon, 05 Jan 2026 11:00:00 GMT', 0],
    ['9999999', 300_000],
    ['soon', undefined],
    ['-1', undefined],
  ])('says when to come back: %s', async (header, ms) => {
    answer = (_, response) => json(response, 429, status(429, 'TooManyRequests'), { 'retry-after': header });
    expect((await failure(get())).details['retryAfterMs']).toBe(ms);
  });

  test('holds no credential, nothing invisible, and no book', async () => {
    const message = `bearer token-one\n\u202e\u009b31m ${'x'.repeat(5_000)}`;
    answer = (_, response) => json(response, 422, status(422, 'Invalid', message));
    const error = await failure(get());
    expect(error.message).toContain('bearer [secret]\\u000a\\u202e\\u009b31m xxx');
    expect(error.message.length).toBeLessThan(1_200);
    expect(`${JSON.stringify(error)} ${error.stack}`).not.toContain('token-one');
  });
});

describe('nobody there', () => {
  test('a closed port is said with its address', async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await failure(get())).toMatchObject({
      code: 'API_UNREACHABLE',
      message: `${client.title}: GET /api/v1/pods: nothing listens there (ECONNREFUSED)`,
    });
  });

  test('no answer in time; the connection does not stay', async () => {
    answer = () => {};
    const error = await failure(client.call({ method: 'GET', path: '/slow', deadlineMs: 20 }, never));
    expect(error.message).toBe(`${client.title}: GET /slow: no answer within 20 ms`);
    expect(error.code).toBe('API_UNREACHABLE');
    await expect.poll(() => sockets.size).toBe(0);
  });

  test('an answer that begins and is not whole in time', async () => {
    answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{');
    const error = await failure(client.call({ method: 'GET', path: '/slow', deadlineMs: 100 }, never));
    expect(error.message).toBe(`${client.title}: GET /slow: no answer within 100 ms`);
  });

  test('whoever asked does not want it any more', async () => {
    answer = () => {};
    const stop = new AbortController();
    const asking = client.call({ method: 'GET', path: '/' }, stop.signal);
    await expect.poll(() => requests.length).toBe(1);
    stop.abort(new Error('enough'));
    await expect(asking).rejects.toThrow('enough');
    await expect(client.call({ method: 'GET', path: '/' }, AbortSignal.abort(new Error('before')))).rejects.toThrow(
      'before',
    );
  });
});

describe('a token that changes', () => {
  const only = (token: string): void => {
    answer = (request, response) =>
      request.headers.authorization === `Bearer ${token}`
        ? json(response, 200, { kind: 'PodList' })
        : json(response, 401, { kind: 'Status', reason: 'Unauthorized', message: 'Unauthorized', code: 401 });
  };

  test('is read again within a second of its change', async () => {
    await get();
    writeFileSync(join(folder, 'token'), 'token-the-second\n');
    clock.advance(1_000);
    await get();
    expect(requests.map(({ authorization }) => authorization)).toEqual(['Bearer token-one', 'Bearer token-the-second']);
    expect(sockets.size, 'on the same connection').toBe(1);
  });

  test('is read at once when the server does not take the old one', async () => {
    only('token-two');
    expect(await failure(get())).toMatchObject({ code: 'API_UNAUTHORIZED', details: { status: 401 } });
    expect(requests).toHaveLength(2);
    writeFileSync(join(folder, 'token'), 'token-two\n');
    expect(await get()).toEqual({ kind: 'PodList' });
    expect(requests).toHaveLength(4);
  });

  test('stays the last one while its file is away, and then it is said', async () => {
    await get();
    rmSync(join(folder, 'token'));
    clock.advance(120_000);
    await get();
    expect(requests[1]?.authorization).toBe('Bearer token-one');
    only('token-two');
    expect(await failure(get())).toMatchObject({
      code: 'API_CREDENTIALS',
      message: expect.stringMatching(/^the token cannot be read: ENOENT/) as string,
    });
  });

  test('is not sent if it is none', async () => {
    writeFileSync(join(folder, 'token'), ' \n');
    expect((await failure(get())).message).toMatch(/^the token is empty: /);
    writeFileSync(join(folder, 'token'), 'a\r\nX-Injected: 1');
    expect((await failure(get())).code).toBe('API_CREDENTIALS');
    expect(requests).toEqual([]);
  });
});

describe('the server’s certificate', () => {
  test('has to come from the given authority, whatever the environment says', async () => {
    writeFileSync(join(folder, 'ca.crt'), new Authority(folder, 'another CA').certificate);
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
    expect(requests).toEqual([]);
  });

  test('an authority that is replaced counts without a restart', async () => {
    await get();
    const next = new Authority(folder, 'next CA');
    const { certificate, key } = next.issue('/CN=api', { names: 'IP:127.0.0.1' });
    server.setSecureContext({ cert: certificate, key });
    server.closeAllConnections();
    await expect.poll(() => sockets.size).toBe(0);
    expect((await failure(get())).code).toBe('API_UNREACHABLE');
    writeFileSync(join(folder, 'ca.crt'), authority.certificate + next.certificate);
    clock.advance(1_000);
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
    const { certificate, key } = authority.issue('/CN=api', how);
    server.setSecureContext({ cert: certificate, key });
    const error = await failure(get());
    expect(error).toMatchObject({ code: 'API_UNREACHABLE', message: expect.stringMatching(words) as string });
    expect(requests).toEqual([]);
  });
});

test('outside of a cluster it is said what is missing', async () => {
  expect(await failure(connectInCluster({ environment: {}, folder }))).toMatchObject({ code: 'KUBECONFIG_INVALID' });
  const environment = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
  expect(await failure(connectInCluster({ environment, folder: join(folder, 'none') }))).toMatchObject({
    message: expect.stringMatching(/this pod has no service account/) as string,
  });
});
