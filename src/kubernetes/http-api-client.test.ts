import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ApiOfPod, json, PodFolder } from '../../test/kit/api-of-pod.ts';
import { ForwardProxy } from '../../test/kit/forward-proxy.ts';
import { systemClock } from '../base/clock.ts';
import { SallyportError } from '../base/error.ts';
import { version } from '../base/version.ts';
import { GivenCredentials } from './given-credentials.ts';
import { HttpApiClient } from './http-api-client.ts';

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

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts).toString();
}

describe('a request', () => {
  test('shows the token, the version, and what it asks for', async () => {
    let headers: IncomingMessage['headers'] = {};
    let body = '';
    api.answer = (request, response) => {
      headers = request.headers;
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => json(response, 201, { kind: 'Pod' }));
    };
    const created = await api.client.call(
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
    expect(api.requests).toEqual([
      {
        line: 'PATCH /api/v1/namespaces/a%2Fb/pods/x?fieldManager=sallyport&force=true',
        authorization: 'Bearer token-one',
      },
    ]);
    expect(headers).toMatchObject({
      accept: 'application/json',
      // This server is on loopback.
      'accept-encoding': 'identity',
      'content-type': 'application/apply-patch+yaml',
      'user-agent': `sallyport/${version}`,
    });
    expect(body).toBe('{"a":1}');
  });

  test('goes to an IPv6 address as well', async () => {
    await api.stop();
    api = await ApiOfPod.start(pod, '::1');
    expect(await get()).toEqual({ kind: 'PodList' });
    expect(api.client.title).toMatch(/^https:\/\/\[::1\]:\d+$/);
  });

  test('keeps its connection', async () => {
    let opened = 0;
    api.server.on('connection', () => (opened += 1));
    for (let n = 0; n < 20; n++) await get();
    // A second one if the first is not quite free when it is asked again.
    expect(opened).toBeLessThanOrEqual(2);
  });
});

describe('an answer', () => {
  test('is asked for compressed where it comes from afar', async () => {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers['accept-encoding']);
      json(response, 200, {});
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const proxy = await ForwardProxy.start();
    try {
      for (const through of [undefined, new URL(`http://127.0.0.1:${proxy.port}`)]) {
        const target = { title: 'small', url, isInsecure: false, proxy: through };
        const client = new HttpApiClient(target, new GivenCredentials({}, systemClock));
        await client.call({ method: 'GET', path: '/' }, never);
        await client.close();
      }
    } finally {
      await proxy.stop();
      server.close();
    }
    expect(asked).toEqual(['identity', 'gzip']);
  });

  test('is decompressed', async () => {
    api.answer = (_, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-encoding': 'gzip' })
        .end(gzipSync('{"kind":"ä"}'));
    expect(await get()).toEqual({ kind: 'ä' });
    const { contentType, chunks } = await api.client.open({ method: 'GET', path: '/' }, never);
    expect(contentType).toBe('application/json');
    expect(await text(chunks)).toBe('{"kind":"ä"}');
  });

  test('that unpacks to far more than its size is not read', async () => {
    const bomb = gzipSync(Buffer.alloc(32 * 1024 * 1024));
    api.answer = (_, response) =>
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
    expect((await failure(get())).code).toBe('API_ANSWER_TOO_LARGE');
    const { chunks } = await api.client.open({ method: 'GET', path: '/' }, never);
    expect((await failure(text(chunks))).message).toMatch(/unpacks to more than 200 times its size/);
  });

  test('above 64 MiB is refused by call and given by open', async () => {
    const chunk = Buffer.alloc(1024 * 1024, ' ');
    api.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      let left = 65;
      const more = (): void => {
        while (left-- > 0) if (!response.write(chunk)) return void response.once('drain', more);
        response.end();
      };
      more();
    };
    expect((await failure(get())).code).toBe('API_ANSWER_TOO_LARGE');
    const { chunks } = await api.client.open({ method: 'GET', path: '/' }, never);
    let total = 0;
    for await (const part of chunks) total += part.length;
    expect(total).toBe(65 * chunk.length);
  });

  test.each([
    ['a page', { 'content-type': 'text/html' }, '<html>'],
    ['no type', {}, '{}'],
    ['half of it', { 'content-type': 'application/json' }, '{"kind":'],
  ])('that is no JSON is none of an API server: %s', async (_, headers, body) => {
    api.answer = (_request, response) => response.writeHead(200, headers).end(body);
    expect((await failure(get())).code).toBe('API_FAILED');
  });

  test('does not begin with what is sent before it', async () => {
    api.answer = (_, response) => {
      response.writeProcessing();
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":1}');
    };
    expect(await get()).toEqual({ a: 1 });
  });

  test('that breaks off is not taken for a whole one', async () => {
    api.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"a":');
      setImmediate(() => response.destroy());
    };
    expect((await failure(get())).code).toBe('API_UNREACHABLE');
    const { chunks } = await api.client.open({ method: 'GET', path: '/' }, never);
    expect((await failure(text(chunks))).code).toBe('API_UNREACHABLE');
  });
});

