import { describe, expect, test } from 'vitest';
import { cwnp, FACTS, firewall, service, smallMachine } from '../../test/kit/machine.ts';

const https = 'ports: [{ protocol: TCP, port: 443 }]';
const rules = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.includes('"accept traffic') || line.includes('"snat') || line.includes('accepted: '))
    .filter((line) => !line.includes('icmp'));
const loadBalancer = (
  spec: string,
  status = 'status: { loadBalancer: { ingress: [{ ip: 198.51.100.80 }] } }',
): string => `spec: { type: LoadBalancer, ports: [{ port: 443 }], ${spec} }, ${status}`;

describe('ClusterwideNetworkPolicy', () => {
  test('one rule for TCP, one for UDP, ports in the given order', () => {
    const { text } = smallMachine(
      cwnp(
        'p',
        '{ ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 443 }, { protocol: UDP, port: 53 }, { protocol: TCP, port: 80, endPort: 90 }, { port: "22" }] }] }',
      ),
    );
    expect(rules(text)).toEqual([
      'ip saddr { 192.0.2.0/24 } tcp dport { 443, 80-90, 22 } counter accept comment "accept traffic for k8s network policy p tcp"',
      'ip saddr { 192.0.2.0/24 } udp dport { 53 } counter accept comment "accept traffic for k8s network policy p udp"',
    ]);
  });

  test('families have rules of their own, and what has none is not invented', () => {
    const { text } = smallMachine(
      cwnp(
        'p',
        `{ egress: [{ to: [{ cidr: "2001:db8::/32", except: ["2001:db8:1::/48", 10.0.0.0/8] }, { cidr: 192.0.2.7/24 }], ${https} }] }`,
      ),
    );
    expect(rules(text)).toEqual([
      'ip saddr == @cluster_prefixes ip daddr != { 10.0.0.0/8 } ip daddr { 192.0.2.0/24 } tcp dport { 443 } counter accept comment "accept traffic for np p tcp"',
      'ip6 saddr == @cluster_prefixes_v6 ip6 daddr != { 2001:db8:1::/48 } ip6 daddr { 2001:db8::/32 } tcp dport { 443 } counter accept comment "accept traffic for np p tcp"',
    ]);
    expect(text).toContain('elements = { fd00::/8 }');
  });

  test('whoever names everything first names nothing; anybody may come where no source is given', () => {
    const { text } = smallMachine(
      cwnp(
        'p',
        `{ egress: [{ to: [{ cidr: 0.0.0.0/0 }, { cidr: 192.0.2.0/24 }], ${https} }], ingress: [{ ${https} }] }`,
      ),
    );
    expect(rules(text)).toEqual([
      'tcp dport { 443 } counter accept comment "accept traffic for k8s network policy p tcp"',
      'ip saddr == @cluster_prefixes tcp dport { 443 } counter accept comment "accept traffic for np p tcp"',
    ]);
  });

  test('an exception cuts a hole into its own block alone', () => {
    const { text } = smallMachine(
      cwnp(
        'p',
        `{ ingress: [{ from: [{ cidr: 10.0.0.0/8, except: [10.1.0.0/16] }, { cidr: 10.1.2.0/24 }], ${https} }] }`,
      ),
    );
    expect(rules(text)).toEqual([
      'ip saddr != { 10.1.0.0/16 } ip saddr { 10.0.0.0/8 } tcp dport { 443 } counter accept comment "accept traffic for k8s network policy p tcp"',
      'ip saddr { 10.1.2.0/24 } tcp dport { 443 } counter accept comment "accept traffic for k8s network policy p tcp"',
    ]);
  });

  test('an exception without a length is an address; one at the wrong block is cut out of every block, and told', () => {
    const { text, said } = smallMachine(
      cwnp(
        'p',
        `{ ingress: [{ from: [{ cidr: 192.0.2.0/24, except: [192.0.2.1, 10.1.2.3] }, { cidr: 10.0.0.0/8 }], ${https} }] }`,
      ),
    );
    expect(rules(text)).toEqual([
      'ip saddr != { 10.1.2.3/32 } ip saddr { 10.0.0.0/8 } tcp dport { 443 } counter accept comment "accept traffic for k8s network policy p tcp"',
      'ip saddr != { 192.0.2.1/32, 10.1.2.3/32 } ip saddr { 192.0.2.0/24 } tcp dport { 443 } counter accept comment "accept traffic for k8s network policy p tcp"',
    ]);
    expect(said).toEqual([
      'warning CWNP_NARROWED ClusterwideNetworkPolicy/firewall/p spec.ingress[0].from: 10.1.2.3/32 is an exception outside the net it stands at; it is cut out of every net of the entry',
    ]);
  });

  test('no ports, no destinations: nothing; by the words of the API, everything', () => {
    const policy = cwnp('p', `{ ingress: [{ from: [{ cidr: 192.0.2.0/24 }] }], egress: [{ ${https} }] }`);
    const compatible = smallMachine(policy);
    expect(rules(compatible.text)).toEqual([]);
    expect(compatible.said).toEqual([
      'warning CWNP_NO_EFFECT ClusterwideNetworkPolicy/firewall/p spec.ingress[0]: has no ports, so it opens nothing',
      'warning CWNP_NO_EFFECT ClusterwideNetworkPolicy/firewall/p spec.egress[0]: has neither "to" nor "toFQDNs", so it opens nothing',
    ]);
    expect(rules(smallMachine(policy, { semantics: 'strict' }).text)).toEqual([
      'ip saddr { 192.0.2.0/24 } counter accept comment "accept traffic for k8s network policy p"',
      'ip saddr == @cluster_prefixes tcp dport { 443 } counter accept comment "accept traffic for np p tcp"',
      'ip6 saddr == @cluster_prefixes_v6 tcp dport { 443 } counter accept comment "accept traffic for np p tcp"',
    ]);
  });

  test('"to" beside "toFQDNs": the first counts, and that is told; strictly, the whole policy is not valid', () => {
    const both = `{ to: [{ cidr: 192.0.2.0/24 }], toFQDNs: [{ matchName: example.org }], ${https} }`;
    const policy = cwnp(
      'p',
      `{ ingress: [{ ${https} }], egress: [{ to: [{ cidr: 198.51.100.0/24 }], ${https} }, ${both}] }`,
    );
    const compatible = smallMachine(policy, { resolved: new Map() });
    expect(rules(compatible.text).filter((line) => line.includes(' np '))).toEqual([
      'ip saddr == @cluster_prefixes ip daddr { 192.0.2.0/24 } tcp dport { 443 } counter accept comment "accept traffic for np p tcp"',
      'ip saddr == @cluster_prefixes ip daddr { 198.51.100.0/24 } tcp dport { 443 } counter accept comment "accept traffic for np p tcp"',
    ]);
    expect(compatible.said).toEqual([
      'warning CWNP_NARROWED ClusterwideNetworkPolicy/firewall/p spec.egress[1].toFQDNs: has "to" and "toFQDNs", of which "to" counts; write two entries',
    ]);
    const strict = smallMachine(policy, { semantics: 'strict', resolved: new Map() });
    expect(rules(strict.text).filter((line) => !line.includes('dns cache'))).toEqual([]);
    expect(strict.policies.map(({ state, message }) => `${state}: ${message}`)).toEqual([
      'ignored: policy is not valid: spec.egress[1]: an entry takes "to" or "toFQDNs", not both',
    ]);
    expect(strict.said).toEqual([
      'error CWNP_INVALID ClusterwideNetworkPolicy/firewall/p spec.egress[1]: an entry takes "to" or "toFQDNs", not both. The whole policy is ignored.',
    ]);
    // One of both alone is no mistake.
    for (const entry of ['to: [{ cidr: 192.0.2.0/24 }]', 'toFQDNs: [{ matchName: example.org }]'])
      expect(
        smallMachine(cwnp('p', `{ egress: [{ ${entry}, ${https} }] }`), { semantics: 'strict', resolved: new Map() })
          .policies,
      ).toMatchObject([{ state: 'deployed' }]);
  });

  test('policies of other namespaces are ignored', () => {
    const { policies, text } = smallMachine(cwnp('p', `{ ingress: [{ ${https} }] }`, 'shop'));
    expect(rules(text)).toEqual([]);
    expect(policies.map(({ state, message }) => `${state}: ${message}`)).toEqual([
      'ignored: policies must be in namespace firewall',
    ]);
  });

  test('what is logged is limited before it is logged', () => {
    const { text } = smallMachine(
      firewall('{ logAcceptedConnections: true }') + cwnp('p', `{ ingress: [{ ${https} }] }`),
    );
    expect(rules(text)).toEqual([
      'tcp dport { 443 } limit rate 10/second log prefix "nftables-firewall-accepted: "',
      'tcp dport { 443 } counter accept comment "accept traffic for k8s network policy p tcp"',
    ]);
  });

  test('long names are cut, and stay apart', () => {
    const names = ['a', 'b'].map((last) => `${'x'.repeat(200)}${last}`);
    const comments = rules(
      smallMachine(names.map((name) => cwnp(name, `{ ingress: [{ ${https} }] }`)).join('')).text,
    ).map((line) => /comment "(.*)"/.exec(line)?.[1] ?? '');
    expect(comments.map(({ length }) => length)).toEqual([128, 128]);
    expect(new Set(comments).size).toBe(2);
  });
});

