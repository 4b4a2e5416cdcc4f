import type { PlainObject } from './plain-objects.ts';
import { sameAddress, inNet } from './slow-address.ts';

// What stands behind addresses, for the slow evaluator: pods, host endpoints and network sets (policy semantics 2 and 10).

export type Labels = ReadonlyMap<string, string>;

/** Something that selectors of rules can select. */
export interface Item {
  /** `workload`: one of another orchestrator than Kubernetes. */
  readonly is: 'pod' | 'workload' | 'host' | 'set';
  readonly id: string;
  readonly namespace?: string;
  readonly labels: Labels;
  readonly profiles: readonly string[];
  readonly addresses: readonly string[];
  readonly nets: readonly string[];
  readonly ports: readonly { name: string; protocol: number; port: number }[];
}

const NUMBERS: Record<string, number> = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132, udplite: 136 };

export function numberOf(protocol: string | number): number {
  return typeof protocol === 'number' ? protocol : (NUMBERS[protocol.toLowerCase()] ?? Number(protocol));
}

export function plain(record: Record<string, string> | undefined): [string, string][] {
  return Object.entries(record ?? {});
}

/** The objects of some kinds. */
export function of(objects: readonly PlainObject[], ...kinds: string[]): PlainObject[] {
  return objects.filter(({ kind }) => kinds.includes(kind));
}

/** Everything that has labels and addresses. */
export function itemsOf(objects: readonly PlainObject[]): Item[] {
  return [...pods(objects), ...workloads(objects), ...hosts(objects), ...sets(objects)];
}

/** Those that have an address, or a net around it. */
export function itemsAt(items: readonly Item[], address: string): Item[] {
  return items.filter(
    ({ addresses, nets }) =>
      addresses.some((own) => sameAddress(own, address)) || nets.some((net) => inNet(address, net)),
  );
}

/** 2.4 to 2.6, and 10 */
function pods(objects: readonly PlainObject[]): Item[] {
  return of(objects, 'Pod').flatMap((pod): Item[] => {
    const spec = pod.spec ?? {};
    const namespace = pod.metadata.namespace ?? '';
    const addresses = addressesOfPod(pod);
    if (spec['nodeName'] === undefined || spec['hostNetwork'] === true || isFinished(pod)) return [];
    if (addresses.length === 0) return [];
    const account = spec['serviceAccountName'] as string | undefined;
    const own = new Map(plain(pod.metadata.labels).filter(([key]) => !/^pc(ns|sa)\./.test(key)));
    own.set('projectcalico.org/namespace', namespace).set('projectcalico.org/orchestrator', 'k8s');
    if (account !== undefined) own.set('projectcalico.org/serviceaccount', account);
    const profiles = [`kns.${namespace}`, ...(account === undefined ? [] : [`ksa.${namespace}.${account}`])];
    const containers = [spec['containers'], spec['initContainers']].flatMap(
      (list) => (list ?? []) as { ports?: { name?: string; containerPort?: number; protocol?: string }[] }[],
    );
    return [
      {
        is: 'pod',
        id: `pod:${namespace}/${pod.metadata.name}`,
        namespace,
        labels: inherit(objects, own, profiles),
        profiles,
        addresses,
        nets: [],
        ports: containers.flatMap(({ ports = [] }) =>
          ports.flatMap(({ name, containerPort, protocol = 'TCP' }) =>
            name === undefined || containerPort === undefined || !/^(TCP|UDP|SCTP)$/.test(protocol)
              ? []
              : [{ name, protocol: numberOf(protocol), port: containerPort }],
          ),
        ),
      },
    ];
  });
}

/** 10.3 */
function addressesOfPod({ metadata, status = {} }: PlainObject): string[] {
  const { annotations = {} } = metadata;
  const all = ((status['podIPs'] ?? []) as { ip: string }[]).map(({ ip }) => ip);
  if (all.length > 0) return all;
  if (typeof status['podIP'] === 'string' && status['podIP'] !== '') return [status['podIP']];
  for (const name of ['cni.projectcalico.org/podIPs', 'cni.projectcalico.org/podIP', 'vpc.amazonaws.com/pod-ips']) {
    const listed = (annotations[name] ?? '').split(',').filter((text) => text !== '');
    if (listed.length > 0) return listed.map((text) => text.replace(/\/(32|128)$/, ''));
  }
  return [];
}

/** 10.4 and 10.5 */
function isFinished({ metadata, status = {} }: PlainObject): boolean {
  const { annotations = {}, deletionTimestamp } = metadata;
  const emptied = ['cni.projectcalico.org/podIP', 'vpc.amazonaws.com/pod-ips'].some((name) => annotations[name] === '');
  return (
    ['Failed', 'Succeeded', 'Completed'].includes(String(status['phase'])) ||
    (deletionTimestamp !== undefined && emptied)
  );
}

