import { cwnp, firewall, service } from './machine.ts';

const https = 'ports: [{ protocol: TCP, port: 443 }]';

/** Everything that rules can be made from, at once. */
export const RICH = [
  firewall(
    '{ logAcceptedConnections: true, dnsServerAddress: 192.0.2.53, internalPrefixes: [10.0.0.0/8, "fd00::/8"], rateLimits: [{ networkID: internet, rate: 10 }], egressRules: [{ networkID: internet, ips: [203.0.113.7, 203.0.113.8, "2001:db8:100::7"] }] }',
  ),
  cwnp(
    'allow-to-https',
    `{ egress: [{ to: [{ cidr: 0.0.0.0/0, except: [10.0.0.0/8] }, { cidr: "::/0" }], ${https} }] }`,
  ),
  cwnp(
    'allow-to-names',
    `{ egress: [{ toFQDNs: [{ matchName: example.org }, { matchPattern: "*.example.net" }], ${https} }] }`,
  ),
  cwnp(
    'partners',
    `{ ingress: [{ from: [{ cidr: 192.0.2.0/24, except: [192.0.2.1] }, { cidr: "2001:db8:7::/48" }], ports: [{ port: 8443 }, { protocol: UDP, port: 5000, endPort: 5010 }] }] }`,
  ),
  service(
    'web',
    'spec: { type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24], ports: [{ port: 80 }, { port: 443 }, { port: 443, protocol: UDP }] }, status: { loadBalancer: { ingress: [{ ip: 198.51.100.80 }, { ip: "2001:db8:100::80" }] } }',
  ),
].join('');

/** What a resolver has seen in the rich world. */
export const SEEN = new Map([
  ['example.org.', { ipv4: ['192.0.2.10', '192.0.2.9'], ipv6: ['2001:db8:9::1'] }],
  ['www.example.net.', { ipv4: ['192.0.2.11'], ipv6: undefined }],
  ['example.com.', { ipv4: ['192.0.2.12'], ipv6: undefined }],
]);

const policies = (name: string, specs: readonly string[]): readonly (readonly [string, string])[] =>
  specs.map((spec, index) => [`${name} ${index}: ${spec}`, cwnp(`bad-${index}`, spec)]);

/** Objects of which nothing may come into force, one of each kind that took a whole ruleset down. */
export const BAD: readonly (readonly [string, string])[] = [
  ...policies('policy', [
    `{ ingress: [{ from: [{ cidr: nonsense }], ${https} }] }`,
    `{ ingress: [{ from: [{ cidr: 192.0.2.1 }], ${https} }] }`,
    `{ ingress: [{ from: [{ cidr: 192.0.2.0/33 }], ${https} }] }`,
    `{ ingress: [{ from: [{ except: [192.0.2.1] }], ${https} }] }`,
    `{ ingress: [{ from: [{ cidr: 192.0.2.0/24, except: [nonsense] }], ${https} }] }`,
    '{ ingress: [{ ports: [{ port: 0 }] }] }',
    '{ ingress: [{ ports: [{ port: 65536 }] }] }',
    '{ ingress: [{ ports: [{ port: https }] }] }',
    '{ ingress: [{ ports: [{ protocol: TCP }] }] }',
    '{ ingress: [{ ports: [{ port: 443, endPort: 80 }] }] }',
    '{ ingress: [{ ports: [{ port: 443, endPort: 70000 }] }] }',
    '{ ingress: [{ ports: [{ port: 443, protocol: SCTP }] }] }',
    '{ ingress: [{ ports: [{ port: 443, protocol: tcp }] }] }',
    `{ egress: [{ to: [{ cidr: "2001:db8::/129" }], ${https} }] }`,
    `{ egress: [{ toFQDNs: [{ matchName: "*.example.org" }], ${https} }] }`,
    `{ egress: [{ toFQDNs: [{ matchPattern: "a b" }], ${https} }] }`,
    `{ egress: [{ toFQDNs: [{}], ${https} }] }`,
    'nonsense',
    '{ ingress: nonsense }',
    '{ ingress: [nonsense] }',
  ]),
  ['a policy in another namespace', cwnp('elsewhere', `{ ingress: [{ ${https} }] }`, 'shop')],
  ['a policy without a name', '---\n{ apiVersion: metal-stack.io/v1, kind: ClusterwideNetworkPolicy, spec: {} }\n'],
  [
    'a policy of another version',
    `---\n{ apiVersion: metal-stack.io/v9, kind: ClusterwideNetworkPolicy, metadata: { name: v, namespace: firewall }, spec: { ingress: [{ ${https} }] } }\n`,
  ],
  [
    'a Service with a source range that is none',
    service(
      'ranges',
      'spec: { type: LoadBalancer, loadBalancerSourceRanges: [nonsense], ports: [{ port: 1 }] }, status: { loadBalancer: { ingress: [{ ip: 198.51.100.81 }] } }',
    ),
  ],
  [
    'a Service with an address that is none',
    service('address', 'spec: { type: LoadBalancer, loadBalancerIP: nonsense, ports: [{ port: 1 }] }'),
  ],
  [
    'a Service with a port that is none',
    service('port', 'spec: { type: LoadBalancer, loadBalancerIP: 198.51.100.82, ports: [{ port: 0 }] }'),
  ],
  [
    'a Service that waits for its address',
    service('pending', 'spec: { type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24], ports: [{ port: 1 }] }'),
  ],
];

/** Fifty policies that are right. */
export const GOOD = Array.from({ length: 50 }, (_, index) =>
  cwnp(
    `good-${index}`,
    `{ ingress: [{ from: [{ cidr: 192.0.${index}.0/24 }], ports: [{ port: ${1_000 + index} }] }], egress: [{ to: [{ cidr: 203.0.${index}.0/24 }], ports: [{ protocol: UDP, port: ${2_000 + index} }] }] }`,
  ),
).join('');

/** Objects that look dangerous and are in force: names as long as they may be, everything twice. */
export const ODD = [
  cwnp(
    'x'.repeat(253),
    `{ ingress: [{ from: [{ cidr: 192.0.2.7/24 }, { cidr: 192.0.2.0/24 }], ports: [{ port: 1 }, { port: 1 }, { port: 1, endPort: 5 }] }] }`,
  ),
  cwnp(
    'everywhere',
    '{ ingress: [{ from: [{ cidr: 0.0.0.0/0 }, { cidr: "::/0" }], ports: [{ port: 65535, endPort: 65535 }] }] }',
  ),
  service(
    'n'.repeat(63),
    'spec: { type: LoadBalancer, loadBalancerIP: 198.51.100.80, ports: [{ port: 1 }, { port: 1 }] }, status: { loadBalancer: { ingress: [{ ip: 198.51.100.80 }] } }',
    'm'.repeat(63),
  ),
].join('');
