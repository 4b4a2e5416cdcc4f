import { describe, expect, test } from 'vitest';
import {
  type World,
  endpointsMatching,
  endpointsOf,
  loadWorld,
  mentionedBy,
  mentions,
  policiesOf,
} from '../../src/engine/index.ts';
import { parseSelector } from '../../src/selector/index.ts';
import { adminPolicy, hostEndpoint, kubernetesPolicy, namespace, pod, policy, tier } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const ME = '10.0.0.1';
const OTHER = '10.0.0.2';
const OUTSIDE = '192.0.2.1';
const cluster = [
  namespace('a'),
  pod('a/me', { labels: { app: 'me' }, ips: [ME] }),
  pod('a/other', { labels: { app: 'other' }, ips: [OTHER] }),
];
const mine = (name: string, spec: object = {}): PlainObject =>
  policy(name, { selector: "app == 'me'", types: ['Ingress'], ...spec });
const worldOf = (...more: PlainObject[]): World => loadWorld([...cluster, ...more]);
const tiersOf = (world: World) => world.endpoints().find(({ id }) => id === 'pod:a/me')?.tiers ?? [];
const arriving = (world: World) => world.verdict({ src: OUTSIDE, dst: ME, proto: 'TCP', dport: 80 }).ingress;
const leaving = (world: World) => world.verdict({ src: ME, dst: OUTSIDE, proto: 'TCP', dport: 80 }).egress;

describe('6.1: order', () => {
  test('6.1.1 tiers by order, absent last, ties by name in bytes; missing ones after all, by name, ending in Deny', () => {
    const tiers = [
      tier('b', { order: 5 }),
      tier('a', { order: 5 }),
      tier('a-a', { order: 5 }),
      tier('c', { order: -1 }),
      tier('d'),
    ];
    const names = ['gone-b', 'd', 'gone', 'default', 'a', 'a-a', 'b', 'c', 'kube-admin', 'kube-baseline'];
    const world = worldOf(...tiers, ...names.map((name) => mine(`p-${name}`, { tier: name })));
    expect(tiersOf(world).map(({ name, defaultAction }) => `${name} ${defaultAction}`)).toEqual([
      'c Deny',
      'a Deny',
      'a-a Deny',
      'b Deny',
      'kube-admin Pass',
      'default Deny',
      'kube-baseline Pass',
      'd Deny',
      'gone Deny',
      'gone-b Deny',
    ]);
  });

  test('6.1.2 policies by order, negative and fractional, absent last, ties by name/namespace/kind in bytes', () => {
    const list = (name: string, order?: number): PlainObject => mine(name, order === undefined ? {} : { order });
    const written = [
      ['z', -1.5],
      ['y', 0],
      ['x', 1e-9],
      ['a-a', 7],
      ['a.a', 7],
      ['a', 7],
      ['a/a', 7],
      ['w', 1e308],
      ['b'],
      ['c'],
    ] as const;
    const world = worldOf(...written.toReversed().map(([name, order]) => list(name, order)));
    expect(tiersOf(world)[0]?.ingress).toEqual(
      ['z', 'y', 'x', 'a-a', 'a.a', 'a', 'a/a', 'w', 'b', 'c'].map((name) =>
        name.includes('/') ? `NetworkPolicy/${name}` : `GlobalNetworkPolicy/${name}`,
      ),
    );
  });

  test('6.1.3 kinds that take part in the tie', () => {
    const spec = { order: 1000, selector: "app == 'me'", types: ['Ingress'] };
    const world = worldOf(policy('a/x', spec), kubernetesPolicy('a/x', { podSelector: {} }), policy('x', spec));
    expect(tiersOf(world)[0]?.ingress).toEqual([
      'GlobalNetworkPolicy/x',
      'KubernetesNetworkPolicy/a/x',
      'NetworkPolicy/a/x',
    ]);
    const rule = { action: 'Deny', from: [{ namespaces: {} }] };
    const admin = { tier: 'Admin', priority: 10, subject: { namespaces: {} }, ingress: [rule] };
    const inAdmin = worldOf(
      adminPolicy('ClusterNetworkPolicy', 'x', admin),
      mine('x', { order: 10, tier: 'kube-admin' }),
    );
    expect(tiersOf(inAdmin)[0]?.ingress).toEqual(['GlobalNetworkPolicy/x', 'KubernetesClusterNetworkPolicy/x']);
  });

  test('6.1.5 no tier is the tier default', () => {
    expect(tiersOf(worldOf(mine('x'), mine('y', { tier: 'default' }))).map(({ name }) => name)).toEqual(['default']);
  });

  test('6.1.6 the built-in tiers are there without objects', () => {
    const world = worldOf(...['kube-baseline', 'default', 'kube-admin'].map((name) => mine(name, { tier: name })));
    expect(tiersOf(world).map(({ name, defaultAction }) => `${name} ${defaultAction}`)).toEqual([
      'kube-admin Pass',
      'default Deny',
      'kube-baseline Pass',
    ]);
    const between = [
      tier('before', { order: 999 }),
      tier('between', { order: 999_999 }),
      tier('after', { order: 1_000_001 }),
    ];
    const names = ['after', 'between', 'before', 'default', 'kube-admin'];
    expect(
      tiersOf(worldOf(...between, ...names.map((name) => mine(name, { tier: name })))).map(({ name }) => name),
    ).toEqual(['before', 'kube-admin', 'between', 'default', 'after']);
  });
});

