import { describe, expect, test } from 'vitest';
import { type World, loadWorld } from '../../src/engine/index.ts';
import { hostEndpoint, kubernetesPolicy, namespace, networkSet, pod } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const OUTSIDE = '192.0.2.1';
const IPS = {
  me: '10.0.0.1',
  web: '10.0.0.2',
  far: '10.0.1.1',
  bare: '10.0.1.2',
  host: '192.0.2.8',
  set: '198.51.100.1',
};
const cluster = [
  namespace('a', { env: 'prod' }),
  namespace('b', { env: 'test' }),
  pod('a/me', { labels: { app: 'me' }, ips: [IPS.me, 'fd00::1'], ports: ['web:80', 'dns:53/UDP'] }),
  pod('a/web', { labels: { app: 'web', tier: 'front' }, ips: [IPS.web], ports: ['web:8080'] }),
  pod('b/far', { labels: { app: 'web' }, ips: [IPS.far, 'fd00::2'] }),
  pod('b/bare', { ips: [IPS.bare] }),
  hostEndpoint('h', { app: 'web' }, { expectedIPs: [IPS.host], profiles: ['projectcalico-default-allow'] }),
  networkSet('g', { app: 'web' }, [`${IPS.set}/32`]),
];
const me = { podSelector: { matchLabels: { app: 'me' } } };
const worldOf = (spec: object, ...more: PlainObject[]): World =>
  loadWorld([...cluster, kubernetesPolicy('a/k', { ...me, ...spec }), ...more]);
/** Who of all may come in, by name. */
const mayCome = (from: readonly object[] | undefined, extra: object = {}): readonly string[] => {
  const world = worldOf({ ingress: [{ ...(from === undefined ? {} : { from }), ...extra }] });
  const come = (src: string): boolean =>
    world.verdict({ src, dst: IPS.me, proto: 'TCP', dport: 80 }).ingress?.allowed ?? false;
  return [...Object.entries(IPS), ['outside', OUTSIDE] as const].filter(([, ip]) => come(ip)).map(([name]) => name);
};
const EVERYONE = ['me', 'web', 'far', 'bare', 'host', 'set', 'outside'];

