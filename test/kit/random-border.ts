import fc from 'fast-check';
import {
  type Manifest,
  addressGroup,
  calico,
  clusterPolicy,
  firewall,
  namespace,
  namespacedPolicy,
  networkSet,
  node,
  pod,
  pool,
  sourceNat,
} from './border-world.ts';
import { adminPolicy } from './objects.ts';

// Small random borders: few names, so that operations meet the same objects again and again, and few addresses, so that they are shared.

const NAMESPACES = ['a', 'b'];
const NODES = ['n1', 'n2'];
const FIREWALLS = ['edge', 'far'];
const ALL_TIERS = ['kube-admin', 'default', 't1', 'kube-baseline'];
export const POD_ADDRESSES = {
  4: ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.2.0.1', '10.2.0.2', '10.3.0.1', '192.168.9.9', '172.18.0.2'],
  6: ['fd01::1', 'fd01::2', 'fd02::1'],
};
export const DESTINATIONS = {
  4: ['203.0.113.1', '203.0.113.9', '198.51.100.1', '10.3.0.7', '10.1.0.2', '172.18.0.1', '8.8.8.8'],
  6: ['2001:db8::1', '2001:db8:f::1', 'fd01::2', '2600::1'],
};
const NETS = {
  4: ['203.0.113.0/24', '203.0.113.9/32', '198.51.100.0/24', '10.0.0.0/8'],
  6: ['2001:db8::/48', '2001:db8:f::/48'],
};

