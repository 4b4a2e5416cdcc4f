import { describe, expect, test } from 'vitest';
import {
  BorderWorld,
  type Manifest,
  calico,
  clusterPolicy,
  firewall,
  namespace,
  namespacedPolicy,
  networkSet,
  node,
  pod,
  pool,
} from '../../test/kit/border-world.ts';

const cluster = [
  node('n1', '172.18.0.1', 'fd18::1'),
  namespace('shop', { trust: 'yes' }),
  pool('v4', '10.1.0.0/16'),
  pool('v6', 'fd01::/64'),
  pod('shop/web', ['10.1.0.1', 'fd01::1'], { labels: { app: 'web' } }),
  pod('shop/pay', ['10.1.0.2'], { labels: { app: 'pay' } }),
];
const repeats = { policies: { tiers: ['security', 'default'] } };
const accepting = { accepts: [{ namespaces: 'all()' }] };
const tier = (name: string, order: number, defaultAction: string): Manifest =>
  calico('Tier', name, { order, defaultAction });

function gnp(name: string, egress: readonly unknown[], spec: Manifest = {}): Manifest {
  return calico('GlobalNetworkPolicy', name, { selector: "app == 'web'", types: ['Egress'], egress, ...spec });
}

function verdict(world: BorderWorld, destination = '203.0.113.1', source = '10.1.0.1'): string {
  const { passes, decidedBy, reason } = world.judge(source, destination);
  const by =
    decidedBy === undefined ? reason : `${decidedBy.policy}${decidedBy.rule === undefined ? '' : `#${decidedBy.rule}`}`;
  return `${passes ? 'passes' : 'drops'} by ${by}`;
}

