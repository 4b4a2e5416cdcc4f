// The sections of the metal-stack reference, case by case: what goes in, and which lines must come out. Written from the reference, not from the
// code. `said` is what has to be told where that differs from what somebody wrote.

export interface PolicyCase {
  readonly name: string;
  /** Of the one policy, `p`. */
  readonly spec: string;
  readonly firewall?: string;
  readonly rules: readonly string[];
  readonly said?: RegExp;
}

export const ingress = (match: string, port: string, name = 'p'): string =>
  `${match}${match === '' ? '' : ' '}${port} counter accept comment "accept traffic for k8s network policy ${name} ${port.slice(0, 3)}"`;
export const egress = (match: string, port: string, name = 'p'): string =>
  `ip saddr == @cluster_prefixes ${match}${match === '' ? '' : ' '}${port} counter accept comment "accept traffic for np ${name} ${port.slice(0, 3)}"`;
const egress6 = (match: string, port: string): string =>
  `ip6 saddr == @cluster_prefixes_v6 ${match}${match === '' ? '' : ' '}${port} counter accept comment "accept traffic for np p ${port.slice(0, 3)}"`;

export const policyCases: readonly PolicyCase[] = [
  // 4.3 Ports.
  {
    name: '4.3 a port without a protocol is TCP',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }] }]',
    rules: [ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }')],
  },
  {
    name: '4.3 all ports of TCP in one rule and all of UDP in another, in the order in which they were given',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ protocol: UDP, port: 53 }, { protocol: TCP, port: 443 }, { port: 80 }, { protocol: UDP, port: 123 }] }]',
    rules: [
      ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 443, 80 }'),
      ingress('ip saddr { 192.0.2.0/24 }', 'udp dport { 53, 123 }'),
    ],
  },
  {
    name: '4.3 a range',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }, { port: 8000, endPort: 8010 }] }]',
    rules: [ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 80, 8000-8010 }')],
  },
  {
    name: '4.3 the lowest and the highest port',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 1 }, { port: 65535 }, { protocol: UDP, port: 1, endPort: 65535 }] }]',
    rules: [
      ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 1, 65535 }'),
      ingress('ip saddr { 192.0.2.0/24 }', 'udp dport { 1-65535 }'),
    ],
  },
  {
    name: '4.3 an entry without ports has no rule',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24 }] }], egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [] }]',
    rules: [],
    said: /ports/,
  },
  // 4.4 Ingress.
  {
    name: '4.4 without from there is no match of sources',
    spec: 'ingress: [{ ports: [{ port: 80 }] }]',
    rules: [ingress('', 'tcp dport { 80 }')],
  },
  {
    name: '4.4 an empty from is as none',
    spec: 'ingress: [{ from: [], ports: [{ port: 80 }] }]',
    rules: [ingress('', 'tcp dport { 80 }')],
  },
  {
    name: '4.4 exceptions come first',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24, except: [192.0.2.128/25] }], ports: [{ port: 80 }] }]',
    rules: [ingress('ip saddr != { 192.0.2.128/25 } ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }')],
  },
  {
    name: '4.4 exceptions of several blocks are merged where none cuts into another block',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24, except: [192.0.2.128/25, 192.0.2.7/32] }, { cidr: 198.51.100.0/24, except: [198.51.100.0/25] }], ports: [{ port: 80 }] }]',
    rules: [
      ingress(
        'ip saddr != { 192.0.2.128/25, 192.0.2.7/32, 198.51.100.0/25 } ip saddr { 192.0.2.0/24, 198.51.100.0/24 }',
        'tcp dport { 80 }',
      ),
    ],
  },
  {
    name: '4.4 one rule for each block where an exception cuts into another',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24, except: [192.0.2.128/25] }, { cidr: 192.0.2.192/26 }], ports: [{ port: 80 }] }]',
    rules: [
      ingress('ip saddr != { 192.0.2.128/25 } ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }'),
      ingress('ip saddr { 192.0.2.192/26 }', 'tcp dport { 80 }'),
    ],
  },
  {
    name: '4.4 an exception without a prefix length is an address',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24, except: [192.0.2.7] }], ports: [{ port: 80 }] }]',
    rules: [ingress('ip saddr != { 192.0.2.7/32 } ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }')],
  },
  {
    name: '4.4 IPv6 has rules of its own',
    spec: 'ingress: [{ from: [{ cidr: 192.0.2.0/24 }, { cidr: "2001:db8:7::/48", except: ["2001:db8:7:8::/64"] }], ports: [{ port: 80 }] }]',
    rules: [
      ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }'),
      ingress('ip6 saddr != { 2001:db8:7:8::/64 } ip6 saddr { 2001:db8:7::/48 }', 'tcp dport { 80 }'),
    ],
  },
  {
    name: '4.4 from anywhere, by its name',
    spec: 'ingress: [{ from: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 80 }] }]',
    rules: [ingress('ip saddr { 0.0.0.0/0 }', 'tcp dport { 80 }')],
  },
  {
    name: '4.3 rules of a policy are sorted, each once',
    spec: 'ingress: [{ from: [{ cidr: 198.51.100.0/24 }], ports: [{ port: 80 }] }, { from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }] }, { from: [{ cidr: 198.51.100.0/24 }], ports: [{ port: 80 }] }]',
    rules: [
      ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }'),
      ingress('ip saddr { 198.51.100.0/24 }', 'tcp dport { 80 }'),
    ],
  },
  // 4.5 Egress.
  {
    name: '4.5 egress is from the cluster',
    spec: 'egress: [{ to: [{ cidr: 192.0.2.0/24 }, { cidr: 198.51.100.7/32 }], ports: [{ port: 443 }, { protocol: UDP, port: 443 }] }]',
    rules: [
      egress('ip daddr { 192.0.2.0/24, 198.51.100.7/32 }', 'tcp dport { 443 }'),
      egress('ip daddr { 192.0.2.0/24, 198.51.100.7/32 }', 'udp dport { 443 }'),
    ],
  },
  {
    name: '4.5 to anywhere has no match of destinations',
    spec: 'egress: [{ to: [{ cidr: 0.0.0.0/0 }], ports: [{ port: 443 }] }]',
    rules: [egress('', 'tcp dport { 443 }')],
  },
  {
    name: '4.5 nor has a list that begins with anywhere',
    spec: 'egress: [{ to: [{ cidr: 0.0.0.0/0 }, { cidr: 192.0.2.0/24 }], ports: [{ port: 443 }] }]',
    rules: [egress('', 'tcp dport { 443 }')],
  },
  {
    name: '4.5 a list that ends with anywhere is spelt out',
    spec: 'egress: [{ to: [{ cidr: 192.0.2.0/24 }, { cidr: 0.0.0.0/0 }], ports: [{ port: 443 }] }]',
    rules: [egress('ip daddr { 192.0.2.0/24, 0.0.0.0/0 }', 'tcp dport { 443 }')],
  },
  {
    name: '4.5 anywhere with exceptions',
    spec: 'egress: [{ to: [{ cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.168.0.0/16] }], ports: [{ port: 443 }] }]',
    rules: [egress('ip daddr != { 10.0.0.0/8, 192.168.0.0/16 }', 'tcp dport { 443 }')],
  },
  {
    name: '4.5 exceptions before nets',
    spec: 'egress: [{ to: [{ cidr: 192.0.2.0/24, except: [192.0.2.1/32] }], ports: [{ port: 443 }] }]',
    rules: [egress('ip daddr != { 192.0.2.1/32 } ip daddr { 192.0.2.0/24 }', 'tcp dport { 443 }')],
  },
  {
    name: '4.5 without a destination there is no rule',
    spec: 'egress: [{ ports: [{ port: 443 }] }, { to: [], toFQDNs: [], ports: [{ port: 443 }] }]',
    rules: [],
    said: /to/,
  },
  {
    name: '4.5 IPv6 has rules of its own',
    spec: 'egress: [{ to: [{ cidr: "2001:db8:7::/48" }], ports: [{ port: 443 }] }]',
    rules: [egress6('ip6 daddr { 2001:db8:7::/48 }', 'tcp dport { 443 }')],
  },
  {
    name: '4.3 policies with ingress and egress',
    spec: 'description: both, egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 443 }] }], ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }] }]',
    rules: [
      ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }'),
      egress('ip daddr { 192.0.2.0/24 }', 'tcp dport { 443 }'),
    ],
  },
  // 4.3 Logging, with the limit first.
  {
    name: '4.3 accepted connections are logged by a rule before, and not more than the limit',
    firewall: 'logAcceptedConnections: true',
    spec: 'egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 443 }] }], ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }] }]',
    rules: [
      'ip saddr { 192.0.2.0/24 } tcp dport { 80 } limit rate 10/second log prefix "nftables-firewall-accepted: "',
      ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }'),
      'ip saddr == @cluster_prefixes ip daddr { 192.0.2.0/24 } tcp dport { 443 } limit rate 10/second log prefix "nftables-firewall-accepted: "',
      egress('ip daddr { 192.0.2.0/24 }', 'tcp dport { 443 }'),
    ],
  },
  // 3.5 Allowed networks.
  {
    name: '3.5 inside what is allowed',
    firewall: 'allowedNetworks: { ingress: [192.0.2.0/24], egress: [198.51.100.0/24, 203.0.113.0/24] }',
    spec: 'egress: [{ to: [{ cidr: 198.51.100.0/25 }, { cidr: 203.0.113.7/32 }], ports: [{ port: 443 }] }], ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }] }]',
    rules: [
      ingress('ip saddr { 192.0.2.0/24 }', 'tcp dport { 80 }'),
      egress('ip daddr { 198.51.100.0/25, 203.0.113.7/32 }', 'tcp dport { 443 }'),
    ],
  },
  {
    name: '3.5 one net outside of it and the whole policy is ignored',
    firewall: 'allowedNetworks: { ingress: [192.0.2.0/24], egress: [198.51.100.0/24] }',
    spec: 'egress: [{ to: [{ cidr: 198.51.100.0/25 }, { cidr: 198.51.0.0/16 }], ports: [{ port: 443 }] }], ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 80 }] }]',
    rules: [],
    said: /address "198\.51\.0\.0\/16" is outside of the allowed network range "198\.51\.100\.0\/24", ignoring/,
  },
  {
    name: '3.5 adjacent ranges are merged, and printed as a net where they are one',
    firewall: 'allowedNetworks: { ingress: [10.0.0.0/9, 10.128.0.0/9, 192.0.2.0/24] }',
    spec: 'ingress: [{ from: [{ cidr: 198.51.100.0/24 }], ports: [{ port: 80 }] }]',
    rules: [],
    said: /address "198\.51\.100\.0\/24" is outside of the allowed network range "10\.0\.0\.0\/8,192\.0\.2\.0\/24", ignoring/,
  },
  {
    name: '3.5 and as first and last address where they are none',
    firewall: 'allowedNetworks: { ingress: [10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24] }',
    spec: 'ingress: [{ from: [{ cidr: 198.51.100.0/24 }], ports: [{ port: 80 }] }]',
    rules: [],
    said: /address "198\.51\.100\.0\/24" is outside of the allowed network range "10\.0\.0\.0-10\.0\.2\.255", ignoring/,
  },
  {
    name: '3.5 a net over two adjacent allowed ones is inside',
    firewall: 'allowedNetworks: { ingress: [10.0.0.0/9, 10.128.0.0/9] }',
    spec: 'ingress: [{ from: [{ cidr: 10.64.0.0/8 }], ports: [{ port: 80 }] }]',
    rules: [ingress('ip saddr { 10.0.0.0/8 }', 'tcp dport { 80 }')],
  },
  {
    name: '3.5 with one list alone, the other forbids every net',
    firewall: 'allowedNetworks: { ingress: [192.0.2.0/24] }',
    spec: 'egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 443 }] }]',
    rules: [],
    said: /address "192\.0\.2\.0\/24" is outside of the allowed network range "", ignoring/,
  },
  {
    name: '3.5 empty lists restrict nothing',
    firewall: 'allowedNetworks: { ingress: [], egress: [] }',
    spec: 'egress: [{ to: [{ cidr: 192.0.2.0/24 }], ports: [{ port: 443 }] }]',
    rules: [egress('ip daddr { 192.0.2.0/24 }', 'tcp dport { 443 }')],
  },
];
