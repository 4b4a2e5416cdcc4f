import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, done, ending } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';
import { modelOf } from './models.ts';

/** One request: its line, its body, how it ends. */
type Case = readonly [line: string, body: object | string | undefined, ends: string];

const cmdb = (line: string): string => line.replace(' ', ' /api/v2/cmdb/');
const many = (count: number, prefix: string): object[] =>
  Array.from({ length: count }, (_, n) => ({ name: `${prefix}${n}` }));
const policy = {
  srcintf: [{ name: 'port2' }],
  dstintf: [{ name: 'port1' }],
  srcaddr: [{ name: 'a1' }],
  dstaddr: [{ name: 'all' }],
  service: [{ name: 'HTTPS' }],
  schedule: 'always',
  action: 'accept',
};
const rule = {
  srcintf: [{ name: 'port2' }],
  dstintf: [{ name: 'port1' }],
  'orig-addr': [{ name: 'g1' }],
  'dst-addr': [{ name: 'all' }],
  'nat-ippool': [{ name: 'p1' }],
};

let device: FortiGate;
beforeAll(async () => {
  device = await FortiGate.start({
    plain: true,
    interfaces: ['port1', 'port2', 'port3', 'port4'].map((name) => ({ name, vdom: 'root' })),
  });
  const { hand } = device;
  hand.create('system/zone', { name: 'dmz', interface: [{ 'interface-name': 'port3' }] });
  hand.create('firewall/address', { name: 'a1', subnet: '10.0.0.1/32' });
  hand.create('firewall/address', { name: 'a2', subnet: '10.0.0.2/32' });
  hand.create('firewall/addrgrp', { name: 'g1', member: [{ name: 'a1' }] });
  hand.create('firewall/addrgrp', { name: 'g2', member: [{ name: 'g1' }] });
  hand.create('firewall/address6', { name: 'six', ip6: 'fd00::1/128' });
  hand.create('firewall/addrgrp6', { name: 'g6', member: [{ name: 'six' }] });
  hand.create('firewall/vip', { name: 'v1', extip: '198.51.100.1', mappedip: [{ range: '10.0.0.1' }] });
  hand.create('firewall/ippool', { name: 'p1', startip: '203.0.113.10', endip: '203.0.113.11' });
  hand.create('firewall.service/custom', { name: 's1', 'tcp-portrange': '8443' });
  hand.create('firewall.service/group', { name: 'sg1', member: [{ name: 's1' }] });
  hand.create('firewall/policy', {
    ...policy,
    name: 'taken',
    nat: 'enable',
    ippool: 'enable',
    poolname: [{ name: 'p1' }],
  });
  hand.create('system/external-resource', { name: 'feed', type: 'address', 'update-method': 'push' });
});
afterAll(async () => await device[Symbol.asyncDispose]());

