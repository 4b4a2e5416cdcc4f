import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { done } from './asking.fixture.ts';
import { FortiGate } from './fortigate.ts';
import type { Flow } from './packet.ts';

let device: FortiGate;
const open: FortiGate[] = [];
beforeEach(async () => {
  device = await FortiGate.start({
    plain: true,
    version: '7.6.3',
    interfaces: [
      { name: 'port1', vdom: 'root', ip: '203.0.113.1 255.255.255.0', ip6: '2001:db8:9::1/64' },
      { name: 'port2', vdom: 'root', ip: '10.244.0.1 255.255.0.0' },
      { name: 'port3', vdom: 'root' },
    ],
  });
  open.push(device);
  const { hand } = device;
  hand.create('firewall/address', { name: 'web-1', subnet: '10.244.1.7/32' });
  hand.create('firewall/address', { name: 'web-2', type: 'iprange', 'start-ip': '10.244.2.1', 'end-ip': '10.244.2.9' });
  hand.create('firewall/addrgrp', { name: 'web', member: [{ name: 'web-1' }, { name: 'web-2' }] });
  hand.create('firewall/address', { name: 'partner', subnet: '198.51.100.0/24' });
  hand.create('firewall/address6', { name: 'web6', ip6: 'fd00:10:244:1::7/128' });
  hand.create('firewall/ippool', { name: 'pool', startip: '203.0.113.10', endip: '203.0.113.11' });
});
afterAll(async () => {
  for (const one of open) await one[Symbol.asyncDispose]();
});

const flow: Flow = {
  source: '10.244.1.7',
  destination: '198.51.100.4',
  protocol: 'tcp',
  sourcePort: 40_000,
  destinationPort: 443,
  from: 'port2',
  to: 'port1',
};

const policy = (more: object = {}): string =>
  device.hand.create('firewall/policy', {
    srcintf: [{ name: 'port2' }],
    dstintf: [{ name: 'port1' }],
    srcaddr: [{ name: 'web' }],
    dstaddr: [{ name: 'partner' }],
    service: [{ name: 'HTTPS' }],
    schedule: 'always',
    action: 'accept',
    ...more,
  });

const none = { kind: 'none' };