describe('allowed networks', () => {
  const restricted = firewall(
    '{ allowedNetworks: { ingress: [192.0.2.0/24], egress: [203.0.113.0/25, 203.0.113.128/26] } }',
  );

  test('a net outside them has the whole policy ignored', () => {
    const { policies, said } = smallMachine(
      restricted +
        cwnp('out', `{ egress: [{ to: [{ cidr: 203.0.113.0/24 }], ${https} }] }`) +
        cwnp('in', `{ egress: [{ to: [{ cidr: 203.0.113.7/32 }], ${https} }] }`),
    );
    expect(policies.map(({ state, message }) => `${state} ${message}`)).toEqual([
      'ignored ingress/egress does not match allowed networks',
      'deployed ',
    ]);
    expect(said).toEqual([
      'error CWNP_FORBIDDEN ClusterwideNetworkPolicy/firewall/out spec.egress[0].to[0].cidr: address "203.0.113.0/24" is outside of the allowed network range "203.0.113.0-203.0.113.191", ignoring',
    ]);
  });

  test('"anybody" is whoever is allowed, and names lead to nothing else', () => {
    const { text, said } = smallMachine(
      restricted +
        cwnp('any', `{ ingress: [{ ${https} }] }`) +
        cwnp('name', `{ egress: [{ toFQDNs: [{ matchName: example.org }], ${https} }] }`),
      { resolved: new Map() },
    );
    expect(rules(text)).toEqual([
      'ip saddr { 192.0.2.0/24 } tcp dport { 443 } counter accept comment "accept traffic for k8s network policy any tcp"',
      'ip saddr == @cluster_prefixes ip daddr { 203.0.113.0/25, 203.0.113.128/26 } ip daddr @e91c11d2b23d2393 tcp dport { 443 } counter accept comment "accept traffic for np name tcp, fqdn: example.org"',
    ]);
    expect(said.map((line) => line.split(' ').slice(1, 4).join(' '))).toEqual([
      'CWNP_NARROWED ClusterwideNetworkPolicy/firewall/any spec.ingress[0]:',
      'CWNP_NARROWED ClusterwideNetworkPolicy/firewall/name spec.egress[0].toFQDNs:',
    ]);
  });

  test('names that lead to nothing, because no net is allowed, are told', () => {
    const { text, said } = smallMachine(
      firewall('{ allowedNetworks: { ingress: [192.0.2.0/24] } }') +
        cwnp('name', `{ egress: [{ toFQDNs: [{ matchName: example.org }], ${https} }] }`),
      { resolved: new Map() },
    );
    expect(rules(text)).toEqual([]);
    expect(said).toEqual([
      'warning CWNP_NARROWED ClusterwideNetworkPolicy/firewall/name spec.egress[0].toFQDNs: as the Firewall restricts networks, these names lead to nothing, because no net is allowed',
    ]);
  });

  test('one side alone forbids everything on the other; what cannot be read forbids', () => {
    const ingress = cwnp('p', `{ ingress: [{ ${https} }] }`);
    for (const allowed of ['{ egress: [10.0.0.0/8] }', '{ ingress: [nonsense] }', 'nonsense', '{ ingress: nonsense }'])
      expect(rules(smallMachine(firewall(`{ allowedNetworks: ${allowed} }`) + ingress).text), allowed).toEqual([]);
    for (const none of ['{}', '{ ingress: [] }', 'null'])
      expect(rules(smallMachine(firewall(`{ allowedNetworks: ${none} }`) + ingress).text), none).toHaveLength(1);
  });

  test('addresses of Services outside them are left out, and nothing is opened in their place', () => {
    const { text, said } = smallMachine(
      restricted + service('web', loadBalancer('loadBalancerSourceRanges: [192.0.2.0/24]')),
    );
    expect(rules(text)).toEqual([]);
    expect(said).toEqual([
      'error SERVICE_ADDRESS Service/shop/web status.loadBalancer.ingress[0].ip: address "198.51.100.80/32" is outside of the allowed network range "192.0.2.0/24", ignoring. Nothing is opened towards it.',
    ]);
  });
});

