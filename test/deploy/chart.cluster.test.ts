import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { helm, renderChart } from '../../scripts/helm.ts';
import { manifests } from '../../scripts/manifests.ts';

const root = join(import.meta.dirname, '../..');
const chart = join(root, 'deploy/chart');
const everything = join(import.meta.dirname, 'everything.yaml');

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [key: string]: unknown;
}

function objects(text: string): readonly Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((one) => one !== null);
}

/** A member by its path; numbers are indices. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inside, step) => (inside as Record<string | number, unknown> | undefined)?.[step],
    value,
  );
}

function deployment(set: Readonly<Record<string, unknown>> = {}): Manifest {
  const found = objects(renderChart(root, set)).find(({ kind }) => kind === 'Deployment');
  if (found === undefined) throw new Error('the chart has no Deployment');
  return found;
}

const POD = ['spec', 'template', 'spec'] as const;
const CONTAINER = [...POD, 'containers', 0] as const;

describe('the chart', () => {
  test('is right, as Helm sees it', () => {
    expect(helm(['lint', '--strict', chart])).toContain('0 chart(s) failed');
    for (const values of [everything, join(root, 'examples/deploy/in-cluster/values.yaml')])
      helm(['lint', '--strict', chart, '--values', values]);
  });

  test('plain manifests are its defaults', () => {
    for (const [name, text] of manifests(root))
      expect(readFileSync(join(root, 'deploy/manifests', name), 'utf8'), 'run `npx tsx scripts/manifests.ts`').toBe(
        text,
      );
  });

  test('a pod may do nothing that it does not need', () => {
    const given = deployment();
    expect(at(given, ...POD, 'securityContext')).toEqual({
      runAsNonRoot: true,
      runAsUser: 65_532,
      runAsGroup: 65_532,
      fsGroup: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(at(given, ...CONTAINER, 'securityContext')).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(at(given, ...POD, 'hostNetwork')).toBeUndefined();
  });

  test('the firewall of the node itself costs root, NET_ADMIN and the network of the node, and no more', () => {
    const given = deployment({ localNftables: { enabled: true } });
    expect(at(given, ...POD, 'hostNetwork')).toBe(true);
    expect(at(given, ...CONTAINER, 'securityContext')).toEqual({
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
    });
  });

  test('no service account hands out its token unasked', () => {
    const accounts = objects(renderChart(root, { readiness: { enabled: true } })).filter(
      ({ kind }) => kind === 'ServiceAccount',
    );
    expect(accounts.map(({ metadata }) => metadata.name).toSorted()).toEqual(['sallyport', 'sallyport-readiness']);
    for (const account of accounts) expect(account['automountServiceAccountToken']).toBe(false);
  });

  test('what can be switched on is off', () => {
    const kinds = objects(renderChart(root)).map(({ kind }) => kind);
    for (const kind of ['ValidatingAdmissionPolicy', 'NetworkPolicy', 'ServiceMonitor', 'PrometheusRule'])
      expect(kinds).not.toContain(kind);
  });

  test('credentials can be narrowed to the Secrets that are named', () => {
    const role = objects(renderChart(root, { credentials: ['edge-1', 'edge-2'] })).find(({ kind }) => kind === 'Role');
    expect(at(role, 'rules')).toContainEqual({
      apiGroups: [''],
      resources: ['secrets'],
      verbs: ['get'],
      resourceNames: ['edge-1', 'edge-2'],
    });
  });

  test('one copy needs no disruption budget, two have one', () => {
    const budgets = (replicas: number) =>
      objects(renderChart(root, { replicas })).filter(({ kind }) => kind === 'PodDisruptionBudget').length;
    expect([budgets(1), budgets(2)]).toEqual([0, 1]);
  });

  test('a wrong value is refused with its name', () => {
    for (const [name, value] of [
      ['replicas', 0],
      ['cluster', '-x'],
      ['replica', 2],
      ['localNftables', true],
    ] as const)
      expect(() => renderChart(root, { [name]: value }), name).toThrow(name);
  });

  test('nothing that Helm does touches the definitions', () => {
    expect(renderChart(root, { readiness: { enabled: true } })).not.toContain('CustomResourceDefinition');
  });

  test('a changed configuration brings new pods', () => {
    const digest = (set: Readonly<Record<string, unknown>>) =>
      at(deployment(set), 'spec', 'template', 'metadata', 'annotations', 'sallyport.dev/configuration');
    expect(digest({ cluster: 'a' })).not.toBe(digest({ cluster: 'b' }));
  });
});
