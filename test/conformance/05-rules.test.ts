import { describe, expect, test } from 'vitest';
import { type Flow, loadWorld } from '../../src/engine/index.ts';
import { namespace, networkSet, pod, policy } from '../kit/objects.ts';
import type { PlainObject } from '../kit/plain-objects.ts';

const ME = '10.0.0.1';
const OTHER = '10.0.0.2';
const OUTSIDE = '192.0.2.1';
const ME6 = 'fd00::1';
const OUTSIDE6 = '2001:db8::1';
const cluster = [
  namespace('a'),
  pod('a/me', { labels: { app: 'me' }, ips: [ME, ME6], ports: ['web:80', 'dns:53/UDP', 'both:90', 'both:91/UDP'] }),
  pod('a/other', { labels: { app: 'other' }, ips: [OTHER], ports: ['web:8080'] }),
];

/** Whether the only Allow rule of the only policy about `a/me` matches a flow that arrives there. */
function matches(rule: object, flow: Partial<Flow>, ...more: PlainObject[]): boolean {
  const spec = { selector: "app == 'me'", types: ['Ingress'], ingress: [{ action: 'Allow', ...rule }] };
  const family6 = (flow.src ?? '').includes(':');
  const whole = { src: OUTSIDE, dst: family6 ? ME6 : ME, proto: 'TCP', sport: 40_000, dport: 80, ...flow };
  const world = loadWorld([...cluster, ...more, policy('q', spec)]);
  expect(world.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  return world.verdict(whole).ingress?.allowed ?? false;
}

type Case = readonly [line: string, rule: object, yes: readonly Partial<Flow>[], no: readonly Partial<Flow>[]];
const tcp = (dport: number): Partial<Flow> => ({ proto: 'TCP', dport });
const udp = (dport: number): Partial<Flow> => ({ proto: 'UDP', dport });
const icmp4 = (icmpType: number, icmpCode = 0): Partial<Flow> => ({ proto: 'ICMP', icmpType, icmpCode });
const icmp6 = (icmpType: number, icmpCode = 0): Partial<Flow> => ({
  src: OUTSIDE6,
  proto: 'ICMPv6',
  icmpType,
  icmpCode,
});
const six = { src: OUTSIDE6 };

const cases: readonly Case[] = [
  ['5 nothing given matches everything', {}, [tcp(1), udp(1), icmp4(8), icmp6(128), { proto: 47 }], []],
  ['5 ipVersion 4', { ipVersion: 4 }, [tcp(1)], [six]],
  ['5 ipVersion 6', { ipVersion: 6 }, [six], [tcp(1)]],
  ['5 protocol by name', { protocol: 'UDP' }, [udp(1), { proto: 17 }], [tcp(1), { proto: 'SCTP' }]],
  ['5 protocol by number', { protocol: 132 }, [{ proto: 'SCTP' }], [tcp(1)]],
  ['5 protocol UDPLite is 136', { protocol: 'UDPLite' }, [{ proto: 136 }], [udp(1)]],
  ['5 protocol of any number', { protocol: 47 }, [{ proto: 47 }], [{ proto: 46 }, tcp(1)]],
  ['5 notProtocol', { notProtocol: 'TCP' }, [udp(1), { proto: 47 }, icmp4(8)], [tcp(1), { proto: 6 }]],
  ['5 notProtocol by number', { notProtocol: 17 }, [tcp(1)], [udp(1)]],
  ['5 both kinds at once', { protocol: 'TCP', notProtocol: 'UDP' }, [tcp(1)], [udp(1), { proto: 47 }]],
  ['5 the name ICMP is for IPv4 alone', { protocol: 'ICMP' }, [icmp4(8)], [{ src: OUTSIDE6, proto: 1 }]],
  ['5 the name ICMPv6 is for IPv6 alone', { protocol: 'ICMPv6' }, [icmp6(128)], [{ proto: 58 }]],
  ['5 the number 1 is for both families', { protocol: 1 }, [icmp4(8), { src: OUTSIDE6, proto: 1 }], [icmp6(128)]],
  ['5 the number 58 too', { protocol: 58 }, [icmp6(128), { proto: 58 }], [icmp4(8)]],
  ['5 icmp type', { protocol: 'ICMP', icmp: { type: 8 } }, [icmp4(8), icmp4(8, 1)], [icmp4(0)]],
  ['5 icmp type and code', { protocol: 'ICMP', icmp: { type: 3, code: 4 } }, [icmp4(3, 4)], [icmp4(3), icmp4(8, 4)]],
  ['5 icmp code 0', { protocol: 'ICMPv6', icmp: { type: 1, code: 0 } }, [icmp6(1)], [icmp6(1, 1)]],
  ['5 notICMP type: every code', { protocol: 'ICMP', notICMP: { type: 8 } }, [icmp4(0)], [icmp4(8), icmp4(8, 5)]],
  [
    '5 notICMP type and code: that pair alone',
    { protocol: 'ICMP', notICMP: { type: 8, code: 0 } },
    [icmp4(8, 1), icmp4(0)],
    [icmp4(8, 0)],
  ],
  [
    '5 icmp and notICMP together',
    { protocol: 'ICMP', icmp: { type: 3 }, notICMP: { type: 3, code: 4 } },
    [icmp4(3)],
    [icmp4(3, 4), icmp4(8)],
  ],
  [
    '5 nets: any of them',
    { source: { nets: ['192.0.2.0/25', '198.51.100.7/32'] } },
    [{}, { src: '192.0.2.127' }, { src: '198.51.100.7' }],
    [{ src: '192.0.2.128' }, { src: '198.51.100.8' }],
  ],
  [
    '5 nets and notNets together',
    { source: { nets: ['192.0.2.0/24'], notNets: ['192.0.2.64/26'] } },
    [{ src: '192.0.2.63' }, { src: '192.0.2.128' }],
    [{ src: '192.0.2.64' }, { src: '192.0.2.127' }, { src: '198.51.100.1' }],
  ],
  ['5 nets of the destination', { destination: { nets: ['10.0.0.0/31'] } }, [{}], []],
  ['5 notNets of the destination', { destination: { notNets: ['10.0.0.0/31'] } }, [], [{}]],
  ['5 ports of the source', { protocol: 'TCP', source: { ports: [40_000] } }, [{}], [{ sport: 40_001 }]],
  [
    '5 ports and ranges, both ends included',
    { protocol: 'TCP', destination: { ports: [80, '1000:1002', '65535'] } },
    [tcp(80), tcp(1000), tcp(1002), tcp(65_535)],
    [tcp(81), tcp(999), tcp(1003), udp(80)],
  ],
  [
    '5 notPorts',
    { protocol: 'TCP', destination: { notPorts: [80, '1000:1002'] } },
    [tcp(81), tcp(999)],
    [tcp(80), tcp(1001), udp(81)],
  ],
  [
    '5 ports and notPorts together',
    { protocol: 'TCP', destination: { ports: ['80:90'], notPorts: [85] } },
    [tcp(84)],
    [tcp(85), tcp(91)],
  ],
  [
    '5.1 numbers and names of one list are alternatives',
    { protocol: 'TCP', destination: { ports: ['web', 443] } },
    [tcp(80), tcp(443)],
    [tcp(8080), tcp(53)],
  ],
  [
    '5.1 names of another protocol do not count',
    { protocol: 'TCP', destination: { ports: ['dns', 'both'] } },
    [tcp(90)],
    [tcp(53), udp(53), tcp(91)],
  ],
  [
    '5.1 without a protocol each name brings its own',
    { destination: { ports: ['both'] } },
    [tcp(90), udp(91)],
    [tcp(91), udp(90), icmp4(8)],
  ],
  [
    '5.1 names of a source are those of its pod',
    { protocol: 'TCP', source: { ports: ['web'] } },
    [{ src: OTHER, sport: 8080 }],
    [
      { src: OTHER, sport: 80 },
      { src: OUTSIDE, sport: 8080 },
    ],
  ],
  ['5.2 names in notPorts', { protocol: 'TCP', destination: { notPorts: ['web'] } }, [tcp(81), tcp(8080)], [tcp(80)]],
  [
    '5.2 names in notPorts without a protocol let pass what has no ports',
    { destination: { notPorts: ['both'] } },
    [tcp(91), icmp4(8), { proto: 47 }],
    [tcp(90), udp(91)],
  ],
  [
    '5.3 a name that nobody defines: alone never, among others nothing more',
    { protocol: 'TCP', destination: { ports: ['nobody'] } },
    [],
    [tcp(80)],
  ],
  ['5.3 in notPorts it takes nothing away', { protocol: 'TCP', destination: { notPorts: ['nobody'] } }, [tcp(80)], []],
  ['5.4 notNets of IPv4 make a rule for IPv4', { source: { notNets: ['10.0.0.0/8'] } }, [{}], [six, { src: OTHER }]],
  ['5.4 notNets of IPv6 make a rule for IPv6', { source: { notNets: ['fd00::/8'] } }, [six], [{}]],
  ['5.4 of the other side too', { destination: { notNets: ['192.0.2.0/24'] } }, [{}], [six]],
  ['5.4 nets of IPv6', { source: { nets: ['2001:db8::/32'] } }, [six], [{}]],
];

describe('5: what a rule matches', () => {
  test.each(cases)('%s', (_, rule, yes, no) => {
    for (const flow of yes) expect([flow, matches(rule, flow)]).toEqual([flow, true]);
    for (const flow of no) expect([flow, matches(rule, flow)]).toEqual([flow, false]);
  });

  test('5.4 a rule with networks of both families is refused, and closed', () => {
    const spec = (action: string): object => ({
      selector: "app == 'me'",
      types: ['Ingress'],
      ingress: [{ action, source: { nets: ['192.0.2.0/24', '2001:db8::/32'] } }, { action: 'Allow' }],
    });
    for (const action of ['Allow', 'Deny']) {
      const world = loadWorld([...cluster, policy('q', spec(action))]);
      expect(world.diagnostics.map(({ severity }) => severity)).toEqual(['error']);
      expect(world.verdict({ src: '203.0.113.1', dst: ME, proto: 'TCP' }).allowed).toBe(action === 'Allow');
    }
  });

  test('5.5 a notNets entry of everything is refused, and its Allow matches nothing', () => {
    for (const net of ['0.0.0.0/0', '::/0']) {
      const ingress = [{ action: 'Allow', source: { notNets: [net] } }];
      const world = loadWorld([...cluster, policy('q', { selector: 'all()', types: ['Ingress'], ingress })]);
      expect(world.diagnostics.map(({ severity }) => severity)).toEqual(['error']);
      for (const [src, dst] of [
        [OUTSIDE, ME],
        [OUTSIDE6, ME6],
      ] as const)
        expect(world.verdict({ src, dst, proto: 'TCP' }).allowed).toBe(false);
    }
  });

  test('5.6 Allow and Deny end, Log goes on, Pass leaves the tier', () => {
    const verdict = (...actions: string[]) => {
      const ingress = actions.map((action) => ({ action }));
      return loadWorld([...cluster, policy('q', { selector: 'all()', types: ['Ingress'], ingress })]).verdict({
        src: OUTSIDE,
        dst: ME,
        proto: 'TCP',
      }).ingress;
    };
    expect(verdict('Allow', 'Deny')).toMatchObject({ allowed: true, rule: 0 });
    expect(verdict('Deny', 'Allow')).toMatchObject({ allowed: false, rule: 0 });
    expect(verdict('Log', 'Log', 'Deny', 'Allow')).toMatchObject({ allowed: false, rule: 2 });
    expect(verdict('Pass', 'Deny')).toMatchObject({
      allowed: true,
      reason: 'profile',
      passes: ['default:GlobalNetworkPolicy/q#0'],
    });
    expect(verdict('Log')).toMatchObject({ allowed: false, reason: 'tier-default' });
  });

  test('5.7 an Allow with an HTTP match is left out, and that is said', () => {
    for (const http of [
      { methods: ['GET'] },
      { paths: [{ prefix: '/pub' }] },
      { methods: ['*'], paths: [{ exact: '/' }] },
    ]) {
      const ingress = [{ action: 'Allow', http }, { action: 'Deny' }];
      const world = loadWorld([...cluster, policy('q', { selector: 'all()', types: ['Ingress'], ingress })]);
      expect(world.diagnostics).toMatchObject([{ code: 'HTTP_NOT_ENFORCEABLE', path: 'spec.ingress[0].http' }]);
      expect(world.verdict({ src: OUTSIDE, dst: ME, proto: 'TCP', dport: 80 }).ingress).toMatchObject({
        allowed: false,
        rule: 1,
      });
    }
  });

  test('5.8 a set without members matches nothing', () => {
    expect(matches({ source: { selector: 'has(nobody)' } }, {})).toBe(false);
    expect(matches({ source: { notSelector: 'has(nobody)' } }, {})).toBe(true);
    expect(matches({ source: { selector: "kind == 'empty'" } }, {}, networkSet('g', { kind: 'empty' }, []))).toBe(
      false,
    );
  });

  test('5.9 policy is about the first packet: what answers a flow needs no rule of its own', () => {
    const spec = { selector: "app == 'me'", types: ['Ingress', 'Egress'], ingress: [{ action: 'Allow' }] };
    const world = loadWorld([...cluster, policy('q', spec)]);
    expect(world.verdict({ src: OUTSIDE, dst: ME, proto: 'TCP', sport: 1, dport: 80 }).allowed).toBe(true);
    expect(world.verdict({ src: ME, dst: OUTSIDE, proto: 'TCP', sport: 80, dport: 1 }).allowed).toBe(false);
  });

  const many = (count: number, of: (index: number) => unknown): unknown[] =>
    Array.from({ length: count }, (_, at) => of(at));
  test('5.10 a policy takes 1024 rules of each direction; of more, none allows and each that denies or passes denies everything', () => {
    const world = (count: number, last: string) => {
      const egress = [...many(count - 1, () => ({ action: 'Allow' })), { action: last, protocol: 'UDP' }];
      return loadWorld([...cluster, policy('q', { selector: 'all()', types: ['Egress'], egress })]);
    };
    const asked = { src: ME, dst: OUTSIDE, proto: 'TCP', dport: 1 };
    expect(world(1024, 'Deny').diagnostics).toEqual([]);
    expect(world(1024, 'Deny').verdict(asked).allowed).toBe(true);
    expect(world(1025, 'Deny').diagnostics).toMatchObject([
      { severity: 'error', code: 'FIELD_INVALID', path: 'spec.egress' },
    ]);
    expect(world(1025, 'Deny').verdict(asked).egress).toMatchObject({ allowed: false, reason: 'rule', rule: 1024 });
    expect(world(1025, 'Allow').verdict(asked).egress).toMatchObject({ allowed: false, reason: 'tier-default' });
  });
});
