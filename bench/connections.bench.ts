/**
 * Everything that a cluster allows, and what of it two clusters differ in: `npm run bench -- connections`, or
 * `npx tsx bench/connections.bench.ts WORKLOADS` for another number than 1,000. Each workload has three pods; there is a namespace for
 * twenty of them, with policies of both kinds: three fifths of the namespaces deny what is not allowed, some limit what leaves, three tiers
 * and a few network sets lie above all.
 */
import process from 'node:process';
import { diffWorlds } from '../src/engine/analysis/difference.ts';
import { type World, loadWorld } from '../src/engine/world.ts';
import { load, print, smoke } from './figure.ts';

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const workloads = Number(words[0] ?? (smoke ? 60 : 1000));
const namespaces = Math.ceil(workloads / 20);
const APPS = ['web', 'api', 'db', 'cache', 'queue'];
const calico = 'projectcalico.org/v3';

function* pods(): Generator<object> {
  for (let n = 0; n < namespaces; n++) {
    const labels = { env: ['prod', 'dev', 'test'][n % 3], team: `t${n % 10}` };
    yield { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `ns${n}`, labels } };
  }
  for (let w = 0; w < workloads; w++)
    for (let p = 0; p < 3; p++) {
      const hash = `${w.toString(16).padStart(6, '0')}`;
      const app = APPS[w % APPS.length] ?? '';
      yield {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: `w${w}-${hash}-${p}`,
          namespace: `ns${Math.floor(w / 20)}`,
          labels: { app, name: `w${w}`, 'pod-template-hash': hash, version: `v${w % 7}` },
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `w${w}-${hash}`, controller: true }],
        },
        spec: {
          nodeName: `n${w % 30}`,
          containers: [{ ports: [{ name: 'main', containerPort: app === 'db' ? 5432 : 8080 }] }],
        },
        status: { phase: 'Running', podIPs: [{ ip: `10.${20 + p}.${w >> 8}.${w & 255}` }] },
      };
    }
}

/** About six for each namespace. `changed`: some ports are others. */
function* policies(changed: boolean): Generator<object> {
  const kubernetes = (name: string, namespace: string, spec: object): object => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec,
  });
  const app = (name: string): object => ({ matchLabels: { app: name } });
  for (let n = 0; n < namespaces; n++) {
    const namespace = `ns${n}`;
    if (n % 5 < 3) yield kubernetes('deny', namespace, { podSelector: {}, policyTypes: ['Ingress'] });
    const port = changed && n % 10 === 0 ? 8443 : 8080;
    yield kubernetes('web', namespace, {
      podSelector: app('web'),
      ingress: [
        { from: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }], ports: [{ port }, { port: 443 }] },
      ],
    });
    yield kubernetes('api', namespace, {
      podSelector: app('api'),
      ingress: [{ from: [{ podSelector: app('web') }], ports: [{ port: 'main' }] }],
    });
    yield kubernetes('db', namespace, {
      podSelector: app('db'),
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { from: [{ podSelector: app('api') }], ports: [{ port: 5432 }] },
        { from: [{ namespaceSelector: { matchLabels: { team: `t${n % 10}` } }, podSelector: app('queue') }] },
      ],
      egress: [{ to: [{ podSelector: app('db') }] }, { ports: [{ protocol: 'UDP', port: 53 }] }],
    });
    yield {
      apiVersion: calico,
      kind: 'NetworkPolicy',
      metadata: { name: 'cache', namespace },
      spec: {
        selector: "app == 'cache'",
        types: ['Ingress', 'Egress'],
        ingress: [
          { action: 'Deny', source: { selector: "version in {'v1', 'v2'}" } },
          {
            action: 'Allow',
            protocol: 'TCP',
            destination: { ports: [6379, '7000:7010'] },
            source: { selector: 'all()' },
          },
        ],
        egress: [{ action: 'Allow', destination: { nets: [`203.0.${n}.0/24`] } }, { action: 'Pass' }],
      },
    };
    if (n % 2 === 0)
      yield {
        apiVersion: calico,
        kind: 'NetworkPolicy',
        metadata: { name: 'out', namespace },
        spec: {
          selector: "app in {'api', 'queue'}",
          types: ['Egress'],
          egress: [
            { action: 'Allow', protocol: 'UDP', destination: { ports: [53] } },
            { action: 'Allow', destination: { namespaceSelector: "env == 'prod'", selector: "app != 'db'" } },
            {
              action: 'Allow',
              protocol: 'TCP',
              destination: { selector: "kind == 'bank'", namespaceSelector: 'global()', ports: [443] },
            },
          ],
        },
      };
  }
  yield {
    apiVersion: calico,
    kind: 'Tier',
    metadata: { name: 'security' },
    spec: { order: 100, defaultAction: 'Pass' },
  };
  for (let n = 0; n < 5; n++) {
    yield {
      apiVersion: calico,
      kind: 'GlobalNetworkSet',
      metadata: { name: `set${n}`, labels: { kind: n < 3 ? 'bank' : 'bad' } },
      spec: { nets: Array.from({ length: 20 }, (_, i) => `198.${18 + n}.${i}.0/26`) },
    };
    yield {
      apiVersion: calico,
      kind: 'GlobalNetworkPolicy',
      metadata: { name: `security.g${n}` },
      spec: {
        tier: 'security',
        order: n,
        types: ['Ingress', 'Egress'],
        selector: n === 0 ? 'all()' : `version == 'v${n}'`,
        ingress: [
          { action: 'Deny', source: { selector: "kind == 'bad'" } },
          { action: 'Pass', protocol: 'TCP' },
        ],
        egress: [{ action: 'Deny', destination: { selector: "kind == 'bad'" } }],
      },
    };
  }
}

function world(changed: boolean): World {
  return loadWorld([...pods(), ...policies(changed)]);
}

const before = world(false);
if (before.diagnostics.some(({ severity }) => severity === 'error')) throw new Error('the bench has broken objects');
const size = { workloads, pods: 3 * workloads, policies: before.engine.policies.size, namespaces };
const start = performance.now();
const connections = before.connections();
print({
  bench: 'connections',
  unit: 's',
  value: (performance.now() - start) / 1000,
  budget: 2,
  ...size,
  connections: connections.length,
  ...load(),
});

const after = world(true);
const differing = performance.now();
const { gained, lost } = diffWorlds(before, after);
print({
  bench: 'connections/diff',
  unit: 's',
  value: (performance.now() - differing) / 1000,
  ...size,
  connections: gained.length + lost.length,
  ...load(),
});