describe('a stream', () => {
  let response: ServerResponse;
  beforeEach(() => {
    api.answer = (_, given) => {
      response = given;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('one');
    };
  });

  test('that is silent for too long is a broken connection; any byte counts', async () => {
    const { chunks } = await api.client.open({ method: 'GET', path: '/' }, never, 1_000);
    const iterator = chunks[Symbol.asyncIterator]();
    expect(String((await iterator.next()).value)).toBe('one');
    api.clock.advance(5_000); // while nobody waits, nobody is silent
    const second = iterator.next();
    api.clock.advance(999);
    response.write('two');
    expect(Buffer.from((await second).value as Uint8Array).toString()).toBe('two');
    const third = failure(iterator.next());
    api.clock.advance(1_000);
    expect(await third).toMatchObject({
      code: 'API_UNREACHABLE',
      message: expect.stringMatching(/GET \/: the connection was silent for 1000 ms$/) as string,
    });
    await expect.poll(() => api.sockets.size).toBe(0);
  });

  test('ends with its signal, for its reason, read or not', async () => {
    const stop = new AbortController();
    const read = await api.client.open({ method: 'GET', path: '/' }, stop.signal);
    await api.client.open({ method: 'GET', path: '/unread' }, stop.signal);
    const iterator = read.chunks[Symbol.asyncIterator]();
    await iterator.next();
    const next = iterator.next();
    stop.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
    await expect.poll(() => api.sockets.size).toBe(0);
  });

  test('waits at the server while nobody reads, and comes whole in the end', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let sent = 0;
    api.answer = (_, given) => {
      given.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => {
        while (sent < 64) {
          sent += 1;
          if (!given.write(chunk)) return void given.once('drain', more);
        }
        given.end();
      };
      more();
    };
    const { chunks } = await api.client.open({ method: 'GET', path: '/' }, never);
    const iterator = chunks[Symbol.asyncIterator]();
    let total = ((await iterator.next()).value as Uint8Array).length;
    for (let before = -1; before !== sent; await new Promise((resolve) => setTimeout(resolve, 100))) before = sent;
    // What is under way fits into the buffers of two sockets.
    expect(sent).toBeLessThan(40);
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) total += next.value.length;
    expect(total).toBe(64 * chunk.length);
  });

  test('that nobody reads to its end is closed', async () => {
    const { chunks } = await api.client.open({ method: 'GET', path: '/' }, never);
    for await (const _ of chunks) break;
    await expect.poll(() => api.sockets.size).toBe(0);
  });

  test('ends when the client is closed', async () => {
    const { chunks } = await api.client.open({ method: 'GET', path: '/' }, never);
    const reading = failure(text(chunks));
    await api.client.close();
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
    api.answer = (_, response) => json(response, code, status(code, reason));
    const error = await failure(get());
    expect(error).toMatchObject({ code: expected, details: { status: code, reason } });
    expect(error.message).toBe(`${api.client.title}: GET /api/v1/pods: ${code} ${reason}: no`);
    const opened = await failure(api.client.open({ method: 'GET', path: '/api/v1/pods' }, never));
    expect(opened.message).toBe(error.message);
  });

  test('only an API server can say that something is not there', async () => {
    api.answer = (_, response) =>
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
    expect(await failure(get())).toMatchObject({
      code: 'API_NOT_FOUND',
      message: expect.stringMatching(/: 404: 404 page not found$/) as string,
    });
    api.answer = (_, response) => response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not Found</h1>');
    expect((await failure(get())).code).toBe('API_FAILED');
    api.answer = (_, response) => json(response, 404, { error: 'no route' });
    expect((await failure(get())).code).toBe('API_FAILED');
  });

  test('a redirect is not followed', async () => {
    api.answer = (request, response) =>
      request.url === '/other' ? json(response, 200, {}) : response.writeHead(302, { location: '/other' }).end();
    expect(await failure(get())).toMatchObject({ code: 'API_FAILED', details: { status: 302 } });
    expect(api.requests).toHaveLength(1);
  });

  test.each([
    ['3', '12:00:00', 3_000],
    ['Mon, 05 Jan 2026 12:00:07 GMT', '12:00:00', 7_000],
    ['Mon, 05 Jan 2026 11:00:00 GMT', '12:00:00', 0],
    ['9999999', '12:00:00', 300_000],
    ['soon', '12:00:00', undefined],
    ['-1', '12:00:00', undefined],
    // A date of the server is meant by the clock of the server.
    ['Mon, 05 Jan 2026 17:00:07 GMT', '17:00:00', 7_000],
    ['Mon, 05 Jan 2026 07:00:07 GMT', '07:00:00', 7_000],
  ])('says when to come back: %s, where it is %s', async (header, time, ms) => {
    const headers = { 'retry-after': header, date: `Mon, 05 Jan 2026 ${time} GMT` };
    api.answer = (_, response) => json(response, 429, status(429, 'TooManyRequests'), headers);
    expect((await failure(get())).details['retryAfterMs']).toBe(ms);
  });

  test('holds no credential, nothing invisible, and no book', async () => {
    const message = `bearer token-one\n\u202e\u009b31m ${'x'.repeat(5_000)}`;
    api.answer = (_, response) => json(response, 422, status(422, 'Invalid', message));
    const error = await failure(get());
    expect(error.message).toContain('bearer [secret]\\u000a\\u202e\\u009b31m xxx');
    expect(error.message.length).toBeLessThan(1_200);
    expect(`${JSON.stringify(error)} ${error.stack}`).not.toContain('token-one');
  });
});