const rule = [{ action: 'Allow' }];
describe('6.2: directions', () => {
  test.each<[string, object, readonly string[]]>([
    ['6.2.1 types decide, rules of other directions are ignored', { types: ['Egress'], ingress: rule }, ['egress']],
    ['6.2.1 both types', { types: ['Ingress', 'Egress'] }, ['ingress', 'egress']],
    ['6.2.2 nothing is Ingress', {}, ['ingress']],
    ['6.2.2 ingress rules alone', { ingress: rule }, ['ingress']],
    ['6.2.2 egress rules alone', { egress: rule }, ['egress']],
    ['6.2.2 both', { ingress: rule, egress: rule }, ['ingress', 'egress']],
    ['6.2.2 no types written', { types: [], egress: rule }, ['egress']],
    ['6.2.3 an empty list is no rules', { ingress: [], egress: rule }, ['egress']],
    ['6.2.3 two empty lists', { ingress: [], egress: [] }, ['ingress']],
    ['6.2.5 a type without rules', { types: ['Egress'] }, ['egress']],
  ])('%s', (_, spec, expected) => {
    const [list] = tiersOf(worldOf(policy('q', { selector: "app == 'me'", ...spec })));
    expect((['ingress', 'egress'] as const).filter((direction) => (list?.[direction].length ?? 0) > 0)).toEqual(
      expected,
    );
  });

  test('6.2.1 a rule of a direction that is not in types never decides', () => {
    const world = worldOf(
      policy('q', { selector: "app == 'me'", types: ['Ingress'], ingress: rule, egress: [{ action: 'Deny' }] }),
    );
    expect(leaving(world)).toMatchObject({ allowed: true, reason: 'profile' });
  });

  test('6.2.5 a direction in types without rules denies at the end of the tier', () => {
    const world = worldOf(policy('q', { selector: "app == 'me'", types: ['Ingress', 'Egress'], ingress: rule }));
    expect(arriving(world)).toMatchObject({ allowed: true, reason: 'rule' });
    expect(leaving(world)).toEqual({ endpoint: 'pod:a/me', allowed: false, tier: 'default', reason: 'tier-default' });
  });
});

describe('6.3: evaluation', () => {
  test('6.3 the first rule that matches decides, over all policies of a tier in order', () => {
    const world = worldOf(
      mine('first', { order: 1, ingress: [{ action: 'Deny', protocol: 'UDP' }] }),
      mine('second', { order: 2, ingress: [{ action: 'Allow', protocol: 'TCP' }, { action: 'Deny' }] }),
      mine('third', { order: 3, ingress: [{ action: 'Allow' }] }),
    );
    expect(arriving(world)).toMatchObject({ allowed: true, policy: 'GlobalNetworkPolicy/second', rule: 0 });
    expect(world.verdict({ src: OUTSIDE, dst: ME, proto: 'UDP' }).ingress).toMatchObject({
      policy: 'GlobalNetworkPolicy/first',
    });
    expect(world.verdict({ src: OUTSIDE, dst: ME, proto: 47 }).ingress).toMatchObject({
      allowed: false,
      policy: 'GlobalNetworkPolicy/second',
      rule: 1,
    });
  });

  test('6.3.1 a tier without a policy about the endpoint is skipped, its end included', () => {
    const world = worldOf(tier('hard', { order: 1 }), policy('q', { tier: 'hard', selector: "app == 'other'" }));
    expect(arriving(world)).toEqual({
      endpoint: 'pod:a/me',
      allowed: true,
      reason: 'profile',
      policy: 'Profile/kns.a',
      rule: 0,
    });
  });

  test('6.3.2 and for the direction that no policy is about as well', () => {
    const world = worldOf(tier('hard', { order: 1 }), mine('q', { tier: 'hard', ingress: rule }));
    expect(leaving(world)).toMatchObject({ allowed: true, reason: 'profile' });
  });

  test.each([
    [{ defaultAction: 'Pass' }, true],
    [{ defaultAction: 'Deny' }, false],
    [{}, false],
  ])('6.3.3 the end of a tier: %j', (spec, allowed) => {
    const hop = arriving(worldOf(tier('first', { order: 1, ...spec }), mine('q', { tier: 'first' })));
    expect(hop).toMatchObject(
      allowed
        ? { allowed, reason: 'profile', passes: ['first:default'] }
        : { allowed, reason: 'tier-default', tier: 'first' },
    );
    expect(hop).not.toHaveProperty(allowed ? 'tier' : 'policy');
  });

  test('6.3.4 a Pass in the last tier leads to the profiles; kns allows both directions, ksa has no rules', () => {
    const both = { types: ['Ingress', 'Egress'], ingress: [{ action: 'Pass' }], egress: [{ action: 'Pass' }] };
    const world = worldOf(mine('q', both));
    for (const hop of [arriving(world), leaving(world)])
      expect(hop).toEqual({
        endpoint: 'pod:a/me',
        allowed: true,
        reason: 'profile',
        policy: 'Profile/kns.a',
        rule: 0,
        passes: ['default:GlobalNetworkPolicy/q#0'],
      });
    const nameless = loadWorld([pod('lost/p', { ips: ['10.0.0.9'], account: 's' })]);
    expect(nameless.verdict({ src: OUTSIDE, dst: '10.0.0.9', proto: 'TCP' }).ingress).toEqual({
      endpoint: 'pod:lost/p',
      allowed: false,
      reason: 'no-profile-match',
    });
  });

  test('6.3.5 no profiles, and profiles that do not exist, deny', () => {
    const hosts = [
      hostEndpoint('bare', {}, { expectedIPs: ['192.0.2.8'] }),
      hostEndpoint('lost', {}, { node: 'n2', expectedIPs: ['192.0.2.9'], profiles: ['gone'] }),
    ];
    const world = worldOf(...hosts);
    for (const dst of ['192.0.2.8', '192.0.2.9'])
      expect(world.verdict({ src: OUTSIDE, dst, proto: 'TCP' }).ingress).toMatchObject({
        allowed: false,
        reason: 'no-profile-match',
      });
  });

  test('6.3.7 with tiers a Pass goes to the next tier first', () => {
    const world = worldOf(
      tier('first', { order: 1 }),
      mine('q', { tier: 'first', ingress: [{ action: 'Pass' }] }),
      mine('r', { ingress: [{ action: 'Deny' }] }),
    );
    expect(arriving(world)).toMatchObject({
      allowed: false,
      tier: 'default',
      passes: ['first:GlobalNetworkPolicy/q#0'],
    });
  });
});