const pick = <T>(...items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const some = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { maxLength });
const spec = (model: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Manifest> =>
  fc.record(model).map((drawn) => Object.fromEntries(Object.entries(drawn).filter(([, value]) => value !== undefined)));

const selector = pick('all()', "app == 'x'", "app == 'y'", "app != 'x'", 'has(role)');
const namespaceSelector = pick('all()', "env == 'prod'", "env != 'prod'");
const setSelector = pick("kind == 'bank'", "kind == 'bad'", 'has(kind)');
const labels = pick({ app: 'x' }, { app: 'y' }, { app: 'x', role: 'r' }, {});

export const pods: fc.Arbitrary<Manifest> = fc
  .record({
    namespace: pick(...NAMESPACES),
    name: pick('p', 'q', 'r', 's'),
    four: maybe(pick(...POD_ADDRESSES[4])),
    six: maybe(pick(...POD_ADDRESSES[6])),
    labels,
    node: pick(...NODES),
    hostNetwork: pick(false, false, false, true),
    phase: pick('Running', 'Running', 'Running', 'Succeeded'),
  })
  .map(({ namespace: ns, name, four, six, ...options }) =>
    pod(
      `${ns}/${name}`,
      [four, six].filter((ip) => ip !== undefined),
      options,
    ),
  );

const rule = (actions: readonly string[]): fc.Arbitrary<Manifest> =>
  fc
    .tuple(
      pick(...actions),
      pick<Manifest>(
        {},
        { protocol: 'TCP' },
        { protocol: 'TCP', ports: [443] },
        { protocol: 'UDP', ports: [53, '8000:8080'] },
        { protocol: 'ICMP', icmp: { type: 8 } },
        { notProtocol: 'UDP' },
        { protocol: 'TCP', notPorts: [443] },
      ),
      pick<4 | 6>(4, 4, 6).chain((family) =>
        fc.oneof(
          fc.constant({}),
          fc.constant({ nets: [] as string[], of: family }),
          pick(...NETS[family]).map((net) => ({ nets: [net], of: family })),
          pick(...NETS[family]).map((net) => ({ notNets: [net], ipVersion: family, of: family })),
          setSelector.map((text) => ({ selector: text })),
        ),
      ),
    )
    .map(([action, protocol, { of, nets, ...outside }]: [string, Manifest, Record<string, unknown>]) => {
      const icmp = protocol['protocol'] === 'ICMP' && of === 6 ? { protocol: 'ICMPv6', icmp: { type: 128 } } : protocol;
      return { action, ...icmp, ...outside, ...(Array.isArray(nets) && nets.length > 0 ? { nets } : {}) };
    });

const ownSpec = {
  order: maybe(pick(1, 2, 2, 3)),
  selector,
  egress: some(rule(['Allow', 'Allow', 'Deny', 'Pass', 'Log']), 3),
  firewalls: maybe(pick(['edge'], ['far'], ['edge', 'far'], ['edge', 'nowhere'])),
  onBlind: pick('Refuse', 'Widen'),
};

export const clusterPolicies = fc
  .tuple(pick('c1', 'c2', 'c3'), spec({ ...ownSpec, namespaceSelector }))
  .map(([name, content]) => clusterPolicy(name, content));

export const borderPolicies = fc
  .tuple(pick(...NAMESPACES), pick('b1', 'b2'), spec(ownSpec))
  .map(([ns, name, content]) => namespacedPolicy(`${ns}/${name}`, content));

/** A rule of Calico's of the fields that matter outside the cluster, often of some address that the worlds send to. */
export const calicoRule = fc
  .tuple(
    rule(['Allow', 'Allow', 'Deny', 'Pass', 'Log']),
    pick<Manifest>({}, {}, { selector: "app == 'x'" }, { nets: ['10.1.0.0/31'] }, { notSelector: 'has(role)' }),
  )
  .map(([{ nets, notNets, ports, notPorts, selector: text, ...rest }, source]) => {
    const destination = Object.fromEntries(
      Object.entries({ nets, notNets, ports, notPorts, selector: text }).filter(([, value]) => value !== undefined),
    );
    // All nets of one rule are of one family.
    const six =
      JSON.stringify(destination).includes('2001:') || rest['ipVersion'] === 6 || rest['protocol'] === 'ICMPv6';
    return { ...rest, destination, ...(six && 'nets' in source ? {} : { source }) };
  });

export const globalPolicies = fc
  .tuple(
    pick('g1', 'g2'),
    pick('t1', 'default'),
    spec({
      order: maybe(pick(1, 2)),
      selector,
      namespaceSelector: maybe(namespaceSelector),
      types: pick(['Egress'], ['Egress', 'Ingress'], ['Ingress']),
      egress: some(calicoRule, 3),
    }),
  )
  .map(([name, tier, content]) =>
    calico('GlobalNetworkPolicy', `${tier === 'default' ? '' : `${tier}.`}${name}`, { ...content, tier }),
  );

export const networkPolicies = fc
  .tuple(
    pick(...NAMESPACES),
    pick('h1', 'h2'),
    pick('t1', 'default'),
    spec({ order: maybe(pick(1, 2)), selector, types: pick(['Egress'], ['Ingress']), egress: some(calicoRule, 3) }),
  )
  .map(([ns, name, tier, content]) =>
    calico('NetworkPolicy', `${ns}/${tier === 'default' ? '' : `${tier}.`}${name}`, { ...content, tier }),
  );

const block = pick<Manifest>(
  { ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.9/32'] } },
  { ipBlock: { cidr: '0.0.0.0/0' } },
  { ipBlock: { cidr: '2001:db8::/32' } },
  { podSelector: {} },
);

const kubernetesPorts = pick<unknown[]>(
  [],
  [{ port: 443 }],
  [{ protocol: 'UDP', port: 53 }, { port: 80 }],
  [{ protocol: 'UDP', port: 1, endPort: 60 }],
);

export const kubernetesPolicies = fc
  .record({
    namespace: pick(...NAMESPACES),
    name: pick('k1', 'k2'),
    podSelector: pick({}, { matchLabels: { app: 'x' } }, { matchExpressions: [{ key: 'role', operator: 'Exists' }] }),
    policyTypes: pick(['Egress'], ['Ingress', 'Egress'], ['Ingress']),
    egress: some(fc.record({ to: some(block, 2), ports: kubernetesPorts }), 2),
  })
  .map(
    ({ namespace: ns, name, ...content }): Manifest => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { namespace: ns, name },
      spec: content,
    }),
  );

