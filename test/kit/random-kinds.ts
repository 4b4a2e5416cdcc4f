import fc from 'fast-check';
import { adminPolicy, stagedKubernetesPolicy, stagedPolicy } from './objects.ts';
import type { PlainObject } from './plain-objects.ts';
import { calicoSpec, kubernetesRule, plainNamespaces, plainSelector, types } from './random-policies.ts';
import { namespaceSelector } from './random-rules.ts';
import { NETS, list, namespace, some, without } from './random-words.ts';

// Policies of the kinds that stand beside NetworkPolicy: the cluster-wide ones of policy.networking.k8s.io, and staged ones. All valid.

const pods = fc.record({ namespaceSelector: plainNamespaces, podSelector: plainSelector });
const byLabels = fc.oneof(
  plainNamespaces.map((namespaces): object => ({ namespaces })),
  pods.map((found): object => ({ pods: found })),
);
const networks = fc
  .uniqueArray(fc.constantFrom(...NETS[4], ...NETS[6], '10.0.0.3/24'), { minLength: 1, maxLength: 3 })
  .map((nets): object => ({ networks: nets }));
/** Beside those that are enforced, the two that are not. */
const outgoing = fc.oneof(
  { weight: 5, arbitrary: byLabels },
  { weight: 4, arbitrary: networks },
  { weight: 1, arbitrary: fc.constant<object>({ nodes: {} }) },
);
const peers = { from: atLeastOne(byLabels), to: atLeastOne(outgoing) };

const number = fc.constantFrom(53, 80, 443);
const span = fc.constantFrom({ start: 53, end: 80 }, { start: 79, end: 443 });
const named = fc.constantFrom('web', 'dns');

const newPorts = fc.oneof(
  fc
    .tuple(fc.constantFrom('tcp', 'udp', 'sctp'), some(fc.oneof(fc.record({ number }), fc.record({ range: span }))))
    .map(([protocol, destinationPort]): object => ({ [protocol]: without({ destinationPort }) })),
  named.map((destinationNamedPort): object => ({ destinationNamedPort })),
);
const oldPorts = fc.oneof(
  fc
    .tuple(some(fc.constantFrom('TCP', 'UDP', 'SCTP')), number)
    .map(([protocol, port]): object => ({ portNumber: without({ protocol, port }) })),
  fc
    .tuple(some(fc.constantFrom('TCP', 'UDP')), span)
    .map(([protocol, range]): object => ({ portRange: without({ protocol, ...range }) })),
  named.map((namedPort): object => ({ namedPort })),
);

function atLeastOne<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(arbitrary, { minLength: 1, maxLength: 2 });
}

function rules(side: 'from' | 'to', actions: readonly string[], ports: fc.Arbitrary<object>): fc.Arbitrary<object[]> {
  const field = actions.includes('Accept') ? 'protocols' : 'ports';
  return list(
    fc
      .record({
        action: fc.constantFrom(...actions),
        [side]: peers[side],
        [field]: some(fc.array(ports, { minLength: 1, maxLength: 3 })),
      })
      .map((rule) => without(withoutIdleNames(rule, side, field))),
    3,
  );
}

/** The API refuses names of ports beside peers that are no pods. */
function withoutIdleNames(rule: object, side: string, field: string): object {
  const { [side]: found = [], [field]: ports } = rule as Record<string, readonly object[] | undefined>;
  if (ports === undefined || found.every((peer) => 'namespaces' in peer || 'pods' in peer)) return rule;
  const numbers = ports.filter((port) => !('namedPort' in port) && !('destinationNamedPort' in port));
  return { ...rule, [field]: numbers.length === 0 ? undefined : numbers };
}

function specOf(actions: readonly string[], ports: fc.Arbitrary<object>) {
  return { subject: byLabels, ingress: some(rules('from', actions, ports)), egress: some(rules('to', actions, ports)) };
}

const priority = fc.constantFrom(0, 5, 5, 1000);
const newActions = ['Accept', 'Deny', 'Pass'];

export const clusterNetworkPolicy: fc.Arbitrary<PlainObject> = fc
  .tuple(
    fc.constantFrom('q1', 'q1-a', 'q1.a'),
    fc.record({ tier: fc.constantFrom('Admin', 'Admin', 'Baseline'), priority, ...specOf(newActions, newPorts) }),
  )
  .map(([name, spec]) => adminPolicy('ClusterNetworkPolicy', name, without(spec)));

export const adminNetworkPolicy: fc.Arbitrary<PlainObject> = fc
  .tuple(fc.constantFrom('q1', 'n1'), fc.record({ priority, ...specOf(['Allow', 'Deny', 'Pass'], oldPorts) }))
  .map(([name, spec]) => adminPolicy('AdminNetworkPolicy', name, without(spec)));

export const baselineAdminNetworkPolicy: fc.Arbitrary<PlainObject> = fc
  .record(specOf(['Allow', 'Deny'], oldPorts))
  .map((spec) => adminPolicy('BaselineAdminNetworkPolicy', 'default', without(spec)));

const stagedAction = fc.constantFrom('Set', undefined, 'Learn', 'Ignore');
const deletion = some(fc.constantFrom('default', 'first')).map((tier) => without({ stagedAction: 'Delete', tier }));
const stagedName = fc.constantFrom('q1', 'q1-a', 's1');

export const staged: fc.Arbitrary<PlainObject> = fc.oneof(
  fc
    .tuple(
      fc.oneof(
        stagedName,
        fc.tuple(namespace, stagedName).map((place) => place.join('/')),
      ),
      fc.oneof(
        { weight: 5, arbitrary: fc.record({ ...calicoSpec, stagedAction }) },
        { weight: 1, arbitrary: deletion },
      ),
    )
    .map(([name, spec]) => stagedPolicy(name, without(spec))),
  fc
    .tuple(stagedName, fc.record({ ...calicoSpec, namespaceSelector: some(namespaceSelector), stagedAction }))
    .map(([name, spec]) => stagedPolicy(name, without(spec))),
  fc
    .tuple(
      namespace,
      stagedName,
      fc.record({
        stagedAction,
        podSelector: plainSelector,
        policyTypes: types,
        ingress: some(list(kubernetesRule('from'))),
        egress: some(list(kubernetesRule('to'))),
      }),
    )
    .map(([where, name, spec]) => stagedKubernetesPolicy(`${where}/${name}`, without(spec))),
);

/** Some of them, each object at most once. */
export const otherKinds: fc.Arbitrary<PlainObject[]> = fc.uniqueArray(
  fc.oneof(clusterNetworkPolicy, adminNetworkPolicy, baselineAdminNetworkPolicy, staged),
  { maxLength: 5, selector: ({ kind, metadata }) => `${kind}/${metadata.namespace}/${metadata.name}` },
);
