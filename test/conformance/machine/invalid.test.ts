import { beforeAll, expect, test } from 'vitest';
import { policy, type Rendered, rendered, service } from './rendered.ts';

// Sections 2.1, 3.4 and 4.6 of the metal-stack reference: what is wrong is left out alone, whatever stands beside it, and told with its place.

const ports = 'ports: [{ port: 80 }]';
const from = (block: string): string => `ingress: [{ from: [${block}], ${ports} }]`;
const port = (text: string): string => `ingress: [{ from: [{ cidr: 192.0.2.0/24 }], ports: [${text}] }]`;
const name = (text: string): string => `egress: [{ toFQDNs: [${text}], ${ports} }]`;

/** A policy's spec, and the field that is to be named. */
const policies: readonly (readonly [spec: string, field: string])[] = [
  ...['0', '65536', '-1', '1.5', 'http', 'null', '""', '[80]', '.inf'].map(
    (text) => [port(`{ port: ${text} }`), 'spec.ingress[0].ports[0].port'] as const,
  ),
  [port('{}'), 'spec.ingress[0].ports[0].port'],
  [port('{ protocol: UDP }'), 'spec.ingress[0].ports[0].port'],
  ...['SCTP', 'tcp', 'udp', 'ICMP', '6', '"TCP accept"'].map(
    (text) => [port(`{ protocol: ${text}, port: 80 }`), 'spec.ingress[0].ports[0].protocol'] as const,
  ),
  ...['65536', '-5', 'x'].map(
    (text) => [port(`{ port: 80, endPort: ${text} }`), 'spec.ingress[0].ports[0].endPort'] as const,
  ),
  [port('{ port: 80, endPort: 79 }'), 'spec.ingress[0].ports[0]'],
  [port('80'), 'spec.ingress[0].ports[0]'],
  ['ingress: [{ ports: 80 }]', 'spec.ingress[0].ports'],
  ...[
    '192.0.2.0/33',
    '192.0.2.0',
    '192.0.2.0/-1',
    '192.0.2.0/024',
    '192.0.2/24',
    '192.0.2.256/32',
    '010.0.0.0/8',
    '"2001:db8::/129"',
    '"fe80::1%eth0/64"',
    '"192.0.2.0/24 } accept #"',
    '"192.0.2.0/24\\n"',
    '" 192.0.2.0/24"',
    'nonsense',
    '""',
    '24',
    'null',
  ].map((text) => [from(`{ cidr: ${text} }`), 'spec.ingress[0].from[0].cidr'] as const),
  [from('192.0.2.0/24'), 'spec.ingress[0].from[0]'],
  [from('{}'), 'spec.ingress[0].from[0].cidr'],
  ...['192.0.2.0/33', 'nonsense', '"192.0.2.7 } accept #"', 'null'].map(
    (text) => [from(`{ cidr: 192.0.2.0/24, except: [${text}] }`), 'spec.ingress[0].from[0].except[0]'] as const,
  ),
  [from('{ cidr: 192.0.2.0/24, except: 192.0.2.7 }'), 'spec.ingress[0].from[0].except'],
  [`egress: [{ to: [{ cidr: 192.0.2.0/33 }], ${ports} }]`, 'spec.egress[0].to[0].cidr'],
  ...['"a b.org"', '"a\\"b.org"', '"*.example.org"', '"a..org"', '"a.org\\n"', '""', '1'].map(
    (text) => [name(`{ matchName: ${text} }`), 'spec.egress[0].toFQDNs[0].matchName'] as const,
  ),
  ...['"*.a b"', '"*\\" }"', '"a..*"', '""'].map(
    (text) => [name(`{ matchPattern: ${text} }`), 'spec.egress[0].toFQDNs[0].matchPattern'] as const,
  ),
  // Long enough to hold up for ever whoever reads it by the expression of the definition as it stands.
  [name(`{ matchName: "${'a'.repeat(250)}!" }`), 'spec.egress[0].toFQDNs[0].matchName'],
  [name(`{ matchPattern: "${'*a'.repeat(125)}!" }`), 'spec.egress[0].toFQDNs[0].matchPattern'],
  [name('{}'), 'spec.egress[0].toFQDNs[0]'],
  [name('{ matchName: a.org, matchPattern: "*.org" }'), 'spec.egress[0].toFQDNs[0]'],
  ['ingress: {}', 'spec.ingress'],
  ['ingress: [null]', 'spec.ingress[0]'],
  ['egress: all', 'spec.egress'],
];