describe('what is refused, with which code (reference 1.4, 1.5)', () => {
  const before = 'nothing changes by it';
  test.each<Case>([
    // Names and lengths.
    [cmdb('POST firewall/address'), { name: 'x'.repeat(80), subnet: '10.0.0.1/32' }, '500 -1'],
    [cmdb('POST firewall/address'), { name: 'x', subnet: '10.0.0.1/32', comment: 'c'.repeat(256) }, '500 -72'],
    [cmdb('POST firewall/policy'), { ...policy, comments: 'c'.repeat(1024) }, '500 -72'],
    [cmdb('POST firewall/policy'), { ...policy, name: 'n'.repeat(36) }, '500 -72'],
    [cmdb('POST system/external-resource'), { name: 'n'.repeat(36), type: 'address' }, '500 -1'],
    [cmdb('POST firewall/address'), { name: 'a<b', subnet: '10.0.0.1/32' }, '500 -173'],
    [cmdb('POST firewall/address'), { name: "a'b", subnet: '10.0.0.1/32' }, '500 -173'],
    [cmdb('POST firewall/address'), { name: 'a\nb', subnet: '10.0.0.1/32' }, '500 -50'],
    [cmdb('POST firewall/address'), { subnet: '10.0.0.1/32' }, '424 -56'],
    [cmdb('POST firewall/address'), { name: '', subnet: '10.0.0.1/32' }, '500 -56'],
    // Addresses.
    [cmdb('POST firewall/address'), { name: 'x', subnet: '10.0.0.300/32' }, '500 -8'],
    [cmdb('POST firewall/address'), { name: 'x', subnet: '10.0.0.1/24' }, '500 -8'],
    [cmdb('POST firewall/address'), { name: 'x', subnet: '10.0.0.0/33' }, '500 -9'],
    [cmdb('POST firewall/address'), { name: 'x', subnet: '10.0.0.0 255.0.255.0' }, '500 -9'],
    [cmdb('POST firewall/address'), { name: 'x' }, '424 -56'],
    [
      cmdb('POST firewall/address'),
      { name: 'x', type: 'iprange', 'start-ip': '10.0.0.9', 'end-ip': '10.0.0.1' },
      '500 -73',
    ],
    [cmdb('POST firewall/address'), { name: 'x', type: 'iprange', 'start-ip': '10.0.0.9' }, '424 -56'],
    [
      cmdb('POST firewall/address'),
      { name: 'x', type: 'ipmask', subnet: '10.0.0.1/32', 'start-ip': '10.0.0.9' },
      '500 -651',
    ],
    [cmdb('POST firewall/address'), { name: 'x', type: 'planet', subnet: '10.0.0.1/32' }, '500 -651'],
    [cmdb('POST firewall/address'), { name: 'x', subnet: '10.0.0.1/32', colour: 3 }, '500 -651'],
    [cmdb('POST firewall/address'), { name: 'x', subnet: '10.0.0.1/32', color: 33 }, '500 -650'],
    [cmdb('POST firewall/address'), { name: 'x', subnet: '10.0.0.1/32', color: 'red' }, '500 -61'],
    [cmdb('POST firewall/address'), { name: 7, subnet: '10.0.0.1/32' }, '500 -61'],
    [cmdb('POST firewall/address6'), { name: 'x', ip6: 'fd00::g/128' }, '500 -254'],
    [cmdb('POST firewall/address6'), { name: 'x', ip6: 'fd00::1/64' }, '500 -254'],
    [
      cmdb('POST firewall/address6'),
      { name: 'x', type: 'iprange', 'start-ip': 'fd00::9', 'end-ip': 'fd00::1' },
      '500 -73',
    ],
    // Entries that are there, and those that are not.
    [cmdb('POST firewall/address'), { name: 'a1', subnet: '10.0.0.1/32' }, '500 -5'],
    [cmdb('PUT firewall/address/nobody'), { comment: 'x' }, '404 -3'],
    [cmdb('DELETE firewall/address/nobody'), undefined, '404 -3'],
    [cmdb('GET firewall/address/nobody'), undefined, '404 -3'],
    [cmdb('POST firewall/addrgrp'), { name: 'x', member: [{ name: 'nobody' }] }, '500 -3'],
    [cmdb('POST firewall/addrgrp'), { name: 'x', member: [{ name: 'six' }] }, '500 -3'],
    [cmdb('POST firewall/addrgrp6'), { name: 'x', member: [{ name: 'a1' }] }, '500 -3'],
    [cmdb('POST firewall/addrgrp'), { name: 'x', member: [{ name: 'feed' }] }, '500 -3'],
    [cmdb('PUT firewall/addrgrp/g1'), { member: ['a1'] }, '500 -61'],
    [cmdb('PUT firewall/addrgrp/g1'), { member: [{ name: 'a1' }, { name: 'a1' }] }, '500 -5'],
    [cmdb('PUT firewall/addrgrp/g1'), { member: [{ name: 'a1', weight: 1 }] }, '500 -651'],
    [cmdb('PUT firewall/addrgrp/g1'), { member: many(601, 'm') }, '500 -3'],
    [cmdb('POST firewall/addrgrp/g1/member'), { name: 'a1' }, '500 -5'],
    [cmdb('POST firewall/addrgrp/g1/member'), { name: 'nobody' }, '500 -3'],
    [cmdb('DELETE firewall/addrgrp/g1/member/a2'), undefined, '404 -3'],
    [cmdb('PUT firewall/addrgrp/g1/member/a1'), { name: 'a2' }, '405'],
    [cmdb('POST firewall/addrgrp6/g6/member'), { name: 'six' }, '404'],
    [cmdb('PUT firewall/addrgrp/g1'), { member: [{ name: 'g2' }] }, '500 -651'],
    [cmdb('PUT firewall/addrgrp/g1'), { 'exclude-member': [{ name: 'a2' }] }, '500 -651'],
    [cmdb('PUT firewall/addrgrp/g1'), { name: 'g9' }, '500 -651'],
    // What is used, built in, or shares a name.
    [cmdb('DELETE firewall/address/a1'), undefined, '500 -23'],
    [cmdb('DELETE firewall/addrgrp/g1'), undefined, '500 -23'],
    [cmdb('DELETE firewall/address/all'), undefined, '500 -7'],
    [cmdb('DELETE firewall/ippool/p1'), undefined, '500 -176'],
    [cmdb('POST firewall/addrgrp'), { name: 'a1', member: [{ name: 'a2' }] }, '500 -163'],
    [cmdb('POST firewall/address'), { name: 'g1', subnet: '10.0.0.1/32' }, '500 -163'],
    [cmdb('POST firewall/address'), { name: 'v1', subnet: '10.0.0.1/32' }, '500 -164'],
    [cmdb('POST firewall/addrgrp6'), { name: 'six', member: [{ name: 'six' }] }, '500 -163'],
    [cmdb('POST firewall.service/group'), { name: 's1', member: [{ name: 'HTTP' }] }, '500 -162'],
    [cmdb('POST firewall.service/custom'), { name: 'sg1', 'tcp-portrange': '1' }, '500 -162'],
    // Services.
    [cmdb('POST firewall.service/custom'), { name: 'x' }, '500 -651'],
    [cmdb('POST firewall.service/custom'), { name: 'x', 'tcp-portrange': '90-80' }, '500 -650'],
    [cmdb('POST firewall.service/custom'), { name: 'x', 'tcp-portrange': '80,443' }, '500 -363'],
    [cmdb('POST firewall.service/custom'), { name: 'x', 'tcp-portrange': '70000' }, '500 -363'],
    [cmdb('POST firewall.service/custom'), { name: 'x', protocol: 'ICMP', 'tcp-portrange': '80' }, '500 -651'],
    [cmdb('POST firewall.service/custom'), { name: 'x', protocol: 'ICMP', icmptype: '256' }, '500 -650'],
    [cmdb('POST firewall.service/custom'), { name: 'x', protocol: 'IP', 'protocol-number': 255 }, '500 -650'],
    [cmdb('POST firewall.service/group'), { name: 'x', member: many(301, 's') }, '500 -4'],
    [cmdb('POST firewall.service/group'), { name: 'x', member: [] }, '500 -56'],
    [cmdb('PUT firewall.service/group/sg1'), { member: [{ name: 'sg1' }] }, '500 -651'],
    // Pools.
    [cmdb('POST firewall/ippool'), { name: 'x', startip: '203.0.113.9', endip: '203.0.113.1' }, '500 -73'],
    [cmdb('POST firewall/ippool'), { name: 'x', startip: '203.0.113.11', endip: '203.0.113.20' }, '500 -156'],
    [cmdb('POST firewall/ippool'), { name: 'x', startip: '10.0.0.1', endip: '10.200.0.1' }, '500 -139'],
    [cmdb('POST firewall/ippool'), { name: 'x', startip: '203.0.113.30' }, '424 -56'],
    [cmdb('POST firewall/ippool'), { name: 'x', startip: 'fd00::1', endip: 'fd00::2' }, '500 -8'],
    [
      cmdb('POST firewall/ippool'),
      { name: 'x', startip: '198.51.100.9', endip: '198.51.100.9', startport: 80 },
      '500 -650',
    ],
    // Policies.
    [cmdb('POST firewall/policy'), { ...policy, name: 'taken' }, '500 -15'],
    [cmdb('POST firewall/policy'), { ...policy, policyid: 1 }, '500 -5'],
    [cmdb('POST firewall/policy'), { ...policy, policyid: 4_294_967_295 }, '500 -650'],
    [cmdb('POST firewall/policy'), { ...policy, srcaddr: [] }, '500 -56'],
    [cmdb('POST firewall/policy'), { ...policy, srcaddr: [], srcaddr6: [{ name: 'six' }] }, '500 -56'],
    [cmdb('POST firewall/policy'), { ...policy, service: [] }, '500 -56'],
    [cmdb('POST firewall/policy'), { ...policy, schedule: '' }, '500 -56'],
    [cmdb('POST firewall/policy'), { ...policy, schedule: 'sometimes' }, '500 -3'],
    [cmdb('POST firewall/policy'), { ...policy, srcintf: [{ name: 'port9' }] }, '500 -3'],
    [cmdb('POST firewall/policy'), { ...policy, srcintf: [{ name: 'port3' }] }, '500 -651'],
    [cmdb('POST firewall/policy'), { ...policy, srcaddr: [{ name: 'v1' }] }, '500 -3'],
    [cmdb('POST firewall/policy'), { ...policy, ippool: 'enable', poolname: [{ name: 'p1' }] }, '500 -651'],
    [cmdb('POST firewall/policy'), { ...policy, nat: 'enable', ippool: 'enable' }, '500 -56'],
    [
      cmdb('POST firewall/policy'),
      { ...policy, nat: 'enable', ippool: 'enable', poolname: [{ name: 'p9' }] },
      '500 -3',
    ],
    [cmdb('PUT firewall/policy/1'), { dstaddr: [] }, '500 -56'],
    [cmdb('PUT firewall/policy/1?action=move&before=9'), undefined, '500 -3'],
    [cmdb('PUT firewall/policy/9?action=move&before=1'), undefined, '404 -3'],
    [cmdb('PUT firewall/policy/1?action=move'), undefined, '400 -10002'],
    [cmdb('PUT firewall/address/a1?action=move&before=a2'), undefined, '405 -1001'],
    // Central SNAT.
    [cmdb('POST firewall/central-snat-map'), { ...rule, 'dst-addr': [] }, '500 -56'],
    [cmdb('POST firewall/central-snat-map'), { ...rule, type: 'ipv6' }, '500 -56'],
    [cmdb('POST firewall/central-snat-map'), { ...rule, 'orig-addr6': [{ name: 'six' }] }, '500 -651'],
    [cmdb('POST firewall/central-snat-map'), { ...rule, 'orig-port': 'many' }, '500 -363'],
    [cmdb('POST firewall/central-snat-map'), { ...rule, protocol: 256 }, '500 -650'],
    [cmdb('POST firewall/central-snat-map'), { ...rule, 'dst-addr': [{ name: 'feed' }] }, '500 -3'],
    [cmdb('POST firewall/central-snat-map'), { ...rule, 'orig-addr': [{ name: 'feed' }] }, '500 -3'],
    // Feeds.
    [cmdb('POST system/external-resource'), { name: 'x', type: 'address', 'refresh-rate': 0 }, '500 -650'],
    [cmdb('POST system/external-resource'), { name: 'g-x', type: 'address' }, '500 -515'],
    [cmdb('POST system/external-resource?scope=global'), { name: 'x', type: 'address' }, '500 -515'],
    [cmdb('POST system/external-resource'), { name: 'x', type: 'generic-address' }, '500 -651'],
    [cmdb('POST system/external-resource'), { name: 'a1', type: 'address' }, '500 -163'],
    // The API itself.
    [cmdb('POST firewall/address'), '{', '400 -10002'],
    [cmdb('POST firewall/address'), '[]', '400 -10002'],
    [cmdb('PUT firewall/address/a1'), undefined, '400 -10001'],
    [cmdb('GET firewall/adress'), undefined, '404'],
    [cmdb('GET firewall/address?action=dance'), undefined, '400 -1001'],
    [cmdb('GET firewall/address?colour=red'), undefined, '400 -10002'],
    [cmdb('GET firewall/address?filter=name'), undefined, '400 -10002'],
    [cmdb('GET firewall/address/%E0%A4%A'), undefined, '400'],
    [cmdb('PUT firewall/address'), { comment: 'x' }, '405'],
    [cmdb('DELETE firewall/address'), undefined, '405'],
    [cmdb('PATCH firewall/address/a1'), { comment: 'x' }, '405'],
    [cmdb('POST firewall/address/a1'), { comment: 'x' }, '405'],
    [cmdb('POST system/global'), { hostname: 'x' }, '405'],
    [cmdb('POST system/vdom'), { name: 'x' }, '405'],
    [cmdb('GET firewall/address?vdom=nowhere'), undefined, '424 -3'],
    [cmdb('POST firewall/address?vdom=*'), { name: 'x', subnet: '10.0.0.1/32' }, '400 -10002'],
    [cmdb('POST firewall/address?global=1'), { name: 'x', subnet: '10.0.0.1/32' }, '400 -10002'],
    ['GET /api/v2/log/disk', undefined, '404'],
    ['GET /api/v2/monitor/system/nothing', undefined, '404'],
    ['POST /api/v2/monitor/system/status', undefined, '405'],
    ['GET /somewhere', undefined, '404'],
  ])('%s %j: %s', async (line, body, ends) => {
    const dump = device.dump();
    expect(ending(await ask(device, line, body))).toBe(ends);
    expect(device.dump(), before).toBe(dump);
  });

  test('the texts that the reference shows', async () => {
    const text = async (line: string, body?: object): Promise<string> =>
      (await ask(device, cmdb(line), body)).body['cli_error'] as string;
    expect(await text('POST firewall/address', { name: 'a1', subnet: '10.0.0.1/32' })).toBe('object already exists\n');
    expect(await text('POST firewall/addrgrp', { name: 'a1', member: [{ name: 'a2' }] })).toContain('Return code -163');
    expect(await text('POST firewall.service/custom', { name: 'x' })).toContain('cannot all be empty');
    expect(await text('POST firewall.service/custom', { name: 'x', 'tcp-portrange': '9-8' })).toContain(
      'Return code -650',
    );
    expect(await text('DELETE firewall/address/a1')).toContain('used by other 2 entries');
  });

  test('a body of more than a megabyte is too large', async () => {
    const answer = await ask(device, cmdb('POST firewall/address'), 'x'.repeat(1_000_001));
    expect(answer.status).toBe(413);
  });
});