describe('policies', () => {
  test('the first that matches decides; what none matches is denied', () => {
    expect(device.wouldPass(flow)).toEqual({ verdict: 'deny', policy: 0, source: none, centralSnat: 0, unsure: [] });
    policy();
    policy({ action: 'deny', srcaddr: [{ name: 'all' }], service: [{ name: 'ALL' }] });
    expect(device.wouldPass(flow)).toMatchObject({ verdict: 'accept', policy: 1 });
    expect(device.wouldPass({ ...flow, destinationPort: 80 })).toMatchObject({ verdict: 'deny', policy: 2 });
    device.hand.move('firewall/policy', '2', 'before', '1');
    expect(device.wouldPass(flow)).toMatchObject({ verdict: 'deny', policy: 2 });
    device.hand.set('firewall/policy', '2', { status: 'disable' });
    expect(device.wouldPass(flow)).toMatchObject({ verdict: 'accept', policy: 1 });
  });

  test.each<readonly [string, Partial<Flow>, string]>([
    ['another source', { source: '10.244.1.8' }, 'deny'],
    ['the end of a range', { source: '10.244.2.9' }, 'accept'],
    ['beyond it', { source: '10.244.2.10' }, 'deny'],
    ['another destination', { destination: '198.51.101.4' }, 'deny'],
    ['another interface', { from: 'port3' }, 'deny'],
    ['another way out', { to: 'port3' }, 'deny'],
    ['another protocol', { protocol: 'udp' }, 'deny'],
    ['a protocol by its number', { protocol: 6 }, 'accept'],
    ['another family', { source: 'fd00:10:244:1::7', destination: '2001:db8::1' }, 'deny'],
  ])('%s', (_, change, verdict) => {
    policy();
    expect(device.wouldPass({ ...flow, ...change }).verdict).toBe(verdict);
  });

  test('IPv6 by its own fields', () => {
    policy({ srcaddr: [], dstaddr: [], srcaddr6: [{ name: 'web6' }], dstaddr6: [{ name: 'all' }] });
    const six = { ...flow, source: 'fd00:10:244:1::7', destination: '2001:db8::1' };
    expect(device.wouldPass(six)).toMatchObject({ verdict: 'accept', policy: 1 });
    expect(device.wouldPass({ ...six, source: 'fd00:10:244:1::8' }).verdict).toBe('deny');
    expect(device.wouldPass(flow).verdict).toBe('deny');
  });

  test('negation, exclusion, zones, any interface, groups of services', () => {
    device.hand.create('system/zone', { name: 'inside', interface: [{ 'interface-name': 'port3' }] });
    policy({
      srcintf: [{ name: 'inside' }],
      dstintf: [{ name: 'any' }],
      'srcaddr-negate': 'enable',
      service: [{ name: 'Web Access' }],
    });
    expect(device.wouldPass({ ...flow, from: 'port3' }).verdict).toBe('deny');
    expect(device.wouldPass({ ...flow, from: 'port3', source: '10.244.9.9' }).verdict).toBe('accept');
    device.hand.set('firewall/policy', '1', { 'srcaddr-negate': 'disable' });
    expect(device.wouldPass({ ...flow, from: 'port3' }).verdict).toBe('accept');
    device.hand.set('firewall/addrgrp', 'web', { exclude: 'enable', 'exclude-member': [{ name: 'web-1' }] });
    expect(device.wouldPass({ ...flow, from: 'port3' }).verdict).toBe('deny');
  });

  test('what is not known is said', () => {
    device.hand.create('firewall/address', { name: 'bank', type: 'fqdn', fqdn: 'bank.example' });
    policy({ dstaddr: [{ name: 'bank' }] });
    expect(device.wouldPass(flow)).toMatchObject({
      verdict: 'deny',
      unsure: ['what bank (fqdn) stands for is not known'],
    });
    device.hand.resolve('bank', ['198.51.100.4']);
    expect(device.wouldPass(flow)).toMatchObject({ verdict: 'accept', unsure: [] });
    device.hand.set('firewall/policy', '1', { groups: [{ name: 'staff' }] });
    expect(device.wouldPass(flow)).toMatchObject({ verdict: 'deny', unsure: ['policy 1 is for people'] });
  });

  test.each([
    { 'reputation-minimum': 3 },
    { 'tos-mask': '0xFF' },
    { 'tos-negate': 'enable' },
    { 'src-vendor-mac': [{ id: 5 }] },
    { 'ztna-status': 'enable' },
    { 'ztna-ems-tag': [{ name: 'all' }] },
    { 'rtp-addr': [{ name: 'all' }] },
    { 'internet-service-src': 'enable' },
    { 'vlan-filter': '10-20' },
    { 'policy-expiry': 'enable' },
  ])('a policy with %j may not match, and it is said', (narrowed) => {
    policy(narrowed);
    const unsure = ['policy 1 asks for what no flow here tells'];
    expect(device.wouldPass(flow)).toMatchObject({ verdict: 'deny', unsure });
  });

  test('what bears on such questions alone, or asks nothing, leaves a policy as it is', () => {
    policy({ 'reputation-direction': 'source', 'geoip-match': 'registered-location', 'ztna-tags-match-logic': 'and' });
    device.hand.set('firewall/policy', '1', { 'tos-mask': '0x0', tos: '0x1C', 'reputation-minimum': 0 });
    expect(device.wouldPass(flow)).toMatchObject({ verdict: 'accept', unsure: [] });
    expect(device.hand.get('firewall/policy', '1')).toMatchObject({ 'tos-mask': '0x00', tos: '0x1c' });
    expect(() => device.hand.set('firewall/policy', '1', { tos: '28' })).toThrow('is not a byte');
  });

  test('an empty group matches nothing, or everything, as a switch says; and it is said', async () => {
    for (const emptyMatches of ['nothing', 'everything'] as const) {
      await using other = await FortiGate.start({ plain: true, switches: { emptyMatches } });
      other.hand.create('firewall/addrgrp', { name: 'web', member: [] });
      other.hand.create('system/external-resource', { name: 'feed', type: 'address', 'update-method': 'push' });
      const body = {
        srcintf: [{ name: 'any' }],
        dstintf: [{ name: 'any' }],
        dstaddr: [{ name: 'all' }],
        service: [{ name: 'ALL' }],
        schedule: 'always',
        action: 'accept',
      };
      for (const name of ['web', 'feed']) {
        const id = other.hand.create('firewall/policy', { ...body, srcaddr: [{ name }] });
        const found = other.wouldPass(flow);
        expect(found.verdict).toBe(emptyMatches === 'nothing' ? 'deny' : 'accept');
        expect(found.unsure).toEqual([`${name === 'web' ? 'group' : 'feed'} ${name} is empty`]);
        other.hand.delete('firewall/policy', id);
      }
    }
  });

  test('a feed in a policy holds what was pushed, of both families', async () => {
    device.hand.create('system/external-resource', { name: 'feed', type: 'address', 'update-method': 'push' });
    policy({ srcaddr: [{ name: 'feed' }], srcaddr6: [{ name: 'feed' }], dstaddr6: [{ name: 'all' }] });
    const push = (entries: readonly string[]) =>
      done(device, 'POST /api/v2/monitor/system/external-resource/dynamic?vdom=root', {
        commands: [{ name: 'feed', command: 'snapshot', entries }],
      });
    await push(['10.244.0.0/16', 'fd00::/8']);
    expect(device.wouldPass(flow).verdict).toBe('accept');
    expect(device.wouldPass({ ...flow, source: 'fd00::1', destination: '2001:db8::1' }).verdict).toBe('accept');
    await push(['10.244.1.8']);
    expect(device.wouldPass(flow).verdict).toBe('deny');
  });
});