describe('layers (design 8.1)', () => {
  const allow = [{ action: 'Allow' }];
  const deny = [{ action: 'Deny' }];
  const passOn = [{ action: 'Pass' }];
  const cbp = (egress: readonly unknown[]): Manifest => clusterPolicy('c', { selector: "app == 'web'", egress });
  const bp = (egress: readonly unknown[]): Manifest => namespacedPolicy('shop/b', { selector: "app == 'web'", egress });
  const unselected = { unselected: 'Deny' };

  test.each<[string, Manifest, readonly Manifest[], string]>([
    ['nobody selects it: left alone', {}, [], 'passes by unselected'],
    ['nobody selects it: denied', unselected, [], 'drops by layer/unselected'],
    ['an Allow of layer 1 is final', {}, [cbp(allow), bp(deny)], 'passes by ClusterBorderPolicy/c#0'],
    ['a Deny of layer 1 is final', {}, [cbp(deny), bp(allow)], 'drops by ClusterBorderPolicy/c#0'],
    ['the end of layer 1 denies', {}, [cbp([]), bp(allow)], 'drops by layer/ClusterBorderPolicy'],
    ['Pass goes to layer 3', {}, [cbp(passOn), bp(allow)], 'passes by BorderPolicy/shop/b#0'],
    ['the end of layer 3 denies', {}, [cbp(passOn), bp([])], 'drops by layer/BorderPolicy'],
    ['Pass through everything: layer 4, left alone', {}, [cbp(passOn)], 'passes by layer/unselected'],
    ['Pass through everything: layer 4, denied', unselected, [cbp(passOn)], 'drops by layer/unselected'],
    [
      'an Allow of a tier stands where nothing asks further',
      unselected,
      [gnp('g', allow)],
      'passes by GlobalNetworkPolicy/g#0',
    ],
    ['…and else goes on to layer 3', {}, [gnp('g', allow), bp(deny)], 'drops by BorderPolicy/shop/b#0'],
    ['…which may leave it to layer 4', unselected, [gnp('g', allow), bp(passOn)], 'drops by layer/unselected'],
    [
      '…and past the tiers after it',
      {},
      [gnp('security.g', allow, { tier: 'security' }), gnp('h', deny), bp(allow)],
      'passes by BorderPolicy/shop/b#0',
    ],
    ['a Deny of a tier is final', {}, [gnp('g', deny), bp(allow)], 'drops by GlobalNetworkPolicy/g#0'],
    ['the end of a tier denies', {}, [gnp('g', []), bp(allow)], 'drops by tier/default'],
    [
      'the end of a tier that passes goes on',
      unselected,
      [gnp('security.g', [], { tier: 'security' })],
      'passes by layer/profiles',
    ],
    [
      'Pass of a tier goes to the next one',
      {},
      [gnp('security.g', passOn, { tier: 'security' }), gnp('h', deny)],
      'drops by GlobalNetworkPolicy/h#0',
    ],
    ['a policy without egress takes no part', {}, [gnp('g', [], { types: ['Ingress'] })], 'passes by unselected'],
    [
      'a tier that is not repeated takes no part',
      {},
      [tier('other', 1, 'Deny'), gnp('other.g', deny, { tier: 'other' })],
      'passes by unselected',
    ],
    ['Log goes on', {}, [cbp([{ action: 'Log' }, { action: 'Allow' }])], 'passes by ClusterBorderPolicy/c#1'],
  ])('%s', (_, spec, policies, expected) => {
    const world = new BorderWorld(
      ...cluster,
      tier('security', 1, 'Pass'),
      firewall('edge', { ...repeats, ...accepting, ...spec }),
      ...policies,
    );
    expect(verdict(world)).toBe(expected);
    expect(world.view().findings).toEqual([]);
  });

  test('order ascends, absent last, ties by name', () => {
    const policies = [
      clusterPolicy('a', { egress: [{ action: 'Deny', ports: [443], protocol: 'TCP' }] }),
      clusterPolicy('z', { order: -1.5, egress: [{ action: 'Allow', protocol: 'TCP', ports: [443] }] }),
      clusterPolicy('m', { order: 7, egress: [{ action: 'Deny' }] }),
      clusterPolicy('n', { order: 7, egress: [{ action: 'Allow' }] }),
    ];
    const world = new BorderWorld(...cluster, firewall('edge'), ...policies);
    expect(verdict(world)).toBe('passes by ClusterBorderPolicy/z#0');
    expect(verdict(world.delete('ClusterBorderPolicy/z'))).toBe('drops by ClusterBorderPolicy/m#0');
  });

  test('a rule that cannot be read: Allow is absent, Deny and Pass deny in its place', () => {
    const broken = (action: string): Manifest => cbp([{ action, nets: ['nonsense'] }, { action: 'Allow' }]);
    const world = new BorderWorld(...cluster, firewall('edge'), broken('Allow'));
    expect(verdict(world)).toBe('passes by ClusterBorderPolicy/c#1');
    expect(verdict(world.put(broken('Deny')))).toBe('drops by ClusterBorderPolicy/c#0');
    expect(verdict(world.put(broken('Pass')))).toBe('drops by ClusterBorderPolicy/c#0');
  });

  test('a policy counts only where it is named; a name that does not exist is said once', () => {
    const world = new BorderWorld(
      ...cluster,
      firewall('edge'),
      firewall('far'),
      clusterPolicy('c', { firewalls: ['far', 'nowhere'], egress: [] }),
    );
    expect(verdict(world)).toBe('passes by unselected');
    expect(world.judge('10.1.0.1', '203.0.113.1', {}, 'far').passes).toBe(false);
    expect(world.border.findings()).toMatchObject([
      {
        code: 'BORDER_FIREWALL_UNKNOWN',
        object: 'ClusterBorderPolicy/c',
        path: 'spec.firewalls[1]',
        severity: 'error',
      },
    ]);
  });
});

