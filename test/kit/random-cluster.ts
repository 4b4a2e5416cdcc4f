import fc from 'fast-check';
import { endpointSlice, policy, profile, workloadEndpoint } from './objects.ts';
import type { PlainFlow, PlainObject } from './plain-objects.ts';
import { calicoSpec, kubernetesRule, plainSelector, types } from './random-policies.ts';
import { namespaceSelector, profileRulesIn } from './random-rules.ts';
import {
  namespace,
  rarely,
  some,
  list,
  labels,
  namespaceLabels,
  ADDRESSES,
  OUTSIDE,
  address4,
  address6,
  NETS,
  PORT_NAMES,
  without,
} from './random-words.ts';

// Small random clusters of valid objects, dense enough that selectors, shared addresses, tiers and passes meet.

const containerPort = fc
  .record({
    name: fc.constantFrom('web', 'web', 'dns', 'dns', undefined),
    containerPort: fc.constantFrom(53, 80),
    protocol: fc.constantFrom('TCP', 'TCP', 'UDP', 'SCTP', undefined),
  })
  .map(without);

function withLength(ip: string): string {
  return `${ip}/${ip.includes(':') ? 128 : 32}`;
}

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
    ports: list(containerPort),
    early: list(containerPort, 1),
    told: fc.constantFrom('podIPs', 'podIPs', 'podIPs', 'podIP', 'annotation'),
  })
  .map((drawn) => {
    const ips = [drawn.address4, drawn.address6].flatMap((ip) => (ip === undefined ? [] : [ip]));
    const [first = ''] = ips;
    const announced: Record<string, string> =
      drawn.told === 'annotation' ? { 'cni.projectcalico.org/podIPs': ips.map(withLength).join(',') } : {};
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: without({
        name: drawn.name,
        namespace: drawn.namespace,
        labels: drawn.labels,
        deletionTimestamp: drawn.deleting === 'no' ? undefined : '2026-01-01T00:00:00Z',
        annotations: drawn.deleting === 'released' ? { ...announced, 'cni.projectcalico.org/podIP': '' } : announced,
      }) as PlainObject['metadata'],
      spec: without({
        nodeName: drawn.scheduled ? 'n1' : undefined,
        hostNetwork: drawn.hostNetwork,
        serviceAccountName: drawn.account,
        containers: [{ name: 'c', ports: drawn.ports }],
        initContainers: [{ name: 'i', ports: drawn.early }],
      }),
      status: without({
        phase: drawn.phase,
        podIPs: drawn.told === 'podIPs' ? ips.map((ip) => ({ ip })) : undefined,
        podIP: drawn.told === 'podIP' ? first : undefined,
      }),
    };
  });

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

function hostSpec(node: string): fc.Arbitrary<object> {
  return fc.record({
    node: fc.constant(node),
    interfaceName: fc.constantFrom('eth0', '*'),
    expectedIPs: list(fc.constantFrom('198.51.100.7', '2001:db8::9', '10.0.0.3')),
    profiles: some(list(fc.constantFrom('projectcalico-default-allow', 'kns.a', 'p1', 'p2', 'gone'), 3)),
    ports: list(
      fc.record({
        name: fc.constantFrom(...PORT_NAMES),
        port: fc.constantFrom(53, 80),
        protocol: fc.constantFrom('TCP', 'UDP'),
      }),
      1,
    ),
  });
}

/** The flags are legal only together with `applyOnForward`, and pre-DNAT policies know no egress (7.3). */
const globalSpec = fc
  .tuple(
    fc.record({ ...calicoSpec, namespaceSelector: some(namespaceSelector) }),
    fc.constantFrom('', '', '', '', 'applyOnForward', 'doNotTrack', 'preDNAT'),
  )
  .map(([spec, flag]) => {
    if (flag === '') return spec;
    const flagged = { ...spec, applyOnForward: true, [flag]: true };
    return flag === 'preDNAT' ? { ...flagged, types: ['Ingress'], egress: undefined } : flagged;
  });