const services: readonly (readonly [spec: string, field: string])[] = [
  [
    'type: LoadBalancer, loadBalancerSourceRanges: [nonsense], ports: [{ port: 80 }]',
    'spec.loadBalancerSourceRanges[0]',
  ],
  [
    'type: LoadBalancer, loadBalancerSourceRanges: [192.0.2.0/33], ports: [{ port: 80 }]',
    'spec.loadBalancerSourceRanges[0]',
  ],
  [
    'type: LoadBalancer, loadBalancerSourceRanges: ["192.0.2.0/24 } accept #"], ports: [{ port: 80 }]',
    'spec.loadBalancerSourceRanges[0]',
  ],
  [
    'type: LoadBalancer, loadBalancerSourceRanges: 192.0.2.0/24, ports: [{ port: 80 }]',
    'spec.loadBalancerSourceRanges',
  ],
  ['type: LoadBalancer, ports: [{ port: 0 }]', 'spec.ports[0].port'],
  ['type: LoadBalancer, ports: [{ port: 65536 }]', 'spec.ports[0].port'],
];

const good = Array.from({ length: 50 }, (_, index) =>
  policy(`good-${index}`, `ingress: [{ from: [{ cidr: 198.51.100.${index}/32 }], ports: [{ port: ${index + 1} }] }]`),
);

const bad = [
  ...policies.map(([spec], index) => policy(`bad-${index}`, spec)),
  ...services.map(([spec], index) => service(`bad-${index}`, spec, '{ ip: 203.0.113.80 }')),
];

let alone: Rendered;
beforeAll(async () => {
  alone = await rendered({ objects: good });
});

test.each([
  ['before', [...good, ...bad]],
  ['after', [...bad, ...good]],
])(
  'fifty good policies hold %s one of every bad kind, and each bad one is told with file, line and field',
  async (_, objects) => {
    expect([alone.rules.length, alone.said]).toEqual([50, []]);
    const both = await rendered({ objects });
    expect([both.code, both.rules]).toEqual([0, alone.rules]);
    const lines = both.objects.split('\n');
    /** Whether an error says where it stands: the spec is on the line behind the name. */
    const isTold = (kind: string, index: number, field: string): boolean => {
      const name = new RegExp(`^metadata: \\{ name: "?bad-${index}"?,`);
      const at = lines.findIndex((line, n) => name.test(line) && lines[n - 1] === `kind: ${kind.split('/')[0]}`);
      return both.said.some(
        (line) =>
          line.startsWith('error ') &&
          line.includes(` /objects.yaml:${at + 2}:`) &&
          line.includes(` ${kind}/bad-${index} ${field}: `),
      );
    };
    const untold = [
      ...policies.filter(([, field], index) => !isTold('ClusterwideNetworkPolicy/firewall', index, field)),
      ...services.filter(([, field], index) => !isTold('Service/shop', index, field)),
    ];
    expect(untold).toEqual([]);
  },
);

test('names of objects never come to the rules but as names', async () => {
  const names = ['a"b', 'a\nb', 'x" } } table inet evil { #', 'a\\', '$x', '', 'a'.repeat(254), 'UPPER', 'ä'];
  const both = await rendered({
    objects: [
      ...names.map((text) => policy(text, `description: ${JSON.stringify('" } } drop #\n')}, ingress: [{ ${ports} }]`)),
      ...good,
    ],
  });
  expect(both.text).toBe(alone.text);
  expect(both.said.filter((line) => line.startsWith('error NAME_INVALID /objects.yaml:'))).toHaveLength(names.length);
});

test('fields that there are not are told, since what they were to say is not in the rules', async () => {
  const { said, rules } = await rendered({
    firewall: 'rateLimit: [{ networkID: internet, rate: 1 }]',
    objects: [policy('p', `ingress: [{ form: [{ cidr: 192.0.2.0/24 }], ${ports} }]`)],
  });
  expect(rules).toHaveLength(1);
  expect(said.map((line) => line.replace(/ \/objects\.yaml\S+/, ''))).toEqual([
    'warning FIELD_UNKNOWN Firewall/seed/fw-1 spec.rateLimit: there is no field "rateLimit" here, so what it says is ignored; did you mean "rateLimits"?',
    'warning FIELD_UNKNOWN ClusterwideNetworkPolicy/firewall/p spec.ingress[0].form: there is no field "form" here, so what it says is ignored; did you mean "from"?',
  ]);
});

test.each([
  ['an anchor in itself', 'metadata: &m { name: p, namespace: firewall, labels: *m }'],
  [
    'aliases of aliases',
    `x: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n${['b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
      .map(
        (key, index, all) =>
          `${key}: &${key} [${Array.from({ length: 10 }, () => `*${all[index - 1] ?? 'a'}`).join(', ')}]`,
      )
      .join('\n')}`,
  ],
  ['keys that stand twice', 'spec: { ingress: [] , ingress: [{ ports: [{ port: 80 }] }] }'],
  ['lists in lists in lists', `spec: ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
])('a text with %s is refused whole, in few words', async (_, text) => {
  const { code, rules, said } = await rendered({ objects: [...good, `${text}\n`] });
  expect([code, rules]).toEqual([1, []]);
  expect(said.filter((line) => line.startsWith('error MANIFEST_'))).not.toEqual([]);
  expect(said.length).toBeLessThan(30);
});
