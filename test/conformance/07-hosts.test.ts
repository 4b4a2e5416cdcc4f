import { describe, expect, test } from 'vitest';
import { type World, loadWorld } from '../../src/engine/index.ts';
import { hostEndpoint, namespace, pod, policy, tier } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const HOST = '192.0.2.1';
const POD = '10.0.0.1';
const OUTSIDE = '198.51.100.1';
const cluster = [
  namespace('a'),
  pod('a/p', { labels: { app: 'p' }, ips: [POD] }),
  hostEndpoint('h', { role: 'host' }, { expectedIPs: [HOST] }),
];
const flags = {
  untracked: { doNotTrack: true, applyOnForward: true },
  preDNAT: { preDNAT: true, applyOnForward: true },
  forward: { applyOnForward: true },
  normal: {},
};
const on = (name: keyof typeof flags, spec: object = {}, id: string = name.toLowerCase()): PlainObject =>
  policy(id, { selector: 'all()', types: ['Ingress'], ...flags[name], ...spec });
const worldOf = (...more: PlainObject[]): World => loadWorld([...cluster, ...more]);
const arriving = (world: World, dst = HOST) => world.verdict({ src: OUTSIDE, dst, proto: 'TCP', dport: 80 }).ingress;
const leaving = (world: World) => world.verdict({ src: HOST, dst: OUTSIDE, proto: 'TCP', dport: 80 }).egress;
const rules = (...actions: string[]): object[] => actions.map((action) => ({ action }));