describe('6.4: a connection', () => {
  test.each([
    [[], { allowed: true, out: true, into: true }],
    [[mine('q')], { allowed: false, out: true, into: false }],
    [[policy('q', { selector: "app == 'other'", types: ['Egress'] })], { allowed: false, out: false, into: true }],
  ])('6.4 both ends have to allow it', (policies, { allowed, out, into }) => {
    const verdict = worldOf(...policies).verdict({ src: OTHER, dst: ME, proto: 'TCP' });
    expect([verdict.allowed, verdict.egress?.allowed, verdict.ingress?.allowed]).toEqual([allowed, out, into]);
    expect([verdict.egress?.endpoint, verdict.ingress?.endpoint]).toEqual(['pod:a/other', 'pod:a/me']);
  });

  test('6.4 an address that is no endpoint puts no constraint', () => {
    expect(worldOf(mine('q')).verdict({ src: OUTSIDE, dst: '192.0.2.2', proto: 'TCP' })).toEqual({ allowed: true });
  });
});

describe('6.5: questions', () => {
  const world = worldOf(
    tier('first', { order: 1 }),
    mine('q', { tier: 'first', ingress: [{ action: 'Allow', source: { selector: "app == 'other'" } }] }),
    mine('r', { types: ['Egress'] }),
  );

  test('6.5.1 which policies apply to an endpoint, by tier and direction, then its profiles', () => {
    expect(policiesOf(world.engine, 'pod:a/me')).toMatchObject({
      tiers: [
        { name: 'first', ingress: ['GlobalNetworkPolicy/q'], egress: [] },
        { name: 'default', ingress: [], egress: ['GlobalNetworkPolicy/r'] },
      ],
      profiles: ['kns.a'],
    });
    expect(endpointsOf(world.engine, 'GlobalNetworkPolicy/q')).toEqual(['pod:a/me']);
  });

  test('6.5.2 which policies mention an endpoint, and which endpoints a policy mentions', () => {
    expect(mentions(world.engine, 'pod:a/other')).toMatchObject([
      { policy: 'GlobalNetworkPolicy/q', direction: 'ingress', rule: 0, side: 'source' },
    ]);
    expect(mentionedBy(world.engine, 'GlobalNetworkPolicy/q').map(({ endpoint }) => endpoint)).toEqual(['pod:a/other']);
    const { value } = parseSelector("app == 'other'");
    expect(value && endpointsMatching(world.engine, value)).toEqual(['pod:a/other']);
  });

  test('6.5.3 whether a flow is allowed, and why, for both hops', () => {
    expect(world.verdict({ src: OTHER, dst: ME, proto: 'TCP' })).toEqual({
      allowed: true,
      egress: { endpoint: 'pod:a/other', allowed: true, policy: 'Profile/kns.a', rule: 0, reason: 'profile' },
      ingress: {
        endpoint: 'pod:a/me',
        allowed: true,
        tier: 'first',
        policy: 'GlobalNetworkPolicy/q',
        rule: 0,
        reason: 'rule',
      },
    });
  });
});