describe('8.1: meaning', () => {
  test('8.1.1 a pod is isolated for a direction by any policy that has it; then the union of rules is allowed', () => {
    const world = worldOf(
      { ingress: [{ ports: [{ port: 80 }] }] },
      kubernetesPolicy('a/second', { ...me, ingress: [{ ports: [{ port: 81 }] }] }),
    );
    const allowed = (dport: number) => world.verdict({ src: OUTSIDE, dst: IPS.me, proto: 'TCP', dport }).allowed;
    expect([80, 81, 82].map(allowed)).toEqual([true, true, false]);
    expect(world.verdict({ src: IPS.me, dst: OUTSIDE, proto: 'TCP' }).allowed).toBe(true);
    expect(world.verdict({ src: OUTSIDE, dst: IPS.web, proto: 'TCP' }).allowed).toBe(true);
  });

  test.each<[object, readonly string[]]>([
    [{}, ['ingress']],
    [{ ingress: [{}] }, ['ingress']],
    [{ egress: [] }, ['ingress']],
    [{ egress: [{}] }, ['ingress', 'egress']],
    [{ policyTypes: ['Egress'] }, ['egress']],
    [{ policyTypes: ['Ingress'], egress: [{}] }, ['ingress']],
  ])('8.1.2 directions without and with policyTypes: %j', (spec, expected) => {
    const [list] =
      worldOf(spec)
        .endpoints()
        .find(({ id }) => id === 'pod:a/me')?.tiers ?? [];
    expect((['ingress', 'egress'] as const).filter((direction) => (list?.[direction].length ?? 0) > 0)).toEqual(
      expected,
    );
  });

  test.each<[string, readonly object[] | undefined, readonly string[]]>([
    ['8.1.3 no peers: everyone', undefined, EVERYONE],
    ['8.1.3 an empty list of peers: everyone', [], EVERYONE],
    ['8.1.4 pods of the own namespace', [{ podSelector: { matchLabels: { app: 'web' } } }], ['web']],
    ['8.1.4 an empty pod selector: all of the own namespace', [{ podSelector: {} }], ['me', 'web']],
    [
      '8.1.4 namespaces alone: all their pods',
      [{ namespaceSelector: { matchLabels: { env: 'test' } } }],
      ['far', 'bare'],
    ],
    ['8.1.4 an empty namespace selector: all pods', [{ namespaceSelector: {} }], ['me', 'web', 'far', 'bare']],
    [
      '8.1.4 both: pods so labelled in namespaces so labelled',
      [{ namespaceSelector: { matchLabels: { env: 'test' } }, podSelector: { matchLabels: { app: 'web' } } }],
      ['far'],
    ],
    ['8.1.4 ipBlock is by address, pods and all', [{ ipBlock: { cidr: '10.0.0.0/8' } }], ['me', 'web', 'far', 'bare']],
    [
      '8.1.4 ipBlock without some',
      [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.2/32', '10.0.1.0/24'] } }],
      ['me'],
    ],
    [
      '8.1.3 several peers are alternatives',
      [{ podSelector: {} }, { ipBlock: { cidr: '192.0.2.1/32' } }],
      ['me', 'web', 'outside'],
    ],
    [
      '8.1.6 all terms have to hold',
      [{ podSelector: { matchLabels: { app: 'web', tier: 'front' } }, namespaceSelector: {} }],
      ['web'],
    ],
    [
      '8.1.6 NotIn holds where the key is absent',
      [
        {
          namespaceSelector: {},
          podSelector: { matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] },
        },
      ],
      ['me', 'bare'],
    ],
    [
      '8.1.6 DoesNotExist too',
      [{ namespaceSelector: {}, podSelector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } }],
      ['bare'],
    ],
    [
      '8.1.6 In and Exists do not',
      [
        {
          namespaceSelector: {},
          podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'x'] }] },
        },
        { namespaceSelector: {}, podSelector: { matchExpressions: [{ key: 'tier', operator: 'Exists' }] } },
      ],
      ['web', 'far'],
    ],
    [
      '8.1.6 of namespaces NotIn holds for pods alone',
      [{ namespaceSelector: { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['x'] }] } }],
      ['me', 'web', 'far', 'bare'],
    ],
  ])('%s', (_, from, expected) => {
    expect(mayCome(from)).toEqual(expected);
  });

  test('8.1.3 peers and ports both have to match', () => {
    expect(mayCome([{ podSelector: {} }], { ports: [{ port: 80 }] })).toEqual(['me', 'web']);
    expect(mayCome([{ podSelector: {} }], { ports: [{ port: 81 }] })).toEqual([]);
    expect(mayCome(undefined, { ports: [] })).toEqual(EVERYONE);
  });

  test.each<[object, readonly string[]]>([
    [{ port: 80 }, ['80/TCP']],
    [{ protocol: 'UDP', port: 53 }, ['53/UDP']],
    [{}, ['53/TCP', '80/TCP', '90/TCP']],
    [{ protocol: 'UDP' }, ['53/UDP', '80/UDP']],
    [{ port: 'web' }, ['80/TCP']],
    [{ protocol: 'UDP', port: 'web' }, []],
    [{ protocol: 'UDP', port: 'dns' }, ['53/UDP']],
    [{ port: 80, endPort: 90 }, ['80/TCP', '90/TCP']],
    [{ port: 53, endPort: 89 }, ['53/TCP', '80/TCP']],
  ])('8.1.5 ports: %j', (port, expected) => {
    const world = worldOf({ ingress: [{ ports: [port] }] });
    const allowed = (text: string): boolean => {
      const [number = '', proto = ''] = text.split('/');
      return world.verdict({ src: OUTSIDE, dst: IPS.me, proto, dport: Number(number) }).allowed;
    };
    expect(['53/TCP', '80/TCP', '90/TCP', '53/UDP', '80/UDP', '80/SCTP'].filter(allowed)).toEqual(expected);
  });

  test('8.1.5 a name is looked up on each destination', () => {
    const world = loadWorld([
      ...cluster,
      kubernetesPolicy('a/k', { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: [{ port: 'web' }] }] }),
    ]);
    const allowed = (dst: string, dport: number) =>
      world.verdict({ src: IPS.me, dst, proto: 'TCP', dport }).egress?.allowed;
    expect([allowed(IPS.web, 8080), allowed(IPS.web, 80), allowed(IPS.me, 80), allowed(IPS.far, 80)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  test('8.1.5 and 5.1 of two pods with one address the one that the peer means has to have the named port', () => {
    const twin = pod('b/twin', { labels: { app: 'twin' }, ips: [IPS.web], ports: ['web:7000'] });
    const egress = [{ to: [{ podSelector: { matchLabels: { app: 'web' } } }], ports: [{ port: 'web' }] }];
    const world = worldOf({ policyTypes: ['Egress'], egress }, twin);
    const leaves = (dport: number) => world.verdict({ src: IPS.me, dst: IPS.web, proto: 'TCP', dport }).egress?.allowed;
    expect([leaves(8080), leaves(7000)]).toEqual([true, false]);
  });
});