describe('Services', () => {
  test.each<[string, string, readonly string[]]>([
    [
      'from its ranges to its addresses, family by family',
      loadBalancer(
        'loadBalancerSourceRanges: [192.0.2.0/24, "2001:db8:1::/48"], loadBalancerIP: 198.51.100.80',
        'status: { loadBalancer: { ingress: [{ ip: "2001:db8:100::80" }, { hostname: web.example.org }] } }',
      ),
      [
        'ip saddr { 192.0.2.0/24 } ip daddr { 198.51.100.80 } tcp dport { 443 } counter accept comment "accept traffic for k8s service shop/web"',
        'ip6 saddr { 2001:db8:1::/48 } ip6 daddr { 2001:db8:100::80 } tcp dport { 443 } counter accept comment "accept traffic for k8s service shop/web"',
      ],
    ],
    [
      'ranges of one family let nobody of the other in',
      loadBalancer(
        'loadBalancerSourceRanges: [192.0.2.0/24]',
        'status: { loadBalancer: { ingress: [{ ip: "2001:db8:100::80" }] } }',
      ),
      [],
    ],
    [
      'nothing while the address is pending',
      loadBalancer('loadBalancerSourceRanges: [192.0.2.0/24]', 'status: {}'),
      [],
    ],
    ['nothing for ranges that nobody can read', loadBalancer('loadBalancerSourceRanges: [10.0.0.0]'), []],
    [
      'the ranges that can be read',
      loadBalancer('loadBalancerSourceRanges: [10.0.0.0, " 192.0.2.0/24"]'),
      [
        'ip saddr { 192.0.2.0/24 } ip daddr { 198.51.100.80 } tcp dport { 443 } counter accept comment "accept traffic for k8s service shop/web"',
      ],
    ],
    [
      'nothing for node ports',
      'spec: { type: NodePort, ports: [{ port: 443 }], loadBalancerSourceRanges: [192.0.2.0/24] }',
      [],
    ],
    ['nothing for other types', 'spec: { type: ClusterIP, ports: [{ port: 443 }], loadBalancerIP: 198.51.100.80 }', []],
    [
      'nothing for SCTP',
      loadBalancer('ports: [{ port: 1, protocol: SCTP }]').replace('ports: [{ port: 443 }], ', ''),
      [],
    ],
  ])('%s', (_, rest, expected) => {
    expect(rules(smallMachine(service('web', rest)).text)).toEqual(expected);
  });

  test('stand after policies, by namespace and name', () => {
    const { text } = smallMachine(
      service('b', loadBalancer('selector: {}'), 'z') +
        service('a', loadBalancer('selector: {}'), 'z') +
        cwnp('zz', `{ ingress: [{ ${https} }] }`),
    );
    expect(rules(text).map((line) => /(policy|service) (\S+?)"? ?(tcp)?"?$/.exec(line)?.[2])).toEqual([
      'zz',
      'z/a',
      'z/b',
    ]);
  });
});

