import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isWithinMachine, serveProbes } from './probes.ts';

let server: Server;
let base: string;
let state = { ready: false, plain: 'the source has not delivered' };
const standing = (): string => 'writes to edge-1; others write to edge-2 (b_1)';
let metrics: () => Promise<string>;

beforeEach(async () => {
  state = { ready: false, plain: 'the source has not delivered' };
  metrics = () => Promise.resolve('sallyport_up 1\n');
  server = await serveProbes(
    { host: '127.0.0.1', port: 0 },
    { ready: () => state, metrics: () => metrics(), standing },
  );
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const get = async (path: string, method = 'GET'): Promise<string> => {
  const response = await fetch(base + path, { method });
  return `${response.status} ${(await response.text()).trim()}`;
};

test('alive at once, ready only with a complete picture', async () => {
  expect(await get('/healthz')).toBe('200 ok');
  expect(await get('/readyz')).toBe('503 the source has not delivered');
  state = { ready: true, plain: 'ready' };
  expect(await get('/readyz?verbose')).toBe('200 ready');
});

test('metrics, also when they fail', async () => {
  expect(await get('/metrics')).toBe('200 sallyport_up 1');
  metrics = () => Promise.reject(new Error('secret detail'));
  expect(await get('/metrics')).toBe('500 the metrics could not be collected');
});

test('who writes to what, by name', async () => {
  expect(await get('/standing')).toBe('200 writes to edge-1; others write to edge-2 (b_1)');
});

test('metrics and names are not for others than this machine', async () => {
  const open = await serveProbes(
    { host: '0.0.0.0', port: 0 },
    { ready: () => state, metrics: () => metrics(), standing },
  );
  base = `http://127.0.0.1:${(open.address() as AddressInfo).port}`;
  expect(await get('/healthz')).toBe('200 ok');
  for (const path of ['/metrics', '/standing'])
    expect(await get(path)).toBe(`404 ${path} is served at server.queries, or on loopback`);
  expect(await get('/')).toBe('404 known here: /healthz, /readyz');
  await new Promise((resolve) => open.close(resolve));
});

test.each([
  ['127.0.0.1', '127.0.0.1', true],
  ['::ffff:127.0.0.1', '::ffff:127.0.0.1', true],
  ['::1', '::1', true],
  ['::ffff:198.51.100.2', '::ffff:198.51.100.2', true],
  ['198.51.100.9', '198.51.100.2', false],
  ['::ffff:198.51.100.9', '::ffff:198.51.100.2', false],
  [undefined, undefined, false],
])('from %s to %s is within one machine: %s', (remote, local, within) => {
  expect(isWithinMachine(remote, local)).toBe(within);
});

test('nothing else is served', async () => {
  expect(await get('/')).toMatch(/^404 /);
  expect(await get('/healthz', 'POST')).toMatch(/^405 /);
});

test('a port that is taken is said with its address', async () => {
  const { port } = server.address() as AddressInfo;
  await expect(
    serveProbes({ host: '127.0.0.1', port }, { ready: () => state, metrics, standing }),
  ).rejects.toMatchObject({
    code: 'LISTEN_FAILED',
    message: `the probes cannot listen on 127.0.0.1:${port}: somebody listens there already (EADDRINUSE)`,
  });
});
