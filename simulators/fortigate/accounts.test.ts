import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/kit/fake-clock.ts';
import { ask, done, ending } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';

const PROBE = 'GET /api/v2/monitor/system/status';
const LIST = 'GET /api/v2/cmdb/firewall/address?vdom=root';
const ADD = 'POST /api/v2/cmdb/firewall/address?vdom=root';
const ADDRESS = { name: 'x', subnet: '10.0.0.1/32' };

describe('tokens (reference 1.1)', () => {
  test('the least rights that a controller needs, and what they do not give', async () => {
    await using device = await FortiGate.start({ plain: true });
    const token = device.hand.addApiUser('kfw', {
      fwgrp: 'custom',
      'fwgrp-permission': { address: 'read-write', policy: 'read', service: 'none' },
      sysgrp: 'custom',
      'sysgrp-permission': { cfg: 'read' },
    });
    const ends = async (line: string, body?: object): Promise<string> =>
      ending(await ask(device, line, body, { token }));
    expect(await ends(PROBE)).toBe('200');
    expect(await ends(LIST)).toBe('200');
    expect(await ends(ADD, ADDRESS)).toBe('200');
    expect(await ends('GET /api/v2/cmdb/firewall/policy')).toBe('200');
    expect(await ends('DELETE /api/v2/cmdb/firewall/policy/1')).toBe('403 -14');
    expect(await ends('GET /api/v2/cmdb/firewall.service/custom')).toBe('403 -14');
    expect(await ends('GET /api/v2/monitor/system/vdom-resource')).toBe('200');
    expect(await ends('POST /api/v2/monitor/system/config/save')).toBe('403 -14');
    expect(await ends('POST /api/v2/monitor/system/api-user/generate-key', { 'api-user': 'kfw' })).toBe('403 -14');
    // Rights are taken away while it works.
    device.hand.setRights('kfw', { fwgrp: 'read' });
    expect(await ends('PUT /api/v2/cmdb/firewall/address/x', { comment: 'x' })).toBe('403 -14');
    device.hand.setRights('kfw', { fwgrp: 'none' });
    expect(await ends(LIST)).toBe('403 -14');
  });

  test('a new key replaces the old one; a revoked one, an expired one and a wrong one are worth nothing', async () => {
    const clock = new FakeClock();
    await using device = await FortiGate.start({ plain: true, clock });
    const token = device.hand.addApiUser('kfw', { fwgrp: 'read' }, { expires: clock.wall() + 60_000 });
    const status = async (of: string | null): Promise<number> =>
      (await ask(device, PROBE, undefined, { token: of })).status;
    expect(await status(token)).toBe(200);
    clock.advance(60_000);
    expect(await status(token)).toBe(401);
    const { results } = (await done(device, 'POST /api/v2/monitor/system/api-user/generate-key', { 'api-user': 'kfw' }))
      .body as {
      results: { access_token: string };
    };
    expect(await status(results.access_token)).toBe(200);
    device.hand.revokeToken('kfw');
    expect(await status(results.access_token)).toBe(401);
    const refused = await ask(device, PROBE, undefined, { token: 'nonsense' });
    expect(refused.status).toBe(401);
    expect(refused.text).toContain('<html>');
    expect(refused.body).toEqual({});
  });

  test('tokens in the URL are a switch, and are never logged', async () => {
    await using device = await FortiGate.start({ plain: true, switches: { urlToken: true } });
    const line = `${PROBE}?access_token=${device.token}`;
    expect((await ask(device, line, undefined, { token: null })).status).toBe(200);
    expect(JSON.stringify(device.served)).not.toContain(device.token);
    await using strict = await FortiGate.start({ plain: true });
    expect((await ask(strict, `${PROBE}?access_token=${strict.token}`, undefined, { token: null })).status).toBe(401);
  });

  test('trusted hosts: the status of a refusal is a switch', async () => {
    for (const trustedHostRefusal of [401, 403] as const) {
      await using device = await FortiGate.start({ plain: true, switches: { trustedHostRefusal } });
      const out = device.hand.addApiUser(
        'out',
        { fwgrp: 'read' },
        { trusted: ['192.0.2.0 255.255.255.0', '2001:db8::/32'] },
      );
      const into = device.hand.addApiUser('into', { fwgrp: 'read' }, { trusted: ['127.0.0.0 255.0.0.0'] });
      expect((await ask(device, PROBE, undefined, { token: out })).status).toBe(trustedHostRefusal);
      expect((await ask(device, PROBE, undefined, { token: into })).status).toBe(200);
    }
  });

  test('too many failures block the address for a while, the good token too', async () => {
    const clock = new FakeClock();
    await using device = await FortiGate.start({ plain: true, clock });
    for (let n = 0; n < 3; n++) expect((await ask(device, PROBE, undefined, { token: 'wrong' })).status).toBe(401);
    expect((await ask(device, PROBE)).status).toBe(429);
    clock.advance(59_999);
    expect((await ask(device, PROBE)).status).toBe(429);
    clock.advance(1);
    expect((await ask(device, PROBE)).status).toBe(200);
  });

  test('a rate limit, where a switch sets one', async () => {
    const clock = new FakeClock();
    await using device = await FortiGate.start({ plain: true, clock, switches: { requestsPerSecond: 10 } });
    const statuses = [];
    for (let n = 0; n < 11; n++) statuses.push((await ask(device, PROBE)).status);
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
    clock.advance(1_000);
    expect((await ask(device, PROBE)).status).toBe(200);
  });
});

