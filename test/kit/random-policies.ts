import fc from 'fast-check';
import type {
  PlainClusterPeer,
  PlainClusterProtocol,
  PlainKubernetesRule,
  PlainPeer,
  PlainSelector,
} from './plain-objects.ts';
import { accountSelector, endpointSelector, rulesIn } from './random-rules.ts';
import {
  NETS,
  PORT_NAMES,
  labelValue,
  some,
  sometimes,
  list,
  labels,
  namespaceLabels,
  without,
} from './random-words.ts';

// The specs of policies, all valid.

export const types = some(fc.uniqueArray(fc.constantFrom('Ingress', 'Egress'), { maxLength: 2 }));
export const calicoSpec = {
  tier: some(fc.constantFrom('default', 'first', 'first-a', 'second', 'gone', 'kube-admin')),
  order: some(fc.constantFrom(-5, 0, 5, 100.5, 1000, 1e308)),
  selector: some(endpointSelector),
  serviceAccountSelector: sometimes(accountSelector),
  types,
  ingress: some(rulesIn('ingress')),
  egress: some(rulesIn('egress')),
};

/** A label selector over these keys. */
function selectorOf(
  matchLabels: fc.Arbitrary<Record<string, string>>,
  keys: readonly string[],
): fc.Arbitrary<PlainSelector> {
  const key = fc.constantFrom(...keys);
  const expression = fc.oneof(
    fc.record({
      key,
      operator: fc.constantFrom('In', 'NotIn'),
      values: fc.array(labelValue, { minLength: 1, maxLength: 2 }),
    }),
    fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  );
  return fc
    .record({
      matchLabels: some(
        matchLabels.map((record) =>
          Object.fromEntries(Object.entries(record).filter(([name]) => name !== '__proto__')),
        ),
      ),
      matchExpressions: some(list(expression)),
    })
    .map(without) as fc.Arbitrary<PlainSelector>;
}

export const plainSelector = selectorOf(labels, ['app', 'role']);
const plainNamespaces = selectorOf(namespaceLabels, ['env', 'team']);

const peer: fc.Arbitrary<PlainPeer> = fc.oneof(
  fc.record({ podSelector: plainSelector }),
  fc.record({ namespaceSelector: plainNamespaces }),
  fc.record({ podSelector: plainSelector, namespaceSelector: plainNamespaces }),
  fc.constantFrom<PlainPeer[]>(
    { ipBlock: { cidr: '10.0.0.0/8' } },
    { ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.2/32', '10.0.1.0/24'] } },
    { ipBlock: { cidr: 'fd00::/64', except: ['fd00::2/128'] } },
  ),
);

const kubernetesPort = fc
  .record({
    protocol: some(fc.constantFrom('TCP', 'UDP', 'SCTP')),
    port: some(fc.constantFrom<(number | string)[]>(53, 80, 80, 'web', 'dns')),
    far: fc.boolean(),
  })
  .map(({ far, ...port }) => without({ ...port, ...(far && typeof port.port === 'number' ? { endPort: 443 } : {}) }));

export function kubernetesRule(side: 'from' | 'to'): fc.Arbitrary<PlainKubernetesRule> {
  return fc
    .record({ [side]: some(list(peer)), ports: some(list(kubernetesPort)) })
    .map(without) as fc.Arbitrary<PlainKubernetesRule>;
}

const clusterPeer = (networks: boolean): fc.Arbitrary<PlainClusterPeer> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ namespaces: plainNamespaces }) },
    {
      weight: 3,
      arbitrary: fc.record({ pods: fc.record({ namespaceSelector: plainNamespaces, podSelector: plainSelector }) }),
    },
    {
      weight: networks ? 3 : 0,
      arbitrary: fc.record({
        networks: fc.array(fc.constantFrom(...NETS[4], ...NETS[6]), { minLength: 1, maxLength: 2 }),
      }),
    },
  );

const protocol = fc.constantFrom('tcp' as const, 'tcp' as const, 'udp' as const, 'sctp' as const);
const clusterProtocol: fc.Arbitrary<PlainClusterProtocol> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        protocol,
        fc.constantFrom(
          {},
          { destinationPort: { number: 53 } },
          { destinationPort: { number: 80 } },
          { destinationPort: { range: { start: 79, end: 443 } } },
        ),
      )
      .map(([name, port]) => ({ [name]: port })),
  },
  { weight: 1, arbitrary: fc.record({ destinationNamedPort: fc.constantFrom(...PORT_NAMES) }) },
);
const olderPort = fc.oneof(
  fc.record({
    portNumber: fc.record({ protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'), port: fc.constantFrom(53, 80) }),
  }),
  fc.constant({ portRange: { protocol: 'TCP', start: 79, end: 443 } }),
  fc.record({ namedPort: fc.constantFrom(...PORT_NAMES) }),
);

/** What the kinds of the network policy API have in common; `older` are those of v1alpha1. */
export function clusterSpec(
  older: 'AdminNetworkPolicy' | 'BaselineAdminNetworkPolicy' | undefined,
): fc.Arbitrary<object> {
  const actions =
    older === undefined
      ? ['Accept', 'Deny', 'Pass']
      : older === 'AdminNetworkPolicy'
        ? ['Allow', 'Deny', 'Pass']
        : ['Allow', 'Deny'];
  const rules = (side: 'from' | 'to') =>
    list(
      fc
        .record({
          action: fc.constantFrom(...actions),
          [side]: fc.array(clusterPeer(side === 'to'), { minLength: 1, maxLength: 2 }),
          [older === undefined ? 'protocols' : 'ports']: sometimes(
            fc.array<object>(older === undefined ? clusterProtocol : olderPort, { minLength: 1, maxLength: 4 }),
          ),
        })
        .map(without),
    );
  return fc.record({
    ...(older === undefined ? { tier: fc.constantFrom('Admin', 'Baseline') } : {}),
    ...(older === 'BaselineAdminNetworkPolicy' ? {} : { priority: fc.constantFrom(0, 5, 5, 1000) }),
    subject: clusterPeer(false),
    ingress: rules('from'),
    egress: rules('to'),
  });
}