describe('translation', () => {
  const egress = (ips: string): string => firewall(`{ egressRules: [{ networkID: internet, ips: [${ips}] }] }`);

  test('one address', () => {
    expect(rules(smallMachine(egress('203.0.113.7')).text)).toEqual([
      'ip saddr { 10.0.0.0/22 } oifname "vlan104009" counter snat 203.0.113.7 random comment "snat for internet"',
    ]);
  });

  test('several addresses hold for every protocol', () => {
    expect(rules(smallMachine(egress('203.0.113.7, 203.0.113.8')).text)).toEqual([
      'ip saddr { 10.0.0.0/22 } oifname "vlan104009" counter snat to jhash ip daddr . tcp sport mod 2 map { 0 : 203.0.113.7, 1 : 203.0.113.8 } random comment "snat for internet"',
      'ip saddr { 10.0.0.0/22 } oifname "vlan104009" meta l4proto != tcp counter snat ip to jhash ip daddr mod 2 map { 0 : 203.0.113.7, 1 : 203.0.113.8 } random comment "snat for internet"',
    ]);
  });

  test('IPv6 to addresses of IPv6', () => {
    const facts = `
networks:
  - { networkid: nodes, networktype: privateprimaryunshared, vrf: 42, prefixes: [10.0.0.0/22, "2001:db8:42::/64"] }
  - { networkid: internet, networktype: external, vrf: 7, prefixes: ["2001:db8:100::/64"] }
`;
    expect(rules(smallMachine(egress('"2001:db8:100::7"'), { facts }).text)).toEqual([
      'ip6 saddr { 2001:db8:42::/64 } oifname "vlan7" counter snat ip6 to 2001:db8:100::7 random comment "snat for internet"',
    ]);
    expect(rules(smallMachine(egress('"2001:db8:100::7", "2001:db8:100::8"'), { facts }).text)).toEqual([
      'ip6 saddr { 2001:db8:42::/64 } oifname "vlan7" counter snat ip6 to jhash ip6 daddr . tcp sport mod 2 map { 0 : 2001:db8:100::7, 1 : 2001:db8:100::8 } random comment "snat for internet"',
      'ip6 saddr { 2001:db8:42::/64 } oifname "vlan7" meta l4proto != tcp counter snat ip6 to jhash ip6 daddr mod 2 map { 0 : 2001:db8:100::7, 1 : 2001:db8:100::8 } random comment "snat for internet"',
    ]);
  });

  test('each address is judged by itself, and each rule', () => {
    const { text, said } = smallMachine(
      firewall(
        '{ egressRules: [{ networkID: internet, ips: [203.0.113.7, 192.0.2.1, nonsense] }, { networkID: storage, ips: [10.0.16.9] }, { networkID: lost, ips: [10.0.16.9] }, { networkID: internet, ips: [] }] }',
      ),
    );
    expect(rules(text)).toEqual([
      'ip saddr { 10.0.0.0/22 } oifname "vlan104009" counter snat 203.0.113.7 random comment "snat for internet"',
    ]);
    expect(said.map((line) => line.replace(/.* (\S+): .*/, '$1'))).toEqual([
      'spec.egressRules[3].ips',
      'spec.egressRules[0].ips[1]',
      'spec.egressRules[0].ips[2]',
      'spec.egressRules[1].networkID',
      'spec.egressRules[2].networkID',
    ]);
  });
});

