import { describe, expect, test } from 'vitest';
import { type World, loadWorld } from '../../src/engine/index.ts';
import { adminPolicy, hostEndpoint, kubernetesPolicy, namespace, networkSet, pod } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const OUTSIDE = '192.0.2.1';
const IPS = {
  me: '10.0.0.1',
  web: '10.0.0.2',
  far: '10.0.1.1',
  host: '192.0.2.8',
  set: '198.51.100.1',
  own: '203.0.113.1',
};
const cluster = [
  namespace('a', { env: 'prod' }),
  namespace('b', { env: 'test' }),
  pod('a/me', { labels: { app: 'me' }, ips: [IPS.me], ports: ['web:80', 'web:81/UDP'] }),
  pod('a/web', { labels: { app: 'web' }, ips: [IPS.web], ports: ['web:8080'] }),
  pod('b/far', { labels: { app: 'web' }, ips: [IPS.far] }),
  pod('b/agent', { labels: { app: 'web' }, ips: [IPS.host], hostNetwork: true }),
  networkSet('g', { app: 'web' }, [`${IPS.set}/32`]),
  networkSet('a/s', { app: 'web' }, [`${IPS.own}/32`]),
];
const PROD = { matchLabels: { env: 'prod' } };
const anyone = [{ namespaces: {} }];
const admin = (name: string, spec: object): PlainObject =>
  adminPolicy('ClusterNetworkPolicy', name, { tier: 'Admin', priority: 10, subject: { namespaces: PROD }, ...spec });
const baseline = (name: string, spec: object): PlainObject => admin(name, { tier: 'Baseline', ...spec });
const older = (name: string, spec: object): PlainObject =>
  adminPolicy('AdminNetworkPolicy', name, { priority: 10, subject: { namespaces: PROD }, ...spec });
const worldOf = (...more: PlainObject[]): World => loadWorld([...cluster, ...more]);
const arriving = (world: World, src = IPS.far, dport = 80, proto = 'TCP') =>
  world.verdict({ src, dst: IPS.me, proto, dport }).ingress;
const leaving = (world: World, dst = OUTSIDE) => world.verdict({ src: IPS.me, dst, proto: 'TCP', dport: 80 }).egress;
const ingress = (...actions: string[]): object => ({ ingress: actions.map((action) => ({ action, from: anyone })) });
const id = (name: string): string => `KubernetesClusterNetworkPolicy/${name}`;

