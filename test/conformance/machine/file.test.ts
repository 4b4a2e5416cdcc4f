import { beforeAll, describe, expect, test } from 'vitest';
import { FACTS, policy, rendered, service } from './rendered.ts';

// Section 4.2 of the metal-stack reference: the whole file, line by line but for comments and empty lines.

const linesOf = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.trim().startsWith('#'));

function expected(parts: {
  readonly internal: string;
  readonly limits: readonly string[];
  readonly rules: readonly string[];
  readonly behind: readonly string[];
}): string[] {
  return [
    'table inet firewall {',
    '\tset internal_prefixes {',
    '\t\ttype ipv4_addr',
    '\t\tflags interval',
    '\t\tauto-merge',
    // Around the elements the template of today leaves lines that hold two tabs.
    '\t\t',
    ...(parts.internal === '' ? [] : [`\t\telements = { ${parts.internal} }`]),
    ...(parts.internal === '' ? [] : ['\t\t']),
    '\t}',
    '\tset cluster_prefixes {',
    '\t\ttype ipv4_addr',
    '\t\tflags interval',
    '\t\tauto-merge',
    '\t\telements = { 10.0.0.0/8 }',
    '\t}',
    ...['internal_in', 'internal_out', 'external_in', 'external_out', 'drop_total', 'drop_ratelimit'].flatMap(
      (name) => [`\tcounter ${name} {`, '\t}'],
    ),
    '\tchain forward {',
    '\t\ttype filter hook forward priority 1; policy drop;',
    '\t\tip saddr != @internal_prefixes oifname {"vlan42", "vrf42"} counter name external_in comment "count external traffic incoming"',
    '\t\tip daddr != @internal_prefixes iifname {"vlan42", "vrf42"} counter name external_out comment "count external traffic outgoing"',
    '\t\tip saddr @internal_prefixes oifname {"vlan42", "vrf42"} counter name internal_in comment "count internal traffic incoming"',
    '\t\tip daddr @internal_prefixes iifname {"vlan42", "vrf42"} counter name internal_out comment "count internal traffic outgoing"',
    ...parts.limits,
    '\t\tct state established,related counter accept comment "accept established connections"',
    '\t\tct state invalid counter drop comment "drop packets with invalid ct state"',
    '\t\tip protocol icmp icmp type echo-request limit rate over 10/second burst 4 packets counter drop comment "drop ping floods"',
    '\t\tip protocol icmp icmp type { destination-unreachable, router-solicitation, router-advertisement, time-exceeded, parameter-problem } counter log prefix "nftables-firewall-accepted: " accept comment "accept icmp"',
    ...parts.rules,
    '\t\tcounter comment "count and log dropped packets"',
    // Every packet counts as dropped, and not only those that are logged: 17.7, number 7.
    '\t\tcounter name drop_total limit rate 10/second log prefix "nftables-firewall-dropped: "',
    // A new base chain gets its policy last of all that Linux commits; until then only a rule drops.
    '\t\tdrop',
    '\t}',
    ...parts.behind,
    '}',
  ];
}

// The program is loaded by the first call, which takes longer than any case.
beforeAll(async () => {
  await rendered({});
});

describe('the file', () => {
  test('of a machine without anything', async () => {
    const { text } = await rendered({});
    const lines = linesOf(text).filter((line) => line !== '\t\t');
    expect(lines).toEqual(
      expected({ internal: '', limits: [], rules: [], behind: [] }).filter((line) => line !== '\t\t'),
    );
  });

  test('of a machine with a bit of everything', async () => {
    const { text } = await rendered({
      firewall:
        'internalPrefixes: [10.0.0.0/8, 198.51.100.0/24], rateLimits: [{ networkID: internet, rate: 100 }], egressRules: [{ networkID: internet, ips: [203.0.113.7] }]',
      objects: [
        policy('out', 'egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 443 }] }]'),
        policy('in', 'ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }] }]'),
        service('web', 'type: LoadBalancer, ports: [{ port: 443 }]', '{ ip: 203.0.113.80 }'),
      ],
    });
    expect(linesOf(text)).toEqual(
      expected({
        internal: '10.0.0.0/8, 198.51.100.0/24',
        limits: ['\t\tmeta iifname "vrf104009" limit rate over 100 mbytes/second counter name drop_ratelimit drop'],
        rules: [
          '\t\tip saddr { 192.0.2.0/24 } tcp dport { 80 } counter accept comment "accept traffic for k8s network policy in tcp"',
          '\t\tip daddr { 203.0.113.80 } tcp dport { 443 } counter accept comment "accept traffic for k8s service shop/web"',
          '\t\tip saddr == @cluster_prefixes ip daddr { 192.0.2.0/24 } tcp dport { 443 } counter accept comment "accept traffic for np out tcp"',
        ],
        behind: [
          '\tchain postrouting {',
          '\t\ttype nat hook postrouting priority -1; policy accept;',
          '\t\tip saddr { 10.0.0.0/22 } oifname "vlan104009" counter snat 203.0.113.7 random comment "snat for internet"',
          '\t}',
        ],
      }),
    );
  });
});

