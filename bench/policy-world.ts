import { readResource } from '../src/api/read.ts';
import type { Resource } from '../src/api/resource.ts';
import { ipv4Address, formatAddress } from '../src/ip/address.ts';
import type { Flow } from '../src/engine/packet.ts';
import type { Raw } from './world.ts';

const ENVIRONMENTS = ['prod', 'dev', 'test', 'stage'];
const SUITES = 500;
export const PODS_PER_NAMESPACE = 4;
const TOWN_NAMESPACE = 50;
/** 10.0.0.1. */
const FIRST_ADDRESS = 0x0a000001;

/** Many namespaces, with four pods and three Kubernetes NetworkPolicies in each: the first section of the policy load. */
export function* manyNamespaces(namespaces: number): Generator<Resource> {
  for (let i = 0; i < namespaces; i++) {
    const labels = { 'app.kubernetes.io/part-of': suite(i), env: ENVIRONMENTS[i % ENVIRONMENTS.length] ?? '' };
    yield resource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `n${i}`, labels } });
    for (let k = 0; k < PODS_PER_NAMESPACE; k++) yield podOf(i, k);
    for (const policy of policiesOf(i)) yield resource(policy);
  }
}

/** Pod `k` of namespace `i`. `variant`: 0 as the load has it, else another replica set of the other application. */
export function podOf(i: number, k: number, variant = 0, address = addressOf(i, k)): Resource {
  return pod({
    namespace: `n${i}`,
    name: `p${k}`,
    node: `node-${(4 * i + k) % 1000}`,
    address,
    labels: {
      app: `app-${(k + variant) % 2}`,
      tier: k < 2 ? 'web' : 'db',
      'pod-template-hash': hex8(i * 7 + k + variant),
    },
  });
}

/** Address of pod `k` of namespace `i`; from `namespaces` on they are nobody's. */
export function addressOf(i: number, k: number): string {
  return formatAddress(ipv4Address(FIRST_ADDRESS + i * PODS_PER_NAMESPACE + k));
}

export function namespace(name: string, labels: Readonly<Record<string, string>>): Resource {
  return resource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
}

/** One namespace in which every policy selects every pod, and every rule: the second section. */
export function* allMatching(pods: number, policies: number): Generator<Resource> {
  yield resource({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'all', labels: {} } });
  for (let k = 0; k < pods; k++)
    yield pod({ namespace: 'all', name: `p${k}`, node: 'node-0', address: addressOf(0, k), labels: { app: 'x' } });
  for (let j = 0; j < policies; j++)
    yield resource(
      kubernetesPolicy('all', `policy-${j}`, {
        podSelector: {},
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port: 1 + (j % 60_000) }] }],
      }),
    );
}

/**
 * A cluster of a usual size: pods of ten applications in namespaces of 50, and policies of four kinds, each of four rules; every pod is
 * selected by several.
 */
export function* townOf(pods: number, policies: number): Generator<Resource> {
  const namespaces = Math.ceil(pods / TOWN_NAMESPACE);
  for (let i = 0; i < namespaces; i++)
    yield resource({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: `t${i}`, labels: { env: ENVIRONMENTS[i % ENVIRONMENTS.length] ?? '', team: `team-${i % 7}` } },
    });
  for (let k = 0; k < pods; k++)
    yield pod({
      namespace: `t${Math.floor(k / TOWN_NAMESPACE)}`,
      name: `p${k}`,
      node: `node-${k % 20}`,
      address: addressOf(0, k),
      labels: { app: `app-${k % 10}`, tier: k % 3 === 0 ? 'web' : 'db', 'pod-template-hash': hex8(k * 7) },
    });
  for (let j = 0; j < policies; j++) yield resource(townPolicy(j, namespaces));
}

/** Flows between pods of such a cluster, and from them to the outside, in no order. */
export function townFlows(pods: number, count: number): readonly Flow[] {
  const random = (n: number, limit: number): number => (Math.imul(n + 1, 2654435761) >>> 8) % limit;
  return Array.from({ length: count }, (_, n) => ({
    src: addressOf(0, random(n, pods)),
    dst: n % 4 === 0 ? `198.51.${random(n, 50)}.${n % 250}` : addressOf(0, random(n * 31, pods)),
    proto: n % 5 === 0 ? 'UDP' : 'TCP',
    dport: [53, 80, 443, 5432, 8080][n % 5] ?? 443,
  }));
}

