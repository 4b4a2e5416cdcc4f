import { createServer, type Server, get as ask } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { askOverHttp } from '../controller/readiness/holders.ts';
import type { PodStanding } from '../controller/readiness/readiness.ts';
import { serveReadiness } from './readiness.ts';

let server: Server;
let base: string;
let standing: PodStanding;
let asked: string[];
let mine: readonly string[];
let tell: () => void;

beforeEach(async () => {
  standing = { ready: false, message: 'edge-1: 10.0.0.1 is not there yet', firewalls: [] };
  asked = [];
  mine = [];
  tell = () => undefined;
  server = await serveReadiness(
    { host: '127.0.0.1', port: 0 },
    {
      whenReady: (namespace, name, uid, ms, signal) => {
        asked.push(`${namespace}/${name} ${uid} ${ms}`);
        if (ms === 0) return Promise.resolve(standing);
        return new Promise((resolve) => {
          tell = () => resolve(standing);
          const gone = (): void => {
            asked.push('gone');
            resolve(standing);
          };
          signal.addEventListener('abort', gone, { once: true });
        });
      },
      holds: ({ endpoint, firewall, at }) => endpoint === 'pod:shop/web-0' && firewall === 'edge-1' && at.length === 2,
      addressesOf: () => mine,
    },
  );
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

async function get(path: string, more: RequestInit = {}): Promise<readonly [number, unknown]> {
  const response = await fetch(base + path, more);
  return [response.status, await response.json()];
}

test('tells whether a pod may start; why not, to the pod alone', async () => {
  expect(await get('/v1/pods/shop/web-0/border?uid=u-1')).toEqual([200, { ready: false }]);
  mine = ['127.0.0.1'];
  expect(await get('/v1/pods/shop/web-0/border?uid=u-1')).toEqual([200, standing]);
  expect(asked).toEqual(['shop/web-0 u-1 0', 'shop/web-0 u-1 0']);
});

test('holds the answer back as long as it is asked to, and no longer than it should', async () => {
  const held = get('/v1/pods/shop/web-0/border?uid=u-1&wait=600');
  await expect.poll(() => asked).toEqual(['shop/web-0 u-1 25000']);
  standing = { ...standing, ready: true };
  tell();
  expect(await held).toEqual([200, { ready: true }]);
});

test('whoever waits many times over at one address stands in nobody else’s way', async () => {
  const stop = new AbortController();
  const held = Array.from({ length: 64 }, () =>
    get('/v1/pods/shop/web-0/border?uid=u-1&wait=20', { signal: stop.signal }).catch(() => undefined),
  );
  await expect.poll(() => asked.length).toBe(64);
  expect((await get('/v1/pods/shop/web-0/border?uid=u-1'))[0]).toBe(503);
  const other = await new Promise<number | undefined>((resolve, reject) => {
    const request = ask(
      `${base}/v1/pods/shop/web-1/border?uid=u-1`,
      { localAddress: '127.0.0.2', agent: false },
      (response) => resolve(response.resume().statusCode),
    );
    request.once('error', reject);
  });
  expect(other).toBe(200);
  stop.abort();
  await Promise.all(held);
  await expect.poll(async () => (await get('/v1/pods/shop/web-0/border?uid=u-1'))[0]).toBe(200);
});

test('forgets who went away', async () => {
  const leave = new AbortController();
  const held = get('/v1/pods/shop/web-0/border?uid=u-1&wait=20', { signal: leave.signal }).catch(() => 'left');
  await expect.poll(() => asked.length).toBe(1);
  leave.abort();
  expect(await held).toBe('left');
  await expect.poll(() => asked).toContain('gone');
});

test.each([
  '/',
  '/v1/pods/shop/border',
  '/v1/pods/Shop/web/border',
  '/v1/pods/shop/a%2Fb/border',
  '/v1/pods/shop/../border',
])('nothing is answered at %s', async (path) => {
  const [status] = await get(path);
  expect(status).toBe(404);
  expect(asked).toEqual([]);
});

test('answers another copy about one firewall', async () => {
  const at = [
    ['10.0.0.1', 'c1'],
    ['fd00::1', 'c1'],
  ] as const;
  const question = { endpoint: 'pod:shop/web-0', firewall: 'edge-1', at } as const;
  const signal = new AbortController().signal;
  expect(await askOverHttp(base, question, signal)).toBe(true);
  expect(await askOverHttp(base, { ...question, firewall: 'edge-2' }, signal)).toBe(false);
  expect((await get('/v1/pods/shop/web-0/border?firewall=edge-1'))[0]).toBe(400);
  expect(await askOverHttp('file:///etc/passwd', question, signal)).toBe(false);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(await askOverHttp(base, question, signal)).toBe(false);
  expect(asked).toEqual([]);
});

test('believes no copy that says more than any would', async () => {
  const question = { endpoint: 'pod:shop/web-0', firewall: 'edge-1', at: [['10.0.0.1', 'c1']] } as const;
  const { signal } = new AbortController();
  for (const [words, is] of [
    [100, true],
    [100_000, false],
  ] as const) {
    const wordy = createServer((_, response) => response.end(`{"ready":true,"more":"${'x'.repeat(words)}"}`));
    await new Promise<void>((resolve) => wordy.listen(0, '127.0.0.1', resolve));
    const { port } = wordy.address() as AddressInfo;
    expect(await askOverHttp(`http://127.0.0.1:${port}`, question, signal)).toBe(is);
    wordy.closeAllConnections();
    wordy.close();
  }
});

test('nothing but GET', async () => {
  expect((await get('/v1/pods/shop/web-0/border', { method: 'POST' }))[0]).toBe(405);
});