/** Rules that depend on what the networks are to the machine. */
const asked = {
  firewall:
    'rateLimits: [{ networkID: internet, rate: 100 }, { networkID: underlay, rate: 9 }], egressRules: [{ networkID: internet, ips: [203.0.113.7] }]',
  objects: [policy('p', 'egress: [{ toFQDNs: [{ matchName: example.org }], ports: [{ port: 443 }] }]')],
};

describe('1.3 networks', () => {
  test('the newer types say the same', async () => {
    const newer = FACTS.replaceAll('privateprimaryunshared', 'child')
      .replaceAll('privatesecondaryshared', 'child-shared')
      .replace('hostname: fw-1', 'hostname: fw-1\nproject: q');
    expect((await rendered({ ...asked, facts: newer })).text).toBe((await rendered(asked)).text);
  });

  test('machine-allocation.yaml of newer images says the same', async () => {
    const allocation = `
hostname: fw-1
project: q
networks:
  - { network: nodes, network_type: NETWORK_TYPE_CHILD, nat_type: NAT_TYPE_NONE, vrf: "42", asn: 4200000042, project: q, prefixes: [10.0.0.0/22], ips: [10.0.0.1] }
  - { network: storage, networkType: NETWORK_TYPE_CHILD_SHARED, natType: NAT_TYPE_NONE, vrf: 50, project: other, prefixes: [10.0.16.0/22], ips: [10.0.16.2] }
  - { network: internet, networkType: NETWORK_TYPE_EXTERNAL, natType: NAT_TYPE_IPV4_MASQ, vrf: "104009", prefixes: [198.51.100.0/24, 203.0.113.0/24], destinationPrefixes: [0.0.0.0/0], ips: [198.51.100.2] }
  - { network: partner, networkType: NETWORK_TYPE_EXTERNAL, vrf: 104010, prefixes: [192.0.2.0/24], destinationPrefixes: [172.16.0.0/12], ips: [192.0.2.2] }
  - { network: underlay, networkType: NETWORK_TYPE_UNDERLAY, prefixes: [10.1.0.0/24], ips: [10.1.0.1] }
`;
    expect((await rendered({ ...asked, facts: allocation })).text).toBe((await rendered(asked)).text);
  });

  test('a shared network can be the primary one', async () => {
    const { text } = await rendered({ facts: FACTS.replace('privateprimaryunshared', 'privateprimaryshared') });
    expect(text).toContain('oifname {"vlan42", "vrf42"} counter name external_in');
  });

  test('a shared network with a default route is the way to the world where no external one has it', async () => {
    const facts = FACTS.replace('destinationprefixes: [0.0.0.0/0]', 'destinationprefixes: []').replace(
      'destinationprefixes: [], ips: [10.0.16.2]',
      'destinationprefixes: [0.0.0.0/0], ips: [10.0.16.2, 10.0.16.3]',
    );
    const { rules } = await rendered({ ...asked, facts });
    expect(
      rules.filter((rule) => rule.includes('dns cache')).map((rule) => / daddr \{ (\S+) \}/.exec(rule)?.[1]),
    ).toEqual(['10.0.16.2', '10.0.16.2']);
  });

  test('2.2 networks of the status stand in for those of the installation', async () => {
    const status = `apiVersion: firewall.metal-stack.io/v2
kind: Firewall
metadata: { name: fw-1, namespace: seed }
distance: 0
spec: { egressRules: [{ networkID: internet, ips: [198.18.0.7] }] }
status:
  firewallNetworks:
    - { networkID: nodes, networkType: privateprimaryunshared, vrf: 43, asn: 4200000042, nat: false, prefixes: [10.0.0.0/22, 10.0.4.0/22], destinationPrefixes: [], ips: [10.0.0.1] }
    - { networkID: internet, networkType: external, vrf: 104011, asn: 4200000042, nat: true, prefixes: [198.18.0.0/24], destinationPrefixes: [0.0.0.0/0], ips: [198.18.0.2] }
`;
    const config = `name: fw-1
sources: { seed: { kubeconfig: /nowhere, namespace: seed } }
controllers: { firewall: { source: seed } }
`;
    const { translations, text } = await rendered({ config, firewallObject: status });
    expect(translations).toEqual([
      'ip saddr { 10.0.0.0/22, 10.0.4.0/22 } oifname "vlan104011" counter snat 198.18.0.7 random comment "snat for internet"',
    ]);
    expect(text).toContain('oifname {"vlan43", "vrf43"} counter name external_in');
  });
});
