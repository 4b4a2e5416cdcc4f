import { describe, expect, test } from 'vitest';
import { FACTS, firewall, smallMachine } from '../../../test/kit/machine.ts';

describe('rules of the allocation', () => {
  test('go out from the private networks, and come in to the cluster where no destination is given', () => {
    const { text } = smallMachine(`
allocation:
  hostname: fw-1
  firewall_rules:
    egress: [{ protocol: tcp, ports: [443, 80], to: [0.0.0.0/0], comment: allow apt update }]
    ingress:
      - { protocol: udp, ports: [53], from: [192.0.2.0/24, "2001:db8::/32"], comment: dns }
      - { ports: [22], from: [192.0.2.0/24], to: [10.0.0.5/32] }
      - { ports: [], from: [192.0.2.0/24] }
`);
    expect(
      text
        .split('\n')
        .filter((line) => line.includes('dport'))
        .map((line) => line.trim()),
    ).toEqual([
      'ip saddr { 192.0.2.0/24 } ip daddr { 10.0.0.5/32 } tcp dport { 22 } counter accept comment "accept traffic for metal ingress rule 1"',
      'oifname { "vrf42", "vni42", "vlan42" } ip saddr { 192.0.2.0/24 } udp dport { 53 } counter accept comment "dns"',
      'oifname { "vrf42", "vni42", "vlan42" } ip6 saddr { 2001:db8::/32 } udp dport { 53 } counter accept comment "dns"',
      'iifname { "vrf42", "vni42", "vlan42" } ip daddr { 0.0.0.0/0 } tcp dport { 443, 80 } counter accept comment "allow apt update"',
      // Storage that clusters share, to the outside alone: this egress rule lets none of its machines into the cluster.
      'iifname { "vrf50", "vni50", "vlan50" } oifname != { "vrf42", "vni42", "vlan42", "vrf50", "vni50", "vlan50" } ip daddr { 0.0.0.0/0 } tcp dport { 443, 80 } counter accept comment "allow apt update"',
    ]);
  });
});

test.each([
  ['outside all private networks is one rule for all of them', '192.0.2.0/24', FACTS, ['"vrf42"']],
  ['that touches a private network is two', '10.0.18.0/23', FACTS, ['"vrf42"', '"vrf50"']],
  [
    'is two where the prefixes of a private network are not known',
    '192.0.2.0/24',
    FACTS.replace('prefixes: [10.0.16.0/22], ', ''),
    ['"vrf42"', '"vrf50"'],
  ],
])('egress to a net %s', (_, to, facts, begins) => {
  const rules = `allocation: { hostname: fw-1, firewall_rules: { egress: [{ ports: [443], to: [${to}] }] } }\n`;
  const { text, said } = smallMachine(rules, { facts });
  expect(said).toEqual(
    begins.length === 1
      ? []
      : [
          'warning CWNP_NARROWED  allocation.firewall_rules.egress[0].to: names nets that are inside: who comes from a network that others share leaves by it for the outside alone',
        ],
  );
  expect([...text.matchAll(/iifname \{ ("vrf\d+").* dport/g)].map(([, first]) => first)).toEqual(begins);
});

describe('rules of the allocation where the Firewall restricts networks', () => {
  const rules = `
---
allocation:
  hostname: fw-1
  firewall_rules:
    egress:
      - { ports: [443], to: [203.0.113.0/25], comment: out inside }
      - { ports: [443], to: [203.0.113.0/25, 203.0.113.0/24], comment: out beyond }
    ingress:
      - { ports: [22], from: [192.0.2.0/24], comment: in inside }
      - { ports: [22], from: [192.0.2.0/23], to: [10.0.0.5/32], comment: in beyond }
      - { ports: [22], from: ["2001:db8::/32"], comment: in of the other family }
`;
  const opened = (allowed: string): readonly string[] =>
    [
      ...smallMachine(firewall(`{ allowedNetworks: ${allowed} }`) + rules).text.matchAll(
        /accept comment "((?:in|out) .*)"/g,
      ),
    ].map(([, name = '']) => name);

  test('one that names a net beyond these is left out alone, and told', () => {
    const allowed = '{ ingress: [192.0.2.0/24], egress: [203.0.113.0/25] }';
    expect(opened(allowed).toSorted()).toEqual(['in inside', 'out inside']);
    const { said } = smallMachine(firewall(`{ allowedNetworks: ${allowed} }`) + rules);
    expect(said).toEqual([
      'error CWNP_FORBIDDEN  allocation.firewall_rules.egress[1].to[1]: address "203.0.113.0/24" is outside of the allowed network range "203.0.113.0/25", ignoring. This rule is left out.',
      'error CWNP_FORBIDDEN  allocation.firewall_rules.ingress[1].from[0]: address "192.0.2.0/23" is outside of the allowed network range "192.0.2.0/24", ignoring. This rule is left out.',
      'error CWNP_FORBIDDEN  allocation.firewall_rules.ingress[2].from[0]: address "2001:db8::/32" is outside of the allowed network range "192.0.2.0/24", ignoring. This rule is left out.',
    ]);
  });

  test('one side alone forbids everything on the other; what restricts nothing forbids nothing', () => {
    expect(opened('{ egress: [203.0.113.0/24] }').toSorted()).toEqual(['out beyond', 'out inside']);
    expect(opened('nonsense')).toEqual([]);
    expect(opened('{}')).toHaveLength(5);
  });
});

test('rules of the allocation that are about the cluster are left out where its network is not known, and told', () => {
  const { text, said } = smallMachine(
    `
allocation:
  hostname: fw-1
  firewall_rules:
    egress: [{ ports: [443], to: [0.0.0.0/0] }]
    ingress: [{ ports: [22], from: [192.0.2.0/24] }, { ports: [22], from: [192.0.2.0/24], to: [10.0.0.5/32] }]
`,
    { facts: FACTS.replace('privateprimaryunshared', 'external') },
  );
  expect(
    text
      .split('\n')
      .filter((line) => line.includes('dport'))
      .map((line) => line.trim()),
  ).toEqual([
    'ip saddr { 192.0.2.0/24 } ip daddr { 10.0.0.5/32 } tcp dport { 22 } counter accept comment "accept traffic for metal ingress rule 1"',
  ]);
  const why = 'this machine has no private primary network, which the rule is about. This rule is left out.';
  expect(said).toEqual([
    `error MACHINE_NETWORK  allocation.firewall_rules.egress[0]: ${why}`,
    `error MACHINE_NETWORK  allocation.firewall_rules.ingress[0]: ${why}`,
  ]);
});
