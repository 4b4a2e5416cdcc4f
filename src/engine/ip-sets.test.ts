import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { endpointSlice, hostEndpoint, kubernetesPolicy, networkSet, pod, policy } from '../../test/kit/objects.ts';
import { cluster, given, services } from '../../test/kit/random-cluster.ts';
import { otherKinds } from '../../test/kit/random-kinds.ts';
import type { PlainObject } from '../../test/kit/plain-objects.ts';
import { PATIENCE_MS, tries } from '../../test/kit/runs.ts';
import { ipSetsOf } from '../../test/kit/slow-sets.ts';
import { A, B, everywhere, web } from '../../test/kit/two-pods.ts';
import type { IpSet } from './ip-sets.ts';
import { loadWorld } from './world.ts';

const hash = (prefix: string, text: string): string =>
  `${prefix}${createHash('sha224').update(`${prefix}${text}`).digest('base64url')}`;
/** Each set as `selector [port/protocol]: members`. */
const shown = (sets: readonly IpSet[]): readonly string[] =>
  sets
    .map(
      ({ selector, namedPort, namedPortProtocol, members }) =>
        `${selector}${namedPort === undefined ? '' : ` ${namedPort}/${namedPortProtocol}`}: ${members.join(' ')}`,
    )
    .sort();
const setsOf = (rule: object, ...more: readonly PlainObject[]): readonly string[] =>
  shown(web(policy('g', { ...everywhere, types: ['Ingress'], ingress: [rule] }), ...more).ipSets());