describe('7: host endpoints and special flags', () => {
  test('7.1 of two host endpoints of a node for one interface the first by name counts', () => {
    const twin = (name: string, profiles: string[]): PlainObject =>
      hostEndpoint(name, {}, { expectedIPs: ['192.0.2.9'], profiles });
    const open = ['projectcalico-default-allow'];
    expect(arriving(worldOf(twin('b', []), twin('a', open)), '192.0.2.9')).toMatchObject({
      endpoint: 'hep:a',
      allowed: true,
    });
    expect(arriving(worldOf(twin('b', open), twin('a', [])), '192.0.2.9')).toMatchObject({
      endpoint: 'hep:a',
      allowed: false,
    });
  });

  test('7.1 a host endpoint may name every interface, or only addresses', () => {
    for (const spec of [{ interfaceName: '*' }, { interfaceName: undefined, expectedIPs: ['192.0.2.9'] }])
      expect(worldOf(hostEndpoint('x', {}, spec)).diagnostics).toEqual([]);
  });

  test('7.2 four lists by flag, each in tier and policy order', () => {
    const world = worldOf(
      tier('first', { order: 1 }),
      ...(['untracked', 'preDNAT', 'forward', 'normal'] as const).flatMap((list) => [
        on(list, { order: 2 }, `${list.toLowerCase()}-b`),
        on(list, { order: 1 }, `${list.toLowerCase()}-a`),
        on(list, { tier: 'first' }, `${list.toLowerCase()}-c`),
      ]),
    );
    const shown = (lists: readonly { name: string; ingress: readonly string[] }[] = []): readonly string[] =>
      lists.map(
        ({ name, ingress }) => `${name}: ${ingress.map((id) => id.replace('GlobalNetworkPolicy/', '')).join(' ')}`,
      );
    const endpoint = world.endpoints().find(({ id }) => id === 'hep:h');
    expect(shown(endpoint?.untrackedTiers)).toEqual(['first: untracked-c', 'default: untracked-a untracked-b']);
    expect(shown(endpoint?.preDNATTiers)).toEqual(['first: prednat-c', 'default: prednat-a prednat-b']);
    expect(shown(endpoint?.tiers)).toEqual([
      'first: forward-c normal-c',
      'default: forward-a normal-a forward-b normal-b',
    ]);
    expect(shown(endpoint?.forwardTiers)).toEqual(['first: forward-c', 'default: forward-a forward-b']);
  });

  test.each([
    [{ doNotTrack: true, preDNAT: true, applyOnForward: true }],
    [{ doNotTrack: true }],
    [{ preDNAT: true }],
    [{ preDNAT: true, applyOnForward: true, egress: rules('Allow') }],
    [{ preDNAT: true, applyOnForward: true, types: ['Egress'] }],
  ])('7.3 refused: %j', (spec) => {
    const { diagnostics } = worldOf(policy('q', { selector: 'all()', ...spec }));
    expect(diagnostics.map(({ severity }) => severity)).toEqual(['error']);
  });

  test.each<[string, PlainObject[], object]>([
    [
      '7.4 what untracked does not decide goes on',
      [on('untracked'), on('normal', { ingress: rules('Allow') })],
      { allowed: true, policy: 'GlobalNetworkPolicy/normal' },
    ],
    [
      '7.4 what pre-DNAT does not decide goes on',
      [on('preDNAT'), on('normal', { ingress: rules('Allow') })],
      { allowed: true, policy: 'GlobalNetworkPolicy/normal' },
    ],
    [
      '7.4 an Allow of untracked skips pre-DNAT and normal',
      [on('untracked', { ingress: rules('Allow') }), on('preDNAT', { ingress: rules('Deny') }), on('normal')],
      { allowed: true, policy: 'GlobalNetworkPolicy/untracked' },
    ],
    [
      '7.4 an Allow of pre-DNAT skips normal',
      [on('preDNAT', { ingress: rules('Allow') }), on('normal')],
      { allowed: true, policy: 'GlobalNetworkPolicy/prednat' },
    ],
    [
      '7.4 a Deny of either ends',
      [on('preDNAT', { ingress: rules('Deny') })],
      { allowed: false, policy: 'GlobalNetworkPolicy/prednat' },
    ],
    ['7.5 no policy and no profile: denied', [], { allowed: false, reason: 'no-profile-match' }],
    ['7.5 the end of a tier of the normal list', [on('normal')], { allowed: false, reason: 'tier-default' }],
    [
      '7.5 a Pass leads to the profiles',
      [on('normal', { ingress: rules('Pass') })],
      { allowed: false, reason: 'no-profile-match' },
    ],
    [
      '7.10 to a local process: untracked before pre-DNAT',
      [on('untracked', { ingress: rules('Deny') }), on('preDNAT', { ingress: rules('Allow') })],
      { allowed: false, policy: 'GlobalNetworkPolicy/untracked' },
    ],
    [
      '7.10 a policy for forwarded traffic is one for local traffic too',
      [on('forward', { ingress: rules('Allow') })],
      { allowed: true, policy: 'GlobalNetworkPolicy/forward' },
    ],
  ])('%s', (_, policies, expected) => {
    expect(arriving(worldOf(...policies))).toMatchObject(expected);
  });

  test('7.5 with a profile that allows', () => {
    const host = hostEndpoint(
      'open',
      {},
      { node: 'n2', expectedIPs: ['192.0.2.9'], profiles: ['projectcalico-default-allow'] },
    );
    expect(arriving(worldOf(host), '192.0.2.9')).toMatchObject({ allowed: true, reason: 'profile' });
  });

  test('7.6 the forward list is there only with applyOnForward, and judges no local traffic by itself', () => {
    const endpoint = (world: World) => world.endpoints().find(({ id }) => id === 'hep:h');
    expect(endpoint(worldOf(on('normal')))).not.toHaveProperty('forwardTiers');
    expect(endpoint(worldOf(on('forward')))?.forwardTiers).toEqual([
      { name: 'default', defaultAction: 'Deny', ingress: ['GlobalNetworkPolicy/forward'], egress: [] },
    ]);
  });

  test('7.7 on pods the flags have no effect, and those policies are in no list of theirs', () => {
    const world = worldOf(
      on('untracked', { ingress: rules('Deny') }),
      on('preDNAT', { ingress: rules('Deny') }),
      on('forward'),
    );
    const endpoint = world.endpoints().find(({ id }) => id === 'pod:a/p');
    expect(endpoint?.tiers).toEqual([
      { name: 'default', defaultAction: 'Deny', ingress: ['GlobalNetworkPolicy/forward'], egress: [] },
    ]);
    expect(Object.keys(endpoint ?? {}).sort()).toEqual(['id', 'ips', 'profiles', 'tiers']);
  });

  test('7.10 from a local process: untracked and normal egress', () => {
    const both = { types: ['Ingress', 'Egress'] };
    expect(leaving(worldOf(on('untracked', { ...both, egress: rules('Allow') }), on('normal', both)))).toMatchObject({
      allowed: true,
      policy: 'GlobalNetworkPolicy/untracked',
    });
    expect(leaving(worldOf(on('untracked', both), on('normal', { ...both, egress: rules('Allow') })))).toMatchObject({
      allowed: true,
      policy: 'GlobalNetworkPolicy/normal',
      passes: ['default:default'],
    });
    expect(leaving(worldOf(on('preDNAT', { ingress: rules('Deny') })))).toMatchObject({ reason: 'no-profile-match' });
  });
});
