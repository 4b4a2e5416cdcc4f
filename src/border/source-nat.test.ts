import { describe, expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  firewall,
  namespace,
  node,
  pod,
  pool,
  sourceNat,
} from '../../test/kit/border-world.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import { Rendezvous } from './rendezvous.ts';

const cluster = [
  node('n1', '172.18.0.1', 'fd18::1'),
  namespace('shop'),
  pool('v4', '10.1.0.0/16'),
  pool('v6', 'fd01::/64'),
  firewall('edge'),
];
const web = pod('shop/web', ['10.1.0.1', 'fd01::1']);

function leaves(manifests: readonly Manifest[], destination = '203.0.113.1', source = '10.1.0.1'): string {
  const { passes, leavesAs, translation } = new BorderWorld(...cluster, web, ...manifests).judge(source, destination);
  if (passes) return leavesAs;
  return translation?.target.kind === 'Hold' ? `held: ${translation.target.reason}` : 'dropped';
}

describe('who wins', () => {
  const to = (address: string, spec: Manifest = {}): Manifest =>
    sourceNat(`to-${address}`, { translate: { address }, ...spec });

  test.each<[string, readonly Manifest[], string]>([
    ['the lowest order', [to('192.0.2.1', { order: 2 }), to('192.0.2.2', { order: 1 })], '192.0.2.2'],
    ['absent last', [to('192.0.2.1'), to('192.0.2.2', { order: 1e9 })], '192.0.2.2'],
    ['then the name', [to('192.0.2.2'), to('192.0.2.1')], '192.0.2.1'],
    [
      '`none` exempts from later ones',
      [sourceNat('a', { order: 1, translate: { none: true } }), to('192.0.2.1')],
      '10.1.0.1',
    ],
    ['of what it selects', [to('192.0.2.1', { selector: "app == 'other'" })], '10.1.0.1'],
    ['of where it is', [to('192.0.2.1', { firewalls: ['nowhere'] })], '10.1.0.1'],
    ['of where it goes', [to('192.0.2.1', { destination: { nets: ['198.51.100.0/24'] } })], '10.1.0.1'],
    [
      'of its ports',
      [to('192.0.2.1', { destination: { nets: ['0.0.0.0/0'], protocol: 'TCP', ports: [80] } })],
      '10.1.0.1',
    ],
    [
      'of its ports, which match',
      [to('192.0.2.1', { destination: { nets: ['0.0.0.0/0'], protocol: 'TCP', ports: [443] } })],
      '192.0.2.1',
    ],
  ])('%s', (_, manifests, expected) => {
    expect(leaves(manifests)).toBe(expected);
  });

  test('an overlap is said with an example, only where some workload meets both', () => {
    const world = new BorderWorld(
      ...cluster,
      web,
      to('192.0.2.1', { order: 1 }),
      to('192.0.2.2', { selector: "app == 'web'" }),
    );
    expect(world.view().findings).toMatchObject([{ code: 'BORDER_NAT_OVERLAP', object: 'SourceNAT/to-192.0.2.2' }]);
    expect(world.view().findings[0]?.message).toContain('any protocol to 0.0.0.0');
    expect(world.delete('Pod/shop/web').view().findings).toEqual([]);
  });

  test('inside the cluster nothing is translated', () => {
    expect(leaves([to('192.0.2.1')], '10.1.7.7')).toBe('10.1.0.1');
  });
});

describe('families', () => {
  const one = (otherFamily: string): readonly Manifest[] => [
    sourceNat('s', { translate: { address: '192.0.2.1' }, otherFamily }),
  ];
  test('each to its own addresses', () => {
    const both = [sourceNat('s', { translate: { addresses: ['192.0.2.1', '2001:db8:a::1'] } })];
    expect(leaves(both)).toBe('192.0.2.1');
    expect(leaves(both, '2001:db8::1', 'fd01::1')).toBe('2001:db8:a::1');
  });
  test('the other family is kept or dropped', () => {
    expect(leaves(one('Keep'), '2001:db8::1', 'fd01::1')).toBe('fd01::1');
    expect(leaves(one('Drop'), '2001:db8::1', 'fd01::1')).toMatch(/^held: .*otherFamily is Drop/);
  });
});