describe('what of a repeated tier crosses the border (design 8.2)', () => {
  const world = (egress: readonly unknown[], ...more: readonly Manifest[]): BorderWorld =>
    new BorderWorld(...cluster, firewall('edge', { policies: { tiers: ['default'] } }), gnp('g', egress), ...more);
  const rules = (of: BorderWorld, source = '10.1.0.1'): readonly string[] => {
    const { class: id } = of.judge(source, '203.0.113.1');
    const stages =
      of
        .ruleset()
        .classes.get(id ?? '')
        ?.parts.flatMap((part) => part.stages) ?? [];
    return stages.flatMap((stage) =>
      stage.rules.map(({ action, origin, outside: { nets, groups, notGroups } }) =>
        [`${action}#${origin.rule}`, nets?.toString(), groups.length > 0 && 'in', notGroups.length > 0 && 'not in']
          .filter(Boolean)
          .join(' '),
      ),
    );
  };
  const bank = networkSet('bank', ['203.0.113.0/24'], { kind: 'bank' });

  test.each<[string, unknown, readonly string[]]>([
    ['a pod selector contributes nothing', { action: 'Allow', destination: { selector: "app == 'pay'" } }, []],
    [
      'prefixes inside contribute nothing',
      { action: 'Deny', destination: { nets: ['10.1.5.0/24', '172.18.0.1/32'] } },
      [],
    ],
    [
      'a network set contributes its nets',
      { action: 'Allow', destination: { selector: "kind == 'bank'" } },
      ['Allow#0 in'],
    ],
    [
      'a not-match is the complement',
      { action: 'Allow', destination: { notSelector: "kind == 'bank'" } },
      ['Allow#0 not in'],
    ],
    ['…of what is outside', { action: 'Allow', destination: { notSelector: "app == 'pay'" } }, ['Allow#0']],
    [
      'nets less notNets',
      { action: 'Allow', destination: { nets: ['203.0.113.0/30'], notNets: ['203.0.113.0/31'] } },
      ['Allow#0 203.0.113.2/31'],
    ],
    [
      'prefixes that reach outside stay as they are',
      { action: 'Allow', destination: { nets: ['10.0.0.0/8'] } },
      ['Allow#0 10.0.0.0/8'],
    ],
    ['ports by name are those of pods', { action: 'Deny', protocol: 'TCP', destination: { ports: ['http'] } }, []],
    ['…also in a mixed list', { action: 'Deny', protocol: 'TCP', destination: { ports: ['http', 80] } }, ['Deny#0']],
    ['the source selects the workload', { action: 'Allow', source: { selector: "app == 'web'" } }, ['Allow#0']],
    ['…or does not', { action: 'Allow', source: { selector: "app == 'pay'" } }, []],
    ['…by address', { action: 'Allow', source: { nets: ['10.1.0.1/32'] } }, ['Allow#0']],
    ['…by address, not', { action: 'Allow', source: { notNets: ['10.1.0.0/24'] } }, []],
    ['…by notSelector', { action: 'Allow', source: { notSelector: "app == 'web'" } }, []],
  ])('%s', (_, rule, expected) => {
    const found = world([rule], bank);
    expect(rules(found)).toEqual(expected);
    expect(verdict(found, '8.8.8.8')).toMatch(expected.length === 0 ? /^drops by tier\/default$/ : /./);
  });

  test('the other family’s part of a rule is not a rule', () => {
    const found = world([{ action: 'Allow', destination: { notNets: ['203.0.113.0/24'] } }]);
    expect(rules(found).length).toBe(1);
    expect(rules(found, 'fd01::1')).toEqual([]);
    expect(found.judge('fd01::1', '2001:db8::1').passes).toBe(false);
  });

  test('what no border can say: an Allow is absent, a Deny denies the rest of it', () => {
    const named = { source: { ports: ['http'] } };
    const found = world([
      { action: 'Allow', protocol: 'UDP', ...named },
      { action: 'Deny', protocol: 'UDP', ...named },
      { action: 'Allow' },
    ]);
    expect(rules(found)).toEqual(['Deny#1', 'Allow#2']);
    expect(found.judge('10.1.0.1', '203.0.113.1', { protocol: 17 }).passes).toBe(false);
    expect(found.judge('10.1.0.1', '203.0.113.1').passes).toBe(true);
    expect(found.codes()).toEqual([
      'BORDER_RULE_UNSAYABLE GlobalNetworkPolicy/g',
      'BORDER_RULE_UNSAYABLE GlobalNetworkPolicy/g',
    ]);
  });

  test('Kubernetes NetworkPolicies come with the tier default', () => {
    const found = new BorderWorld(...cluster, firewall('edge', repeats), {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace: 'shop', name: 'k' },
      spec: {
        podSelector: {},
        policyTypes: ['Egress'],
        egress: [{ to: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.128/25'] } }] }],
      },
    });
    expect(verdict(found)).toBe('passes by KubernetesNetworkPolicy/shop/k#0');
    expect(verdict(found, '203.0.113.200')).toBe('drops by tier/default');
  });

  test('a tier that does not exist is said', () => {
    expect(new BorderWorld(...cluster, firewall('edge', { policies: { tiers: ['ghost'] } })).codes()).toEqual([
      'BORDER_TIER_UNKNOWN BorderFirewall/edge',
    ]);
  });

  test('a network set that reaches outside now brings its rule', () => {
    const found = world(
      [{ action: 'Allow', destination: { selector: "kind == 'bank'" } }],
      networkSet('bank', ['10.1.5.0/24'], { kind: 'bank' }),
    );
    expect(rules(found)).toEqual([]);
    expect(rules(found.put(bank))).toEqual(['Allow#0 in']);
  });

  test('without its Namespace a workload has no profile, and what no tier decides is denied', () => {
    const found = world([{ action: 'Pass' }]);
    expect(verdict(found)).toBe('passes by layer/profiles');
    expect(verdict(found.delete('Namespace/shop'))).toBe('drops by layer/profiles');
    expect(verdict(found.put(namespace('shop')))).toBe('passes by layer/profiles');
  });

  test('…unless an exported profile stands in that plainly allows everything', () => {
    const exported = (egress: readonly unknown[]): Manifest => calico('Profile', 'kns.shop', { egress });
    const found = world([{ action: 'Pass' }]).delete('Namespace/shop');
    expect(verdict(found.put(exported([{ action: 'Log' }, { action: 'Allow' }])))).toBe('passes by layer/profiles');
    expect(verdict(found.put(exported([{ action: 'Allow', protocol: 'TCP' }])))).toBe('drops by layer/profiles');
    expect(verdict(found.put(exported([{ action: 'Deny', protocol: 'UDP' }, { action: 'Allow' }])))).toBe(
      'drops by layer/profiles',
    );
    expect(verdict(found.put(exported([{ action: 'Allow', destination: { notPorts: ['none'] } }])))).toBe(
      'drops by layer/profiles',
    );
    expect(verdict(found.put(namespace('shop')))).toBe('passes by layer/profiles');
  });

  test('a NetworkSet of a namespace widens no rule but those of its own BorderPolicies', () => {
    const rule = { action: 'Allow', selector: "kind == 'bank'" };
    const theirs = (key: string): Manifest => ({
      ...calico('NetworkSet', key, { nets: ['198.51.100.0/24'] }),
      metadata: { namespace: key.split('/')[0], name: 'bank', labels: { kind: 'bank' } },
    });
    const world = (...more: readonly Manifest[]): BorderWorld =>
      new BorderWorld(...cluster, namespace('evil', { trust: 'yes' }), bank, firewall('edge', accepting), ...more);
    const fromAbove = clusterPolicy('c', { selector: "app == 'web'", egress: [rule] });
    const own = namespacedPolicy('shop/b', { selector: "app == 'web'", egress: [rule] });

    expect(verdict(world(fromAbove, theirs('shop/bank')), '198.51.100.1')).toBe('drops by layer/ClusterBorderPolicy');
    expect(verdict(world(own, theirs('evil/bank')), '198.51.100.1')).toBe('drops by layer/BorderPolicy');
    expect(verdict(world(own, theirs('shop/bank')), '198.51.100.1')).toBe('passes by BorderPolicy/shop/b#0');
    expect(verdict(world(own, theirs('evil/bank')), '203.0.113.1')).toBe('passes by BorderPolicy/shop/b#0');
  });

  test('network sets change their group and no rule', () => {
    const found = new BorderWorld(
      ...cluster,
      bank,
      firewall('edge'),
      clusterPolicy('c', { selector: "app == 'web'", egress: [{ action: 'Allow', selector: "kind == 'bank'" }] }),
    );
    const before = found.ruleset();
    expect(verdict(found, '198.51.100.1')).toBe('drops by layer/ClusterBorderPolicy');
    found.put(networkSet('bank', ['198.51.100.0/24'], { kind: 'bank' }));
    expect(verdict(found, '198.51.100.1')).toBe('passes by ClusterBorderPolicy/c#0');
    expect(found.ruleset().classes).toBe(before.classes);
    expect(found.ruleset().members).toBe(before.members);
    expect([...found.ruleset().groups.keys()]).toEqual([...before.groups.keys()]);
  });
});

describe('which BorderPolicies a firewall accepts', () => {
  const accepts = [
    { namespaces: "trust == 'yes'", destinations: ['203.0.113.0/24'], ports: [443], actions: ['Allow'] },
  ];
  const tcp = { action: 'Allow', protocol: 'TCP', ports: [443], nets: ['203.0.113.0/28'] };

  test.each<[string, unknown, string | undefined]>([
    ['inside', tcp, undefined],
    ['another action', { ...tcp, action: 'Deny' }, 'its action Deny'],
    ['another port', { ...tcp, ports: [443, 80] }, 'its ports'],
    ['no port at all', { action: 'Allow', protocol: 'TCP', nets: ['203.0.113.0/28'] }, 'its ports'],
    ['a wider prefix', { ...tcp, nets: ['203.0.112.0/23'] }, 'its destinations'],
    ['everything', { action: 'Allow', protocol: 'TCP', ports: [443] }, 'its destinations'],
    ['a network set inside', { action: 'Allow', protocol: 'TCP', ports: [443], selector: "kind == 'bank'" }, undefined],
    [
      'a network set that reaches further',
      { action: 'Allow', protocol: 'TCP', ports: [443], selector: "kind == 'wide'" },
      'its destinations',
    ],
    ['names', { action: 'Allow', protocol: 'TCP', ports: [443], domains: ['example.org'] }, 'its destinations'],
  ])('%s', (_, rule, problem) => {
    const world = new BorderWorld(
      ...cluster,
      networkSet('bank', ['203.0.113.7/32'], { kind: 'bank' }),
      networkSet('wide', ['203.0.113.7/32', '8.8.8.8/32'], { kind: 'wide' }),
      firewall('edge', { accepts }),
      namespacedPolicy('shop/b', { selector: "app == 'web'", egress: [tcp, rule] }),
    );
    const { findings } = world.view();
    if (problem === undefined) {
      expect(findings).toEqual([]);
      expect(verdict(world, '8.8.8.8')).toBe('drops by layer/BorderPolicy');
      return;
    }
    // Whole, naming both; never trimmed.
    expect(verdict(world, '8.8.8.8')).toBe('passes by unselected');
    expect(findings).toMatchObject([
      {
        code: 'BORDER_POLICY_NOT_ACCEPTED',
        object: 'BorderPolicy/shop/b',
        path: 'spec.egress[1]',
        severity: 'error',
        condition: 'Stalled',
      },
    ]);
    expect(findings[0]?.message).toContain('BorderFirewall/edge');
    expect(findings[0]?.message).toContain(problem);
  });

  test('a network set that grows beyond what is accepted takes its policy with it', () => {
    const set = (...nets: readonly string[]): Manifest => networkSet('bank', nets, { kind: 'bank' });
    const rule = { action: 'Allow', protocol: 'TCP', ports: [443], selector: "kind == 'bank'" };
    const world = new BorderWorld(
      ...cluster,
      set('203.0.113.7/32'),
      firewall('edge', { accepts }),
      namespacedPolicy('shop/b', { egress: [rule] }),
    );
    expect(verdict(world, '8.8.8.8')).toBe('drops by layer/BorderPolicy');
    world.put(set('203.0.113.7/32', '8.8.8.8/32'));
    expect(verdict(world, '8.8.8.8')).toBe('passes by unselected');
  });

  test('a network set with names takes its policy with it: they can come to any address', () => {
    const { spec, ...set } = networkSet('bank', ['203.0.113.7/32'], { kind: 'bank' });
    const named = { ...set, spec: { ...(spec as Manifest), allowedEgressDomains: ['bank.example'] } };
    const rule = { action: 'Allow', protocol: 'TCP', ports: [443], selector: "kind == 'bank'" };
    const accepted = [firewall('edge', { accepts }), namespacedPolicy('shop/b', { egress: [rule] })];
    expect(verdict(new BorderWorld(...cluster, named, ...accepted), '8.8.8.8')).toBe('passes by unselected');
  });

  test("another namespace's NetworkSet takes no policy with it, the policy's own does", () => {
    const set = (inside: string): Manifest => ({
      ...calico('NetworkSet', `${inside}/bank`, { nets: ['8.8.8.8/32'] }),
      metadata: { namespace: inside, name: 'bank', labels: { kind: 'bank' } },
    });
    const rule = { action: 'Allow', protocol: 'TCP', ports: [443], selector: "kind == 'bank'" };
    const world = new BorderWorld(
      ...cluster,
      networkSet('bank', ['203.0.113.7/32'], { kind: 'bank' }),
      firewall('edge', { accepts }),
      namespacedPolicy('shop/b', { egress: [rule] }),
    );
    world.put(set('evil'));
    expect(verdict(world, '8.8.8.8')).toBe('drops by layer/BorderPolicy');
    world.put(set('shop'));
    expect(verdict(world, '8.8.8.8')).toBe('passes by unselected');
  });

  test('a namespace that nobody trusts, or that stops being trusted', () => {
    const world = new BorderWorld(
      ...cluster,
      firewall('edge', { accepts }),
      namespacedPolicy('shop/b', { egress: [tcp] }),
    );
    expect(verdict(world, '8.8.8.8')).toBe('drops by layer/BorderPolicy');
    world.put(namespace('shop', { trust: 'no' }));
    expect(verdict(world, '8.8.8.8')).toBe('passes by unselected');
    expect(world.view().findings).toMatchObject([
      { code: 'BORDER_POLICY_NOT_ACCEPTED', path: '', severity: 'warning' },
    ]);
  });
});

test('7.7 a policy without connection tracking has no part in what pods may do', () => {
  const untracked = { tier: 'default', doNotTrack: true, applyOnForward: true };
  const world = new BorderWorld(...cluster, firewall('edge', repeats), gnp('u', [{ action: 'Deny' }], untracked));
  expect(verdict(world)).toBe('passes by unselected');
});

test.each(['ports', 'notPorts'])('an Allow that names the source ports of pods (%s) is left out', (list) => {
  const rule = { action: 'Allow', protocol: 'TCP', source: { [list]: ['web'] } };
  const world = new BorderWorld(...cluster, firewall('edge', repeats), gnp('g', [rule]));
  expect(verdict(world)).toBe('drops by tier/default');
  expect(world.codes()).toContain('BORDER_RULE_UNSAYABLE GlobalNetworkPolicy/g');
});