describe('VDOMs', () => {
  test('one for each request, some, or all; an account sees its own', async () => {
    await using device = await FortiGate.start({ plain: true, vdoms: ['root', 'edge', 'lab'] });
    const token = device.hand.addApiUser('kfw', { fwgrp: 'read-write', sysgrp: 'read' }, { vdoms: ['edge'] });
    const add = (vdom: string): Promise<string> =>
      ask(device, `POST /api/v2/cmdb/firewall/address?vdom=${vdom}`, ADDRESS, { token }).then(ending);
    expect(await add('edge')).toBe('200');
    expect(await add('root')).toBe('403 -14');
    expect(await add('nowhere')).toBe('424 -3');
    // Without a VDOM it is the management VDOM.
    expect(ending(await ask(device, 'POST /api/v2/cmdb/firewall/address', ADDRESS, { token }))).toBe('403 -14');
    const lists = async (query: string, asked = {}): Promise<unknown> => {
      const { text } = await ask(device, `GET /api/v2/cmdb/firewall/address${query}`, undefined, asked);
      const body = JSON.parse(text) as { vdom: string; matched_count: number }[];
      return Array.isArray(body) ? body.map(({ vdom, matched_count }) => `${vdom} ${matched_count}`) : 'one';
    };
    expect(await lists('?vdom=edge')).toBe('one');
    expect(await lists('?vdom=*')).toEqual(['root 2', 'edge 3', 'lab 2']);
    expect(await lists('?global=1')).toEqual(['root 2', 'edge 3', 'lab 2']);
    expect(await lists('?vdom=edge,lab')).toEqual(['edge 3', 'lab 2']);
    expect(await lists('?vdom=*', { token })).toEqual(['edge 3']);
    expect(device.dump()).toContain('config vdom\nedit edge\nconfig firewall address\n    edit "x"');
  });

  test('global feeds are seen by every VDOM, and their names begin with g-', async () => {
    await using device = await FortiGate.start({ plain: true, vdoms: ['root', 'edge'] });
    await done(device, 'POST /api/v2/cmdb/system/external-resource?scope=global', { name: 'g-list', type: 'address' });
    const [row] = (await done(device, 'GET /api/v2/cmdb/system/external-resource?vdom=edge')).body[
      'results'
    ] as object[];
    expect(row).toMatchObject({ name: 'g-list' });
    expect(() =>
      device.hand.create(
        'firewall/policy',
        {
          srcintf: [{ name: 'any' }],
          dstintf: [{ name: 'any' }],
          srcaddr: [{ name: 'g-list' }],
          dstaddr: [{ name: 'all' }],
          service: [{ name: 'ALL' }],
          schedule: 'always',
        },
        'edge',
      ),
    ).not.toThrow();
    expect(ending(await ask(device, 'DELETE /api/v2/cmdb/system/external-resource/g-list?scope=global'))).toBe(
      '500 -23',
    );
  });
});

describe('people (reference 1.1)', () => {
  test('JSON login gives a key for the header', async () => {
    await using device = await FortiGate.start({ plain: true });
    device.hand.addPerson('admin', 'word');
    const login = (secretkey: string): ReturnType<typeof ask> =>
      ask(device, 'POST /api/v2/authentication', { username: 'admin', secretkey, request_key: true }, { token: null });
    expect((await login('wrong')).status).toBe(401);
    const { text, body } = await login('word');
    expect(text).toContain('LOGIN_SUCCESS');
    expect(body['status_code']).toBe(5);
    const token = body['session_key'] as string;
    expect((await ask(device, LIST, undefined, { token })).status).toBe(200);
    await ask(device, 'DELETE /api/v2/authentication', undefined, { token });
    expect((await ask(device, LIST, undefined, { token })).status).toBe(401);
  });

  test('the form login sets cookies; what changes something repeats the CSRF token', async () => {
    const clock = new FakeClock();
    await using device = await FortiGate.start({ plain: true, clock });
    device.hand.addPerson('admin', 'word');
    const login = (word: string): ReturnType<typeof ask> =>
      ask(device, 'POST /logincheck', `username=admin&secretkey=${word}&ajax=1`, { token: null });
    const wrong = await login('wrong');
    expect(wrong.text[0]).toBe('0');
    expect(String(wrong.headers['set-cookie'])).toContain('0%260');
    const right = await login('word');
    expect(right.text[0]).toBe('1');
    const cookies = (right.headers['set-cookie'] as string[]).map((one) => one.split(';')[0] ?? '');
    const csrf = /^ccsrf_token_\d+="([0-9A-F]+)"$/.exec(cookies[1] ?? '')?.[1] ?? '';
    const cookie = cookies.join('; ');
    const as = (headers: Record<string, string>) => ({ token: null, headers: { cookie, ...headers } });
    expect((await ask(device, LIST, undefined, as({}))).status).toBe(200);
    expect((await ask(device, ADD, ADDRESS, as({}))).status).toBe(403);
    expect((await ask(device, ADD, ADDRESS, as({ 'x-csrftoken': csrf }))).status).toBe(200);
    clock.advance(300_001);
    expect((await ask(device, LIST, undefined, as({}))).status).toBe(401);
  });

  test('so many sessions and no more', async () => {
    await using device = await FortiGate.start({ plain: true, switches: { sessions: 2 } });
    device.hand.addPerson('admin', 'word');
    const login = async (): Promise<number> =>
      (
        await ask(
          device,
          'POST /api/v2/authentication',
          { username: 'admin', secretkey: 'word', request_key: true },
          { token: null },
        )
      ).status;
    expect([await login(), await login(), await login()]).toEqual([200, 200, 429]);
  });
});
