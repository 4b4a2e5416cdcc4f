import type { HostEndpoint, Pod } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { type Address, addressProblem, compareAddresses, parseAddress } from '../ip/address.ts';
import { podLabels, podParents } from './labels.ts';
import { diagnosticOn } from './mistake.ts';
import type { Endpoint, EndpointId, NamedPort } from './model.ts';

const PROTOCOL_NUMBERS = { TCP: 6, UDP: 17, SCTP: 132 } as const;

/** `pod:namespace/name`. */
export function podEndpointId(namespace: string, name: string): EndpointId {
  return `pod:${namespace}/${name}`;
}

/** `hep:name`. */
export function hostEndpointId(name: string): EndpointId {
  return `hep:${name}`;
}

/** A pod as an endpoint (semantics 10); host-network pods have no address of their own. The caller knows that it is scheduled and has not finished. */
export function endpointOfPod(pod: Pod, addresses: readonly Address[]): Endpoint {
  return {
    id: podEndpointId(pod.namespace, pod.name),
    kind: 'Pod',
    namespace: pod.namespace,
    name: pod.name,
    node: pod.nodeName ?? '',
    hostNetwork: pod.hostNetwork,
    labels: podLabels(pod),
    parents: podParents(pod),
    addresses: pod.hostNetwork ? [] : addresses.toSorted(compareAddresses),
    ports: namedPorts(pod),
  };
}

/** A host endpoint: its own labels, its written profiles, its expected addresses (semantics 2.7 and 4.2). */
export function endpointOfHost(host: HostEndpoint): Endpoint {
  const addresses = host.expectedIPs.flatMap((text) => parseAddress(text) ?? []);
  return {
    id: hostEndpointId(host.name),
    kind: 'HostEndpoint',
    namespace: '',
    name: host.name,
    node: host.node,
    hostNetwork: false,
    labels: host.labels,
    parents: host.profiles,
    addresses: addresses.sort(compareAddresses),
    ports: namedPorts(host),
  };
}

/** Expected addresses that cannot be read. */
export function hostEndpointMistakes(host: HostEndpoint): readonly Diagnostic[] {
  return host.expectedIPs.flatMap((text, index) =>
    parseAddress(text) === undefined
      ? [diagnosticOn(host, 'error', 'ADDRESS_UNREADABLE', `spec.expectedIPs[${index}]`, addressProblem(text))]
      : [],
  );
}

/** Ports without a name take no part in policy (semantics 10.6). */
function namedPorts(of: Pick<Pod, 'ports'>): readonly NamedPort[] {
  return of.ports
    .filter(({ name }) => name !== '')
    .map(({ name, port, protocol }) => ({ name, port, protocol: PROTOCOL_NUMBERS[protocol] }));
}

/** Whether two endpoints are the same for everybody who reads them. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.id === b.id &&
    a.node === b.node &&
    a.hostNetwork === b.hostNetwork &&
    sameMap(a.labels, b.labels) &&
    sameList(a.parents, b.parents, Object.is) &&
    sameList(a.addresses, b.addresses, (x, y) => compareAddresses(x, y) === 0) &&
    sameList(a.ports, b.ports, (x, y) => x.name === y.name && x.port === y.port && x.protocol === y.protocol)
  );
}

/** Whether two label maps hold the same. */
export function sameMap(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}

/** Whether two lists hold the same, in the same order. */
export function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((item, index) => same(item, b[index] as T));
}