describe('4: IP sets', () => {
  test.each<[string, object, readonly string[]]>([
    ['4.1 none without a selector', { action: 'Allow', source: { nets: ['10.0.0.0/8'] } }, []],
    [
      '4.2 of a selector: addresses of pods, of both families',
      { action: 'Allow', source: { selector: "app == 'web'" } },
      [`app == "web": ${A}/32 fd00::1/128`],
    ],
    ['4.1 of a Log rule too', { action: 'Log', source: { selector: 'has(no)' } }, ['has(no): ']],
    [
      '3.3.2 of a notSelector alone',
      { action: 'Deny', source: { notSelector: "app == 'web'" } },
      [`app == "web": ${A}/32 fd00::1/128`],
    ],
    [
      '3.3.2 merged where there is a positive selector',
      { action: 'Allow', source: { selector: 'has(app)', notSelector: "app == 'web'" } },
      [`(has(app) && !app == "web"): ${B}/32 fd00::2/128`],
    ],
    [
      '4.6 of a named port, by protocol',
      { action: 'Allow', protocol: 'TCP', destination: { ports: ['http'] } },
      [`all() http/tcp: ${A},tcp:80 ${B},tcp:8080 fd00::1,tcp:80 fd00::2,tcp:8080`],
    ],
    [
      '4.6 of any protocol',
      { action: 'Allow', destination: { selector: "app == 'web'", ports: ['http'] } },
      [`app == "web" http/any: ${A},tcp:80 ${A},udp:81 fd00::1,tcp:80 fd00::1,udp:81`],
    ],
    [
      '4.6 by number',
      { action: 'Allow', protocol: 17, destination: { ports: ['http'] } },
      [`all() http/udp: ${A},udp:81 fd00::1,udp:81`],
    ],
    [
      '5.1 names alone fold the selector',
      { action: 'Allow', protocol: 'UDP', destination: { selector: "app == 'web'", ports: ['http', 'none'] } },
      [`app == "web" http/udp: ${A},udp:81 fd00::1,udp:81`, 'app == "web" none/udp: '],
    ],
    [
      '5.1 beside numbers they do not',
      { action: 'Allow', protocol: 'UDP', destination: { selector: "app == 'web'", ports: ['http', 80] } },
      [`app == "web" http/udp: ${A},udp:81 fd00::1,udp:81`, `app == "web": ${A}/32 fd00::1/128`],
    ],
    [
      '5.2 in notPorts they are limited by the positive selector, and fold nothing',
      { action: 'Allow', protocol: 'UDP', destination: { selector: "app == 'web'", notPorts: ['http'] } },
      [`app == "web" http/udp: ${A},udp:81 fd00::1,udp:81`, `app == "web": ${A}/32 fd00::1/128`],
    ],
    [
      '5.2 and not by a negative one',
      { action: 'Allow', protocol: 'UDP', destination: { notSelector: "app == 'web'", ports: ['http'] } },
      [`all() http/udp: ${A},udp:81 fd00::1,udp:81`, `app == "web": ${A}/32 fd00::1/128`],
    ],
  ])('%s', (_, rule, expected) => {
    expect(setsOf(rule)).toEqual([...expected].sort());
  });

  test('4.2 to 4.4 of hosts their expected addresses, of network sets their nets as written, masked; /0 as halves', () => {
    const rule = { action: 'Allow', source: { selector: 'has(kind)' } };
    const found = setsOf(
      rule,
      networkSet('n', { kind: 'x' }, ['10.9.0.7/24', '10.9.1.0/25', '10.9.1.128/25', '192.0.2.1', '0.0.0.0/0', '::/0']),
      hostEndpoint('h', { kind: 'x' }, { expectedIPs: ['192.0.2.1', '192.0.2.2'] }),
      pod('b/finished', { labels: { kind: 'x' }, ips: ['10.0.0.9'], phase: 'Succeeded' }),
      pod('b/agent', { labels: { kind: 'x' }, ips: ['10.0.0.8'], hostNetwork: true }),
    );
    expect(found).toEqual([
      'has(kind): 0.0.0.0/1 10.9.0.0/24 10.9.1.0/25 10.9.1.128/25 128.0.0.0/1 192.0.2.1/32 192.0.2.2/32 8000::/1 ::/1',
    ]);
  });

  test('4.5 ids', () => {
    const services = { name: 's', namespace: 'b' };
    const world = web(
      endpointSlice('b/s-1', 's', [B, 'fd00::2'], ['80', '53/UDP']),
      policy('g', {
        ...everywhere,
        ingress: [
          { action: 'Allow', source: { services } },
          { action: 'Allow', protocol: 'TCP', source: { selector: 'all()' }, destination: { ports: ['http'] } },
        ],
        egress: [{ action: 'Allow', destination: { services } }],
      }),
    );
    const all = 's:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug';
    const members = new Map(world.ipSets().map((set) => [set.uid, set.members]));
    expect([...members.keys()]).toEqual(
      [all, hash('n:', `${all},tcp,http`), hash('svc:', 'b/s'), hash('svcnoport:', 'b/s')].sort(),
    );
    expect(members.get(hash('svc:', 'b/s'))).toEqual([
      `${B},tcp:80`,
      `${B},udp:53`,
      'fd00::2,tcp:80',
      'fd00::2,udp:53',
    ]);
    expect(members.get(hash('svcnoport:', 'b/s'))).toEqual([`${B}/32`, 'fd00::2/128']);
    expect(
      world
        .ipSets()
        .filter(({ uid }) => uid.startsWith('svc'))
        .map(({ selector }) => selector),
    ).toEqual(['', '']);
  });

  test('4.1 only policies that select an endpoint are active', () => {
    const rule = { action: 'Allow', source: { selector: 'has(app)' } };
    const sets = (selector: string): number => web(policy('g', { selector, ingress: [rule] })).ipSets().length;
    expect([sets("app == 'web'"), sets("app == 'none'")]).toEqual([1, 0]);
    const hostOnly = web(
      policy('g', { selector: 'has(agent)', ingress: [rule] }),
      pod('b/agent', { labels: { agent: 'x' }, ips: ['10.0.0.8'], hostNetwork: true }),
    );
    expect(hostOnly.ipSets()).toEqual([]);
  });

  test('4.1 rules of a direction that the policy takes no part in, and rules with an HTTP match, have sets as well', () => {
    const source = (selector: string): object => ({ source: { selector } });
    const world = web(
      policy('g', {
        ...everywhere,
        types: ['Ingress'],
        ingress: [{ action: 'Allow', http: { methods: ['GET'] }, ...source('has(a)') }],
        egress: [{ action: 'Allow', ...source('has(b)') }],
      }),
      kubernetesPolicy('a/k', {
        podSelector: {},
        policyTypes: ['Egress'],
        ingress: [{ from: [{ podSelector: { matchLabels: { c: 'd' } } }] }],
      }),
    );
    expect(
      world
        .ipSets()
        .map(({ selector }) => selector)
        .sort(),
    ).toEqual([
      '(projectcalico.org/namespace == "a" && (projectcalico.org/orchestrator == "k8s" && c == "d"))',
      'has(a)',
      'has(b)',
    ]);
  });
});

test(
  '4 sets, ids and members are those of an independent reading',
  () => {
    fc.assert(
      fc.property(fc.tuple(cluster, services, otherKinds, given), (parts) => {
        const objects = parts.flat();
        expect(loadWorld(objects).ipSets()).toEqual(ipSetsOf(objects));
      }),
      tries(25, 9),
    );
  },
  PATIENCE_MS,
);