/** Workload endpoints that are given directly; one of a pod that is there as well says nothing. */
function workloads(objects: readonly PlainObject[]): Item[] {
  return of(objects, 'WorkloadEndpoint').flatMap(({ metadata, spec = {} }): Item[] => {
    const { namespace = '' } = metadata;
    const addresses = ((spec['ipNetworks'] ?? []) as string[]).map((net) => net.replace(/\/.*/, ''));
    const isPod = spec['orchestrator'] === 'k8s' && spec['endpoint'] === 'eth0';
    const isTold = of(objects, 'Pod').some(
      (pod) => isPod && pod.metadata.namespace === namespace && pod.metadata.name === spec['pod'],
    );
    if (isTold || addresses.length === 0) return [];
    const profiles = (spec['profiles'] ?? []) as string[];
    const account = spec['serviceAccountName'] as string | undefined;
    const own = new Map(plain(metadata.labels).filter(([key]) => !/^pc(ns|sa)\./.test(key)));
    own
      .set('projectcalico.org/namespace', namespace)
      .set('projectcalico.org/orchestrator', String(spec['orchestrator']));
    if (account !== undefined) own.set('projectcalico.org/serviceaccount', account);
    return [
      {
        is: spec['orchestrator'] === 'k8s' ? 'pod' : 'workload',
        id: isPod ? `pod:${namespace}/${String(spec['pod'])}` : `wep:${namespace}/${metadata.name}`,
        namespace,
        labels: inherit(objects, own, profiles),
        profiles,
        addresses,
        nets: [],
        ports: portsOf(spec),
      },
    ];
  });
}

function portsOf(spec: Record<string, unknown>): Item['ports'] {
  return ((spec['ports'] ?? []) as { name: string; port: number; protocol: string }[]).map(
    ({ name, port, protocol }) => ({ name, port, protocol: numberOf(protocol) }),
  );
}

/** 2.7 */
function hosts(objects: readonly PlainObject[]): Item[] {
  return of(objects, 'HostEndpoint').map((host) => {
    const profiles = (host.spec?.['profiles'] ?? []) as string[];
    return {
      is: 'host',
      id: `hep:${host.metadata.name}`,
      labels: inherit(objects, new Map(plain(host.metadata.labels)), profiles),
      profiles,
      addresses: (host.spec?.['expectedIPs'] ?? []) as string[],
      nets: [],
      ports: portsOf(host.spec ?? {}),
    };
  });
}

/** 2.8 */
function sets(objects: readonly PlainObject[]): Item[] {
  return of(objects, 'NetworkSet', 'GlobalNetworkSet').map((set) => {
    const namespace = set.kind === 'NetworkSet' ? set.metadata.namespace : undefined;
    const own = new Map(plain(set.metadata.labels));
    if (namespace !== undefined) own.set('projectcalico.org/namespace', namespace);
    const profiles = namespace === undefined ? [] : [`kns.${namespace}`];
    return {
      is: 'set',
      id: `set:${namespace ?? ''}/${set.metadata.name}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: inherit(objects, own, profiles),
      profiles: [],
      addresses: [],
      nets: (set.spec?.['nets'] ?? []) as string[],
      ports: [],
    };
  });
}

/** 2.1 to 2.3: the own label wins, then that of the first profile that has it. */
function inherit(objects: readonly PlainObject[], own: Labels, profiles: readonly string[]): Labels {
  const labels = new Map(own);
  for (const profile of profiles)
    for (const [key, value] of given(objects, profile)) if (!labels.has(key)) labels.set(key, value);
  return labels;
}

function given(objects: readonly PlainObject[], profile: string): Labels {
  for (const { kind, metadata } of objects) {
    const account = `ksa.${metadata.namespace ?? 'default'}.${metadata.name}`;
    const named = ['projectcalico.org/name', metadata.name] as const;
    const under = (prefix: string): Labels =>
      new Map([...plain(metadata.labels), named].map(([key, value]) => [prefix + key, value]));
    if (kind === 'Namespace' && profile === `kns.${metadata.name}`) return under('pcns.');
    if (kind === 'ServiceAccount' && profile === account) return under('pcsa.');
  }
  return new Map(plain(givenProfile(objects, profile)?.spec?.['labelsToApply'] as Record<string, string> | undefined));
}

/** A profile that is an object of its own: one of a namespace or an account that is there comes from that alone (2.2, 2.3). */
export function givenProfile(objects: readonly PlainObject[], profile: string): PlainObject | undefined {
  const isTaken = objects.some(
    ({ kind, metadata }) =>
      (kind === 'Namespace' && profile === `kns.${metadata.name}`) ||
      (kind === 'ServiceAccount' && profile === `ksa.${metadata.namespace ?? 'default'}.${metadata.name}`),
  );
  if (isTaken || profile === 'projectcalico-default-allow') return undefined;
  return of(objects, 'Profile').find(({ metadata }) => metadata.name === profile);
}
