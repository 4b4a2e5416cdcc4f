import { expect, test } from 'vitest';
import { kindOf } from './kinds.ts';
import { formatPath } from './scope.ts';

test.each([
  ['projectcalico.org/v3', 'StagedNetworkPolicy', 'kind'],
  ['projectcalico.org/v3', 'BGPPeer', 'unused'],
  ['projectcalico.org/v3', 'IPAMBlock', 'unused'],
  ['projectcalico.org/v3', 'WorkloadEndpoint', 'kind'],
  ['projectcalico.org/v3', 'Profile', 'kind'],
  ['projectcalico.org/v3', 'GlobalNetworkPolice', 'misspelled'],
  ['v1', 'Secret', 'unused'],
  ['v1', 'Service', 'unused'],
  ['v1', 'Event', 'unused'],
  ['v1', 'Endpoints', 'unused'],
  ['v1', 'Pods', 'misspelled'],
  ['networking.k8s.io/v1', 'Ingress', 'unused'],
  ['v2', 'Pod', 'version'],
  ['apps/v1', 'Pod', 'unused'],
  ['sallyport.dev/v1alpha1', 'Anything', 'misspelled'],
  ['/v1', 'Pod', 'kind'],
  ['', '', 'unused'],
])('%s %s is found as %s', (apiVersion, kind, found) => {
  expect(kindOf(apiVersion, kind).found).toBe(found);
});

test('paths read as people write them', () => {
  expect(formatPath(['spec', 'egress', 0, 'nets', 12])).toBe('spec.egress[0].nets[12]');
  expect(formatPath(['metadata', 'labels', 'a.b/c'])).toBe('metadata.labels["a.b/c"]');
  expect(formatPath([])).toBe('');
});
