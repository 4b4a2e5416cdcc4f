import { describe, expect, test } from 'vitest';
import { FACTS, smallMachine } from '../../../test/kit/machine.ts';

describe('rules of the allocation', () => {
  test('go out from the cluster, and come in to it where no destination is given', () => {
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
    ]);
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
