import { describe, expect, test } from 'vitest';
import { packetOf } from '../../engine/packet.ts';
import { type Truth, doubt, isDoubt } from '../passage/truth.ts';
import { AddressBook } from './address-book.ts';
import { policyAllows, policyMatches } from './asked-policy.ts';
import { Places } from './places.ts';
import { serviceHolder } from './service-book.ts';
import type { ToldRow } from './told.ts';

const tcp = packetOf({ src: '10.0.0.1', dst: '203.0.113.7', proto: 'tcp', dport: 443 });
const interfaces = ['port1', 'port2', 'port3'].map((name) => ({ name }));
const zones = [{ name: 'inside', interface: [{ 'interface-name': 'port3' }] }];
const named = (...names: readonly string[]) => names.map((name) => ({ name }));

const isDoubtOf =
  (why: RegExp) =>
  (truth: Truth): boolean =>
    isDoubt(truth) && truth.because.every((text) => why.test(text));

/** A policy as FortiOS tells one, with all that says nothing. */
const plain: ToldRow = {
  policyid: 7,
  q_origin_key: 7,
  uuid: '6c1b0d0e-3f2a-4a5b-8c7d-9e0f1a2b3c4d',
  status: 'enable',
  srcintf: named('port2'),
  dstintf: named('port1'),
  srcaddr: named('all'),
  dstaddr: named('all'),
  service: named('ALL'),
  schedule: 'always',
  action: 'accept',
  groups: [],
  users: [],
  'tos-mask': '0x00',
  natip: '0.0.0.0 0.0.0.0',
  'internet-service': 'disable',
  'reputation-minimum': 0,
  'inspection-mode': 'flow',
  'ssl-ssh-profile': 'no-inspection',
  'vlan-cos-fwd': 255,
};

function matches(
  change: object,
  places = new Places(interfaces, zones),
  flow = tcp,
  from: string | undefined = 'port2',
) {
  const always = (): Truth => true;
  const all = { isSource: always, isDestination: always, isService: always };
  return policyMatches({ ...plain, ...change }, { flow, from, to: 'port1', places, ...all });
}

