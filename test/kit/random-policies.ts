import fc from 'fast-check';
import type { PlainKubernetesRule, PlainPeer, PlainSelector } from './plain-objects.ts';
import { accountSelector, endpointSelector, rulesIn } from './random-rules.ts';
import { labelValue, some, sometimes, list, labels, namespaceLabels, without } from './random-words.ts';

// The specs of policies, all valid.

export const types = some(fc.uniqueArray(fc.constantFrom('Ingress', 'Egress'), { maxLength: 2 }));
export const calicoSpec = {
  tier: some(fc.constantFrom('default', 'first', 'first-a', 'second', 'second', 'kube-admin', 'gone')),
  order: some(fc.constantFrom(-5, 0, 5, 100.5, 1000, 1e308)),
  selector: some(fc.oneof({ weight: 3, arbitrary: endpointSelector }, { weight: 2, arbitrary: fc.constant('all()') })),
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
export const plainNamespaces = selectorOf(namespaceLabels, ['env', 'team']);

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
