import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Authority, type Issued } from '../../test/kit/certificates.ts';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import type { Log } from '../base/log.ts';
import type { Access } from '../kubernetes/reviewed-access.ts';
import { serveQueries } from './queries.ts';

let folder: string;
let authority: Authority;
let issued: Issued;
let tls: { readonly cert: string; readonly key: string };
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-queries-test-'));
  authority = new Authority(folder);
  issued = authority.issue('/CN=sallyport', { names: 'IP:127.0.0.1' });
  tls = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
});
afterAll(() => rmSync(folder, { recursive: true }));

let server: Server | undefined;
let clock: FakeClock;
let warnings: string[];
let log: Log;
beforeEach(() => {
  copyFileSync(issued.certificateFile, tls.cert);
  copyFileSync(issued.keyFile, tls.key);
  clock = new FakeClock();
  warnings = [];
  log = { debug() {}, info() {}, warn: (_, text) => warnings.push(text), error() {} };
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
});

const answers = { metrics: () => Promise.resolve('sallyport_up 1\n'), standing: () => 'writes to edge-1' };

async function get(
  path: string,
  { token, trusted = authority }: { token?: string; trusted?: Authority } = {},
): Promise<string> {
  if (server === undefined) return 'nothing is served';
  const { port } = server.address() as AddressInfo;
  const dispatcher = new Agent({ connect: { ca: trusted.certificate } });
  try {
    const { statusCode, body } = await request(`https://127.0.0.1:${port}${path}`, {
      dispatcher,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    return `${statusCode} ${(await body.text()).trim()}`;
  } finally {
    await dispatcher.destroy();
  }
}

/** Access by the token's own word. */
const access = {
  ofReader: (authorization: string | undefined, path: string): Promise<Access> => {
    if (authorization === 'Bearer broken') return Promise.reject(new Error('broken'));
    if (authorization === undefined) return Promise.resolve('unauthenticated');
    if (authorization === 'Bearer away') return Promise.resolve('unavailable');
    return Promise.resolve(authorization === 'Bearer good' && path !== '/secret' ? 'allowed' : 'forbidden');
  },
};

test('beyond loopback only those whom the cluster lets, and nobody else learns what there is', async () => {
  server = await serveQueries({ host: '0.0.0.0', port: 0 }, answers, { tls, access }, log, clock);
  expect(await get('/metrics?x=1', { token: 'good' })).toBe('200 sallyport_up 1');
  expect(await get('/none', { token: 'good' })).toBe('404 known here: /metrics, /standing');
  expect(await get('/standing', { token: 'good' })).toBe('200 writes to edge-1');
  for (const path of ['/metrics', '/standing', '/none']) {
    expect(await get(path)).toBe('401 a bearer token of the cluster is needed');
    expect(await get(path, { token: 'bad' })).toBe('403 the cluster does not let you get this path');
    expect(await get(path, { token: 'away' })).toBe('503 the cluster does not say whether you may get this path');
    expect(await get(path, { token: 'broken' })).toBe('503 the cluster does not say whether you may get this path');
  }
});

test('beyond loopback nothing is served without TLS and review', async () => {
  for (const guards of [{}, { tls }, { access }])
    await expect(
      serveQueries({ host: '0.0.0.0', port: 0 }, answers, { tls: undefined, access: undefined, ...guards }, log, clock),
    ).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
});

test('on loopback whoever is there may ask', async () => {
  const address = { host: '127.0.0.1', port: 0 };
  server = await serveQueries(address, answers, { tls: undefined, access: undefined }, log, clock);
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`);
  expect(await response.text()).toBe('sallyport_up 1\n');
});

test('a certificate that is replaced is shown from then on; a broken one is told and changes nothing', async () => {
  server = await serveQueries({ host: '127.0.0.1', port: 0 }, answers, { tls, access: undefined }, log, clock);
  expect(await get('/metrics')).toBe('200 sallyport_up 1');
  writeFileSync(tls.cert, 'broken');
  clock.advance(1_000);
  await get('/metrics');
  expect(await get('/metrics')).toBe('200 sallyport_up 1');
  // Files are read beside the handshake.
  await expect.poll(() => warnings[0]).toBe('the TLS files of server.queries cannot be used');
  const next = new Authority(folder, 'next CA');
  const { certificate, key } = next.issue('/CN=sallyport', { names: 'IP:127.0.0.1' });
  writeFileSync(tls.cert, certificate);
  writeFileSync(tls.key, key);
  clock.advance(1_000);
  await get('/metrics').catch(() => {}); // files are looked at when somebody comes; the next one sees it
  await expect.poll(() => get('/metrics', { trusted: next }).catch(() => 'not yet')).toBe('200 sallyport_up 1');
});

test('files that are not there are told at once', async () => {
  const none = { cert: join(folder, 'none'), key: tls.key };
  await expect(
    serveQueries({ host: '127.0.0.1', port: 0 }, answers, { tls: none, access: undefined }, log, clock),
  ).rejects.toMatchObject({ code: 'TLS_FILES', message: expect.stringContaining('ENOENT') as string });
});
