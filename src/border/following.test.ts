import { describe, expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  addressGroup,
  calico,
  clusterPolicy,
  firewall,
  namespace,
  networkSet,
  node,
  pod,
  pool,
  sourceNat,
} from '../../test/kit/border-world.ts';
import { shown } from '../../test/kit/shown-view.ts';
import type { Ruleset } from './ruleset.ts';

const cluster = [
  node('n1', '172.18.0.1'),
  namespace('shop'),
  pool('v4', '10.1.0.0/16'),
  pool('nat', '10.2.0.0/16', { natOutgoing: true }),
  pod('shop/web', ['10.1.0.1']),
  pod('shop/pay', ['10.2.0.1']),
];
const repeats = { policies: { tiers: ['default', 'security'] } };
const out = (rule: Manifest): Manifest =>
  calico('GlobalNetworkPolicy', 'g', { selector: 'all()', types: ['Egress'], egress: [rule, { action: 'Deny' }] });
const security = (defaultAction: string): Manifest => calico('Tier', 'security', { order: 1, defaultAction });
const inSecurity = calico('GlobalNetworkPolicy', 's', { tier: 'security', selector: 'all()', types: ['Egress'] });
const felix = (address: string): Manifest =>
  calico('FelixConfiguration', 'default', { natOutgoingAddress: address, natOutgoingExclusions: 'IPPoolsOnly' });
const sets = (kind: string, nets: readonly string[], domains?: readonly string[]): Manifest => {
  const { spec, ...set } = networkSet(kind, nets, { kind });
  return {
    ...set,
    spec: { ...(spec as Manifest), ...(domains === undefined ? {} : { allowedEgressDomains: domains }) },
  };
};
const isBank = "kind == 'bank'";

/** What stands before, and what then comes or goes. */
interface Course {
  readonly has: readonly Manifest[];
  readonly put?: readonly Manifest[];
  readonly gone?: readonly string[];
}

describe('what is shown follows all that it is made from', () => {
  test.each<[string, Course]>([
    ['settings of Felix', { has: [firewall('edge'), felix('172.18.9.9')], put: [felix('172.18.9.8')] }],
    ["a node's address", { has: [firewall('edge')], put: [node('n1', '172.18.0.7')] }],
    [
      'what a tier ends in',
      {
        has: [firewall('edge', repeats), security('Deny'), inSecurity],
        put: [security('Pass')],
      },
    ],
    [
      'network sets that a rule of a tier takes its senders from',
      {
        has: [
          firewall('edge', repeats),
          sets('bank', ['10.1.0.1/32']),
          out({ action: 'Allow', source: { selector: isBank } }),
        ],
        put: [sets('bank', ['10.1.0.2/32'])],
      },
    ],
    [
      'network sets that a rule of a tier leaves out, and that come to lie outside',
      {
        has: [
          firewall('edge', repeats),
          sets('bank', ['10.1.0.0/24']),
          out({ action: 'Allow', destination: { notSelector: isBank } }),
        ],
        put: [sets('bank', ['203.0.113.0/24'])],
      },
    ],
    [
      'names in network sets',
      {
        has: [
          firewall('edge'),
          sets('bank', ['203.0.113.0/24'], ['a.example']),
          clusterPolicy('c', { egress: [{ action: 'Allow', selector: isBank }] }),
        ],
        put: [sets('bank', ['203.0.113.0/24'], ['b.example'])],
      },
    ],
    [
      'the end of a translated workload',
      {
        has: [firewall('edge'), sourceNat('s', { translate: { address: '192.0.2.1' } })],
        gone: ['Pod/shop/web'],
      },
    ],
    [
      'the end of a workload that nobody could see',
      {
        has: [
          firewall('edge'),
          pod('shop/lone', ['10.1.0.9']),
          pod('shop/host', [], { hostNetwork: true, node: 'n9' }),
        ],
        gone: ['Pod/shop/host'],
      },
    ],
    [
      'the end of a member of a group',
      { has: [firewall('edge'), addressGroup('tills', { selector: "app == 'web'" })], gone: ['Pod/shop/web'] },
    ],
  ])('%s', (_, { has, put = [], gone = [] }) => {
    const world = new BorderWorld(...cluster, ...has);
    const before = shown(world.view());
    world.put(...put).delete(...gone);
    expect(shown(world.view())).not.toEqual(before);
    expect(shown(world.view())).toEqual(shown(world.fresh().view()));
  });

  test('network sets go on being followed where all was made anew in between', () => {
    const world = new BorderWorld(
      ...cluster,
      firewall('edge'),
      sets('bank', ['203.0.113.0/24']),
      clusterPolicy('c', { egress: [{ action: 'Allow', selector: isBank }] }),
    );
    world.put(pool('more', '10.3.0.0/16'));
    expect(world.judge('10.1.0.1', '203.0.113.1').passes).toBe(true);
    world.put(sets('bank', ['198.51.100.0/24']));
    expect(world.judge('10.1.0.1', '203.0.113.1').passes).toBe(false);
    expect(world.judge('10.1.0.1', '198.51.100.1').passes).toBe(true);
  });
});

