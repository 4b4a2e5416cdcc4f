import { describe, expect, test } from 'vitest';
import { WorkloadLabels } from './workload-labels.ts';

const WRITTEN = new Map([
  ['projectcalico.org/namespace', 'kube-system'],
  ['app', 'web'],
  ['pcns.team', 'bank'],
  ['pcsa.role', 'admin'],
  ['projectcalico.org/other', 'x'],
  ['projectcalico.org/serviceaccount', 'written'],
]);

/** Every way to read a map has to say the same. */
function read(labels: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const entries = [...labels];
  expect([...labels.entries()]).toEqual(entries);
  expect([...labels.keys()]).toEqual(entries.map(([key]) => key));
  expect([...labels.values()]).toEqual(entries.map(([, value]) => value));
  expect(labels.size).toBe(entries.length);
  const visited: [string, string][] = [];
  for (const key of ['app', 'pcns.team', 'no', 'constructor', ...WRITTEN.keys()])
    expect([labels.get(key), labels.has(key)]).toEqual([new Map(entries).get(key), new Map(entries).has(key)]);
  // oxlint-disable-next-line unicorn/no-array-for-each -- it is what is tested
  labels.forEach((value, key) => visited.push([key, value]));
  expect(visited).toEqual(entries);
  return new Map(entries);
}

describe('labels of a workload', () => {
  test('2.4, 2.5: what Calico sets wins, inherited names are dropped, others are as written', () => {
    const labels = new WorkloadLabels({ labels: WRITTEN, namespace: 'shop', serviceAccountName: 'clerk' }, 'k8s');
    expect(read(labels)).toEqual(
      new Map([
        ['app', 'web'],
        ['projectcalico.org/other', 'x'],
        ['projectcalico.org/namespace', 'shop'],
        ['projectcalico.org/orchestrator', 'k8s'],
        ['projectcalico.org/serviceaccount', 'clerk'],
      ]),
    );
  });

  test.each([undefined, ''])('2.4: without a service account (%o) a written one counts', (serviceAccountName) => {
    const account = serviceAccountName === undefined ? {} : { serviceAccountName };
    const labels = new WorkloadLabels({ labels: WRITTEN, namespace: 'shop', ...account }, 'k8s');
    expect(read(labels).get('projectcalico.org/serviceaccount')).toBe('written');
  });
});