describe('two egress rules of one network', () => {
  const facts = `
networks:
  - { networkid: nodes, networktype: privateprimaryunshared, vrf: 42, prefixes: [10.0.0.0/22, "2001:db8:42::/64"] }
  - { networkid: internet, networktype: external, vrf: 7, prefixes: [203.0.113.0/24, "2001:db8:100::/64"] }
`;
  const said = (...ips: string[]): readonly string[] =>
    smallMachine(
      firewall(`{ egressRules: [${ips.map((each) => `{ networkID: internet, ips: [${each}] }`).join(', ')}] }`),
      { facts },
    ).said;

  test('one of both alone is reached, which is told', () => {
    expect(said('203.0.113.8', '203.0.113.7')).toEqual([
      expect.stringContaining(
        'spec.egressRules[1]: egressRules[0] translates what leaves for the network "internet" by IPv4 too',
      ),
    ]);
  });

  test('one for each family do not meet, nor does one without a usable address', () => {
    expect(said('203.0.113.8', '"2001:db8:100::7"')).toEqual([]);
    expect(said('192.0.2.1', '203.0.113.7')).not.toContainEqual(expect.stringContaining('alone is reached'));
  });
});

describe('the resolver that the Firewall names', () => {
  const sets = (resolver: string, proxy: string): readonly string[] => {
    const facts = FACTS.replace('ips: [198.51.100.2]', `ips: ["${proxy}"]`);
    const names = cwnp('p', `{ egress: [{ toFQDNs: [{ matchName: example.org }], ${https} }] }`);
    const { text } = smallMachine(firewall(`{ dnsServerAddress: "${resolver}" }`) + names, {
      facts,
      resolved: new Map(),
    });
    return /table inet nat \{\n((.|\n)*)\}/.exec(text)?.[1]?.match(/set \S+|type .*|elements .*/g) ?? [];
  };

  test('a proxy of IPv6 has the set that its rules name, whatever else goes out', () => {
    const facts = FACTS.replace('ips: [198.51.100.2]', 'ips: ["2001:db8:100::2"]');
    const names = cwnp('p', `{ egress: [{ toFQDNs: [{ matchName: example.org }], ${https} }] }`);
    const { text } = smallMachine(names, { facts, resolved: new Map() });
    expect(text).toContain('ip6 saddr == @cluster_prefixes_v6 ip6 daddr { 2001:db8:100::2 } tcp dport { 53 }');
    expect(text).toContain('set cluster_prefixes_v6 {');
  });

  test.each([
    ['192.0.2.53', '198.51.100.2', ['set proxy_dns_servers', 'type ipv4_addr', 'elements = { 192.0.2.53 }']],
    ['2001:db8::53', '2001:db8:100::2', ['set proxy_dns_servers_v6', 'type ipv6_addr', 'elements = { 2001:db8::53 }']],
    ['2001:db8::53', '198.51.100.2', []],
  ])('joins the set that leads questions to a proxy of its family: %s, %s', (resolver, proxy, expected) => {
    expect(sets(resolver, proxy)).toEqual(expected);
  });
});