const adminPeer = pick<unknown>(
  { networks: ['203.0.113.0/24', '2001:db8::/32'] },
  { networks: ['0.0.0.0/0'] },
  { namespaces: {} },
  { namespaces: { matchExpressions: [{ key: 'env', operator: 'NotIn', values: ['prod'] }] } },
  { pods: { namespaceSelector: {}, podSelector: {} } },
  { nodes: {} },
);
const adminProtocols = pick<unknown>(
  undefined,
  undefined,
  [{ tcp: { destinationPort: { number: 443 } } }, { udp: {} }],
  [{ tcp: { destinationPort: { range: { start: 1, end: 100 } } } }],
  [{ destinationNamedPort: 'https' }],
);

const adminPolicies = fc
  .record({
    name: pick('n1', 'n2'),
    tier: pick('Admin', 'Baseline'),
    priority: pick(1, 1, 2),
    subject: pick<unknown>(
      { namespaces: {} },
      { namespaces: { matchLabels: { env: 'prod' } } },
      { pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'x' } } } },
    ),
    egress: some(
      spec({ action: pick('Accept', 'Deny', 'Pass'), to: fc.tuple(adminPeer), protocols: adminProtocols }),
      3,
    ),
  })
  .map(({ name, ...content }): Manifest => ({ ...adminPolicy('ClusterNetworkPolicy', name, content) }));

const firewalls = fc
  .tuple(
    pick(...FIREWALLS),
    spec({
      address: pick('netns:1', 'netns:2', 'netns:2'),
      workloads: pick(
        {},
        { namespaceSelector: "env == 'prod'" },
        { selector: "app == 'x'" },
        { ipPools: ['v4', 'v6'] },
      ),
      destinations: pick(undefined, ['0.0.0.0/0', '::/0'], ['203.0.113.0/24', '2001:db8::/32']),
      sees: pick(undefined, 'Pod', 'Node'),
      unknown: pick('Drop', 'Ignore'),
      unselected: pick('Ignore', 'Deny'),
      blind: pick('Refuse', 'Widen'),
      policies: pick({ tiers: [] }, { tiers: ['t1'] }, { tiers: ['default', 't1'] }, { tiers: ALL_TIERS }),
      accepts: pick<unknown[]>(
        [],
        [{ namespaces: 'all()' }],
        [
          {
            namespaces: "env == 'prod'",
            destinations: ['203.0.113.0/24', '2001:db8::/32'],
            actions: ['Allow', 'Deny'],
          },
        ],
      ),
    }),
    fc.boolean(),
  )
  .map(([name, content, behind]) =>
    firewall(name, { ...content, ...(name === 'far' && behind ? { behind: ['edge'] } : {}) }),
  );

const pools = fc.oneof(
  fc
    .tuple(fc.boolean(), fc.boolean())
    .map(([natOutgoing, disabled]) => pool('v4', '10.1.0.0/16', { natOutgoing, disabled })),
  fc.boolean().map((natOutgoing) => pool('nat', '10.2.0.0/16', { natOutgoing })),
  fc.constant(pool('off', '10.3.0.0/16', { disabled: true })),
  fc.boolean().map((natOutgoing) => pool('v6', 'fd01::/64', { natOutgoing })),
);

const nodes = pick(
  node('n1', '172.18.0.1', 'fd18::1'),
  node('n1', '172.18.0.11'),
  node('n2', '172.18.0.2', 'fd18::2'),
  node('n2', '172.18.0.2'),
);

