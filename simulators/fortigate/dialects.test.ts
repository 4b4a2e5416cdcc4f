import { describe, expect, test } from 'vitest';
import { ask, done, ending } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';
import { parseRelease } from './release.ts';

/** A body that one release takes and the one before it does not (reference 1.6, 1.10). */
const CASES: readonly (readonly [since: string, before: string, table: string, body: object])[] = [
  ['7.4.0', '7.2.9', 'firewall/address', { name: 'x', type: 'route-tag', 'route-tag': 7 }],
  ['7.6.1', '7.6.0', 'firewall/address', { name: 'x', type: 'dynamic', 'sub-type': 'rsso' }],
  ['7.6.1', '7.6.0', 'firewall/address', { name: 'x', type: 'dynamic', 'sub-type': 'external-resource' }],
  ['7.6.4', '7.6.3', 'firewall/address', { name: 'x', type: 'dynamic', 'sub-type': 'telemetry' }],
  ['7.6.4', '7.6.3', 'firewall/address6', { name: 'x', type: 'wildcard', wildcard: 'fd00::1 ffff::ffff' }],
  ['7.6.1', '7.6.0', 'firewall/address6', { name: 'x', type: 'dynamic', filter: 'K8S_Namespace=shop' }],
  ['7.6.1', '7.6.0', 'firewall/address6', { name: 'x', type: 'dynamic', 'sdn-addr-type': 'public' }],
  ['7.2.0', '7.0.12', 'firewall/addrgrp', { name: 'x', member: [] }],
  ['7.2.0', '7.0.12', 'firewall/addrgrp6', { name: 'x', member: [] }],
  ['7.6.0', '7.4.8', 'firewall.service/custom', { name: 'x', protocol: 'TCP/UDP/UDP-Lite/SCTP', 'tcp-portrange': '1' }],
  ['7.0.1', '7.0.0', 'firewall/ippool', { name: 'x', startip: '203.0.113.1', endip: '203.0.113.1', nat64: 'enable' }],
  ['7.0.1', '7.0.0', 'firewall/ippool6', { name: 'x', startip: '2001:db8::1', endip: '2001:db8::1', nat46: 'enable' }],
  ['7.6.0', '7.4.8', 'firewall/ippool6', { name: 'x', type: 'overload', startip: '2001:db8::1', endip: '2001:db8::1' }],
  ['7.4.0', '7.2.9', 'firewall/central-snat-map', { 'dst-port': '443' }],
  ['7.4.4', '7.4.3', 'firewall/central-snat-map', { 'port-preserve': 'disable' }],
  ['7.6.1', '7.6.0', 'firewall/central-snat-map', { 'port-random': 'enable' }],
  ['7.6.0', '7.4.8', 'firewall/central-snat-map', { 'orig-addr': [{ name: 'feed' }] }],
  ['7.0.1', '7.0.0', 'firewall/policy', { srcaddr: [{ name: 'feed' }] }],
  ['7.2.1', '7.2.0', 'system/external-resource', { name: 'x', type: 'address', 'update-method': 'push' }],
  ['7.4.0', '7.2.9', 'system/external-resource', { name: 'x', type: 'mac-address' }],
  ['7.4.2', '7.4.1', 'system/external-resource', { name: 'x', type: 'data' }],
  ['7.6.1', '7.6.0', 'system/external-resource', { name: 'x', type: 'generic-address', namespace: 'k' }],
  ['7.6.1', '7.6.0', 'system/external-resource', { name: 'x', type: 'address', 'client-cert-auth': 'enable' }],
  ['7.0.1', '7.0.0', 'system/sdn-connector', { name: 'x', type: 'kubernetes', 'verify-certificate': 'disable' }],
  ['7.2.4', '7.2.3', 'system/sdn-connector', { name: 'x', type: 'kubernetes', 'server-ca-cert': 'x' }],
  ['7.4.0', '7.2.9', 'system/sdn-connector', { name: 'x', type: 'kubernetes', proxy: 'x' }],
  ['7.6.3', '7.6.2', 'system/sdn-connector', { name: 'x', type: 'kubernetes', vdom: 'root' }],
];

const places = { srcintf: [{ name: 'any' }], dstintf: [{ name: 'any' }] };
const FRAMES: Readonly<Record<string, object>> = {
  'firewall/policy': {
    ...places,
    srcaddr: [{ name: 'all' }],
    dstaddr: [{ name: 'all' }],
    service: [{ name: 'ALL' }],
    schedule: 'always',
  },
  'firewall/central-snat-map': { ...places, 'orig-addr': [{ name: 'all' }], 'dst-addr': [{ name: 'all' }] },
};

describe('what came with a release is refused before', () => {
  test.each(CASES)('%s, not %s: %s %j', async (since, before, table, body) => {
    for (const version of [since, before]) {
      await using device = await FortiGate.start({ plain: true, version });
      device.hand.create('system/external-resource', { name: 'feed', type: 'address' });
      const answer = await ask(device, `POST /api/v2/cmdb/${table}`, { ...FRAMES[table], ...body });
      expect(ending(answer) === '200', `${version}: ${answer.text}`).toBe(version === since);
    }
  });
});

test('a word that a release dropped', async () => {
  await using device = await FortiGate.start({ plain: true, version: '7.6.0' });
  const service = { name: 'x', 'tcp-portrange': '1' };
  const list = 'POST /api/v2/cmdb/firewall.service/custom';
  expect(ending(await ask(device, list, { ...service, protocol: 'TCP/UDP/SCTP' }))).toBe('500 -651');
  // Whoever leaves it out needs not know.
  await done(device, list, service);
  expect(device.hand.get('firewall.service/custom', 'x')).toMatchObject({ protocol: 'TCP/UDP/UDP-Lite/SCTP' });
});

test('fields that a release does not have are not shown', async () => {
  for (const [version, has] of [
    ['7.4.2', true],
    ['7.4.1', false],
  ] as const) {
    await using device = await FortiGate.start({ plain: true, version });
    expect('uuid' in (device.hand.get('firewall.service/custom', 'HTTPS') ?? {})).toBe(has);
  }
});

test('releases that are not simulated are refused', () => {
  for (const text of ['6.4.14', '7.5.0', '7.8.1', '8.0.0', '7.4', 'latest']) expect(() => parseRelease(text)).toThrow();
  expect(parseRelease('v7.4.8')).toMatchObject({ text: 'v7.4.8', build: 2795 });
});