describe('rate limits', () => {
  test('limit what comes in from attached networks', () => {
    const { text, said } = smallMachine(
      firewall(
        '{ rateLimits: [{ networkID: internet, rate: 10 }, { networkID: underlay, rate: 5 }, { networkID: lost, rate: 5 }, { networkID: storage, rate: 4294967295 }, { networkID: storage, rate: 0 }] }',
      ),
    );
    expect(text.split('\n').filter((line) => line.includes('limit rate over') && line.includes('vrf'))).toEqual([
      '\t\tmeta iifname "vrf104009" limit rate over 10 mbytes/second counter name drop_ratelimit drop',
      '\t\tmeta iifname "vrf50" limit rate over 17592 mbytes/second counter name drop_ratelimit drop',
    ]);
    expect(said.map((line) => line.split(' ')[1])).toEqual([
      'FIELD_INVALID',
      'MACHINE_NETWORK',
      'MACHINE_NETWORK',
      'FIELD_INVALID',
    ]);
  });
});

test('how often a machine reports is a duration as Go writes them', () => {
  const interval = (text: string) => smallMachine(firewall(`{ interval: ${text} }`)).input.firewall.intervalMs;
  expect(['10s', '1m30s', '1.5h', '250ms', '.5s', '1h0.5m'].map(interval)).toEqual([
    10_000, 90_000, 5_400_000, 250, 500, 3_630_000,
  ]);
  expect(
    ['10', 's', '"-1s"', '0s', '1s ', '1s2', '10 s', '7', '[]'].map((text) =>
      interval(`${text}`.endsWith(' ') ? `"${text}"` : text),
    ),
  ).toEqual(Array.from({ length: 9 }, () => undefined));
});
