import { expect, test } from 'vitest';
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

const cluster = [node('n1', '172.18.0.1'), namespace('shop'), pool('v4', '10.1.0.0/16')];
const alike = { labels: { app: 'web' } };

test('who leaves through a firewall by pool is told apart from others with the same labels', () => {
  const pods = [
    pod('shop/a', ['10.3.0.1'], alike),
    pod('shop/b', ['10.1.0.1'], alike),
    pod('shop/c', ['10.3.0.2'], alike),
  ];
  const world = new BorderWorld(
    ...cluster,
    pool('other', '10.3.0.0/16'),
    firewall('edge', { workloads: { ipPools: ['v4'] } }),
    ...pods,
  );
  expect(world.members()).toEqual(['10.1.0.1']);
});

test.each<[string, readonly Manifest[], string]>([
  ['enabled ones, whose pods keep their addresses', [pool('more', '10.2.0.0/16')], '10.1.0.0/16,10.2.0.0/16'],
  ['no disabled one', [pool('off', '10.3.0.0/16', { disabled: true })], '10.1.0.0/16'],
  ['none that is not for workloads', [pool('tunnels', '10.3.0.0/16', { allowedUses: ['Tunnel'] })], '10.1.0.0/16'],
  [
    'none whose pods leave with the address of their node',
    [pool('nat', '10.2.0.0/16', { natOutgoing: true })],
    '10.1.0.0/16',
  ],
  [
    'such a one all the same where a disabled pool lies outside, to which its pods keep their addresses',
    [pool('nat', '10.2.0.0/16', { natOutgoing: true }), pool('off', '10.3.0.0/16', { disabled: true })],
    '10.1.0.0/16,10.2.0.0/16',
  ],
])('the networks of a firewall that names none are pools: %s', (_, pools, expected) => {
  const world = new BorderWorld(...cluster, ...pools, firewall('edge'));
  expect(world.ruleset().networks.toStrings().join()).toBe(expected);
});

test('nobody is translated to the address of a node', () => {
  const leaves = (...addresses: readonly string[]): string => {
    const nat = sourceNat('s', { translate: { addresses } });
    const world = new BorderWorld(...cluster, firewall('edge'), pod('shop/web', ['10.1.0.1']), nat);
    expect(world.codes()).toContain('BORDER_NAT_ADDRESS_IN_USE SourceNAT/s');
    const { passes, leavesAs } = world.judge('10.1.0.1', '203.0.113.1');
    return passes ? leavesAs : 'held';
  };
  expect(leaves('172.18.0.1')).toBe('held');
  expect(leaves('172.18.0.1', '192.0.2.1')).toBe('192.0.2.1');
});
