import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ownCertificate } from '../frame/certificate.ts';
import { ask, done, ending } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';

const results = async (device: FortiGate, line: string, body?: object): Promise<unknown> =>
  (await done(device, line.replace(' ', ' /api/v2/monitor/'), body)).body['results'];

describe('what runs (reference 1.11)', () => {
  test('the frame of an answer', async () => {
    await using device = await FortiGate.start({ plain: true, vdoms: ['root', 'edge'] });
    const { body } = await done(device, 'GET /api/v2/monitor/system/vdom-resource?vdom=edge');
    expect(body).toMatchObject({
      http_method: 'GET',
      vdom: 'edge',
      path: 'system',
      name: 'vdom-resource',
      action: '',
      status: 'success',
      http_status: 200,
      serial: 'FGVM010000000001',
      version: 'v7.4.8',
      build: 2795,
    });
    const { text } = await ask(device, 'GET /api/v2/monitor/system/vdom-resource?vdom=*');
    expect((JSON.parse(text) as { vdom: string }[]).map(({ vdom }) => vdom)).toEqual(['root', 'edge']);
    const { body: key } = await done(device, 'POST /api/v2/monitor/system/api-user/generate-key', {
      'api-user': 'api',
    });
    expect(key).toMatchObject({ path: 'system', name: 'api-user', action: 'generate-key' });
  });

  test('limits of the device, in VDOMs and together', async () => {
    await using device = await FortiGate.start({ plain: true, vdoms: ['root', 'edge'], model: 'entry' });
    device.hand.create('firewall/address', { name: 'x', subnet: '10.0.0.1/32' }, 'edge');
    const at = async (line: string): Promise<unknown> =>
      ((await results(device, line)) as Record<string, unknown>)['firewall-address'];
    expect(await at('GET system/vdom-resource?vdom=root')).toMatchObject({ current_usage: 4, global_max: 5_000 });
    expect(await at('GET system/vdom-resource?vdom=edge')).toMatchObject({ current_usage: 5 });
    expect(await at('GET system/global-resources')).toEqual({
      current_usage: 9,
      global_max: 5_000,
      usage_percentage: 0,
    });
  });

  test('counters of central SNAT, use of pools, uuids, connectors', async () => {
    await using device = await FortiGate.start({ plain: true });
    const { hand } = device;
    const any = { srcintf: [{ name: 'any' }], dstintf: [{ name: 'any' }] };
    const all = [{ name: 'all' }];
    hand.settings('system/settings', { 'central-nat': 'enable' });
    hand.create('firewall/ippool', { name: 'pool', startip: '203.0.113.10', endip: '203.0.113.13' });
    hand.create('firewall/policy', {
      ...any,
      srcaddr: all,
      dstaddr: all,
      service: [{ name: 'ALL' }],
      schedule: 'always',
      action: 'accept',
    });
    hand.create('firewall/central-snat-map', {
      ...any,
      'orig-addr': all,
      'dst-addr': all,
      'nat-ippool': [{ name: 'pool' }],
    });
    hand.create('system/sdn-connector', { name: 'k8s', type: 'kubernetes' });
    for (const source of ['10.0.0.1', '10.0.0.2'])
      device.send({
        source,
        destination: '192.0.2.1',
        protocol: 'udp',
        destinationPort: 53,
        from: 'port2',
        to: 'port1',
      });
    expect(await results(device, 'GET firewall/central-snat-map?policyid=1')).toMatchObject([
      { policyid: 1, hit_count: 2 },
    ]);
    expect(await results(device, 'GET firewall/ippool?vdom=root')).toEqual({ pool: { natip_total: 4, clients: 2 } });
    const uuids = (await results(device, 'GET firewall/uuid-list?vdom=root')) as { name: string; mkey: string }[];
    expect(uuids).toContainEqual(expect.objectContaining({ path: 'firewall', name: 'policy', mkey: '1' }));
    expect(await results(device, 'GET system/sdn-connector/status?vdom=root')).toEqual([
      { name: 'k8s', type: 'kubernetes', status: 'up' },
    ]);
    await results(device, 'POST system/sdn-connector/update?vdom=root', { mkey: 'k8s' });
    expect(ending(await ask(device, 'POST /api/v2/monitor/system/sdn-connector/update', { mkey: 'x' }))).toBe('404 -3');
    await results(device, 'POST firewall/session/clear_all?vdom=root');
    expect(await results(device, 'GET firewall/session?vdom=root')).toEqual({
      summary: { matched_count: 0 },
      details: [],
    });
  });

  test('lookups without a route, and without what they need', async () => {
    await using device = await FortiGate.start({
      plain: true,
      routes: [{ vdom: 'root', prefix: '192.0.2.0/24', interface: 'port3' }],
    });
    const lookup = 'GET firewall/policy-lookup?vdom=root&srcintf=port2&sourceip=10.0.0.1&protocol=tcp&destport=80';
    expect(await results(device, `${lookup}&dest=198.51.100.1`)).toMatchObject({ success: false, match: false });
    expect(await results(device, `${lookup}&dest=192.0.2.1`)).toMatchObject({ success: true, dstintf: 'port3' });
    expect(ending(await ask(device, lookup.replace(' ', ' /api/v2/monitor/')))).toBe('400 -10001');
    expect(ending(await ask(device, `${lookup.replace(' ', ' /api/v2/monitor/')}&dest=fd00::1`))).toBe('400 -10002');
  });

  test('everything volatile can be emptied without a boot', async () => {
    await using device = await FortiGate.start({ plain: true });
    device.hand.create('system/external-resource', { name: 'feed', type: 'address', 'update-method': 'push' });
    device.live.feeds.push('root', 'feed', 'add', ['10.0.0.1']);
    device.hand.emptyVolatile();
    const list = 'GET system/external-resource/entry-list?vdom=root&mkey=feed&counts_only=1';
    expect(await results(device, list)).toMatchObject({ valid_count: 0, status: 'na' });
  });
});

test('lists over TLS: whom the device believes, and how closely it looks (reference 1.10 a)', async () => {
  const wanted = { commonName: 'lists', from: Date.now() - 60_000, to: Date.now() + 60_000 };
  const good = ownCertificate({ ...wanted, names: ['127.0.0.1'] });
  const other = ownCertificate({ ...wanted, names: ['other.example'] });
  for (const [shown, check, authority, status] of [
    [good, 'full', good, 'success'],
    [good, 'full', undefined, 'error'],
    [other, 'full', other, 'error'],
    [other, 'basic', other, 'success'],
    [other, 'basic', good, 'error'],
    [other, 'none', undefined, 'success'],
  ] as const) {
    const server = createServer({ key: shown.key, cert: shown.certificate }, (_, response) =>
      response.end('10.0.0.1\n'),
    );
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    try {
      await using device = await FortiGate.start({
        plain: true,
        ...(authority === undefined ? {} : { authority: authority.certificate }),
      });
      const resource = `https://127.0.0.1:${(server.address() as AddressInfo).port}/web.txt`;
      device.hand.create('system/external-resource', {
        name: 'feed',
        type: 'address',
        resource,
        'server-identity-check': check,
      });
      await device.settled();
      const list = 'GET system/external-resource/entry-list?vdom=root&mkey=feed&status_only=1';
      expect(await results(device, list), check).toMatchObject({ status });
    } finally {
      await new Promise<void>((closed) => server.close(() => closed()));
    }
  }
});