describe('8.2: conversion', () => {
  const scopeOf = (podSelector: object): string | undefined =>
    loadWorld([kubernetesPolicy('a/k', { podSelector })])
      .policySelectors()
      .get('KubernetesNetworkPolicy/a/k');

  test('8.2.1 order 1000 in the tier default, and no deny of its own', () => {
    const { tiers } =
      worldOf({})
        .endpoints()
        .find(({ id }) => id === 'pod:a/me') ?? {};
    expect(tiers).toEqual([
      { name: 'default', defaultAction: 'Deny', ingress: ['KubernetesNetworkPolicy/a/k'], egress: [] },
    ]);
    expect(worldOf({}).verdict({ src: OUTSIDE, dst: IPS.me, proto: 'TCP' }).ingress).toEqual({
      endpoint: 'pod:a/me',
      allowed: false,
      tier: 'default',
      reason: 'tier-default',
    });
  });

  test.each([
    [{}, '(projectcalico.org/orchestrator == "k8s" && projectcalico.org/namespace == "a")'],
    [
      {
        matchLabels: { z: '1', a: '2' },
        matchExpressions: [
          { key: 'y', operator: 'In', values: ['d', 'c'] },
          { key: 'b', operator: 'NotIn', values: ['e'] },
          { key: 'x', operator: 'Exists' },
          { key: 'c', operator: 'DoesNotExist' },
        ],
      },
      '((projectcalico.org/orchestrator == "k8s" && a == "2" && z == "1" && y in {"c", "d"} && b not in {"e"} && has(x) && !has(c)) && projectcalico.org/namespace == "a")',
    ],
  ])('8.2.2 the selector of pods: %j', (podSelector, expected) => {
    expect(scopeOf(podSelector)).toBe(expected);
  });

  test.each<[string, object, readonly string[]]>([
    [
      '8.2.3 own namespace',
      { podSelector: {} },
      ['(projectcalico.org/namespace == "a" && projectcalico.org/orchestrator == "k8s")'],
    ],
    [
      '8.2.3 every namespace, and 8.2.4 pods of them',
      { namespaceSelector: {} },
      ['(has(projectcalico.org/namespace) && projectcalico.org/orchestrator == "k8s")'],
    ],
    [
      '8.2.4 with a pod selector',
      { namespaceSelector: { matchLabels: { env: 'x' } }, podSelector: { matchLabels: { app: 'y' } } },
      ['(pcns.env == "x" && (projectcalico.org/orchestrator == "k8s" && app == "y"))'],
    ],
    ['8.2.5 ipBlock has no selector', { ipBlock: { cidr: '10.0.0.0/8' } }, []],
  ])('%s', (_, peer, expected) => {
    expect(
      worldOf({ ingress: [{ from: [peer] }] })
        .ipSets()
        .map(({ selector }) => selector),
    ).toEqual(expected);
  });

  test('8.2.5 a CIDR that cannot be read is a mistake and matches nothing', () => {
    const world = worldOf({ ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/33' } }] }] });
    expect(world.diagnostics.map(({ severity }) => severity)).toEqual(['error']);
    expect(world.verdict({ src: '10.0.0.9', dst: IPS.me, proto: 'TCP' }).allowed).toBe(false);
  });

  test('8.2.5 an except of the other family, and IPv6', () => {
    const ingress = [{ from: [{ ipBlock: { cidr: 'fd00::/64', except: ['fd00::2/128'] } }] }];
    const world = worldOf({ ingress });
    const allowed = (src: string) => world.verdict({ src, dst: 'fd00::1', proto: 'TCP' }).ingress?.allowed;
    expect([allowed('fd00::2'), allowed('fd00::3'), allowed('2001:db8::1')]).toEqual([false, true, false]);
  });

  test('8.2.6 rules by protocol in order of their names, then by peer, ports merged', () => {
    const peers = [{ ipBlock: { cidr: '192.0.2.0/24' } }, { podSelector: {} }];
    const ports = [
      { protocol: 'UDP', port: 53 },
      { port: 80 },
      { port: 'web' },
      { protocol: 'SCTP' },
      { protocol: 'SCTP', port: 1 },
      { port: 81, endPort: 90 },
    ];
    const world = worldOf({ ingress: [{ from: peers, ports }, {}] });
    const rule = (src: string, proto: string, dport: number) =>
      world.verdict({ src, dst: IPS.me, proto, dport }).ingress?.rule;
    expect(rule(OUTSIDE, 'SCTP', 5)).toBe(0);
    expect(rule(IPS.web, 'SCTP', 5)).toBe(1);
    expect([rule(OUTSIDE, 'TCP', 80), rule(OUTSIDE, 'TCP', 85)]).toEqual([2, 2]);
    expect(rule(IPS.web, 'TCP', 90)).toBe(3);
    expect([rule(OUTSIDE, 'UDP', 53), rule(IPS.web, 'UDP', 53)]).toEqual([4, 5]);
    expect(rule(OUTSIDE, 'TCP', 91)).toBe(6);
  });

  test('8.2.7 a name with endPort is a mistake, and its rule is not there', () => {
    const world = worldOf({ ingress: [{ ports: [{ port: 'web', endPort: 90 }] }] });
    expect(world.diagnostics.map(({ severity }) => severity)).toEqual(['error']);
    expect(world.verdict({ src: OUTSIDE, dst: IPS.me, proto: 'TCP', dport: 80 }).allowed).toBe(false);
  });

  test('8.2.8 ports are those of the destination, in ingress rules too', () => {
    const world = worldOf({ ingress: [{ ports: [{ port: 80 }] }] });
    const allowed = (sport: number, dport: number) =>
      world.verdict({ src: OUTSIDE, dst: IPS.me, proto: 'TCP', sport, dport }).allowed;
    expect([allowed(1, 80), allowed(80, 1)]).toEqual([true, false]);
  });

  test('8.3 a pod without the port is not matched by a name', () => {
    const world = loadWorld([
      ...cluster,
      kubernetesPolicy('b/k', { podSelector: {}, ingress: [{ ports: [{ port: 'web' }] }] }),
    ]);
    expect(world.verdict({ src: OUTSIDE, dst: IPS.far, proto: 'TCP', dport: 80 }).allowed).toBe(false);
  });
});