export const sourceNats = fc
  .tuple(
    pick('s1', 's2'),
    spec({
      order: maybe(pick(1, 2)),
      namespaceSelector,
      selector,
      destination: pick<unknown>(
        { nets: ['0.0.0.0/0', '::/0'] },
        { nets: ['203.0.113.0/24'] },
        { nets: ['203.0.113.0/24', '2001:db8::/32'], protocol: 'TCP', ports: [443] },
      ),
      translate: pick<unknown>(
        { address: '192.0.2.1' },
        { addresses: ['192.0.2.1', '192.0.2.2', '2001:db8:a::1'] },
        { none: true },
        { addresses: ['192.168.9.9', '172.18.0.1'] },
        { address: '10.1.7.7' },
      ),
      otherFamily: pick('Keep', 'Drop'),
      onBlind: pick('Refuse', 'Widen'),
      firewalls: maybe(pick(['edge'], ['far'])),
    }),
  )
  .map(([name, content]) => sourceNat(name, content));

const addressGroups = fc
  .tuple(pick('a1', 'a2'), spec({ namespaceSelector, selector, use: pick('Allow', 'Deny'), name: maybe(pick('same')) }))
  .map(([name, content]) => addressGroup(name, content));

const namespaces = fc
  .tuple(pick(...NAMESPACES), pick<Record<string, string>>({ env: 'prod' }, { env: 'dev' }, {}))
  .map(([name, written]) => namespace(name, written));

const networkSets = fc
  .tuple(pick('bank', 'bad'), pick({ kind: 'bank' }, { kind: 'bad' }), some(pick(...NETS[4], ...NETS[6]), 3))
  .map(([name, written, nets]) => networkSet(name, [...new Set(nets)], written));

const tiers = fc
  .tuple(pick(5, 2_000_000), pick('Pass', 'Deny'))
  .map(([order, defaultAction]) => calico('Tier', 't1', { order, defaultAction }));

const felix = pick<Manifest>(
  {},
  { natOutgoingAddress: '172.18.9.9' },
  { natOutgoingExclusions: 'IPPoolsAndHostIPs' },
).map((content) => calico('FelixConfiguration', 'default', content));

/** Any object of such a world. */
export const objects: fc.Arbitrary<Manifest> = fc.oneof(
  { weight: 10, arbitrary: pods },
  { weight: 4, arbitrary: clusterPolicies },
  { weight: 3, arbitrary: borderPolicies },
  { weight: 3, arbitrary: globalPolicies },
  { weight: 1, arbitrary: networkPolicies },
  { weight: 1, arbitrary: kubernetesPolicies },
  { weight: 2, arbitrary: adminPolicies },
  { weight: 3, arbitrary: firewalls },
  { weight: 2, arbitrary: pools },
  { weight: 1, arbitrary: nodes },
  { weight: 2, arbitrary: sourceNats },
  { weight: 1, arbitrary: addressGroups },
  { weight: 2, arbitrary: namespaces },
  { weight: 2, arbitrary: networkSets },
  { weight: 1, arbitrary: tiers },
  { weight: 1, arbitrary: felix },
);

/** What every such world has, so that little is in vain. */
export const basis: readonly Manifest[] = [
  namespace('a', { env: 'prod' }),
  namespace('b'),
  node('n1', '172.18.0.1', 'fd18::1'),
  node('n2', '172.18.0.2', 'fd18::2'),
  pool('v4', '10.1.0.0/16'),
  pool('nat', '10.2.0.0/16', { natOutgoing: true }),
  pool('v6', 'fd01::/64'),
  networkSet('bank', ['203.0.113.9/32', '2001:db8:f::/48'], { kind: 'bank' }),
  firewall('edge', { policies: { tiers: ALL_TIERS }, accepts: [{ namespaces: 'all()' }] }),
];

/** A world with a good deal in it. */
export const worlds: fc.Arbitrary<readonly Manifest[]> = fc
  .tuple(
    fc.array(sourceNats, { minLength: 2, maxLength: 3 }),
    fc.array(firewalls, { maxLength: 2 }),
    fc.array(objects, { minLength: 10, maxLength: 30 }),
  )
  .map(([nats, walls, others]) => [...basis, ...nats, ...walls, ...others]);
