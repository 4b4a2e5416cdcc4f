// Section 4.6 of the metal-stack reference, and what 3.5 and 4.3 say of Services, case by case.

const port = 'ports: [{ protocol: TCP, port: 443 }]';
const web = (match: string, dport = 'tcp dport { 443 }'): string =>
  `${match} ${dport} counter accept comment "accept traffic for k8s service shop/web"`;

export interface ServiceCase {
  readonly name: string;
  readonly spec: string;
  readonly addresses?: string;
  readonly firewall?: string;
  readonly rules: readonly string[];
  readonly said?: RegExp;
}

export const serviceCases: readonly ServiceCase[] = [
  {
    name: '4.6 from the source ranges to the addresses',
    spec: `type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24, 198.51.100.0/25], ${port}`,
    addresses: '{ ip: 203.0.113.80 }',
    rules: [web('ip saddr { 192.0.2.0/24, 198.51.100.0/25 } ip daddr { 203.0.113.80 }')],
  },
  {
    name: '4.6 without source ranges, from anywhere',
    spec: `type: LoadBalancer, ${port}`,
    addresses: '{ ip: 203.0.113.80 }',
    rules: [web('ip daddr { 203.0.113.80 }')],
  },
  {
    name: '4.6 the address of the spec first, then those of the status; host names are none',
    spec: `type: LoadBalancer, loadBalancerIP: 203.0.113.90, ${port}`,
    addresses: '{ ip: 203.0.113.81 }, { hostname: web.example.org }, { ip: 203.0.113.80 }',
    rules: [web('ip daddr { 203.0.113.90, 203.0.113.81, 203.0.113.80 }')],
  },
  {
    name: '4.6 ports of the Service, not of nodes and targets; TCP and UDP alone',
    spec: 'type: LoadBalancer, ports: [{ protocol: UDP, port: 53, nodePort: 30053, targetPort: 5353 }, { port: 443, nodePort: 30443, targetPort: https }, { protocol: SCTP, port: 99 }, { protocol: TCP, port: 80 }]',
    addresses: '{ ip: 203.0.113.80 }',
    rules: [
      web('ip daddr { 203.0.113.80 }', 'tcp dport { 443, 80 }'),
      web('ip daddr { 203.0.113.80 }', 'udp dport { 53 }'),
    ],
  },
  {
    name: '4.6 not for ClusterIP',
    spec: `type: ClusterIP, loadBalancerSourceRanges: [192.0.2.0/24], ${port}`,
    addresses: '{ ip: 203.0.113.80 }',
    rules: [],
  },
  { name: '4.6 a Service without a type is ClusterIP', spec: port, addresses: '{ ip: 203.0.113.80 }', rules: [] },
  { name: '4.6 not for ExternalName', spec: 'type: ExternalName, externalName: example.org', rules: [] },
  { name: '4.6 a plain NodePort has none', spec: `type: NodePort, ${port}`, rules: [] },
  { name: '4.6 a LoadBalancer without an address yet has none', spec: `type: LoadBalancer, ${port}`, rules: [] },
  {
    name: '4.6 source ranges without an address open nothing to everywhere, and that is told',
    spec: `type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24], ${port}`,
    rules: [],
    said: /shop\/web/,
  },
  {
    name: '4.6 nor do those of a NodePort',
    spec: `type: NodePort, loadBalancerSourceRanges: [192.0.2.0/24], ${port}`,
    rules: [],
    said: /shop\/web/,
  },
  {
    name: '4.6 IPv6 has rules of its own',
    spec: `type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24, "2001:db8:7::/48"], ${port}`,
    addresses: '{ ip: 203.0.113.80 }, { ip: "2001:db8:100::80" }',
    rules: [
      web('ip saddr { 192.0.2.0/24 } ip daddr { 203.0.113.80 }'),
      web('ip6 saddr { 2001:db8:7::/48 } ip6 daddr { 2001:db8:100::80 }'),
    ],
  },
  {
    name: '4.6 source ranges of one family open nothing for the other',
    spec: `type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24], ${port}`,
    addresses: '{ ip: 203.0.113.80 }, { ip: "2001:db8:100::80" }',
    rules: [web('ip saddr { 192.0.2.0/24 } ip daddr { 203.0.113.80 }')],
    said: /shop\/web/,
  },
  {
    name: '4.6 source ranges that cannot be read are never anybody',
    spec: `type: LoadBalancer, loadBalancerSourceRanges: [nonsense], ${port}`,
    addresses: '{ ip: 203.0.113.80 }',
    rules: [],
    said: /nonsense/,
  },
  {
    name: '4.6 an address that cannot be read is ignored, the others hold',
    spec: `type: LoadBalancer, loadBalancerIP: 203.0.113.999, ${port}`,
    addresses: '{ ip: 203.0.113.80 }',
    rules: [web('ip daddr { 203.0.113.80 }')],
    said: /203\.0\.113\.999/,
  },
  {
    name: '3.5 addresses outside of the allowed networks are dropped from the rule',
    firewall: 'allowedNetworks: { ingress: [203.0.113.0/24] }',
    spec: `type: LoadBalancer, ${port}`,
    addresses: '{ ip: 203.0.113.80 }, { ip: 198.51.100.80 }',
    rules: [web('ip daddr { 203.0.113.80 }')],
    said: /address "198\.51\.100\.80\/32" is outside of the allowed network range "203\.0\.113\.0\/24", ignoring/,
  },
  {
    name: '3.5 where none is left nothing is open, source ranges or not',
    firewall: 'allowedNetworks: { egress: [203.0.113.0/24] }',
    spec: `type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24], ${port}`,
    addresses: '{ ip: 203.0.113.80 }',
    rules: [],
    said: /address "203\.0\.113\.80\/32" is outside of the allowed network range "", ignoring/,
  },
  {
    name: '3.5 source ranges are not filtered',
    firewall: 'allowedNetworks: { ingress: [203.0.113.0/24] }',
    spec: `type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/24], ${port}`,
    addresses: '{ ip: 203.0.113.80 }',
    rules: [web('ip saddr { 192.0.2.0/24 } ip daddr { 203.0.113.80 }')],
  },
  {
    name: '4.3 accepted connections are logged before',
    firewall: 'logAcceptedConnections: true',
    spec: `type: LoadBalancer, ${port}`,
    addresses: '{ ip: 203.0.113.80 }',
    rules: [
      'ip daddr { 203.0.113.80 } tcp dport { 443 } limit rate 10/second log prefix "nftables-firewall-accepted: "',
      web('ip daddr { 203.0.113.80 }'),
    ],
  },
];
