import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { helm, renderChart } from '../../scripts/helm.ts';
import { manifests } from '../../scripts/manifests.ts';
import { parseConfiguration } from '../../src/controller/configuration/configuration.ts';

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

/** Where no server is asked. */
const SERVER = ['--kube-version', '1.33.0'];
const NODE = { 'kubernetes.io/hostname': 'border-1' };
const QUERIES = { enabled: true, tlsSecret: 'tls', readers: [{ name: 'prometheus-k8s', namespace: 'monitoring' }] };

/** Ports by name. */
function named(ports: unknown, field: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries((ports as Record<string, unknown>[]).map((port) => [port['name'], port[field]]));
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
    const given = deployment({ localNftables: { enabled: true }, replicas: 1, nodeSelector: NODE, sshSecret: 'keys' });
    expect(at(given, ...POD, 'hostNetwork')).toBe(true);
    expect(at(given, ...CONTAINER, 'securityContext')).toEqual({
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] },
    });
    // Where root's ssh looks, and as root's ssh wants its keys.
    expect(at(given, ...CONTAINER, 'volumeMounts')).toContainEqual({
      name: 'ssh',
      mountPath: '/root/.ssh',
      readOnly: true,
    });
    expect(at(given, ...POD, 'volumes')).toContainEqual({
      name: 'ssh',
      secret: { secretName: 'keys', defaultMode: 0o400 },
    });
  });

  test('no service account hands out its token unasked', () => {
    const accounts = objects(renderChart(root, { readiness: { enabled: true } })).filter(
      ({ kind }) => kind === 'ServiceAccount',
    );
    expect(accounts.map(({ metadata }) => metadata.name).toSorted()).toEqual(['sallyport', 'sallyport-readiness']);
    for (const account of accounts) expect(account['automountServiceAccountToken']).toBe(false);
  });

  test('for readiness: its own token, in a folder that the configuration names, and a port for those who wait', () => {
    const given = deployment({ readiness: { enabled: true } });
    const mounts = at(given, ...CONTAINER, 'volumeMounts') as readonly { readonly mountPath: string }[];
    const config = objects(renderChart(root, { readiness: { enabled: true } })).find(
      ({ kind }) => kind === 'ConfigMap',
    );
    const text = String(at(config, 'data', 'configuration.yaml'));
    const around = { readFile: () => '', environment: {} };
    const { value, diagnostics } = parseConfiguration(text, '/etc/sallyport/configuration.yaml', around);
    expect(diagnostics).toEqual([]);
    expect(mounts.map(({ mountPath }) => mountPath)).toContain(value?.gate?.account);
    expect(at(given, ...CONTAINER, 'ports')).toContainEqual({
      name: 'readiness',
      containerPort: value?.readiness?.port,
      protocol: 'TCP',
    });
  });

  test('what a copy writes down has room, with its pod or beyond it, and the trails keep to it', () => {
    const trails = (set: Readonly<Record<string, unknown>>): unknown => {
      const configuration = objects(renderChart(root, set)).find(({ kind }) => kind === 'ConfigMap');
      return at(parse(String(at(configuration, 'data', 'configuration.yaml'))), 'audit', 'mebibytes');
    };
    const volume = (one: Manifest): unknown =>
      (at(one, ...POD, 'volumes') as { name: string }[]).find(({ name }) => name === 'state');
    expect(volume(deployment())).toEqual({ name: 'state', emptyDir: { sizeLimit: '256Mi' } });
    expect(trails({})).toBe(192);
    const state = { mebibytes: 1000, persistent: true, storageClass: 'fast' };
    const all = objects(renderChart(root, { state }));
    expect(all.some(({ kind }) => kind === 'Deployment')).toBe(false);
    const copies = all.find(({ kind }) => kind === 'StatefulSet') as Manifest;
    expect(volume(copies)).toBeUndefined();
    expect(at(copies, 'spec', 'volumeClaimTemplates', 0, 'spec')).toEqual({
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'fast',
      resources: { requests: { storage: '1000Mi' } },
    });
    expect(at(copies, ...CONTAINER, 'volumeMounts')).toContainEqual({ name: 'state', mountPath: '/var/lib/sallyport' });
    expect(trails({ state })).toBe(750);
  });

  test('what can be switched on is off', () => {
    const all = objects(renderChart(root));
    const kinds = all.map(({ kind }) => kind);
    for (const kind of ['NetworkPolicy', 'ServiceMonitor', 'PrometheusRule']) expect(kinds).not.toContain(kind);
    // The one that is always there limits the controller itself.
    const policies = all.filter(({ kind }) => kind === 'ValidatingAdmissionPolicy');
    expect(policies.map(({ metadata }) => metadata.name)).toEqual(['sallyport-leaving']);
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
      ['sshSecret', 'My_Keys'],
      ['credentials', ['edge-1', '']],
      ['nameOverride', 'Edge'],
    ] as const)
      expect(() => renderChart(root, { [name]: value }), name).toThrow(name);
  });

  test('values that do not go together are told, all of them at once', () => {
    const wrong = {
      cluster: 'prod',
      localNftables: { enabled: true },
      serviceMonitor: { enabled: true },
      configuration: {
        cluster: 'prod-eu',
        server: { queries: { listen: '0.0.0.0:8443' } },
        controllers: { readiness: { account: '/tmp' } },
      },
    };
    const told = ((): string => {
      try {
        return renderChart(root, wrong);
      } catch (thrown) {
        return String(thrown);
      }
    })();
    expect(told.split('\n').filter((line) => line.startsWith('- '))).toEqual([
      expect.stringContaining('serviceMonitor.enabled needs queries.enabled'),
      expect.stringContaining('localNftables.enabled with 2 replicas'),
      expect.stringContaining('localNftables.enabled without a node'),
      expect.stringContaining('cluster is "prod", and configuration.cluster "prod-eu"'),
      expect.stringContaining('configuration.server.queries without queries.enabled'),
      expect.stringContaining('without readiness.enabled'),
    ]);
    expect(renderChart(root, { configuration: null })).toContain('sources:');
  });

  test('nothing that Helm does touches the definitions', () => {
    expect(renderChart(root, { readiness: { enabled: true } })).not.toContain('CustomResourceDefinition');
  });

  test('what is switched on is listened to, and reached', () => {
    const all = objects(renderChart(root, { queries: QUERIES, readiness: { enabled: true } }));
    const ports = { probes: 8080, queries: 8443, readiness: 8081 };
    const container = at(
      all.find(({ kind }) => kind === 'Deployment'),
      ...CONTAINER,
    );
    expect(named(at(container, 'ports'), 'containerPort')).toEqual(ports);
    expect(
      named(
        at(
          all.find(({ kind }) => kind === 'Service'),
          'spec',
          'ports',
        ),
        'port',
      ),
    ).toEqual(ports);
    const text = String(
      at(
        all.find(({ kind }) => kind === 'ConfigMap'),
        'data',
        'configuration.yaml',
      ),
    );
    const around = { environment: {}, readFile: () => '' };
    const { value, diagnostics } = parseConfiguration(text, '/etc/sallyport/configuration.yaml', around);
    expect(diagnostics).toEqual([]);
    expect(value?.readiness).toEqual({ host: '0.0.0.0', port: ports.readiness });
    const { cert = '', key = '', ...queries } = { ...value?.queries, ...value?.queries?.tls };
    expect(queries).toMatchObject({ host: '0.0.0.0', port: ports.queries });
    const mount = (at(container, 'volumeMounts') as { mountPath: string }[]).find(({ mountPath }) =>
      [cert, key].every((path) => path.startsWith(`${mountPath}/`)),
    );
    expect(mount).toMatchObject({ name: 'tls', readOnly: true });
  });

  test('a cluster’s name stays a text, whatever its digits and letters would else be', () => {
    const around = { environment: {}, readFile: () => '' };
    // Eight digits of the UID of kube-system, as a cluster is called by itself.
    for (const cluster of ['1234e567', '12345e67', '12345678', '01234567', 'true']) {
      const map = objects(renderChart(root, { cluster })).find(({ kind }) => kind === 'ConfigMap');
      const text = String(at(map, 'data', 'configuration.yaml'));
      const { value, diagnostics } = parseConfiguration(text, '/etc/sallyport/configuration.yaml', around);
      expect(diagnostics, cluster).toEqual([]);
      expect(value?.cluster).toBe(cluster);
    }
  });

  test.each(['true', 'null', 'on', 'y', 'e1'])(
    'a name stays a text wherever it stands, though YAML takes it for something else: %s',
    (name) => {
      const every = parse(readFileSync(everything, 'utf8')) as Record<string, unknown>;
      // As the readers of Kubernetes take it.
      const read = (text: string): unknown =>
        parseAllDocuments(text, { version: '1.1', merge: false }).map((document) => document.toJS() as unknown);
      const given = read(renderChart(root, { ...every, fullnameOverride: name }));
      const other = JSON.stringify(read(renderChart(root, { ...every, fullnameOverride: 'zzz9' })));
      expect(given).toEqual(JSON.parse(other.replaceAll('zzz9', name)));
      // Where the release is in a namespace of its own name, what the whole cluster shares is called the same.
      const release = (called: string): string =>
        helm(['template', called, chart, ...SERVER, '--namespace', called, '--set-string', `nameOverride=${called}`]);
      const shared = JSON.stringify(read(release('zzz9')));
      expect(read(release(name))).toEqual(JSON.parse(shared.replaceAll('zzz9', name)));
    },
  );

  test.each([
    ['123', []],
    ['my.border', []],
    ['1e3', ['--set-string', 'nameOverride=1']],
  ])('a release whose name cannot be that of a Service is refused, with the way out: %s', (release, words) => {
    const template = (...more: readonly string[]): string =>
      helm(['template', release, chart, ...SERVER, ...words, ...more]);
    expect(() => template()).toThrow('set fullnameOverride');
    expect(template('--set', 'fullnameOverride=border')).toContain('name: "border"');
  });

  test('every set of values that is shipped gives a configuration that `run` takes', () => {
    const around = { environment: {}, readFile: () => '' };
    for (const values of [everything, join(root, 'examples/deploy/in-cluster/values.yaml')]) {
      const map = objects(renderChart(root, parse(readFileSync(values, 'utf8')) as Record<string, unknown>)).find(
        ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'sallyport',
      );
      const text = String(at(map, 'data', 'configuration.yaml'));
      const { value, diagnostics } = parseConfiguration(text, '/etc/sallyport/configuration.yaml', around);
      expect(diagnostics, values).toEqual([]);
      expect([...(value?.sources.values() ?? [])], values).toEqual([{ type: 'kubernetes' }]);
    }
  });

  test('what cannot work is refused, with what is missing', () => {
    expect(() => renderChart(root, { queries: { enabled: true } })).toThrow('needs queries.tlsSecret');
    expect(() => renderChart(root, { serviceMonitor: { enabled: true } })).toThrow('needs queries.enabled');
  });

  test('Prometheus asks where metrics are served, by TLS and with its token, and has the right to', () => {
    const all = objects(renderChart(root, { queries: QUERIES, serviceMonitor: { enabled: true } }));
    const monitor = all.find(({ kind }) => kind === 'ServiceMonitor');
    const [endpoint] = at(monitor, 'spec', 'endpoints') as object[];
    expect(endpoint).toMatchObject({
      port: 'queries',
      path: '/metrics',
      scheme: 'https',
      bearerTokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token',
      tlsConfig: { serverName: 'sallyport.sallyport.svc', ca: { secret: { name: 'tls', key: 'ca.crt' } } },
    });
    const service = all.find(({ kind }) => kind === 'Service');
    expect(at(service, 'metadata', 'labels')).toMatchObject(at(monitor, 'spec', 'selector', 'matchLabels') as object);
    const role = all.find(({ kind, metadata }) => kind === 'ClusterRole' && metadata.name === 'sallyport-metrics');
    expect(at(role, 'rules')).toEqual([{ nonResourceURLs: ['/metrics'], verbs: ['get'] }]);
    const binding = all.find(
      ({ kind, metadata }) => kind === 'ClusterRoleBinding' && metadata.name === 'sallyport-metrics',
    );
    expect(at(binding, 'subjects')).toEqual([{ kind: 'ServiceAccount', ...QUERIES.readers[0] }]);
  });

  test('alert rules and the dashboard arrive as they are', () => {
    const all = objects(renderChart(root, { prometheusRule: { enabled: true }, dashboard: { enabled: true } }));
    const monitoring = (file: string): string => readFileSync(join(root, 'deploy/monitoring', file), 'utf8');
    const rule = all.find(({ kind }) => kind === 'PrometheusRule');
    expect(at(rule, 'spec')).toEqual(parse(monitoring('alerts.yaml')));
    const dashboard = all.find(({ metadata }) => metadata.name === 'sallyport-dashboard');
    expect(JSON.parse(String(at(dashboard, 'data', 'sallyport.json')))).toEqual(
      JSON.parse(monitoring('dashboard.json')),
    );
    expect(at(dashboard, 'metadata', 'labels')).toMatchObject({ grafana_dashboard: '1' });
  });

  test('a changed configuration brings new pods', () => {
    const digest = (set: Readonly<Record<string, unknown>>) =>
      at(deployment(set), 'spec', 'template', 'metadata', 'annotations', 'sallyport.dev/configuration');
    expect(digest({ cluster: 'a' })).not.toBe(digest({ cluster: 'b' }));
  });
});