describe('capacity', () => {
  const small = modelOf('entry');
  test('one more than the model holds is refused, in all VDOMs together', async () => {
    await using tiny = await FortiGate.start({
      plain: true,
      vdoms: ['root', 'other'],
      model: { ...small, limits: { ...small.limits, 'firewall-address': 10 } },
    });
    const add = (name: string, vdom: string): Promise<string> =>
      ask(tiny, `POST /api/v2/cmdb/firewall/address?vdom=${vdom}`, { name, subnet: '10.0.0.1/32' }).then(ending);
    // Each VDOM has `all` and `none` in both families.
    expect(await add('one', 'root')).toBe('200');
    expect(await add('two', 'other')).toBe('200');
    expect(await add('three', 'root')).toBe('500 -4');
    expect(
      ending(await ask(tiny, 'POST /api/v2/cmdb/firewall/address6?vdom=root', { name: 'x', ip6: '::1/128' })),
    ).toBe('500 -4');
    await done(tiny, 'DELETE /api/v2/cmdb/firewall/address/one?vdom=root');
    expect(await add('three', 'other')).toBe('200');
  });

  test('what an administrator allows a VDOM has a code of its own', async () => {
    await using two = await FortiGate.start({ plain: true });
    two.hand.limit('root', { 'firewall-addrgrp': 1 });
    const add = (name: string): Promise<string> =>
      ask(two, 'POST /api/v2/cmdb/firewall/addrgrp', { name, member: [{ name: 'none' }] }).then(ending);
    expect(await add('one')).toBe('200');
    expect(await add('two')).toBe('500 -580');
    const { results } = (await ask(two, 'GET /api/v2/monitor/system/vdom-resource?vdom=root')).body as {
      results: Record<string, unknown>;
    };
    expect(results['firewall-addrgrp']).toEqual({
      current_usage: 1,
      global_max: 10_000,
      custom_max: 1,
      guaranteed: 0,
      usage_percentage: 100,
    });
  });

  test('a group holds 600 members', async () => {
    await using full = await FortiGate.start({ plain: true });
    const names = many(601, 'm');
    for (const { name } of names as { name: string }[])
      full.hand.create('firewall/address', { name, subnet: '10.0.0.1/32' });
    expect(ending(await ask(full, 'POST /api/v2/cmdb/firewall/addrgrp', { name: 'g', member: names }))).toBe('500 -4');
    expect(ending(await ask(full, 'POST /api/v2/cmdb/firewall/addrgrp', { name: 'g', member: names.slice(1) }))).toBe(
      '200',
    );
    expect(ending(await ask(full, 'POST /api/v2/cmdb/firewall/addrgrp/g/member', { name: 'm0' }))).toBe('500 -4');
  });
});
