import { describe, expect, test } from 'vitest';
import { hostEndpoint, kubernetesPolicy, pod, policy, tier } from '../../test/kit/objects.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { A, B, OUT, allowAll, ask, everywhere, web } from '../../test/kit/two-pods.ts';

describe('6: order, tiers, ends and profiles', () => {
  const deny = [{ action: 'Deny' }];
  const named = (name: string, spec: object): PlainObject =>
    policy(name, { ...everywhere, types: ['Ingress'], ...spec });

  test.each([
    [
      '6.1.2 lower order first, negatives too',
      [named('a', { order: 0, ingress: deny }), named('b', { order: -1, ingress: allowAll })],
      'GlobalNetworkPolicy/b',
    ],
    [
      '6.1.2 an absent order comes after any',
      [named('a', { ingress: deny }), named('b', { order: 1e308, ingress: allowAll })],
      'GlobalNetworkPolicy/b',
    ],
    [
      '6.1.2 ties by name',
      [named('b', { order: 1, ingress: deny }), named('a', { order: 1, ingress: allowAll })],
      'GlobalNetworkPolicy/a',
    ],
    [
      '6.1.2 then by namespace, the empty one first',
      [named('a/x', { order: 1, ingress: deny }), named('x', { order: 1, ingress: allowAll })],
      'GlobalNetworkPolicy/x',
    ],
    [
      '6.1.2 then by kind',
      [named('a/x', { order: 1000, ingress: allowAll }), kubernetesPolicy('a/x', { podSelector: {}, ingress: [{}] })],
      'KubernetesNetworkPolicy/a/x',
    ],
    [
      '6.1.2 in byte order of name, slash, namespace: "-" and "." come before the end of a name',
      [named('a', { ingress: deny }), named('a-b', { ingress: deny }), named('a.b', { ingress: deny })],
      'GlobalNetworkPolicy/a-b',
    ],
  ])('%s', (_, policies, expected) => {
    expect(web(...policies).verdict({ src: OUT, dst: A, proto: 'TCP', dport: 80 }).ingress?.policy).toBe(expected);
  });

  test('6.1.1 tiers by order, ties by name; a missing one comes last and ends in Deny', () => {
    const tiers = [tier('z', { order: 5 }), tier('y', { order: 5 }), tier('last')];
    const policies = ['y', 'z', 'last', 'gone', 'default'].map((name) =>
      named(`p-${name}`, { tier: name, ingress: name === 'gone' ? [] : [{ action: 'Pass' }] }),
    );
    const world = web(...tiers, ...policies);
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe(
      'no: - | deny gone tier-default after y:GlobalNetworkPolicy/p-y#0, z:GlobalNetworkPolicy/p-z#0, default:GlobalNetworkPolicy/p-default#0, last:GlobalNetworkPolicy/p-last#0',
    );
    expect(world.diagnostics).toMatchObject([
      { code: 'TIER_MISSING', severity: 'warning', object: 'GlobalNetworkPolicy/p-gone', path: 'spec.tier' },
    ]);
  });

  test.each([
    ['no rules at all', {}, ['ingress']],
    ['only egress rules', { egress: allowAll }, ['egress']],
    ['only ingress rules', { ingress: allowAll }, ['ingress']],
    ['both', { ingress: allowAll, egress: allowAll }, ['ingress', 'egress']],
    ['types win over rules', { types: ['Egress'], ingress: allowAll }, ['egress']],
    ['a type without rules', { types: ['Ingress', 'Egress'], ingress: allowAll }, ['ingress', 'egress']],
  ])('6.2.2 directions of a policy: %s', (_, spec, directions) => {
    const [first] = web(policy('g', { ...everywhere, ...spec })).endpoints();
    const lists = first?.tiers[0];
    expect((['ingress', 'egress'] as const).filter((direction) => (lists?.[direction].length ?? 0) > 0)).toEqual(
      directions,
    );
  });

  test('6.2.5 a direction without rules is the usual default deny; 6.3.2 and it is none for the other direction', () => {
    const world = web(policy('a/deny', { selector: "app == 'web'", types: ['Ingress'] }));
    expect(ask(world, `${B} -> ${A}:80/TCP`)).toBe('no: allow Profile/kns.b#0 profile | deny default tier-default');
    expect(ask(world, `${A} -> ${B}:80/TCP`)).toBe(
      'yes: allow Profile/kns.a#0 profile | allow Profile/kns.b#0 profile',
    );
  });

  test('6.3.3 and 6.3.4 a tier that passes at its end, and a Pass in the last tier, lead to the profiles', () => {
    const world = web(
      tier('soft', { order: 1, defaultAction: 'Pass' }),
      named('s', { tier: 'soft' }),
      named('d', { ingress: [{ action: 'Pass' }] }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe(
      'yes: - | allow Profile/kns.a#0 profile after soft:default, default:GlobalNetworkPolicy/d#0',
    );
  });

  test('5.6 Log goes on, and a Pass in the middle leaves the tier', () => {
    const rules = [
      { action: 'Log' },
      { action: 'Deny', protocol: 'UDP' },
      { action: 'Pass', protocol: 'TCP', destination: { ports: [80] } },
      { action: 'Allow' },
    ];
    const world = web(
      tier('first', { order: 1 }),
      named('f', { tier: 'first', ingress: rules }),
      named('d', { ingress: deny }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/UDP`)).toBe('no: - | deny first GlobalNetworkPolicy/f#1 rule');
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe(
      'no: - | deny default GlobalNetworkPolicy/d#0 rule after first:GlobalNetworkPolicy/f#2',
    );
    expect(ask(world, `${OUT} -> ${A}:81/TCP`)).toBe('yes: - | allow first GlobalNetworkPolicy/f#3 rule');
  });

  test('6.3.5 an endpoint without profiles, or whose profile does not exist, is denied', () => {
    const bare = [
      hostEndpoint('bare', {}, { expectedIPs: ['10.0.9.1'] }),
      hostEndpoint('open', {}, { expectedIPs: ['10.0.9.2'], profiles: ['gone', 'projectcalico-default-allow'] }),
    ];
    const world = web(...bare, pod('nowhere/x', { ips: ['10.0.9.3'] }));
    expect(ask(world, `${OUT} -> 10.0.9.1:80/TCP`)).toBe('no: - | deny no-profile-match');
    expect(ask(world, `${OUT} -> 10.0.9.2:80/TCP`)).toBe(
      'yes: - | allow Profile/projectcalico-default-allow#0 profile',
    );
    expect(ask(world, `${OUT} -> 10.0.9.3:80/TCP`)).toBe('no: - | deny no-profile-match');
    expect(world.diagnostics).toMatchObject([{ code: 'NAMESPACE_MISSING', object: 'Namespace/nowhere' }]);
  });

  test('6.4 both ends have to allow, each with its own reason; between outside addresses nothing decides', () => {
    const world = web(
      policy('b/in', {
        selector: "app == 'db'",
        ingress: [{ action: 'Allow', source: { namespaceSelector: "env == 'prod'" } }],
      }),
    );
    expect(ask(world, `${A} -> ${B}:80/TCP`)).toBe(
      'yes: allow Profile/kns.a#0 profile | allow default NetworkPolicy/b/in#0 rule',
    );
    expect(ask(world, `${OUT} -> ${B}:80/TCP`)).toBe('no: - | deny default tier-default');
    expect(ask(world, `${OUT} -> 203.0.113.1:80/TCP`)).toBe('yes: - | -');
  });

  test('7.7 untracked and pre-DNAT policies are in no list of a pod', () => {
    const world = web(
      named('u', { doNotTrack: true, applyOnForward: true }),
      named('n', { preDNAT: true, applyOnForward: true }),
    );
    expect(ask(world, `${OUT} -> ${A}:80/TCP`)).toBe('yes: - | allow Profile/kns.a#0 profile');
  });
});
