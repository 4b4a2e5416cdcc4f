import { Agent, request } from 'undici';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { ownCertificate } from '../frame/certificate.ts';
import { RawClient, told, vsys } from './client.fixture.ts';
import { PanOs } from './index.ts';
import { serialise } from './xml.ts';

const INFO = '<show><system><info/></system></show>';
const FORBIDDEN = '<response status="error" code="403"><result><msg>Invalid credentials.</msg></result></response>';
const address = `${vsys}/address/entry[@name='a']`;
const form = (fields: Readonly<Record<string, string>>) => ({
  method: 'POST' as const,
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString(),
});

describe('who is let in', () => {
  test('by key in the query, in the form, in the header, or by Basic', async () => {
    await using device = await PanOs.start({ plain: true });
    const key = await keyOf(device);
    const cmd = encodeURIComponent(INFO);
    const asked = await Promise.all([
      request(`${device.url}/api/?type=op&cmd=${cmd}&key=${encodeURIComponent(key)}`),
      request(`${device.url}/api?type=op&cmd=${cmd}`, { headers: { 'x-pan-key': key } }),
      request(`${device.url}/api/`, form({ type: 'op', cmd: INFO, key })),
      request(`${device.url}/api`, {
        ...form({ type: 'op', cmd: INFO }),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          authorization: `Basic ${Buffer.from('admin:admin').toString('base64')}`,
        },
      }),
    ]);
    for (const { statusCode, headers, body } of asked) {
      expect(statusCode).toBe(200);
      expect(headers['content-type']).toMatch(/^application\/xml/);
      expect(await body.text()).toContain('<sw-version>11.1.2</sw-version>');
    }
  });

  test('keys mean the same in a form whether they are encoded or not', async () => {
    await using device = await PanOs.start({ plain: true });
    for (let n = 0; n < 50; n++) expect(await keyOf(device)).toMatch(/^[A-Za-z0-9]+==$/);
  });

  test.each([
    ['no key', { type: 'op', cmd: INFO }],
    ['a wrong key', { type: 'op', cmd: INFO, key: 'LUFRPT1nonsense==' }],
    ['an unknown user', { type: 'keygen', user: 'eve', password: 'admin' }],
    ['a wrong password', { type: 'keygen', user: 'admin', password: 'x' }],
    ['nobody at all', { type: 'keygen' }],
  ])('%s: refused', async (_, fields) => {
    await using device = await PanOs.start({ plain: true });
    const { statusCode, body } = await request(`${device.url}/api/`, form(fields));
    expect([statusCode, await body.text()]).toEqual([403, FORBIDDEN]);
  });

  test('keys end with their time, with their password, with their administrator, and all at once', async () => {
    const clock = new FakeClock();
    await using device = await PanOs.start({ plain: true, clock, keyLifetimeMs: 60_000 });
    const works = async (client: RawClient): Promise<boolean> =>
      (await client.raw({ type: 'op', cmd: INFO })).status === 200;
    const old = await RawClient.login(device.url);
    clock.advance(59_999);
    const young = await RawClient.login(device.url);
    expect([await works(old), await works(young)]).toEqual([true, true]);
    clock.advance(1);
    expect([await works(old), await works(young)]).toEqual([false, true]);
    device.accounts.put({ name: 'admin', password: 'other' });
    expect(await works(young)).toBe(false);
    const third = await RawClient.login(device.url, 'admin', 'other');
    device.accounts.expireKeys();
    expect(await works(third)).toBe(false);
    const fourth = await RawClient.login(device.url, 'admin', 'other');
    device.accounts.remove('admin');
    expect(await works(fourth)).toBe(false);
  });

  test('roles', async () => {
    await using device = await PanOs.start({
      plain: true,
      zones: ['k8s'],
      accounts: [
        { name: 'admin', password: 'admin' },
        { name: 'reader', password: 'r', role: 'superreader' },
        { name: 'tagger', password: 't', role: ['user-id', 'op'] },
      ],
    });
    const asked = async (client: RawClient): Promise<string> => {
      const answers = [
        await client.raw({ type: 'op', cmd: INFO }),
        await client.raw({ type: 'config', action: 'get', xpath: `${vsys}/zone` }),
        await client.raw({
          type: 'config',
          action: 'set',
          xpath: address,
          element: '<ip-netmask>10.0.0.1</ip-netmask>',
        }),
        await client.raw({ type: 'user-id', cmd: '<uid-message><payload/></uid-message>' }),
        await client.raw({ type: 'commit', cmd: '<commit/>' }),
        await client.raw({ type: 'op', cmd: '<request><config-lock><add/></config-lock></request>' }),
      ];
      return answers
        .map(
          ({ status, text }) => `${status} ${/status="(\w+)"(?: code="(\d+)")?/.exec(text)?.slice(1).join(' ').trim()}`,
        )
        .join(', ');
    };
    expect(await asked(await RawClient.login(device.url, 'reader', 'r'))).toBe(
      '200 success, 200 success 19, 200 error 16, 403 error 403, 403 error 403, 403 error 403',
    );
    expect(await asked(await RawClient.login(device.url, 'tagger', 't'))).toBe(
      '200 success, 403 error 403, 403 error 403, 200 success, 403 error 403, 200 success',
    );
    const admin = await RawClient.login(device.url);
    device.accounts.put({ name: 'admin', password: 'admin', role: [] });
    expect((await admin.raw({ type: 'op', cmd: INFO })).status).toBe(403);
  });
});