describe('translation', () => {
  test('by the policy: a pool, the interface, or nothing', () => {
    const id = policy({ nat: 'enable', ippool: 'enable', poolname: [{ name: 'pool' }] });
    expect(device.wouldPass(flow).source).toEqual({
      kind: 'pool',
      pools: ['pool'],
      ranges: ['203.0.113.10-203.0.113.11'],
    });
    device.hand.set('firewall/policy', id, { ippool: 'disable' });
    expect(device.wouldPass(flow).source).toEqual({ kind: 'interface', address: '203.0.113.1' });
    device.hand.set('firewall/policy', id, { nat: 'disable' });
    expect(device.wouldPass(flow).source).toEqual(none);
  });

  test('by central SNAT, where it is enabled, and nowhere else: the first rule that matches', () => {
    const id = policy();
    const rule = {
      srcintf: [{ name: 'port2' }],
      dstintf: [{ name: 'port1' }],
      'orig-addr': [{ name: 'web' }],
      'dst-addr': [{ name: 'all' }],
      'nat-ippool': [{ name: 'pool' }],
    };
    const exempt = {
      ...rule,
      'nat-ippool': [],
      nat: 'disable',
      'dst-addr': [{ name: 'partner' }],
      protocol: 6,
      'dst-port': '443',
    };
    device.hand.create('firewall/central-snat-map', rule);
    expect(device.wouldPass(flow)).toMatchObject({ source: none, centralSnat: 0 });
    device.hand.settings('system/settings', { 'central-nat': 'enable' });
    expect(device.wouldPass(flow)).toMatchObject({ source: { kind: 'pool', pools: ['pool'] }, centralSnat: 1 });
    expect(() => device.hand.set('firewall/policy', id, { nat: 'enable' })).toThrow('central-nat');
    device.hand.create('firewall/central-snat-map', exempt);
    device.hand.move('firewall/central-snat-map', '2', 'before', '1');
    expect(device.wouldPass(flow)).toMatchObject({ source: none, centralSnat: 2 });
    device.hand.set('firewall/central-snat-map', '2', { 'dst-port': '444' });
    expect(device.wouldPass(flow)).toMatchObject({ centralSnat: 1 });
  });

  test('a feed in central SNAT: from 7.6.0, and whether packets meet it is a switch', async () => {
    for (const feedInCentralSnat of [true, false]) {
      await using other = await FortiGate.start({ plain: true, version: '7.6.0', switches: { feedInCentralSnat } });
      const { hand, live } = other;
      hand.settings('system/settings', { 'central-nat': 'enable' });
      hand.create('system/external-resource', { name: 'feed', type: 'address', 'update-method': 'push' });
      hand.create('firewall/ippool', { name: 'pool', startip: '203.0.113.10', endip: '203.0.113.10' });
      live.feeds.push('root', 'feed', 'add', ['10.244.1.7']);
      const any = { srcintf: [{ name: 'any' }], dstintf: [{ name: 'any' }] };
      hand.create('firewall/policy', {
        ...any,
        srcaddr: [{ name: 'all' }],
        dstaddr: [{ name: 'all' }],
        service: [{ name: 'ALL' }],
        schedule: 'always',
        action: 'accept',
      });
      hand.create('firewall/central-snat-map', {
        ...any,
        'orig-addr': [{ name: 'feed' }],
        'dst-addr': [{ name: 'all' }],
        'nat-ippool': [{ name: 'pool' }],
      });
      expect(other.wouldPass(flow).centralSnat).toBe(feedInCentralSnat ? 1 : 0);
      expect(other.wouldPass(flow).unsure).toEqual(['whether packets meet the feed in central SNAT rule 1']);
    }
  });

  test('virtual addresses: their own policies alone, unless NAT is central', () => {
    const { hand } = device;
    hand.create('firewall/vip', {
      name: 'shop',
      extip: '203.0.113.80',
      mappedip: [{ range: '10.244.1.7' }],
      extintf: 'any',
      portforward: 'enable',
      extport: '443',
      mappedport: '8443',
    });
    hand.create('firewall.service/custom', { name: 'alt', 'tcp-portrange': '8443' });
    const incoming: Flow = { ...flow, source: '198.51.100.4', destination: '203.0.113.80', from: 'port1', to: 'port2' };
    const places = { srcintf: [{ name: 'port1' }], dstintf: [{ name: 'port2' }] };
    policy({ ...places, srcaddr: [{ name: 'all' }], dstaddr: [{ name: 'shop' }] });
    expect(device.wouldPass(incoming)).toMatchObject({
      verdict: 'accept',
      policy: 1,
      destination: { address: '10.244.1.7', port: 8443, vip: 'shop' },
    });
    hand.set('firewall/policy', '1', { dstaddr: [{ name: 'all' }] });
    expect(device.wouldPass(incoming)).toMatchObject({ verdict: 'accept', policy: 1 });
    expect(device.wouldPass(incoming).destination).toBeUndefined();
    hand.settings('system/settings', { 'central-nat': 'enable' });
    hand.set('firewall/policy', '1', { dstaddr: [{ name: 'web' }] });
    expect(device.wouldPass(incoming)).toMatchObject({ verdict: 'accept', destination: { vip: 'shop' } });
  });
});

