import { expect, test } from 'vitest';
import { cwnp, smallMachine } from '../../test/kit/machine.ts';

const spec = 'spec: { ingress: [{ ports: [{ port: 1 }] }] }';

test.each([
  [
    `{ kind: ClusterwideNetworkPolicy, metadata: { name: p, namespace: firewall }, ${spec} }`,
    'error OBJECT_INVALID ClusterwideNetworkPolicy/firewall/p : this document is no API object: it has no apiVersion. It is left out.',
  ],
  [
    `{ apiVersion: metal-stack.io/v1, metadata: { name: p, namespace: firewall }, ${spec} }`,
    'error OBJECT_INVALID object/firewall/p : this document is no API object: it has no kind. It is left out.',
  ],
  ['7', 'error OBJECT_INVALID  : this document is 7 and has to be an API object. It is left out.'],
  [
    `{ apiVersion: metal-stack/v1, kind: ClusterwideNetworkPolicy, metadata: { name: p, namespace: firewall }, ${spec} }`,
    'error VERSION_UNKNOWN ClusterwideNetworkPolicy/firewall/p apiVersion: ClusterwideNetworkPolicy is read in metal-stack.io/v1, not in "metal-stack/v1". It is left out.',
  ],
  [
    '{ apiVersion: metal-stack.io/v1, kind: ClusterwideNetworkPolicies, metadata: { name: p, namespace: firewall } }',
    'error KIND_UNKNOWN ClusterwideNetworkPolicies/firewall/p kind: there is no kind "ClusterwideNetworkPolicies" here; known: ClusterwideNetworkPolicy. It is left out.',
  ],
])('what is meant as an object and is none is told, and left out alone: %s', (text, told) => {
  const good = cwnp('good', '{ ingress: [{ ports: [{ port: 2 }] }] }');
  const { said, text: rules } = smallMachine(`---\n${text}\n${good}`);
  expect(said).toEqual([told]);
  expect(rules).toBe(smallMachine(good).text);
});

test('objects that are somebody else’s are nobody’s mistake', () => {
  const others = [
    '{ apiVersion: example.org/v1, kind: Firewall, metadata: { name: f } }',
    '{ apiVersion: serving.knative.dev/v1, kind: Service, metadata: { name: s } }',
    '{ apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: n } }',
  ];
  expect(smallMachine(others.map((each) => `---\n${each}\n`).join('')).said).toEqual([]);
});
