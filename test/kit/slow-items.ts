import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { PlainObject } from './plain-objects.ts';

// What stands behind addresses, for the slow evaluator: pods, host endpoints and network sets (policy semantics 2 and 10).

export type Labels = Map<string, string>;

/** Something that selectors of rules can select. */
export interface Item {
  id: string;
  isEndpoint: boolean;
  labels: Labels;
  profiles: string[];
  addresses: string[];
  nets: string[];
  ports: { name: string; protocol: number; port: number }[];
}

const NUMBERS: Record<string, number> = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58, sctp: 132, udplite: 136 };

export function numberOf(protocol: string | number): number {
  return typeof protocol === 'number' ? protocol : (NUMBERS[protocol.toLowerCase()] ?? Number(protocol));
}

export function inNet(address: string, net: string): boolean {
  const parsed = ipaddr.parse(address);
  const [base, length] = ipaddr.parseCIDR(net.includes('/') ? net : `${net}/${net.includes(':') ? 128 : 32}`);
  return parsed.kind() === base.kind() && parsed.match(base, length);
}

export function familyOf(text: string): 4 | 6 {
  return isIPv6(text.split('/')[0] ?? '') ? 6 : 4;
}

export function plain(record: Record<string, string> | undefined): [string, string][] {
  return Object.entries(record ?? {});
}

export function sameAddress(a: string, b: string): boolean {
  return ipaddr.parse(a).toNormalizedString() === ipaddr.parse(b).toNormalizedString();
}

/** The objects of some kinds. */
export function of(objects: readonly PlainObject[], ...kinds: string[]): PlainObject[] {
  return objects.filter(({ kind }) => kinds.includes(kind));
}

/** Everything that has labels and addresses. */
export function itemsOf(objects: readonly PlainObject[]): Item[] {
  return [...pods(objects), ...hosts(objects), ...sets(objects)];
}

function pods(objects: readonly PlainObject[]): Item[] {
  return of(objects, 'Pod').flatMap((pod): Item[] => {
    const spec = pod.spec ?? {};
    const status = pod.status ?? {};
    const namespace = pod.metadata.namespace ?? '';
    const phase = String(status['phase']);
    const emptied = pod.metadata.annotations?.['cni.projectcalico.org/podIP'] === '';
    if (spec['nodeName'] === undefined || spec['hostNetwork'] === true) return [];
    if (['Failed', 'Succeeded'].includes(phase) || (pod.metadata.deletionTimestamp !== undefined && emptied)) return [];
    const addresses = ((status['podIPs'] ?? []) as { ip: string }[]).map(({ ip }) => ip);
    if (addresses.length === 0) return [];
    const account = spec['serviceAccountName'] as string | undefined;
    const own = new Map(plain(pod.metadata.labels).filter(([key]) => !/^pc(ns|sa)\./.test(key)));
    own.set('projectcalico.org/namespace', namespace).set('projectcalico.org/orchestrator', 'k8s');
    if (account !== undefined) own.set('projectcalico.org/serviceaccount', account);
    const profiles = [`kns.${namespace}`, ...(account === undefined ? [] : [`ksa.${namespace}.${account}`])];
    const containers = (spec['containers'] ?? []) as {
      ports?: { name?: string; containerPort: number; protocol?: string }[];
    }[];
    return [
      {
        id: `pod:${namespace}/${pod.metadata.name}`,
        isEndpoint: true,
        labels: inherit(objects, own, profiles),
        profiles,
        addresses,
        nets: [],
        ports: containers.flatMap(({ ports = [] }) =>
          ports.flatMap(({ name, containerPort, protocol = 'TCP' }) =>
            name === undefined ? [] : [{ name, protocol: numberOf(protocol), port: containerPort }],
          ),
        ),
      },
    ];
  });
}

function hosts(objects: readonly PlainObject[]): Item[] {
  return of(objects, 'HostEndpoint').map((host) => {
    const profiles = (host.spec?.['profiles'] ?? []) as string[];
    return {
      id: `hep:${host.metadata.name}`,
      isEndpoint: true,
      labels: inherit(objects, new Map(plain(host.metadata.labels)), profiles),
      profiles,
      addresses: (host.spec?.['expectedIPs'] ?? []) as string[],
      nets: [],
      ports: ((host.spec?.['ports'] ?? []) as { name: string; port: number; protocol: string }[]).map(
        ({ name, port, protocol }) => ({ name, port, protocol: numberOf(protocol) }),
      ),
    };
  });
}

function sets(objects: readonly PlainObject[]): Item[] {
  return of(objects, 'NetworkSet', 'GlobalNetworkSet').map((set) => {
    const namespace = set.metadata.namespace;
    const own = new Map(plain(set.metadata.labels));
    if (namespace !== undefined) own.set('projectcalico.org/namespace', namespace);
    const profiles = namespace === undefined ? [] : [`kns.${namespace}`];
    return {
      id: `set:${set.metadata.name}`,
      isEndpoint: false,
      labels: inherit(objects, own, profiles),
      profiles: [],
      addresses: [],
      nets: (set.spec?.['nets'] ?? []) as string[],
      ports: [],
    };
  });
}

/** 2.1 to 2.3 */
function inherit(objects: readonly PlainObject[], own: Labels, profiles: readonly string[]): Labels {
  const labels = new Map(own);
  for (const profile of profiles) {
    const from = objects.find(
      ({ kind, metadata }) =>
        (kind === 'Namespace' && profile === `kns.${metadata.name}`) ||
        (kind === 'ServiceAccount' && profile === `ksa.${metadata.namespace}.${metadata.name}`),
    );
    if (from === undefined) continue;
    const prefix = from.kind === 'Namespace' ? 'pcns.' : 'pcsa.';
    const inherited = [...plain(from.metadata.labels), ['projectcalico.org/name', from.metadata.name] as const];
    for (const [key, value] of new Map(inherited)) if (!labels.has(prefix + key)) labels.set(prefix + key, value);
  }
  return labels;
}
