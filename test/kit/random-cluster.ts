import fc from 'fast-check';
import type {
  PlainEntity,
  PlainFlow,
  PlainKubernetesRule,
  PlainObject,
  PlainPeer,
  PlainRule,
  PlainSelector,
} from './plain-objects.ts';

// Small random clusters of valid objects, dense enough that selectors, shared addresses, tiers and passes meet.

const namespace = fc.constantFrom('a', 'b');
const rarely = fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
const labelValue = fc.constantFrom('x', 'y');
const key = fc.constantFrom('app', 'role', '__proto__');
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const list = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 2): fc.Arbitrary<T[]> => fc.array(arbitrary, { maxLength });

/** `__proto__` has to be a property of its own. */
const labels = fc
  .uniqueArray(fc.tuple(key, labelValue), { maxLength: 2, selector: ([name]) => name })
  .map((entries) => entriesToRecord(entries));
const namespaceLabels = fc
  .uniqueArray(fc.tuple(fc.constantFrom('env', 'team'), labelValue), { maxLength: 2, selector: ([name]) => name })
  .map((entries) => entriesToRecord(entries));

function entriesToRecord(entries: readonly (readonly [string, string])[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (const [name, value] of entries)
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  return record;
}

const ADDRESSES = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.1.4', 'fd00::1', 'fd00::2'];
const OUTSIDE = ['198.51.100.7', '203.0.113.9', '2001:db8::9'];
const address4 = fc.constantFrom(...ADDRESSES.filter((text) => !text.includes(':')));
const address6 = fc.constantFrom(...ADDRESSES.filter((text) => text.includes(':')));
const NETS = {
  4: ['10.0.0.0/8', '10.0.0.2/32', '10.0.1.0/24', '198.51.100.0/24', '203.0.113.8/31'],
  6: ['fd00::/64', 'fd00::2/128', '2001:db8::/32'],
};
const PORT_NAMES = ['web', 'dns'];

function without<T extends object>(written: T): T {
  return Object.fromEntries(Object.entries(written).filter(([, value]) => value !== undefined)) as T;
}

/** Selectors over these label names, in text. */
function selectorOver(names: readonly string[]): fc.Arbitrary<string> {
  const name = fc.constantFrom(...names);
  const leaf = fc.oneof(
    fc.constant('all()'),
    name.map((one) => `has(${one})`),
    fc
      .tuple(name, fc.constantFrom('==', '!=', 'contains', 'starts with'), labelValue)
      .map(([one, operator, value]) => `${one} ${operator} '${value}'`),
    fc
      .tuple(name, fc.constantFrom('in', 'not in'), list(labelValue))
      .map(([one, operator, values]) => `${one} ${operator} {${values.map((value) => `"${value}"`).join(', ')}}`),
  );
  const negated = fc.tuple(fc.constantFrom('', '!'), leaf).map(([not, text]) => `${not}${text}`);
  return fc.oneof(
    negated,
    fc.tuple(negated, fc.constantFrom('&&', '||'), negated).map(([a, operator, b]) => `(${a} ${operator} ${b})`),
  );
}

const endpointSelector = selectorOver([
  'app',
  'role',
  '__proto__',
  'projectcalico.org/namespace',
  'pcns.env',
  'pcsa.tier',
]);
const namespaceSelector = selectorOver(['env', 'team', 'projectcalico.org/name']);
const accountSelector = selectorOver(['tier', 'projectcalico.org/name']);

const pod: fc.Arbitrary<PlainObject> = fc
  .record({
    name: fc.constantFrom('p1', 'p2', 'p3', 'p4'),
    namespace,
    labels: fc
      .tuple(labels, fc.boolean())
      .map(([own, spoofs]) => (spoofs ? { ...own, 'pcns.env': 'x', 'projectcalico.org/namespace': 'b' } : own)),
    address4: fc.option(address4, { nil: undefined, freq: 8 }),
    address6: some(address6),
    account: some(fc.constantFrom('s1', 's2')),
    hostNetwork: rarely,
    scheduled: rarely.map((not) => !not),
    phase: fc.oneof(
      { weight: 8, arbitrary: fc.constant('Running') },
      { weight: 1, arbitrary: fc.constantFrom('Pending', 'Succeeded', 'Failed') },
    ),
    deleting: fc.oneof(
      { weight: 8, arbitrary: fc.constant('no') },
      { weight: 1, arbitrary: fc.constantFrom('grace', 'released') },
    ),
    ports: list(
      fc.record({
        name: fc.constantFrom(...PORT_NAMES),
        containerPort: fc.constantFrom(53, 80),
        protocol: fc.constantFrom('TCP', 'UDP'),
      }),
    ),
  })
  .map((drawn) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: without({
      name: drawn.name,
      namespace: drawn.namespace,
      labels: drawn.labels,
      deletionTimestamp: drawn.deleting === 'no' ? undefined : '2026-01-01T00:00:00Z',
      annotations: drawn.deleting === 'released' ? { 'cni.projectcalico.org/podIP': '' } : undefined,
    }) as PlainObject['metadata'],
    spec: without({
      nodeName: drawn.scheduled ? 'n1' : undefined,
      hostNetwork: drawn.hostNetwork,
      serviceAccountName: drawn.account,
      containers: [{ name: 'c', ports: drawn.ports }],
    }),
    status: {
      phase: drawn.phase,
      podIPs: [drawn.address4, drawn.address6].flatMap((ip) => (ip === undefined ? [] : [{ ip }])),
    },
  }));