const object: fc.Arbitrary<PlainObject> = fc.oneof(
  { weight: 12, arbitrary: pod },
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
      ['first', 'first-a', 'second'],
      fc.constant({}),
      fc.record({
        order: some(fc.constantFrom(-1, 5, 5, 1000, 1_000_000, 2_000_000)),
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
      fc.record({
        nets: list(fc.constantFrom(...NETS[4], ...NETS[6], '0.0.0.0/0', '::/0', '10.0.0.3/31', '10.0.0.2')),
      }),
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
    arbitrary: named('projectcalico.org/v3', 'HostEndpoint', ['h1'], fc.record({ labels }), hostSpec('n1')),
  },
  {
    weight: 1,
    arbitrary: named('projectcalico.org/v3', 'HostEndpoint', ['h2'], fc.record({ labels }), hostSpec('n2')),
  },
  {
    weight: 4,
    arbitrary: named(
      'projectcalico.org/v3',
      'GlobalNetworkPolicy',
      ['q1', 'q1-a', 'q1.a'],
      fc.constant({}),
      globalSpec,
    ),
  },
  {
    weight: 4,
    arbitrary: named(
      'projectcalico.org/v3',
      'NetworkPolicy',
      ['q1', 'q1-a'],
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

/** Profiles and workload endpoints that are given as objects. */
export const given: fc.Arbitrary<PlainObject[]> = fc.uniqueArray(
  fc.oneof(
    fc
      .tuple(
        fc.constantFrom('p1', 'p2', 'kns.a', 'ksa.a.s1'),
        fc.record({
          labelsToApply: labels,
          ingress: some(profileRulesIn('ingress')),
          egress: some(profileRulesIn('egress')),
        }),
      )
      .map(([name, spec]) => profile(name, without(spec))),
    fc
      .tuple(
        fc.tuple(namespace, fc.constantFrom('p1', 'w1', 'w2')),
        labels,
        fc.record({
          orchestrator: fc.constantFrom('k8s', 'k8s', 'vm'),
          ipNetworks: list(fc.tuple(address4, fc.constantFrom('', '/32')).map((parts) => parts.join(''))),
          profiles: list(fc.constantFrom('kns.a', 'kns.b', 'p1')),
          serviceAccountName: some(fc.constantFrom('s1', 's2')),
          ports: list(
            fc.record({ name: fc.constant('web'), port: fc.constantFrom(53, 80), protocol: fc.constant('TCP') }),
            1,
          ),
        }),
      )
      .map(([place, own, spec]) => workloadEndpoint(place.join('/'), own, without(spec))),
  ),
  { maxLength: 3, selector: identity },
);

/** What tells objects apart. */
export function identity({ apiVersion, kind, metadata }: PlainObject): string {
  return `${apiVersion} ${kind} ${metadata.namespace ?? ''} ${metadata.name}`;
}

const serviceRule = fc.record({
  action: fc.constantFrom('Allow', 'Deny', 'Pass', 'Log'),
  service: fc.constantFrom('web', 'dns', 'none'),
  direction: fc.constantFrom('Ingress', 'Egress'),
  more: fc.constantFrom<object[]>({}, { protocol: 'TCP' }, { notProtocol: 'UDP' }, { ipVersion: 4 }),
});

/** A cluster: each object at most once. */
export const cluster: fc.Arbitrary<PlainObject[]> = fc.uniqueArray(object, {
  maxLength: 30,
  selector: identity,
  size: 'max',
});

/** A question between addresses that the clusters have, and some outside. */
export const flow: fc.Arbitrary<PlainFlow> = fc
  .tuple(
    fc.constantFrom(4, 4, 6),
    fc.nat(),
    fc.nat(),
    fc.constantFrom<(string | number)[]>('TCP', 'TCP', 'TCP', 'UDP', 'SCTP', 1, 1, 58, 47),
    fc.constantFrom(53, 80, 443),
    fc.constantFrom(53, 40_000),
    fc.constantFrom(8, 128, 3),
    fc.constantFrom(0, 1),
  )
  .map(([family, from, to, proto, dport, sport, icmpType, icmpCode]) => {
    const known = [...ADDRESSES, ...ADDRESSES, ...OUTSIDE].filter((text) => text.includes(':') === (family === 6));
    const ends = { src: known[from % known.length] ?? '', dst: known[to % known.length] ?? '' };
    return typeof proto === 'number' ? { ...ends, proto, icmpType, icmpCode } : { ...ends, proto, dport, sport };
  });

/** What is behind services, and policies that match on them. */
export const services: fc.Arbitrary<PlainObject[]> = fc.uniqueArray(
  fc.oneof(
    fc
      .tuple(
        fc.constantFrom('e1', 'e2', 'e3'),
        namespace,
        fc.constantFrom('web', 'dns'),
        fc.subarray([...ADDRESSES, ...OUTSIDE]),
        fc.subarray(['53/UDP', '80', '443/TCP', '/TCP']),
      )
      .map(([name, where, service, addresses, ports]) => endpointSlice(`${where}/${name}`, service, addresses, ports)),
    fc
      .tuple(fc.constantFrom('s1', 's2'), namespace, fc.array(serviceRule, { maxLength: 3 }))
      .map(([name, where, rules]) => {
        const of = (direction: string, side: string) =>
          rules
            .filter((rule) => rule.direction === direction)
            .map(({ action, service, more }) => ({ action, ...more, [side]: { services: { name: service } } }));
        const spec = { selector: 'all()', types: ['Ingress', 'Egress'] };
        return policy(`${where}/${name}`, {
          ...spec,
          ingress: of('Ingress', 'source'),
          egress: of('Egress', 'destination'),
        });
      }),
  ),
  { maxLength: 6, selector: identity },
);

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
      annotations: { 'cni.projectcalico.org/podIP': withLength(address) },
    },
    spec: { nodeName },
    status: { phase: 'Pending' },
  }));

/** What speaks for and against the addresses of pods. */
export const surroundings: fc.Arbitrary<PlainObject[]> = fc.uniqueArray(fc.oneof(pool, node, announced), {
  maxLength: 6,
  selector: identity,
});
