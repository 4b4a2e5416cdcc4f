import { expect, test } from 'vitest';
import { ask, ending } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';

// The requests of the reference's sections 1.6 to 1.10, in an order in which they can be sent; "kfw" is the mark that it uses.
const REQUESTS: readonly (readonly [line: string, body?: object])[] = [
  [
    'POST firewall/address?vdom=root',
    { name: 'kfw-web-1', type: 'ipmask', subnet: '10.244.1.7/32', comment: 'kfw:cluster-a:web' },
  ],
  ['PUT firewall/address/kfw-web-1?vdom=root', { subnet: '10.244.1.8/32' }],
  ['GET firewall/address/kfw-web-1?vdom=root'],
  [
    'POST firewall/address?vdom=root',
    { name: 'kfw-web-2', type: 'ipmask', subnet: '10.244.2.9/32', comment: 'kfw:cluster-a:web' },
  ],
  ['POST firewall/address?vdom=root', { name: 'kfw-web-3', type: 'ipmask', subnet: '10.244.2.10 255.255.255.255' }],
  [
    'POST firewall/addrgrp?vdom=root',
    { name: 'kfw-web', member: [{ name: 'kfw-web-1' }, { name: 'kfw-web-2' }], comment: 'kfw:cluster-a:web' },
  ],
  ['POST firewall/addrgrp/kfw-web/member?vdom=root', { name: 'kfw-web-3' }],
  ['DELETE firewall/addrgrp/kfw-web/member/kfw-web-1?vdom=root'],
  [
    'POST firewall/address6?vdom=root',
    { name: 'kfw-web6-1', type: 'ipprefix', ip6: 'fd00:10:244:1::7/128', comment: 'kfw:cluster-a:web' },
  ],
  [
    'POST firewall/addrgrp6?vdom=root',
    { name: 'kfw-web6', member: [{ name: 'kfw-web6-1' }], comment: 'kfw:cluster-a:web' },
  ],
  [
    'POST firewall/address?vdom=root',
    { name: 'kfw-rng', type: 'iprange', 'start-ip': '10.244.3.1', 'end-ip': '10.244.3.9' },
  ],
  ['POST firewall/address?vdom=root', { name: 'partner-net', subnet: '198.51.100.0/24' }],
  [
    'POST firewall/ippool?vdom=root',
    {
      name: 'kfw-pool-web',
      type: 'overload',
      startip: '203.0.113.10',
      endip: '203.0.113.11',
      comments: 'kfw:cluster-a:pool/web',
    },
  ],
  ['POST firewall/ippool6?vdom=root', { name: 'kfw-pool6-web', startip: '2001:db8:9::10', endip: '2001:db8:9::11' }],
  [
    'POST firewall.service/custom?vdom=root',
    { name: 'kfw-tcp-8443', 'tcp-portrange': '8443', comment: 'kfw:cluster-a:svc' },
  ],
  [
    'POST firewall/policy?vdom=root',
    {
      name: 'kfw-web-egress',
      srcintf: [{ name: 'port2' }],
      dstintf: [{ name: 'port1' }],
      srcaddr: [{ name: 'kfw-web' }],
      dstaddr: [{ name: 'partner-net' }],
      service: [{ name: 'HTTPS' }],
      schedule: 'always',
      action: 'accept',
      nat: 'enable',
      ippool: 'enable',
      poolname: [{ name: 'kfw-pool-web' }],
      logtraffic: 'all',
      status: 'enable',
      comments: 'kfw:cluster-a:policy/web-egress',
    },
  ],
  ['PUT firewall/policy/1?vdom=root', { status: 'disable' }],
  ...[12, 3].map((policyid): readonly [string, object] => [
    'POST firewall/central-snat-map?vdom=root',
    {
      policyid,
      status: 'enable',
      type: 'ipv4',
      srcintf: [{ name: 'port2' }],
      dstintf: [{ name: 'port1' }],
      'orig-addr': [{ name: 'kfw-web' }],
      'dst-addr': [{ name: 'all' }],
      nat: 'enable',
      'nat-ippool': [{ name: 'kfw-pool-web' }],
      comments: 'kfw:cluster-a:snat-web',
    },
  ]),
  ['PUT firewall/central-snat-map/12?vdom=root&action=move&before=3'],
  ['GET firewall/policy?vdom=root&format=policyid|name|comments|srcaddr&filter=comments=@kfw:cluster-a'],
  ['GET firewall/address?vdom=root&action=revision'],
  ['POST system/external-resource?vdom=root', { name: 'kfw-feed', type: 'address', 'update-method': 'push' }],
  [
    'POST system/external-resource?vdom=root',
    {
      name: 'kfw-pull',
      type: 'address',
      status: 'disable',
      resource: 'https://192.0.2.1/web.txt',
      'refresh-rate': 1,
      username: 'edge',
      password: 'word',
    },
  ],
  [
    'POST system/sdn-connector?vdom=root',
    { name: 'k8s', type: 'kubernetes', server: '192.0.2.2', 'secret-token': 'token', 'update-interval': 60 },
  ],
  [
    'POST firewall/address?vdom=root',
    {
      name: 'kfw-dyn',
      type: 'dynamic',
      'sub-type': 'sdn',
      sdn: 'k8s',
      filter: 'K8S_Namespace=shop & K8S_Label.app=web',
      'node-ip-only': 'disable',
    },
  ],
  ['POST system/object-tagging', { category: 'kfw', tags: [{ name: 'web' }] }],
  ['PUT firewall/address/kfw-rng', { tagging: [{ name: 'mark', category: 'kfw', tags: [{ name: 'web' }] }] }],
];

test.each(['7.2.5', '7.4.8', '7.6.3'])('the bodies of the reference, and what %s holds then', async (version) => {
  await using device = await FortiGate.start({ plain: true, version });
  for (const [line, body] of REQUESTS)
    expect([line, ending(await ask(device, line.replace(' ', ' /api/v2/cmdb/'), body))]).toEqual([line, '200']);
  await expect(device.dump()).toMatchFileSnapshot('golden/worked-bodies.txt');
  await using other = await FortiGate.start({ plain: true, version });
  other.load(device.dump());
  expect(other.dump()).toBe(device.dump());
});

test('two VDOMs in one text', async () => {
  await using device = await FortiGate.start({ plain: true, vdoms: ['root', 'edge'] });
  device.hand.settings('system/global', { hostname: 'border-1' });
  device.hand.limit('edge', { 'firewall-policy': 100 });
  device.hand.addApiUser(
    'kfw',
    { fwgrp: 'custom', 'fwgrp-permission': { address: 'read-write' } },
    { vdoms: ['edge'], trusted: ['192.0.2.0 255.255.255.0'] },
  );
  device.hand.settings('system/settings', { 'central-nat': 'enable' }, 'edge');
  device.hand.create('firewall/address', { name: 'x', subnet: '0.0.0.0/0' });
  device.hand.delete('firewall.service/custom', 'NTP', 'edge');
  await expect(device.dump()).toMatchFileSnapshot('golden/two-vdoms.txt');
  await using other = await FortiGate.start({ plain: true, vdoms: ['root', 'edge'] });
  other.load(device.dump());
  expect(other.dump()).toBe(device.dump());
});
