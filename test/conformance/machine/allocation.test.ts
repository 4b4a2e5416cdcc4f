import { beforeAll, expect, test } from 'vitest';
import { rendered } from './rendered.ts';

// Rules of an allocation, from the metal-api: sections 4.10, 12.3 and 17.2 of the metal-stack reference.

const config = `name: fw-1
sources:
  metal: { url: https://api.example.org/metal, hmac: { env: HOME }, type: Metal-View, projectID: q }
controllers:
  firewall: { source: metal }
  cwnp: { source: metal }
`;

const allocation = (rules: string): string => `
id: 00000000-0000-0000-0000-000000000001
allocation:
  hostname: fw-1
  name: fw-1
  project: q
  firewall_rules: ${rules}
`;

// The program is loaded by the first call, which takes longer than any case.
beforeAll(async () => {
  await rendered({});
});

/** The same in the configuration file. */
const inFile = (rules: string): string => `name: fw-1
sources:
  static: { firewall: { size: s }, firewallRules: ${rules} }
controllers:
  firewall: { source: static }
  cwnp: { source: static }
`;

/** Comments of a rule, and parts that have to stand in it beside. */
test.each([
  [
    'what names nobody lets nobody through: there is one rule for each net',
    '{ egress: [{ ports: [443], comment: bad }, { ports: [443], to: [], comment: bad }], ingress: [{ ports: [443], comment: bad }, { ports: [443], from: [], to: [203.0.113.7/32], comment: bad }] }',
    [],
  ],
  [
    'what goes from one family to the other opens nothing',
    '{ ingress: [{ ports: [443], from: ["2001:db8::/32"], to: [203.0.113.7/32], comment: bad }] }',
    [],
  ],
  [
    'egress is from every private network, TCP where nothing is said, with its own comment',
    '{ egress: [{ ports: [443, 80], to: [192.0.2.0/24], comment: web out }] }',
    [
      [
        'comment "web out"',
        'iifname { "vrf42", "vni42", "vlan42", "vrf50", "vni50", "vlan50" } ip daddr',
        'ip daddr { 192.0.2.0/24 }',
        'tcp dport { 443, 80 }',
        'counter accept',
      ],
    ],
  ],
  [
    'whoever shares a network with the cluster leaves by it too, but not into the cluster',
    '{ egress: [{ ports: [443], to: [0.0.0.0/0], comment: any }] }',
    [
      ['comment "any"', 'iifname { "vrf42", "vni42", "vlan42" } ip daddr'],
      [
        'comment "any"',
        'iifname { "vrf50", "vni50", "vlan50" }',
        'oifname != { "vrf42", "vni42", "vlan42", "vrf50", "vni50", "vlan50" }',
      ],
    ],
  ],
  [
    'ingress to addresses',
    '{ ingress: [{ protocol: udp, ports: [53], to: [203.0.113.7/32], from: [192.0.2.0/24], comment: dns in }] }',
    [
      [
        'comment "dns in"',
        'ip saddr { 192.0.2.0/24 }',
        'ip daddr { 203.0.113.7/32 }',
        'udp dport { 53 }',
        'counter accept',
      ],
    ],
  ],
  [
    'ingress without addresses is to the private network alone',
    '{ ingress: [{ protocol: tcp, ports: [22], from: [192.0.2.0/24], comment: ssh }] }',
    [['comment "ssh"', 'oifname { "vrf42", "vni42", "vlan42" }', 'ip saddr { 192.0.2.0/24 }', 'tcp dport { 22 }']],
  ],
  [
    'IPv6',
    '{ egress: [{ protocol: tcp, ports: [443], to: ["2001:db8::/32"], comment: six }] }',
    [['comment "six"', 'ip6 daddr { 2001:db8::/32 }', 'tcp dport { 443 }']],
  ],
  [
    'protocols as either API writes them',
    '{ egress: [{ protocol: IP_PROTOCOL_UDP, ports: [53], to: [192.0.2.0/24], comment: newer }, { protocol: UDP, ports: [54], to: [192.0.2.0/24], comment: upper }, { protocol: "", ports: [55], to: [192.0.2.0/24], comment: unsaid }] }',
    [
      ['comment "unsaid"', 'tcp dport { 55 }'],
      ['comment "newer"', 'udp dport { 53 }'],
      ['comment "upper"', 'udp dport { 54 }'],
    ],
  ],
  [
    'ports from 0 on, as the API takes them',
    '{ egress: [{ ports: [0, 65535], to: [192.0.2.0/24], comment: all of them }] }',
    [['comment "all of them"', 'tcp dport { 0, 65535 }']],
  ],
  [
    'one that cannot be read is left out alone',
    '{ egress: [{ ports: [65536], to: [192.0.2.0/24], comment: bad }, { ports: [-1], to: [192.0.2.0/24], comment: bad }, { ports: [443], to: [192.0.2.0/33], comment: bad }, { protocol: icmp, ports: [443], to: [192.0.2.0/24], comment: bad }, { ports: [443], to: [192.0.2.0/24], comment: good }] }',
    [['comment "good"', 'ip daddr { 192.0.2.0/24 }']],
  ],
])('12.3 %s', async (_, rules, expected) => {
  for (const given of [{ config, firewallObject: allocation(rules) }, { config: inFile(rules) }]) {
    const result = await rendered(given);
    expect(result.rules).toHaveLength(expected.length);
    for (const [index, parts] of expected.entries())
      for (const part of parts) expect(result.rules[index]).toContain(part);
  }
});

test('13 a machine as the newer API has it', async () => {
  const { said, rules, text } = await rendered({
    config: config.replace('hmac: { env: HOME }, type: Metal-View', 'token: { env: HOME }'),
    firewallObject: `
uuid: 00000000-0000-0000-0000-000000000001
allocation:
  hostname: fw-1
  project: q
  networks:
    - { network: nodes, networkType: NETWORK_TYPE_CHILD, natType: NAT_TYPE_NONE, vrf: "43", asn: 4200000042, project: q, prefixes: [10.0.0.0/22], ips: [10.0.0.1] }
  firewallRules:
    egress: [{ protocol: IP_PROTOCOL_TCP, ports: [443], to: [192.0.2.0/24], comment: web out }]
    ingress: [{ protocol: IP_PROTOCOL_UDP, ports: [53], from: [192.0.2.0/24], to: [nonsense], comment: bad }, { protocol: IP_PROTOCOL_UDP, ports: [53], from: [192.0.2.0/24], comment: dns in }]
`,
  });
  expect(rules).toEqual([
    'oifname { "vrf43", "vni43", "vlan43" } ip saddr { 192.0.2.0/24 } udp dport { 53 } counter accept comment "dns in"',
    'iifname { "vrf43", "vni43", "vlan43" } ip daddr { 192.0.2.0/24 } tcp dport { 443 } counter accept comment "web out"',
  ]);
  expect(text).toContain('oifname {"vlan43", "vrf43"} counter name external_in');
  expect(said).toEqual([
    expect.stringMatching(
      /^error PREFIX_INVALID \/objects\.yaml:10:\d+ allocation\.firewallRules\.ingress\[0\]\.to\[0\]: /,
    ),
  ]);
});

test('12.3 a protocol that there is not is told with those that there are', async () => {
  const { said } = await rendered({
    config: inFile('{ egress: [{ protocol: icmp, ports: [443], to: [192.0.2.0/24] }] }'),
  });
  expect(said).toEqual([
    'error FIELD_INVALID /config.yaml:3:74 sources.static.firewallRules.egress[0].protocol: "icmp" is not possible here; use tcp or udp. This rule is left out.',
  ]);
});