function townPolicy(j: number, namespaces: number): Raw {
  const app = (n: number): string => `app-${(j + n) % 10}`;
  const port = (number: number): Raw => ({ protocol: 'TCP', port: number });
  if (j % 3 !== 0)
    return kubernetesPolicy(`t${j % namespaces}`, `town-${j}`, {
      podSelector: { matchLabels: { app: app(0) } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { from: [{ podSelector: { matchLabels: { app: app(1) } } }], ports: [port(8080)] },
        { from: [{ namespaceSelector: { matchLabels: { team: `team-${j % 7}` } } }], ports: [port(443)] },
      ],
      egress: [
        { to: [{ namespaceSelector: {}, podSelector: { matchLabels: { tier: 'db' } } }], ports: [port(5432)] },
        { to: [{ ipBlock: { cidr: `198.51.${j % 50}.0/24` } }], ports: [port(443)] },
      ],
    });
  const allow = (part: Raw): Raw => ({ action: 'Allow', protocol: 'TCP', ...part });
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkPolicy',
    metadata: { name: `town-${j}` },
    spec: {
      order: 100 + (j % 50),
      selector: `app == '${app(0)}' || app == '${app(3)}'`,
      namespaceSelector: `env == '${ENVIRONMENTS[j % ENVIRONMENTS.length] ?? ''}'`,
      types: ['Ingress', 'Egress'],
      ingress: [
        allow({ source: { selector: `app == '${app(2)}'` }, destination: { ports: [8080] } }),
        allow({ source: { namespaceSelector: `team == 'team-${j % 7}'` }, destination: { ports: [80] } }),
      ],
      egress: [
        allow({ destination: { nets: [`198.51.${j % 50}.0/24`], ports: [443] } }),
        { action: j % 12 === 0 ? 'Pass' : 'Log', destination: { selector: `tier == 'db'` } },
      ],
    },
  };
}

/** As objects of a cluster have it, which share the one of their source. */
const NOWHERE = {};

/** What the reader makes of an object; a mistake in a bench's world is a mistake in the bench. */
export function resource(raw: Raw): Resource {
  const { resource: read, diagnostics } = readResource(raw, NOWHERE);
  const [first] = diagnostics;
  if (read === undefined || first !== undefined) throw new Error(`the bench's world is wrong: ${first?.message}`);
  return read;
}

/** What a bench says of a pod. */
export interface PodFacts {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function pod({ namespace, name, node, address, labels }: PodFacts): Resource {
  return resource({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, labels },
    spec: { nodeName: node, containers: [{ name: 'main' }] },
    status: { phase: 'Running', podIPs: [{ ip: address }] },
  });
}

function policiesOf(i: number): readonly Raw[] {
  const namespace = `n${i}`;
  const tier = (name: string): Raw => ({ podSelector: { matchLabels: { tier: name } } });
  const policyTypes = ['Ingress', 'Egress'];
  return [
    kubernetesPolicy(namespace, 'deny', { podSelector: {}, policyTypes }),
    kubernetesPolicy(namespace, 'web', {
      ...tier('web'),
      policyTypes,
      ingress: [
        {
          from: [
            { podSelector: { matchLabels: { app: 'app-0' } } },
            { namespaceSelector: { matchLabels: { 'app.kubernetes.io/part-of': suite(i) } } },
          ],
          ports: [{ protocol: 'TCP', port: 8080 }],
        },
      ],
      egress: [
        { to: [tier('db')], ports: [{ protocol: 'TCP', port: 5432 }] },
        {
          to: [{ ipBlock: { cidr: `198.51.${i % 256}.0/24`, except: [`198.51.${i % 256}.128/25`] } }],
          ports: [{ protocol: 'TCP', port: 443 }],
        },
      ],
    }),
    kubernetesPolicy(namespace, 'db', {
      ...tier('db'),
      policyTypes,
      ingress: [{ from: [tier('web')], ports: [{ protocol: 'TCP', port: 5432 }] }],
      egress: [
        {
          to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }],
          ports: [{ protocol: 'UDP', port: 53 }],
        },
      ],
    }),
  ];
}

function kubernetesPolicy(namespace: string, name: string, spec: Raw): Raw {
  return { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec };
}

function suite(i: number): string {
  return `suite-${i % SUITES}`;
}

function hex8(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