test('a packet opens a session; what belongs to one passes; sessions are told and ended', async () => {
  const id = policy({ nat: 'enable', ippool: 'enable', poolname: [{ name: 'pool' }] });
  expect(device.send(flow)).toMatchObject({ verdict: 'accept', established: false });
  device.hand.set('firewall/policy', id, { status: 'disable' });
  expect(device.send(flow)).toMatchObject({ verdict: 'accept', established: true });
  const back = {
    ...flow,
    source: flow.destination,
    destination: flow.source,
    sourcePort: 443,
    destinationPort: 40_000,
  };
  expect(device.send(back)).toMatchObject({ verdict: 'accept', established: true });
  const told = (await done(device, 'GET /api/v2/monitor/firewall/session?vdom=root')).body['results'];
  expect(told).toMatchObject({
    summary: { matched_count: 1 },
    details: [{ src: '10.244.1.7', dport: 443, policyid: 1, snaddr: '203.0.113.10' }],
  });
  const [counters] = (await done(device, 'GET /api/v2/monitor/firewall/policy?vdom=root&policyid=1')).body[
    'results'
  ] as object[];
  expect(counters).toMatchObject({ policyid: 1, hit_count: 1, packets: 3, bytes: 300, active_sessions: 1 });
  await done(device, 'POST /api/v2/monitor/firewall/session/close?vdom=root', {
    pro: 'tcp',
    saddr: '10.244.1.7',
    daddr: '198.51.100.4',
    sport: 40_000,
    dport: 443,
  });
  expect(device.send(flow)).toMatchObject({ verdict: 'deny', established: false });
});

test('policy-lookup answers as the packet question does (reference 1.11)', async () => {
  policy();
  const lookup = async (source: string): Promise<unknown> =>
    (
      await done(
        device,
        `GET /api/v2/monitor/firewall/policy-lookup?vdom=root&srcintf=port2&sourceip=${source}&protocol=tcp&dest=198.51.100.4&destport=443`,
      )
    ).body['results'];
  expect(await lookup('10.244.1.7')).toEqual({
    success: true,
    match: true,
    policy_id: 1,
    policy_action: 'accept',
    dstintf: 'port1',
  });
  expect(await lookup('10.244.1.8')).toMatchObject({ match: false, policy_id: 0, policy_action: 'deny' });
});

test('nested groups hold what their leaves hold, in any shape', () => {
  const { hand } = device;
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 8 }), fc.nat(20), fc.nat(3), (leaves, asked, depth) => {
      const names = [...new Set(leaves)].map((leaf) => `leaf-${leaf}`);
      for (const name of names)
        if (hand.get('firewall/address', name) === undefined)
          hand.create('firewall/address', { name, subnet: `192.0.2.${name.slice(5)}/32` });
      let group = hand.create('firewall/addrgrp', { name: 'n0', member: names.map((name) => ({ name })) });
      for (let n = 1; n <= depth; n++)
        group = hand.create('firewall/addrgrp', { name: `n${n}`, member: [{ name: group }] });
      const id = policy({ srcaddr: [{ name: group }] });
      const passes = device.wouldPass({ ...flow, source: `192.0.2.${asked}` }).verdict === 'accept';
      hand.delete('firewall/policy', id);
      for (let n = depth; n >= 0; n--) hand.delete('firewall/addrgrp', `n${n}`);
      return passes === leaves.includes(asked);
    }),
    { numRuns: 50 },
  );
});
