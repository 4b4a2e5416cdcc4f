import { expect, test } from 'vitest';
import { readResource } from './read.ts';

test('a namespace has the label of its name, as the API server gives it, even if another is written', () => {
  const labels = { 'kubernetes.io/metadata.name': 'kube-system', env: 'prod' };
  const { resource } = readResource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels } }, {});
  expect([...(resource?.labels ?? [])]).toEqual([
    ['kubernetes.io/metadata.name', 'shop'],
    ['env', 'prod'],
  ]);
});