describe('dropped, not leaked', () => {
  test.each<[string, readonly Manifest[], string, readonly string[]]>([
    [
      'an address that a pool may assign',
      [sourceNat('s', { translate: { address: '10.1.9.9' } })],
      'held: every IPv4 address of SourceNAT/s is in use inside the cluster',
      ['BORDER_NAT_ADDRESS_IN_USE SourceNAT/s'],
    ],
    [
      'an address of a node; the other one is used',
      [sourceNat('s', { translate: { addresses: ['172.18.0.1', '192.0.2.1'] } })],
      '192.0.2.1',
      ['BORDER_NAT_ADDRESS_IN_USE SourceNAT/s'],
    ],
    [
      'a pool that is not there',
      [sourceNat('s', { translate: { pool: 'ghost' } })],
      'held: SourceNAT/s names an IPPool that does not exist',
      ['BORDER_NAT_HELD SourceNAT/s'],
    ],
    [
      'a pool that pods are assigned from',
      [sourceNat('s', { translate: { pool: 'v4' } })],
      'held: every IPv4 address of SourceNAT/s is in use inside the cluster',
      ['BORDER_NAT_ADDRESS_IN_USE SourceNAT/s'],
    ],
    [
      'a pool that nothing is assigned from',
      [sourceNat('s', { translate: { pool: 'egress' } }), pool('egress', '192.0.2.7/32', { disabled: true })],
      '192.0.2.7',
      [],
    ],
  ])('%s', (_, manifests, expected, codes) => {
    expect(leaves(manifests)).toBe(expected);
    expect(new BorderWorld(...cluster, web, ...manifests).codes()).toEqual(codes);
  });

  test('an unreadable destination holds every destination, an unreadable translation what it would take', () => {
    const broken = (spec: Manifest): BorderWorld => new BorderWorld(...cluster, web, sourceNat('s', spec));
    const all = broken({ destination: { nets: ['nonsense'] }, translate: { address: '192.0.2.1' } });
    expect(all.judge('10.1.0.1', '8.8.8.8')).toMatchObject({ passes: false, reason: 'translation-held' });
    const some = broken({ destination: { nets: ['203.0.113.0/24'] }, translate: { address: 'nonsense' } });
    expect(some.judge('10.1.0.1', '203.0.113.1').passes).toBe(false);
    expect(some.judge('10.1.0.1', '8.8.8.8').passes).toBe(true);
    expect(some.codes()).toEqual(['BORDER_NAT_HELD SourceNAT/s']);
  });

  test('an address of a live pod outside every pool, while it lives', () => {
    const world = new BorderWorld(
      node('n1', '172.18.0.1'),
      namespace('shop'),
      firewall('edge', { sees: 'Pod' }),
      sourceNat('s', { selector: "app == 'web'", translate: { address: '10.9.0.9' } }),
      pod('shop/web', ['10.9.0.1']),
    );
    expect(world.judge('10.9.0.1', '203.0.113.1').leavesAs).toBe('10.9.0.9');
    world.put(pod('shop/other', ['10.9.0.9']));
    expect(world.judge('10.9.0.1', '203.0.113.1').passes).toBe(false);
    expect(world.codes()).toContain('BORDER_NAT_ADDRESS_IN_USE SourceNAT/s');
    world.delete('Pod/shop/other');
    expect(world.judge('10.9.0.1', '203.0.113.1').leavesAs).toBe('10.9.0.9');
  });

  test('two owners of one address leave only if they would leave alike', () => {
    const world = new BorderWorld(
      ...cluster,
      web,
      pod('shop/next', ['10.1.0.1']),
      sourceNat('s', { selector: "app == 'web'", translate: { address: '192.0.2.1' } }),
    );
    expect(world.judge('10.1.0.1', '203.0.113.1')).toMatchObject({ passes: false, reason: 'translation-held' });
    world.put(sourceNat('s', { translate: { address: '192.0.2.1' } }));
    expect(world.judge('10.1.0.1', '203.0.113.1').leavesAs).toBe('192.0.2.1');
  });
});

describe('the choice among several addresses', () => {
  const keys = Array.from({ length: 4_000 }, (_, index) => `shop/web-${index}`);
  const choices = (nets: readonly string[]): ReadonlyMap<string, string> => {
    const rendezvous = new Rendezvous(PrefixSet.parse(nets), 4);
    return new Map(keys.map((key) => [key, rendezvous.choose(key)]));
  };

  test('is even, and one more address moves its own share and nothing else', () => {
    const before = choices(['192.0.2.0/29', '192.0.2.8/32']);
    const after = choices(['192.0.2.0/29', '192.0.2.8/31']);
    const moved = keys.filter((key) => before.get(key) !== after.get(key));
    expect(moved.every((key) => after.get(key) === '192.0.2.9')).toBe(true);
    for (const address of new Set(after.values())) {
      const share = keys.filter((key) => after.get(key) === address).length;
      expect(share).toBeGreaterThan(300);
      expect(share).toBeLessThan(500);
    }
  });

  test('of very many is even too, and always one of them', () => {
    const set = PrefixSet.parse(['198.18.0.0/16']);
    const rendezvous = new Rendezvous(set, 4);
    const chosen = new Set(keys.map((key) => rendezvous.choose(key)));
    expect(chosen.size).toBeGreaterThan(3_500);
    expect(PrefixSet.parse(chosen).subtract(set).isEmpty).toBe(true);
    expect(new Rendezvous(PrefixSet.parse(['2001:db8::/64']), 6).choose('shop/web')).toMatch(/^2001:db8:/);
  });

  test('is the pod’s for good: a restart does not move it, its address does not matter', () => {
    const nat = sourceNat('s', { translate: { range: '192.0.2.1-192.0.2.20' } });
    const first = leaves([nat]);
    const moved = new BorderWorld(...cluster, pod('shop/web', ['10.1.0.77']), pod('shop/else', ['10.1.0.1']), nat);
    expect(moved.judge('10.1.0.77', '203.0.113.1').leavesAs).toBe(first);
  });
});