function named(
  apiVersion: string,
  kind: string,
  names: readonly string[],
  more: fc.Arbitrary<Partial<PlainObject['metadata']>>,
  spec: fc.Arbitrary<object>,
): fc.Arbitrary<PlainObject> {
  return fc.tuple(fc.constantFrom(...names), more, spec).map(([name, metadata, content]) => ({
    apiVersion,
    kind,
    metadata: { name, ...metadata },
    spec: without(content) as Record<string, unknown>,
  }));
}

const protocolAndPorts = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  fc.record({ protocol: fc.constantFrom('TCP', 'UDP', 6, 17) }),
  fc.record({ notProtocol: fc.constantFrom('TCP', 17) }),
  fc.record({
    protocol: fc.constantFrom('TCP', 'UDP'),
    ports: list(fc.constantFrom<(number | string)[]>(53, 80, '79:443', ...PORT_NAMES), 3),
    not: fc.boolean(),
  }),
  fc.record({
    ports: fc.array(fc.constantFrom(...PORT_NAMES), { minLength: 1, maxLength: 2 }),
    not: fc.constant(false),
  }),
  fc.record({
    protocol: fc.constantFrom('ICMP', 'ICMPv6', 1, 58),
    icmp: some(fc.record({ type: fc.constantFrom(8, 128, 3) })),
    notICMP: some(fc.record({ type: fc.constantFrom(8, 128), code: fc.constant(0) })),
  }),
) as fc.Arbitrary<{
  protocol?: string | number;
  notProtocol?: string | number;
  ports?: (number | string)[];
  not?: boolean;
  icmp?: PlainRule['icmp'];
  notICMP?: PlainRule['notICMP'];
}>;

function entity(family: 4 | 6 | undefined): fc.Arbitrary<PlainEntity> {
  const net = fc.constantFrom(
    ...(family === undefined ? [] : NETS[family]),
    ...(family === undefined ? ['unused'] : []),
  );
  return fc
    .record({
      nets: some(list(net)),
      notNets: some(list(net)),
      selector: some(endpointSelector),
      notSelector: fc.oneof(
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: endpointSelector },
      ),
      namespaceSelector: fc.oneof(
        { weight: 2, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.oneof(namespaceSelector, fc.constant('global()')) },
      ),
      serviceAccounts: fc.oneof(
        { weight: 4, arbitrary: fc.constant(undefined) },
        {
          weight: 1,
          arbitrary: fc
            .record({ names: list(fc.constantFrom('s1', 's2'), 2), selector: some(accountSelector) })
            .map(without),
        },
      ),
      plain: fc.constantFrom(true, true, false),
    })
    .map(({ plain, nets, notNets, ...rest }) =>
      without(plain ? {} : { ...rest, ...(family === undefined ? {} : { nets, notNets }) }),
    ) as fc.Arbitrary<PlainEntity>;
}

const rule: fc.Arbitrary<PlainRule> = protocolAndPorts.chain(({ ports, not, ...protocol }) => {
  const implied = { ICMP: 4, ICMPv6: 6, 1: 4, 58: 6 }[String(protocol.protocol)] as 4 | 6 | undefined;
  const family =
    implied === undefined
      ? fc.constantFrom<(4 | 6 | undefined)[]>(4, 4, 6, undefined, undefined)
      : fc.constantFrom(implied, undefined);
  return family.chain((of) =>
    fc
      .record({
        action: fc.constantFrom('Allow', 'Allow', 'Deny', 'Pass', 'Log'),
        source: entity(of),
        destination: entity(of),
        portsAt: fc.constantFrom('source', 'destination', 'destination'),
      })
      .map(({ action, source, destination, portsAt }) => {
        const withPorts = ports === undefined ? {} : not === true ? { notPorts: ports } : { ports };
        return {
          action,
          ...without(protocol),
          source: portsAt === 'source' ? { ...source, ...withPorts } : source,
          destination: portsAt === 'destination' ? { ...destination, ...withPorts } : destination,
        } as PlainRule;
      }),
  );
});