describe('what is no request', () => {
  test.each([
    ['/api/', { type: 'nonsense' }, 'error 400'],
    ['/api/', {}, 'error 400'],
    ['/api/', { type: 'op', cmd: '<show>' }, 'error 18'],
    ['/api/', { type: 'op', cmd: '' }, 'error 18'],
    ['/api/', { type: 'op', cmd: '<!DOCTYPE a><show/>' }, 'error 18'],
    ['/api/', { type: 'op', cmd: '<dance/>' }, 'error 1'],
    ['/api/', { type: 'op', cmd: '<show><moon/></show>' }, 'error 17'],
    ['/api/', { type: 'log', 'log-type': 'config' }, 'error 17'],
    ['/api/', { type: 'import', category: 'x' }, 'error 400'],
    ['/api/', { type: 'export', category: 'x' }, 'error 17'],
    ['/api/', { type: 'op', cmd: INFO, target: '0123' }, 'error 17'],
  ])('%s %j', async (path, fields, answer) => {
    await using device = await PanOs.start({ plain: true });
    const { body } = await request(`${device.url}${path}`, form({ ...fields, key: await keyOf(device) }));
    const [, status, code] = /status="(\w+)" code="(\d+)"/.exec(await body.text()) ?? [];
    expect(`${status} ${code}`).toBe(answer);
  });

  test('other paths, other methods, other bodies, and what is too long', async () => {
    await using device = await PanOs.start({ plain: true });
    const key = await keyOf(device);
    const status = async (path: string, options = {}): Promise<number> => {
      const { statusCode, body } = await request(`${device.url}${path}`, options);
      await body.dump();
      return statusCode;
    };
    expect(await status('/')).toBe(404);
    expect(await status('/restapi/v10.1/Objects/Addresses')).toBe(404);
    expect(await status(`/api/?type=op&key=${encodeURIComponent(key)}`, { method: 'PUT' })).toBe(400);
    expect(await status('/api/', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })).toBe(
      400,
    );
    const cmd = `<uid-message><payload>${'<register/>'.repeat(300)}</payload></uid-message>`;
    expect(await status(`/api/?type=user-id&key=${encodeURIComponent(key)}&cmd=${encodeURIComponent(cmd)}`)).toBe(400);
    expect(await status('/api/', form({ type: 'user-id', key, cmd }))).toBe(200);
    expect(await status('/api/', form({ type: 'user-id', key, cmd: 'x'.repeat(5 * 1024 * 1024) }))).toBe(400);
    expect(device.dumpRegistered()).toBe('');
  });
});

describe('what every client asks', () => {
  test('version, export, system info, interface, plugins, audit comments', async () => {
    const clock = new FakeClock();
    await using device = await PanOs.start({ plain: true, clock, version: '10.2.7-h3', hostname: 'edge-1' });
    const client = await RawClient.login(device.url);
    expect(told(await client.post({ type: 'version' }))).toBe('success: 10.2.7-h3 | off | PA-VM | 007951000000001');
    expect((await client.raw({ type: 'export', category: 'configuration' })).text).toMatch(
      /^<config version="11.1.0">/,
    );
    clock.advance((3 * 86_400 + 2 * 3600 + 69) * 1000);
    const info = serialise(await client.op(INFO));
    for (const row of [
      'hostname>edge-1',
      'serial>007951000000001',
      'model>PA-VM',
      'sw-version>10.2.7-h3',
      'multi-vsys>off',
      'family>vm',
      'platform-family>vm',
      'uptime>3 days, 2:01:09',
    ])
      expect(info).toContain(`<${row}<`);
    expect(told(await client.op('<show><interface>management</interface></show>'))).toContain('Management Interface');
    expect(told(await client.op('<show><plugins><packages/></plugins></show>'))).toBe('success: ');
    const rule = `${vsys}/rulebase/security/rules/entry[@name='r1']`;
    const comment = (text: string) =>
      client.op(`<set><audit-comment><xpath>${rule}</xpath><comment>${text}</comment></audit-comment></set>`);
    const read = (): Promise<string> =>
      client
        .op(`<show><config><list><audit-comments><xpath>${rule}</xpath></audit-comments></list></config></show>`)
        .then(told);
    expect(await read()).toBe('success: ');
    await comment('first');
    await comment('second');
    expect(await read()).toBe('success: second');
    expect(told(await comment('x'.repeat(257)))).toContain('error 12');
  });
});

describe('certificates', () => {
  test('one of its own, with its fingerprint; another one overnight', async () => {
    await using device = await PanOs.start();
    const shown = async (ca: string): Promise<number | string> => {
      const agent = new Agent({ connect: { ca } });
      try {
        const { statusCode, body } = await request(`${device.url}/api/`, { dispatcher: agent });
        await body.dump();
        return statusCode;
      } catch (error) {
        return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
      } finally {
        await agent.close();
      }
    };
    const first = device.front.certificate;
    expect(device.fingerprint).toBe(first?.fingerprint);
    expect(await shown(first?.certificate ?? '')).toBe(403);
    const second = ownCertificate({
      commonName: 'x',
      names: ['127.0.0.1'],
      from: Date.now() - 1000,
      to: Date.now() + 1_000_000,
    });
    device.front.present(second);
    expect(await shown(first?.certificate ?? '')).toMatch(/CERT/);
    expect(await shown(second.certificate)).toBe(403);
  });

  test('plain HTTP on loopback alone', async () => {
    await expect(PanOs.start({ plain: true, listen: { host: '0.0.0.0', port: 0 } })).rejects.toThrow('loopback');
  });
});

async function keyOf(device: PanOs): Promise<string> {
  const { body } = await request(`${device.url}/api/`, form({ type: 'keygen', user: 'admin', password: 'admin' }));
  return /<key>(.*)<\/key>/.exec(await body.text())?.[1] ?? '';
}