describe('a policy of others', () => {
  test('that names addresses, services and interfaces alone is worked out', () => {
    expect(matches({})).toBe(true);
    expect(matches({ status: 'disable' })).toBe(false);
    expect(matches({ srcaddr: [], srcaddr6: named('all') })).toBe(false);
    expect(matches({ 'service-negate': 'enable' })).toBe(false);
    expect(matches({ 'srcaddr-negate': 'enable' })).toBe(false);
  });

  test.each([
    [{ groups: named('staff') }, 'it is for users'],
    [{ users: named('anna') }, 'it is for users'],
    [{ schedule: 'nights' }, 'it is for times (nights)'],
    [{ 'internet-service': 'enable', dstaddr: [] }, 'it is for services of the internet that the vendor lists'],
    [{ 'internet-service-src': 'enable', srcaddr: [] }, 'it is for services of the internet that the vendor lists'],
    [
      { 'network-service-src-dynamic': named('cdn'), srcaddr: [] },
      'it is for services of the internet that the vendor lists',
    ],
    [{ 'tos-mask': '0xff' }, 'what its field `tos-mask` says is not known'],
    [{ 'reputation-minimum': 3 }, 'what its field `reputation-minimum` says is not known'],
    [{ 'field-of-tomorrow': 'enable' }, 'what its field `field-of-tomorrow` says is not known'],
  ])('with more than that is in doubt: %j', (change, why) => {
    expect(matches(change)).toEqual(doubt(why));
    // Whatever else it is for, it is not for what comes by another interface.
    expect(matches({ ...change, srcintf: named('port3') })).toBe(false);
  });

  test('negations for IPv6 are not proven', () => {
    const six = packetOf({ src: 'fd00::1', dst: '2001:db8::1', proto: 'tcp', dport: 443 });
    const change = { srcaddr6: named('all'), dstaddr6: named('all') };
    expect(matches(change, undefined, six)).toBe(true);
    expect(matches({ ...change, 'srcaddr-negate': 'enable' }, undefined, six)).toSatisfy(isDoubtOf(/IPv6/));
    expect(matches({ ...change, 'dstaddr6-negate': 'enable' }, undefined, six)).toSatisfy(isDoubtOf(/IPv6/));
  });

  test('for services of the internet names no addresses of IPv6 either', () => {
    const six = packetOf({ src: 'fd00::1', dst: '2001:db8::1', proto: 'tcp', dport: 443 });
    for (const change of [
      { 'internet-service6-src': 'enable', dstaddr6: named('all') },
      { 'internet-service6': 'enable', srcaddr6: named('all'), service: [] },
    ])
      expect(matches({ srcaddr: [], dstaddr: [], ...change }, undefined, six)).toSatisfy(isDoubtOf(/of the internet/));
  });

  test('of another action than accept and deny does what nobody can tell', () => {
    expect(policyAllows(plain)).toBe(true);
    expect(policyAllows({ ...plain, action: 'deny' })).toBe(false);
    expect(policyAllows({ ...plain, action: 'ipsec' })).toSatisfy(isDoubtOf(/ipsec/));
    expect(policyAllows({ ...plain, nat64: 'enable' })).toSatisfy(isDoubtOf(/nat64/));
  });

  test('between interfaces that are known is for these, and for zones that hold them', () => {
    expect(matches({ srcintf: named('any') })).toBe(true);
    expect(matches({ srcintf: named('inside') })).toBe(false);
    expect(matches({ srcintf: named('inside') }, undefined, tcp, 'port3')).toBe(true);
    expect(matches({ srcintf: named('port3') }, undefined, tcp, 'inside')).toSatisfy(isDoubtOf(/part of/));
    expect(matches({ srcintf: named('virtual-wan-link') })).toSatisfy(isDoubtOf(/virtual-wan-link/));
    const unread = new Places(interfaces, 'no right to read system/zone');
    expect(matches({ srcintf: named('port3') }, unread)).toSatisfy(isDoubtOf(/no right to read system\/zone/));
    expect(matches({}, unread)).toBe(true);
    const unsaid = policyMatches(plain, {
      flow: tcp,
      from: undefined,
      to: 'port1',
      places: new Places(interfaces, zones),
      isSource: () => true,
      isDestination: () => true,
      isService: () => true,
    });
    expect(unsaid).toSatisfy(isDoubtOf(/options.zones/));
  });
});