describe('every group that a rule names is there', () => {
  const named = ({ classes }: Ruleset): readonly string[] =>
    [...classes.values()].flatMap(({ parts, widened }) =>
      [...parts, ...widened].flatMap(({ stages }) =>
        stages.flatMap(({ rules }) => rules.flatMap(({ outside }) => [...outside.groups, ...outside.notGroups])),
      ),
    );

  test.each<[string, readonly Manifest[]]>([
    [
      'one that it leaves out',
      [firewall('edge', repeats), out({ action: 'Allow', destination: { notSelector: isBank } })],
    ],
    [
      'one of a rule that counts for a whole shared address',
      [
        firewall('edge', { blind: 'Widen' }),
        pod('shop/other', ['10.2.0.2']),
        clusterPolicy('c', {
          selector: "app == 'pay'",
          onBlind: 'Widen',
          egress: [{ action: 'Deny', selector: isBank }],
        }),
      ],
    ],
  ])('%s', (_, manifests) => {
    const ruleset = new BorderWorld(...cluster, sets('bank', ['203.0.113.0/24']), ...manifests).ruleset();
    expect(named(ruleset)).not.toEqual([]);
    for (const id of named(ruleset)) expect(ruleset.groups.get(id)).toMatchObject({ kind: 'Outside', family: 4 });
  });
});

test('two owners that would leave with different addresses do not leave, and two with one address do', () => {
  const owners = ['a', 'b', 'c', 'd'].map((name) => pod(`shop/${name}`, ['10.1.0.9']));
  const nat = sourceNat('s', { translate: { addresses: ['192.0.2.1', '192.0.2.2'] } });
  const target = (...pods: readonly Manifest[]): string => {
    const judged = new BorderWorld(...cluster, firewall('edge'), nat, ...pods).judge('10.1.0.9', '203.0.113.1');
    return judged.passes ? judged.leavesAs : judged.reason;
  };
  const alone = owners.map((owner) => target(owner));
  expect(new Set(alone).size).toBe(2);
  for (const [n, first] of owners.entries())
    for (const [m, second] of owners.entries())
      if (n < m) expect(target(first, second)).toBe(alone[n] === alone[m] ? alone[n] : 'translation-held');
});

test('a blind address is in no group for Deny that not all who send from it are in; for a moment of two owners it is', () => {
  const group = addressGroup('bad', { selector: "app == 'pay'", use: 'Deny' });
  const members = (...more: readonly Manifest[]): readonly string[] =>
    [...new BorderWorld(...cluster, firewall('edge'), group, ...more).ruleset().groups.values()].flatMap((each) =>
      each.kind === 'AddressGroup' ? [...each.members.keys()] : [],
    );
  expect(members()).toEqual(['172.18.0.1']);
  expect(members(pod('shop/other', ['10.2.0.2']))).toEqual([]);
  const own = pod('shop/pay', ['10.1.0.5']);
  expect(members(own, pod('shop/other', ['10.1.0.5']))).toEqual(['10.1.0.5']);
});
