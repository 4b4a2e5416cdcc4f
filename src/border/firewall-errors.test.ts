import { describe, expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  addressGroup,
  calico,
  firewall,
  namespace,
  node,
  pod,
  pool,
} from '../../test/kit/border-world.ts';

const cluster = [node('n1', '172.18.0.1'), namespace('shop'), pool('v4', '10.1.0.0/16'), pod('shop/web', ['10.1.0.1'])];

describe('firewalls that get no ruleset', () => {
  const refused = (...manifests: readonly Manifest[]): Record<string, readonly string[]> => {
    const world = new BorderWorld(...cluster, ...manifests);
    return Object.fromEntries(
      [...world.border.firewalls()].map(([name, { ruleset, findings }]) => [
        name,
        ruleset === undefined ? findings.map((each) => each.code) : ['ruleset'],
      ]),
    );
  };

  test.each<[string, readonly Manifest[], Record<string, readonly string[]>]>([
    [
      'two on one device',
      [firewall('a', { address: 'Host' }), firewall('b', { address: 'host' }), firewall('c')],
      { a: ['BORDER_DEVICE_TWICE'], b: ['BORDER_DEVICE_TWICE'], c: ['ruleset'] },
    ],
    [
      'two scopes of one device are two',
      [
        firewall('a', { address: 'x', options: { vdom: 'one' } }),
        firewall('b', { address: 'x', options: { vdom: 'two' } }),
      ],
      { a: ['ruleset'], b: ['ruleset'] },
    ],
    [
      'a circle, and what stands behind it',
      [
        firewall('a', { behind: ['b'] }),
        firewall('b', { behind: ['c'] }),
        firewall('c', { behind: ['a'] }),
        firewall('d', { behind: ['a'] }),
        firewall('e'),
      ],
      {
        a: ['BORDER_BEHIND_CIRCLE'],
        b: ['BORDER_BEHIND_CIRCLE'],
        c: ['BORDER_BEHIND_CIRCLE'],
        d: ['BORDER_BEHIND_BROKEN'],
        e: ['ruleset'],
      },
    ],
    [
      'behind one that is not there',
      [firewall('a', { behind: ['ghost'] }), firewall('b', { behind: ['a'] })],
      { a: ['BORDER_FIREWALL_UNKNOWN'], b: ['BORDER_BEHIND_BROKEN'] },
    ],
  ])('%s', (_, manifests, expected) => {
    expect(refused(...manifests)).toEqual(expected);
  });
});

test('what lets somebody in is not said of two on one device', () => {
  const address = 'https://admin:hunter2@fw';
  const world = new BorderWorld(...cluster, firewall('a', { address }), firewall('b', { address }));
  const said = JSON.stringify([...world.border.firewalls().values()].map(({ findings }) => findings));
  expect(said).toContain('BORDER_DEVICE_TWICE');
  expect(said).not.toContain('hunter2');
});

describe('networks, in which every sender must be known', () => {
  const pools = [
    pool('nat', '10.2.0.0/16', { natOutgoing: true }),
    pool('lb', '10.3.0.0/24', { allowedUses: ['LoadBalancer'] }),
  ];
  const networks = (spec: Manifest, ...more: readonly Manifest[]): string =>
    new BorderWorld(...cluster, ...pools, firewall('edge', spec), ...more).ruleset().networks.toString();

  test.each<[string, Manifest, readonly Manifest[], string]>([
    ['the pools whose pods it sees', {}, [], '10.1.0.0/16'],
    [
      '…and those whose pods it sees towards a disabled pool',
      {},
      [pool('off', '198.51.100.0/24', { disabled: true })],
      '10.1.0.0/16, 10.2.0.0/16',
    ],
    ['of its workloads', { workloads: { ipPools: ['nat'] } }, [], ''],
    ['as the owner says', { networks: ['10.0.0.0/8'] }, [], '10.0.0.0/8'],
    ['none where strangers are ignored', { networks: ['10.0.0.0/8'], unknown: 'Ignore' }, [], ''],
  ])('%s', (_, spec, more, expected) => {
    expect(networks(spec, ...more)).toBe(expected);
  });

  test('without pools, the nodes’ own ranges, which are inside as well', () => {
    const ranged = { ...node('n1', '172.18.0.1'), spec: { podCIDRs: ['10.9.0.0/24'] } };
    const world = new BorderWorld(ranged, namespace('shop'), firewall('edge', { sees: 'Pod' }));
    expect(world.ruleset().networks.toString()).toBe('10.9.0.0/24');
    expect(world.ruleset().inside.toString()).toBe('10.9.0.0/24, 172.18.0.1/32');
  });
});