test("what may stay within a zone that lets such flows pass is no policy's business", () => {
  const zone = (intrazone: string, ...held: readonly string[]) => ({
    name: `${intrazone}-zone`,
    intrazone,
    interface: held.map((name) => ({ 'interface-name': name })),
  });
  const places = new Places(interfaces, [zone('deny', 'port1', 'port2'), zone('allow', 'port3', 'port4')]);
  const within = (from: string | undefined, to: string | undefined) => places.zoneOfBoth(from, to);
  expect([within('port1', 'port2'), within('port1', 'port3'), within('deny-zone', 'deny-zone')]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect([within('port3', 'port4'), within('allow-zone', 'allow-zone'), within(undefined, 'port4')]).toEqual([
    'allow-zone',
    'allow-zone',
    'allow-zone',
  ]);
});

describe('names', () => {
  const rows = (...all: readonly ToldRow[]) => new Map(all.map((row) => [String(row['name']), row] as const));
  const none = { objects: new Map(), groups: new Map(), unread: undefined };

  function source(name: string, objects: readonly ToldRow[], groups: readonly ToldRow[] = []): Truth {
    const four = { objects: rows(...objects), groups: rows(...groups), unread: undefined };
    const feeds = new Map<string, readonly string[] | string>([
      ['listed', ['10.0.0.0/30', 'fd00::/64']],
      ['six', ['fd00::1']],
      ['odd', ['bank.example']],
      ['off', 'the feed "off" is disabled'],
    ]);
    return new AddressBook({ 4: four, 6: none }, feeds).holder(tcp.source)(name);
  }

  test('of addresses', () => {
    expect(source('a', [{ name: 'a', type: 'ipmask', subnet: '10.0.0.0 255.255.255.0' }])).toBe(true);
    expect(source('a', [{ name: 'a', type: 'ipmask', subnet: '10.0.1.0 255.255.255.0' }])).toBe(false);
    expect(source('a', [{ name: 'a', type: 'ipmask', subnet: '10.0.0.1 255.255.255.0' }])).toSatisfy(
      isDoubtOf(/ipmask/),
    );
    expect(source('a', [{ name: 'a', type: 'ipmask', subnet: '10.0.0.1 255.0.255.255' }])).toSatisfy(
      isDoubtOf(/ipmask/),
    );
    expect(source('a', [{ name: 'a', type: 'wildcard', wildcard: '10.0.0.1 255.0.255.255' }])).toSatisfy(
      isDoubtOf(/wildcard/),
    );
    expect(
      source('a', [{ name: 'a', type: 'ipmask', subnet: '0.0.0.0/0', 'associated-interface': 'port1' }]),
    ).toSatisfy(isDoubtOf(/bound to/));
    expect([source('listed', []), source('six', []), source('odd', []), source('off', []), source('gone', [])]).toEqual(
      [
        true,
        doubt('the feed "six" has no IPv4 address'),
        doubt('an entry of the feed "odd" is no address'),
        doubt('the feed "off" is disabled'),
        doubt('"gone" is no address that can be read'),
      ],
    );
  });

  test('of groups, in groups, with some left out, or holding themselves', () => {
    const objects = [
      { name: 'ten', type: 'ipmask', subnet: '10.0.0.0 255.0.0.0' },
      { name: 'one', type: 'iprange', 'start-ip': '10.0.0.1', 'end-ip': '10.0.0.1' },
      { name: 'domain', type: 'fqdn', fqdn: 'bank.example' },
    ];
    const groups = [
      { name: 'inner', type: 'default', category: 'default', member: named('ten') },
      { name: 'outer', member: named('inner', 'domain') },
      { name: 'but', member: named('outer'), exclude: 'enable', 'exclude-member': named('one') },
      { name: 'maybe', member: named('domain') },
      { name: 'hollow', member: [] },
      { name: 'loop', member: named('loop') },
      { name: 'ztna', category: 'ztna-ems-tag', member: named('ten') },
    ];
    expect(source('outer', objects, groups)).toBe(true);
    expect(source('but', objects, groups)).toBe(false);
    for (const name of ['maybe', 'hollow', 'loop', 'ztna'])
      expect(source(name, objects, groups), name).toSatisfy(isDoubtOf(/./));
  });

  test('of services', () => {
    const customs = rows(
      { name: 'web', protocol: 'TCP/UDP/SCTP', 'tcp-portrange': '80 400-500', iprange: '0.0.0.0' },
      { name: 'low', protocol: 'TCP/UDP/SCTP', 'tcp-portrange': '443:1-1023' },
      { name: 'proxy', protocol: 'HTTP', 'tcp-portrange': '443' },
      { name: 'there', protocol: 'TCP/UDP/SCTP', 'tcp-portrange': '443', fqdn: 'bank.example' },
    );
    const holds = serviceHolder({ customs, groups: rows({ name: 'g', member: named('web') }), unread: undefined }, tcp);
    expect([holds('web'), holds('g')]).toEqual([true, true]);
    for (const name of ['low', 'proxy', 'there', 'gone']) expect(holds(name), name).toSatisfy(isDoubtOf(/./));
    const { destinationPort: _none, ...portless } = tcp;
    expect(serviceHolder({ customs, groups: new Map(), unread: undefined }, portless)('web')).toSatisfy(
      isDoubtOf(/none was given/),
    );
  });
});
