import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { Authority, type Issued } from '../../../test/kit/certificates.ts';
import { SallyportError } from '../../base/error.ts';
import { parseHttpsAddress } from './device-address.ts';
import { DeviceApi } from './device-api.ts';
import { checkTls, type DeviceTls } from './device-tls.ts';

let folder: string;
let authority: Authority;
let stranger: Authority;
let right: Issued;
const opened: { close(): unknown }[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-device-'));
  authority = new Authority(folder, 'device CA');
  stranger = new Authority(folder, 'strange CA');
  right = authority.issue('/CN=device', { names: 'IP:127.0.0.1' });
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

const fingerprint = ({ certificate }: Issued): string => new X509Certificate(certificate).fingerprint256;

/** A device that shows a certificate and counts what it was asked. */
async function device(
  { certificate, key }: Issued,
  answer: RequestListener = (_, response) => response.end('yes'),
): Promise<{ readonly url: string; readonly asked: string[]; readonly server: Server }> {
  const asked: string[] = [];
  const server = createServer({ cert: certificate, key }, (request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({ close: () => server.closeAllConnections() }, { close: () => server.close() });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

function api(url: string, tls: DeviceTls): DeviceApi {
  const made = new DeviceApi({ url: parseHttpsAddress(url), tls, connections: 2 });
  opened.push(made);
  return made;
}

const ask = (client: DeviceApi, signal = new AbortController().signal): Promise<string> =>
  client
    .ask(
      { method: 'GET', path: '/a?token=s3cret', headers: { authorization: 'Bearer s3cret' }, secrets: ['s3cret'] },
      signal,
    )
    .then(
      ({ status, body }) => `${status} ${body.toString()}`,
      (thrown: unknown) => {
        if (thrown instanceof SallyportError) return `${thrown.code} ${thrown.message.replace(/:\d+/, '')}`;
        throw thrown;
      },
    );

describe('who is believed', () => {
  test.each<[string, () => readonly [Issued, DeviceTls], RegExp]>([
    ['a certificate of the authority', () => [right, { ca: authority.certificate }], /^200 yes$/],
    ['the pinned certificate', () => [right, { pin: fingerprint(right) }], /^200 yes$/],
    ['the same without colons', () => [right, { pin: fingerprint(right).replaceAll(':', '').toLowerCase() }], /^200/],
    ['anybody, where that was asked for', () => [right, { insecure: { reason: 'a test' } }], /^200 yes$/],
  ])('%s', async (_, make, said) => {
    const [shown, tls] = make();
    const { url } = await device(shown);
    const client = api(url, tls);
    expect(await ask(client)).toMatch(said);
    expect(await ask(client)).toMatch(said);
  });

  test.each<[string, () => readonly [Issued, DeviceTls], RegExp]>([
    ['one of another authority', () => [right, { ca: stranger.certificate }], /not from an authority/],
    ['one that no authority of Node vouches for', () => [right, undefined], /not from an authority/],
    [
      'one with another fingerprint',
      () => [right, { pin: fingerprint(stranger.issue('/CN=x')) }],
      /has the fingerprint [0-9A-F]{2}(:[0-9A-F]{2}){31}, and spec\.tls\.pin another one/,
    ],
    [
      'one for another name',
      () => [authority.issue('/CN=other', { names: 'IP:127.0.0.2' }), { ca: authority.certificate }],
      /127\.0\.0\.1/,
    ],
    [
      'one that has expired',
      () => [authority.issue('/CN=old', { names: 'IP:127.0.0.1', expired: true }), { ca: authority.certificate }],
      /has expired/,
    ],
  ])('not %s, and nothing is sent to it', async (_, make, words) => {
    const [shown, tls] = make();
    const { url, asked } = await device(shown);
    const said = await ask(api(url, tls));
    expect(said).toMatch(/^DEVICE_CERTIFICATE 127\.0\.0\.1: GET \/a: /);
    expect(said).toMatch(words);
    expect(asked).toEqual([]);
  });

  test('a certificate that changes under a pin is not believed, though the session was', async () => {
    const { url, server, asked } = await device(right);
    const client = api(url, { pin: fingerprint(right) });
    expect(await ask(client)).toBe('200 yes');
    const other = authority.issue('/CN=device', { names: 'IP:127.0.0.1' });
    server.setSecureContext({ cert: other.certificate, key: other.key });
    server.closeAllConnections();
    await expect.poll(() => ask(client)).toMatch(/^DEVICE_CERTIFICATE/);
    expect(asked).toHaveLength(1);
  });
});

describe('what goes wrong on the way', () => {
  const beliefs: readonly [string, () => DeviceTls][] = [
    ['authorities of Node', () => undefined],
    ['an authority', () => ({ ca: authority.certificate })],
    ['a pin', () => ({ pin: fingerprint(right) })],
    ['anybody', () => ({ insecure: { reason: 'a test' } })],
  ];

  test.each(beliefs)('nothing listens, believing in %s', async (_, tls) => {
    const { url, server } = await device(right);
    await new Promise((resolve) => server.close(resolve));
    expect(await ask(api(url, tls()))).toBe(
      'DEVICE_UNREACHABLE 127.0.0.1: GET /a: nothing listens there (ECONNREFUSED)',
    );
  });

  test.each(beliefs)('it hangs up in the hand-shake, believing in %s', async (_, tls) => {
    const silent = createPlainServer((socket) => socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    opened.push({ close: () => silent.close() });
    const { port } = silent.address() as AddressInfo;
    expect(await ask(api(`https://127.0.0.1:${port}`, tls()))).toMatch(/^DEVICE_UNREACHABLE 127\.0\.0\.1: GET \/a: /);
  });

  test('an answer is cut off', async () => {
    const { url } = await device(right, (_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    });
    expect(await ask(api(url, { ca: authority.certificate }))).toMatch(/^DEVICE_UNREACHABLE .*the connection was cut/);
  });

  test('an answer never ends', async () => {
    const chunk = Buffer.alloc(1024 * 1024);
    const { url } = await device(right, (_, response) => {
      const more = (): void => {
        while (response.write(chunk) && !response.destroyed);
        response.once('drain', more);
      };
      more();
    });
    expect(await ask(api(url, { ca: authority.certificate }))).toMatch(
      /^DEVICE_UNREADABLE 127\.0\.0\.1: GET \/a: the answer is longer than 67108864 bytes$/,
    );
  });

  test('a redirect is an answer, and is not followed', async () => {
    const elsewhere = await device(right);
    const { url } = await device(right, (_, response) => {
      response.writeHead(302, { location: elsewhere.url }).end();
    });
    expect(await ask(api(url, { ca: authority.certificate }))).toBe('302 ');
    expect(elsewhere.asked).toEqual([]);
  });

  test('the caller stops it, and gets its own reason back', async () => {
    const { url } = await device(right, () => undefined);
    const stop = new AbortController();
    const asked = ask(api(url, { ca: authority.certificate }), stop.signal);
    stop.abort(new SallyportError('DEVICE_BUSY', 'enough'));
    expect(await asked).toBe('DEVICE_BUSY enough');
  });

  test('what is stopped while it waits for a connection is never sent', async () => {
    const held: (() => void)[] = [];
    const { url, asked } = await device(right, (_, response) => held.push(() => response.end('yes')));
    const client = api(url, { ca: authority.certificate });
    const both = [ask(client), ask(client)];
    await expect.poll(() => held.length).toBe(2);
    const stop = new AbortController();
    const third = ask(client, stop.signal);
    stop.abort(new SallyportError('DEVICE_BUSY', 'enough'));
    expect(await third).toBe('DEVICE_BUSY enough');
    for (const answer of held.splice(0)) answer();
    expect(await Promise.all(both)).toEqual(['200 yes', '200 yes']);
    const last = ask(client);
    await expect.poll(() => held.length).toBe(1);
    held[0]?.();
    expect(await last).toBe('200 yes');
    expect(asked).toHaveLength(3);
  });
});

test.each(['https://10.0.0.1', 'https://fw-1.example:8443', 'https://[2001:db8::1]:443'])(
  '%s is an address',
  (text) => {
    expect(parseHttpsAddress(text).origin).toBe(new URL(text).origin);
  },
);

test.each([
  'http://10.0.0.1',
  'https://u:p@host',
  'https://host/path',
  'https://host?x',
  'https://host:99999',
  'host',
  'https://',
  'https://a b',
])('%j is no address', (text) => {
  expect(() => parseHttpsAddress(text)).toThrow(/is not https:/);
});

test('a pin is a SHA-256 fingerprint', () => {
  expect(checkTls({ pin: 'ab'.repeat(32) })).toEqual([]);
  expect(checkTls({ pin: Array<string>(32).fill('AB').join(':') })).toEqual([]);
  for (const pin of ['', 'ab', 'ab'.repeat(20), 'zz'.repeat(32), `${'ab'.repeat(32)}\n`])
    expect(checkTls({ pin })).toMatchObject([{ code: 'DEVICE_SETTING', path: 'spec.tls.pin' }]);
});

test('what is no certificate is no authority', () => {
  expect(checkTls({ ca: authority.certificate })).toEqual([]);
  expect(checkTls({ ca: `subject=authority\n${authority.certificate}` })).toEqual([]);
  const empty = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  for (const ca of ['/etc/ssl/ca.pem', empty, authority.certificate.replaceAll('CERTIFICATE', 'PRIVATE KEY')])
    expect(checkTls({ ca })).toMatchObject([{ code: 'DEVICE_SETTING', path: 'spec.tls.ca' }]);
});