const types = some(fc.uniqueArray(fc.constantFrom('Ingress', 'Egress'), { maxLength: 2 }));
const calicoSpec = {
  tier: some(fc.constantFrom('default', 'first', 'second', 'gone')),
  order: some(fc.constantFrom(-5, 0, 100.5, 100.5, 1e308)),
  selector: some(endpointSelector),
  serviceAccountSelector: fc.oneof(
    { weight: 4, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: accountSelector },
  ),
  types,
  ingress: some(list(rule, 3)),
  egress: some(list(rule, 3)),
};

const plainSelector: fc.Arbitrary<PlainSelector> = fc
  .record({
    matchLabels: some(
      labels.map((record) => Object.fromEntries(Object.entries(record).filter(([name]) => name !== '__proto__'))),
    ),
    matchExpressions: some(
      list(
        fc.oneof(
          fc.record({
            key: fc.constantFrom('app', 'role', 'env'),
            operator: fc.constantFrom('In', 'NotIn'),
            values: fc.array(labelValue, { minLength: 1, maxLength: 2 }),
          }),
          fc.record({
            key: fc.constantFrom('app', 'role', 'env'),
            operator: fc.constantFrom('Exists', 'DoesNotExist'),
          }),
        ),
        1,
      ),
    ),
  })
  .map(without) as fc.Arbitrary<PlainSelector>;

