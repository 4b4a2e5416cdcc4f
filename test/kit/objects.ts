import type { PlainObject } from './plain-objects.ts';

// Short ways to write API objects in tests. Names are `namespace/name`, or `name` for cluster scope.

type Texts = Record<string, string>;

function metadata(name: string, labels: Texts | undefined): PlainObject['metadata'] {
  const slash = name.indexOf('/');
  const place = slash === -1 ? { name } : { namespace: name.slice(0, slash), name: name.slice(slash + 1) };
  return labels === undefined ? place : { ...place, labels };
}

export interface PodText {
  readonly labels?: Texts;
  readonly annotations?: Texts;
  /** `status.podIPs`. */
  readonly ips?: readonly string[];
  readonly account?: string;
  readonly node?: string | null;
  readonly hostNetwork?: boolean;
  readonly phase?: string;
  readonly deleting?: boolean;
  /** `name:port/protocol`. */
  readonly ports?: readonly string[];
}

export function pod(name: string, text: PodText = {}): PlainObject {
  const {
    labels,
    annotations,
    ips = [],
    account,
    node = 'n1',
    hostNetwork,
    phase = 'Running',
    deleting,
    ports = [],
  } = text;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata(name, labels),
      ...(annotations === undefined ? {} : { annotations }),
      ...(deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      ...(node === null ? {} : { nodeName: node }),
      ...(account === undefined ? {} : { serviceAccountName: account }),
      ...(hostNetwork === undefined ? {} : { hostNetwork }),
      containers: [{ name: 'main', ports: ports.map(containerPort) }],
    },
    status: { phase, podIPs: ips.map((ip) => ({ ip })) },
  };
}

function containerPort(text: string): { name?: string; containerPort: number; protocol: string } {
  const [, name = '', port = '', protocol = 'TCP'] = /^(?:(.*):)?(\d+)(?:\/(.*))?$/.exec(text) ?? [];
  return { ...(name === '' ? {} : { name }), containerPort: Number(port), protocol };
}

export function namespace(name: string, labels?: Texts): PlainObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: metadata(name, labels) };
}

export function serviceAccount(name: string, labels?: Texts): PlainObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(name, labels) };
}

/** Addresses as `Type:address`, or `address` for an InternalIP. */
export function node(name: string, addresses: readonly string[] = [], podCIDRs: readonly string[] = []): PlainObject {
  const read = (text: string) => {
    const [, type = 'InternalIP', address = ''] = /^(?:([A-Z]\w+):)?(.*)$/.exec(text) ?? [];
    return { type, address };
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { podCIDRs },
    status: { addresses: addresses.map(read) },
  };
}

/** `service`: its name, in the namespace of the slice. Ports as `port/protocol`, or `port` for TCP. */
export function endpointSlice(
  name: string,
  service: string,
  addresses: readonly string[],
  ports: readonly string[] = [],
): PlainObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: metadata(name, { 'kubernetes.io/service-name': service }),
    addressType: addresses.some((text) => text.includes(':')) ? 'IPv6' : 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: false } })),
    ports: ports.map((text) => {
      const [port, protocol] = text.split('/');
      return { ...(port === '' ? {} : { port: Number(port) }), ...(protocol === undefined ? {} : { protocol }) };
    }),
  };
}

function calico(kind: string, name: string, spec: object, labels?: Texts): PlainObject {
  return { apiVersion: 'projectcalico.org/v3', kind, metadata: metadata(name, labels), spec: { ...spec } };
}

export function pool(name: string, cidr: string, more: object = {}): PlainObject {
  return calico('IPPool', name, { cidr, ...more });
}

export function tier(name: string, spec: object = {}): PlainObject {
  return calico('Tier', name, spec);
}

/** Calico's GlobalNetworkPolicy for a bare name, its NetworkPolicy for `namespace/name`. */
export function policy(name: string, spec: object): PlainObject {
  return calico(name.includes('/') ? 'NetworkPolicy' : 'GlobalNetworkPolicy', name, spec);
}

/** A staged policy: global for a bare name. */
export function stagedPolicy(name: string, spec: object): PlainObject {
  return calico(name.includes('/') ? 'StagedNetworkPolicy' : 'StagedGlobalNetworkPolicy', name, spec);
}

/** A staged Kubernetes NetworkPolicy. */
export function stagedKubernetesPolicy(name: string, spec: object): PlainObject {
  return calico('StagedKubernetesNetworkPolicy', name, spec);
}

/** Kubernetes' own NetworkPolicy. */
export function kubernetesPolicy(name: string, spec: object): PlainObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(name, undefined),
    spec: { ...spec },
  };
}

/** ClusterNetworkPolicy, AdminNetworkPolicy or BaselineAdminNetworkPolicy. */
export function adminPolicy(
  kind: 'ClusterNetworkPolicy' | 'AdminNetworkPolicy' | 'BaselineAdminNetworkPolicy',
  name: string,
  spec: object,
): PlainObject {
  const version = kind === 'ClusterNetworkPolicy' ? 'v1alpha2' : 'v1alpha1';
  return { apiVersion: `policy.networking.k8s.io/${version}`, kind, metadata: { name }, spec: { ...spec } };
}

export function networkSet(
  name: string,
  labels: Texts,
  nets: readonly string[],
  domains: readonly string[] = [],
): PlainObject {
  const spec = { nets, ...(domains.length === 0 ? {} : { allowedEgressDomains: domains }) };
  return calico(name.includes('/') ? 'NetworkSet' : 'GlobalNetworkSet', name, spec, labels);
}

export function profile(name: string, spec: object): PlainObject {
  return calico('Profile', name, spec);
}

/** Of a pod `namespace/pod`, with its profile. */
export function workloadEndpoint(pod: string, labels: Texts, spec: object): PlainObject {
  const [where = '', name = ''] = pod.split('/');
  const own = { node: 'n1', orchestrator: 'k8s', endpoint: 'eth0', pod: name, profiles: [`kns.${where}`] };
  return calico('WorkloadEndpoint', `${where}/n1-k8s-${name}-eth0`, { ...own, ...spec }, labels);
}

export function hostEndpoint(name: string, labels: Texts, spec: object): PlainObject {
  return calico('HostEndpoint', name, { node: 'n1', interfaceName: 'eth0', ...spec }, labels);
}