describe('9.1: meaning', () => {
  const isolated = kubernetesPolicy('a/k', { podSelector: {}, ingress: [] });

  test.each<[string, PlainObject[], object]>([
    ['9.1.1 Admin before NetworkPolicy', [admin('x', ingress('Accept')), isolated], { allowed: true, policy: id('x') }],
    [
      '9.1.1 NetworkPolicy before Baseline',
      [baseline('x', ingress('Accept')), isolated],
      { allowed: false, tier: 'default' },
    ],
    ['9.1.1 Baseline where nothing else is', [baseline('x', ingress('Deny'))], { allowed: false, policy: id('x') }],
    [
      '9.1.1 what none decides is allowed',
      [admin('x', { egress: [] }), baseline('y', {})],
      { allowed: true, reason: 'profile' },
    ],
    [
      '9.1.2 lower priority first',
      [admin('a', { priority: 11, ...ingress('Deny') }), admin('b', ingress('Accept'))],
      { policy: id('b') },
    ],
    [
      '9.1.2 the bounds of priority',
      [admin('a', { priority: 1000, ...ingress('Deny') }), admin('b', { priority: 0, ...ingress('Accept') })],
      { policy: id('b') },
    ],
    ['9.1.2 rules by position', [admin('a', ingress('Accept', 'Deny'))], { allowed: true, rule: 0 }],
    [
      '9.1.2 equal priorities by name',
      [admin('b', ingress('Deny')), admin('a', ingress('Accept'))],
      { policy: id('a') },
    ],
    [
      '9.1.3 Pass leaves the tier',
      [admin('a', ingress('Pass')), admin('b', { priority: 11, ...ingress('Deny') })],
      { allowed: true, passes: [`kube-admin:${id('a')}#0`] },
    ],
    [
      '9.1.3 in v1alpha1 Accept is Allow',
      [older('x', ingress('Allow')), isolated],
      { allowed: true, policy: 'AdminNetworkPolicy/x' },
    ],
    [
      '9.1.4 NetworkPolicy is final for pods that it selects',
      [admin('a', ingress('Pass')), isolated, baseline('b', ingress('Accept'))],
      { allowed: false, tier: 'default' },
    ],
    [
      '9.1.4 and Baseline is for the others',
      [admin('a', ingress('Pass')), baseline('b', ingress('Deny'))],
      { allowed: false, policy: id('b') },
    ],
    [
      '9.1.5 no rules, no isolation',
      [admin('a', {}), baseline('b', { ingress: [] })],
      { allowed: true, reason: 'profile' },
    ],
  ])('%s', (_, policies, expected) => {
    expect(arriving(worldOf(...policies))).toMatchObject(expected);
  });

  test('9.1.6 subjects are pods by namespace or by both, none of the network of a host', () => {
    const subjects = (subject: object): readonly string[] =>
      worldOf(
        hostEndpoint('h', { app: 'web' }, { expectedIPs: [IPS.host] }),
        admin('x', { subject, ...ingress('Deny') }),
      )
        .endpoints()
        .flatMap((endpoint) => (endpoint.tiers.length > 0 ? [endpoint.id] : []));
    expect(subjects({ namespaces: {} })).toEqual(['pod:a/me', 'pod:a/web', 'pod:b/far']);
    expect(subjects({ namespaces: PROD })).toEqual(['pod:a/me', 'pod:a/web']);
    expect(subjects({ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'web' } } } })).toEqual([
      'pod:a/web',
      'pod:b/far',
    ]);
  });

  const deniedFrom = (from: object): readonly string[] => {
    const world = worldOf(admin('x', { ingress: [{ action: 'Deny', from: [from] }] }));
    return Object.entries(IPS).flatMap(([name, ip]) => (arriving(world, ip)?.allowed === false ? [name] : []));
  };
  test.each<[string, object, readonly string[]]>([
    [
      '9.1.7 pods of namespaces and labels',
      { pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'web' } } } },
      ['web', 'far'],
    ],
    ['9.1.7 pods of some namespaces', { pods: { namespaceSelector: PROD, podSelector: {} } }, ['me', 'web']],
    ['9.1.7 namespaces, and 9.2.5 their network sets', { namespaces: PROD }, ['me', 'web', 'own']],
    [
      '9.2.5 a negative expression reaches whatever has no namespace',
      { namespaces: { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }] } },
      ['far', 'set'],
    ],
    [
      '9.2.5 with pods it does not',
      {
        pods: {
          namespaceSelector: { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }] },
          podSelector: {},
        },
      },
      ['far'],
    ],
  ])('%s', (_, from, expected) => {
    expect(deniedFrom(from)).toEqual(expected);
  });

  test('9.1.7 networks are addresses, of pods as well, in egress', () => {
    const world = worldOf(
      admin('x', { egress: [{ action: 'Deny', to: [{ networks: ['10.0.1.0/24', '192.0.2.1/32'] }] }] }),
    );
    expect([IPS.far, OUTSIDE, IPS.web, '192.0.2.2'].map((dst) => leaving(world, dst)?.allowed)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test.each([
    [{ nodes: {} }],
    [{ domainNames: ['a.example'] }],
    [{}],
    [{ unknown: {} }],
    [{ networks: ['10.0.0.0/33'] }],
  ])('9.1.8 and 9.2.7 a peer that cannot be kept: Accept is nothing, Deny and Pass deny all: %j', (peer) => {
    const world = (action: string): World => worldOf(admin('x', { egress: [{ action, to: [peer] }] }));
    expect(leaving(world('Accept'))).toMatchObject({ allowed: true, reason: 'profile' });
    expect(leaving(world('Deny'))).toMatchObject({ allowed: false, policy: id('x'), rule: 0 });
    expect(leaving(world('Pass'))).toMatchObject({ allowed: false, policy: id('x'), rule: 0 });
  });

  test.each<[object[] | undefined, readonly string[]]>([
    [undefined, ['80/TCP', '81/TCP', '80/UDP', '81/UDP', '80/SCTP']],
    [[{ tcp: {} }], ['80/TCP', '81/TCP']],
    [[{ tcp: { destinationPort: { number: 80 } } }], ['80/TCP']],
    [[{ udp: { destinationPort: { range: { start: 80, end: 81 } } } }], ['80/UDP', '81/UDP']],
    [
      [{ sctp: {} }, { tcp: { destinationPort: { number: 81 } } }],
      ['81/TCP', '80/SCTP'],
    ],
    [[{ destinationNamedPort: 'web' }], ['80/TCP', '81/UDP']],
    [
      [{ tcp: {} }, { tcp: { destinationPort: { number: 80 } } }],
      ['80/TCP', '81/TCP'],
    ],
  ])('9.1.9 protocols: %j', (protocols, expected) => {
    const rule = { action: 'Deny', from: anyone, ...(protocols === undefined ? {} : { protocols }) };
    const world = worldOf(admin('x', { ingress: [rule] }));
    const denied = (text: string): boolean =>
      arriving(world, IPS.far, Number(text.split('/')[0]), text.split('/')[1])?.allowed === false;
    expect(['80/TCP', '81/TCP', '80/UDP', '81/UDP', '80/SCTP'].filter(denied)).toEqual(expected);
  });

  test('9.1.9 ports of v1alpha1', () => {
    const ports = [
      { portNumber: { protocol: 'UDP', port: 80 } },
      { portRange: { protocol: 'TCP', start: 81, end: 90 } },
      { namedPort: 'web' },
    ];
    const world = worldOf(older('x', { ingress: [{ action: 'Deny', from: anyone, ports }] }));
    const denied = (dport: number, proto: string): boolean => arriving(world, IPS.far, dport, proto)?.allowed === false;
    expect([denied(80, 'UDP'), denied(90, 'TCP'), denied(80, 'TCP'), denied(81, 'UDP'), denied(82, 'UDP')]).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  test('9.1.10 more rules than the API takes are refused, and close', () => {
    const rules = (count: number, action: string): object => ({
      ingress: Array.from({ length: count }, () => ({ action, from: anyone })),
    });
    expect(worldOf(admin('x', rules(25, 'Accept'))).diagnostics).toEqual([]);
    expect(worldOf(older('x', rules(100, 'Allow'))).diagnostics).toEqual([]);
    for (const world of [worldOf(admin('x', rules(26, 'Accept'))), worldOf(older('x', rules(101, 'Allow')))])
      expect(world.diagnostics.map(({ severity }) => severity)).toEqual(['error']);
    const other = adminPolicy('BaselineAdminNetworkPolicy', 'other', {
      subject: { namespaces: {} },
      ...ingress('Deny'),
    });
    expect(worldOf(other).diagnostics.map(({ severity }) => severity)).toEqual(['error']);
  });

  const severities = (...objects: PlainObject[]): readonly string[] =>
    worldOf(...objects).diagnostics.map(({ severity }) => severity);
  const many = (count: number, entry: object): object[] => Array.from({ length: count }, () => entry);
  const tcp = { tcp: { destinationPort: { number: 80 } } };
  const named = { namedPort: 'web' };

  test.each<[string, PlainObject]>([
    ['26 peers', admin('x', { ingress: [{ action: 'Deny', from: many(26, { namespaces: {} }) }] })],
    ['101 peers of v1alpha1', older('x', { ingress: [{ action: 'Deny', from: many(101, { namespaces: {} }) }] })],
    ['26 protocols', admin('x', { ingress: [{ action: 'Deny', from: anyone, protocols: many(26, tcp) }] })],
    ['101 ports of v1alpha1', older('x', { ingress: [{ action: 'Deny', from: anyone, ports: many(101, named) }] })],
    ['no protocol', admin('x', { ingress: [{ action: 'Deny', from: anyone, protocols: [] }] })],
    ['no port of v1alpha1', older('x', { ingress: [{ action: 'Deny', from: anyone, ports: [] }] })],
    [
      'a number for a name',
      admin('x', { ingress: [{ action: 'Deny', from: anyone, protocols: [{ destinationNamedPort: '80' }] }] }),
    ],
  ])('9.1.8 to 9.1.10 a list that the API refuses closes: %s', (_what, object) => {
    expect(severities(object)).toEqual(['error']);
    expect(arriving(worldOf(object))).toMatchObject({ allowed: false, rule: 0 });
  });

  test.each<[string, PlainObject]>([
    [
      '26 networks',
      admin('x', { egress: [{ action: 'Deny', to: [{ networks: many(26, {}).map((_, at) => `10.${at}.0.0/16`) }] }] }),
    ],
    ['one label', admin('x', { egress: [{ action: 'Deny', to: [{ domainNames: ['a'] }] }] })],
  ])('9.1.8 to 9.1.10 and so does a peer: %s', (_what, object) => {
    expect(severities(object)).toEqual(['error']);
    expect(leaving(worldOf(object))).toMatchObject({ allowed: false, rule: 0 });
  });

  test('9.1.10 the bounds', () => {
    const ingresses = [
      { action: 'Deny', from: many(25, { namespaces: {} }), protocols: many(25, tcp) },
      { action: 'Deny', from: anyone, protocols: [{ destinationNamedPort: 'A_b.c' }] },
    ];
    expect(severities(admin('x', { ingress: ingresses }))).toEqual([]);
    expect(severities(older('x', { ingress: [{ action: 'Deny', from: many(100, { namespaces: {} }) }] }))).toEqual([]);
    // Right as it is written, and not enforced.
    const unsupported = admin('x', { egress: [{ action: 'Accept', to: [{ domainNames: ['*.a.b.'] }] }] });
    expect(severities(unsupported)).toEqual(['warning']);
  });

  test('9.1.6 pods of v1alpha2 without namespaces are those of all; v1alpha1 wants them named', () => {
    const pods = { pods: { podSelector: { matchLabels: { app: 'me' } } } };
    const rule = { action: 'Deny', from: [{ pods: { podSelector: { matchLabels: { app: 'web' } } } }] };
    const world = worldOf(admin('x', { subject: pods, ingress: [rule] }));
    expect(world.diagnostics).toEqual([]);
    expect(world.policySelectors().get(id('x'))).toBe(
      '((projectcalico.org/orchestrator == "k8s" && app == "me") && has(projectcalico.org/namespace))',
    );
    expect(arriving(world)).toMatchObject({ allowed: false, rule: 0 });
    expect(arriving(world, OUTSIDE)).toMatchObject({ allowed: true });
    expect(severities(older('x', { subject: pods, ingress: [rule] }))).toEqual(['error', 'error']);
  });
});

describe('9.2: conversion', () => {
  test('9.2.1 global policies of two tiers that pass at their end, ordered by priority', () => {
    const world = worldOf(baseline('y', ingress('Deny')), admin('x', ingress('Pass')));
    expect(world.endpoints()[0]?.tiers).toEqual([
      { name: 'kube-admin', defaultAction: 'Pass', ingress: [id('x')], egress: [] },
      { name: 'kube-baseline', defaultAction: 'Pass', ingress: [id('y')], egress: [] },
    ]);
  });

  test('9.2.2 the selector of subjects', () => {
    expect(worldOf(admin('x', {})).policySelectors().get(id('x'))).toBe(
      '(projectcalico.org/orchestrator == "k8s" && pcns.env == "prod")',
    );
  });

  test('9.2.3 a direction counts if rules are left after conversion', () => {
    const world = worldOf(
      admin('x', { ingress: [{ action: 'Deny', from: anyone }], egress: [{ action: 'Accept', to: [{ nodes: {} }] }] }),
    );
    expect(world.endpoints()[0]?.tiers).toMatchObject([{ ingress: [id('x')], egress: [] }]);
  });

  test('9.2.4 and 9.2.6 named ports first, then by protocol, then by peer', () => {
    const from = [{ namespaces: PROD }, { pods: { namespaceSelector: {}, podSelector: {} } }];
    const protocols = [{ udp: {} }, { tcp: { destinationPort: { number: 443 } } }, { destinationNamedPort: 'web' }];
    const world = worldOf(admin('x', { ingress: [{ action: 'Accept', from, protocols }] }));
    const rule = (src: string, dport: number, proto: string) => arriving(world, src, dport, proto)?.rule;
    expect([rule(IPS.web, 80, 'TCP'), rule(IPS.far, 81, 'UDP')]).toEqual([0, 1]);
    expect([rule(IPS.web, 443, 'TCP'), rule(IPS.far, 443, 'TCP')]).toEqual([2, 3]);
    expect([rule(IPS.web, 5, 'UDP'), rule(IPS.far, 5, 'UDP')]).toEqual([4, 5]);
  });

  test('9.2.8 without a subject, or of an unknown tier, the policy is not there', () => {
    for (const wrong of [{ subject: undefined }, { subject: {} }, { tier: 'Other' }]) {
      const world = worldOf(admin('x', { ...ingress('Deny'), ...wrong }));
      expect(world.policySelectors().has(id('x'))).toBe(false);
      expect(world.diagnostics.map(({ severity }) => severity)).toEqual(['error']);
    }
  });
});