const peer: fc.Arbitrary<PlainPeer> = fc.oneof(
  fc.record({ podSelector: plainSelector }),
  fc.record({ namespaceSelector: plainSelector }),
  fc.record({ podSelector: plainSelector, namespaceSelector: plainSelector }),
  fc.constantFrom<PlainPeer[]>(
    { ipBlock: { cidr: '10.0.0.0/8' } },
    { ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.2/32', '10.0.1.0/24'] } },
    { ipBlock: { cidr: 'fd00::/64', except: ['fd00::2/128'] } },
  ),
);

const kubernetesPort = fc
  .record({
    protocol: some(fc.constantFrom('TCP', 'UDP')),
    port: some(fc.constantFrom<(number | string)[]>(53, 80, 'web', 'dns')),
    far: fc.boolean(),
  })
  .map(({ far, ...port }) => without({ ...port, ...(far && typeof port.port === 'number' ? { endPort: 443 } : {}) }));

function kubernetesRule(side: 'from' | 'to'): fc.Arbitrary<PlainKubernetesRule> {
  return fc
    .record({ [side]: some(list(peer)), ports: some(list(kubernetesPort)) })
    .map(without) as fc.Arbitrary<PlainKubernetesRule>;
}

const object: fc.Arbitrary<PlainObject> = fc.oneof(
  { weight: 8, arbitrary: pod },
  {
    weight: 2,
    arbitrary: named('v1', 'Namespace', ['a', 'b'], fc.record({ labels: namespaceLabels }), fc.constant({})),
  },
  {
    weight: 1,
    arbitrary: named(
      'v1',
      'ServiceAccount',
      ['s1', 's2'],
      fc.record({ namespace, labels: fc.constantFrom({}, { tier: 'x' }, { tier: 'y' }) }),
      fc.constant({}),
    ),
  },
  {
    weight: 1,
    arbitrary: named(
      'projectcalico.org/v3',
      'Tier',
      ['first', 'second'],
      fc.constant({}),
      fc.record({
        order: some(fc.constantFrom(5, 5, 2_000_000)),
        defaultAction: some(fc.constantFrom('Pass', 'Deny')),
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: named(
      'projectcalico.org/v3',
      'GlobalNetworkSet',
      ['g1', 'g2'],
      fc.record({ labels }),
      fc.record({ nets: list(fc.constantFrom(...NETS[4], ...NETS[6], '0.0.0.0/0')) }),
    ),
  },
  {
    weight: 1,
    arbitrary: named(
      'projectcalico.org/v3',
      'NetworkSet',
      ['g1'],
      fc.record({ namespace, labels }),
      fc.record({ nets: list(fc.constantFrom(...NETS[4], ...NETS[6])) }),
    ),
  },
  {
    weight: 1,
    arbitrary: named(
      'projectcalico.org/v3',
      'HostEndpoint',
      ['h1'],
      fc.record({ labels }),
      fc.record({
        node: fc.constant('n1'),
        interfaceName: fc.constant('eth0'),
        expectedIPs: list(fc.constantFrom('198.51.100.7', '2001:db8::9', '10.0.0.3')),
        profiles: some(fc.constant(['projectcalico-default-allow'])),
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: named(
      'projectcalico.org/v3',
      'GlobalNetworkPolicy',
      ['q1', 'q2', 'q3'],
      fc.constant({}),
      fc.record({ ...calicoSpec, namespaceSelector: some(namespaceSelector) }),
    ),
  },
  {
    weight: 4,
    arbitrary: named(
      'projectcalico.org/v3',
      'NetworkPolicy',
      ['q1', 'q2'],
      fc.record({ namespace }),
      fc.record(calicoSpec),
    ),
  },
  {
    weight: 3,
    arbitrary: named(
      'networking.k8s.io/v1',
      'NetworkPolicy',
      ['q1', 'k2'],
      fc.record({ namespace }),
      fc.record({
        podSelector: plainSelector,
        policyTypes: types,
        ingress: some(list(kubernetesRule('from'))),
        egress: some(list(kubernetesRule('to'))),
      }),
    ),
  },
);

/** What tells objects apart. */
export function identity({ apiVersion, kind, metadata }: PlainObject): string {
  return `${apiVersion} ${kind} ${metadata.namespace ?? ''} ${metadata.name}`;
}

/** A cluster: each object at most once. */
export const cluster: fc.Arbitrary<PlainObject[]> = fc.uniqueArray(object, {
  maxLength: 30,
  selector: identity,
  size: 'max',
});

/** A question between addresses that the clusters have, and some outside. */
export const flow: fc.Arbitrary<PlainFlow> = fc
  .tuple(
    fc.constantFrom(4, 4, 4, 6),
    fc.nat(),
    fc.nat(),
    fc.constantFrom('TCP', 'UDP', 'SCTP', 1, 58),
    fc.constantFrom(53, 80, 443),
    fc.constantFrom(53, 40_000),
    fc.constantFrom(8, 128, 3),
  )
  .map(([family, from, to, proto, dport, sport, icmpType]) => {
    const known = [...ADDRESSES, ...OUTSIDE].filter((text) => text.includes(':') === (family === 6));
    const ends = { src: known[from % known.length] ?? '', dst: known[to % known.length] ?? '' };
    return typeof proto === 'number' ? { ...ends, proto, icmpType, icmpCode: 0 } : { ...ends, proto, dport, sport };
  });

const pool = named(
  'projectcalico.org/v3',
  'IPPool',
  ['pool-a', 'pool-b'],
  fc.constant({}),
  fc.record({
    cidr: fc.constantFrom('10.0.0.0/24', '10.0.0.0/30', '10.0.1.0/24', 'fd00::/64'),
    disabled: rarely,
    natOutgoing: fc.boolean(),
    allowedUses: some(fc.constantFrom(['Workload'], ['Tunnel'])),
  }),
);

const node: fc.Arbitrary<PlainObject> = fc
  .tuple(
    fc.constantFrom('n1', 'n2'),
    fc.constantFrom('198.51.100.7', '10.0.1.4', '010.0.0.1'),
    some(fc.constant('10.0.0.0/30')),
  )
  .map(([name, address, podCIDR]) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: podCIDR === undefined ? {} : { podCIDRs: [podCIDR] },
    status: { addresses: [{ type: 'InternalIP', address }] },
  }));

/** A pod that only its annotation gives an address. */
const announced: fc.Arbitrary<PlainObject> = fc
  .tuple(
    fc.constantFrom('early1', 'early2'),
    namespace,
    labels,
    fc.constantFrom(...ADDRESSES),
    fc.constantFrom('n1', 'n2'),
  )
  .map(([name, where, own, address, nodeName]) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: where,
      labels: own,
      annotations: { 'cni.projectcalico.org/podIP': `${address}/${address.includes(':') ? 128 : 32}` },
    },
    spec: { nodeName },
    status: { phase: 'Pending' },
  }));

/** What speaks for and against the addresses of pods. */
export const surroundings: fc.Arbitrary<PlainObject[]> = fc.uniqueArray(fc.oneof(pool, node, announced), {
  maxLength: 6,
  selector: identity,
});