describe('address groups', () => {
  const groups = (world: BorderWorld): readonly unknown[] =>
    [...world.ruleset().groups.values()].flatMap((group) =>
      group.kind === 'AddressGroup'
        ? [[group.resource, group.deviceName, group.family, [...group.members.keys()].sort(), group.held === true]]
        : [],
    );

  test('follow the pods; both families, empty or not', () => {
    const world = new BorderWorld(
      ...cluster,
      firewall('edge'),
      addressGroup('web', { selector: "app == 'web'", name: 'on-device' }),
    );
    expect(groups(world)).toEqual([
      ['AddressGroup/web', 'on-device', 4, ['10.1.0.1'], false],
      ['AddressGroup/web', 'on-device', 6, [], false],
    ]);
    world.put(
      pod('shop/other', ['10.1.0.2'], { labels: { app: 'web' } }),
      pod('shop/web', ['10.1.0.1'], { labels: { app: 'not' } }),
    );
    expect(groups(world)[0]).toEqual(['AddressGroup/web', 'on-device', 4, ['10.1.0.2'], false]);
  });

  test('a name that is taken, a selector that cannot be read', () => {
    const world = new BorderWorld(
      ...cluster,
      firewall('edge'),
      addressGroup('a', { name: 'same' }),
      addressGroup('b', { name: 'same' }),
      addressGroup('c', { selector: '((' }),
    );
    expect(groups(world)).toEqual([
      ['AddressGroup/a', 'same', 4, ['10.1.0.1'], false],
      ['AddressGroup/a', 'same', 6, [], false],
      ['AddressGroup/c', 'c', 4, [], true],
      ['AddressGroup/c', 'c', 6, [], true],
    ]);
    expect(world.codes()).toEqual(['BORDER_GROUP_NAME_TAKEN AddressGroup/b', 'BORDER_GROUP_HELD AddressGroup/c']);
  });

  test('while an address has two owners, a group for Allow takes it if both are in it, one for Deny if either is', () => {
    const world = new BorderWorld(
      ...cluster,
      pod('shop/next', ['10.1.0.1']),
      firewall('edge'),
      addressGroup('allow', { selector: "app == 'web'", use: 'Allow' }),
      addressGroup('deny', { selector: "app == 'web'", use: 'Deny' }),
    );
    expect(groups(world).filter((_, index) => index % 2 === 0)).toEqual([
      ['AddressGroup/allow', 'allow', 4, [], false],
      ['AddressGroup/deny', 'deny', 4, ['10.1.0.1'], false],
    ]);
  });
});

test('ids come from what selects, and hold across clusters', () => {
  const policy = calico('GlobalNetworkPolicy', 'g', { selector: 'all()', types: ['Egress'], egress: [] });
  const spec = { policies: { tiers: ['default'] } };
  const one = new BorderWorld(...cluster, firewall('edge', spec), policy);
  const two = new BorderWorld(
    namespace('shop'),
    pool('v4', '10.1.0.0/16'),
    firewall('edge', spec),
    policy,
    pod('shop/p', ['10.1.9.9']),
  );
  expect([...one.ruleset().classes.keys()]).toEqual([...two.ruleset().classes.keys()]);
  expect([...one.ruleset().classes.keys()][0]).toMatch(/^c-[0-9a-f]{12}$/);
});

test('canaries that are not there, or wait for one another, are said; the firewalls keep their rulesets', () => {
  const after = (...names: readonly string[]): Record<string, unknown> => ({ guard: { after: names } });
  const world = new BorderWorld(
    ...cluster,
    firewall('a', after('b')),
    firewall('b', after('c')),
    firewall('c', after('b')),
    firewall('d', after('ghost', 'e')),
    firewall('e'),
  );
  expect(world.border.findings().map(({ code, firewall: at, path }) => `${at} ${code} ${path}`)).toEqual([
    'b BORDER_AFTER_CIRCLE spec.guard.after',
    'c BORDER_AFTER_CIRCLE spec.guard.after',
    'd BORDER_FIREWALL_UNKNOWN spec.guard.after',
  ]);
  expect([...world.border.firewalls().values()].every(({ ruleset }) => ruleset !== undefined)).toBe(true);
});