describe('nobody there', () => {
  test('a closed port is said with its address', async () => {
    await new Promise((resolve) => api.server.close(resolve));
    expect(await failure(get())).toMatchObject({
      code: 'API_UNREACHABLE',
      message: `${api.client.title}: GET /api/v1/pods: nothing listens there (ECONNREFUSED)`,
    });
  });

  test('no answer in time; the connection does not stay', async () => {
    api.answer = () => {};
    const error = await failure(api.client.call({ method: 'GET', path: '/slow', deadlineMs: 20 }, never));
    expect(error.message).toBe(`${api.client.title}: GET /slow: no answer within 20 ms`);
    expect(error.code).toBe('API_UNREACHABLE');
    await expect.poll(() => api.sockets.size).toBe(0);
  });

  test('an answer that begins and is not whole in time', async () => {
    api.answer = (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{');
    const error = await failure(api.client.call({ method: 'GET', path: '/slow', deadlineMs: 100 }, never));
    expect(error.message).toBe(`${api.client.title}: GET /slow: no answer within 100 ms`);
  });

  test('whoever asked does not want it any more', async () => {
    api.answer = () => {};
    const stop = new AbortController();
    const asking = api.client.call({ method: 'GET', path: '/' }, stop.signal);
    await expect.poll(() => api.requests.length).toBe(1);
    stop.abort(new Error('enough'));
    await expect(asking).rejects.toThrow('enough');
    await expect(api.client.call({ method: 'GET', path: '/' }, AbortSignal.abort(new Error('before')))).rejects.toThrow(
      'before',
    );
  });
});
