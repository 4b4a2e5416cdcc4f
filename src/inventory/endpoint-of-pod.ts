import type { Pod } from '../api/resource.ts';
import { type Address, compareAddresses } from '../ip/address.ts';
import { KUBERNETES, podParents } from './labels.ts';
import { sameList, sameMap } from './equality.ts';
import type { Endpoint, EndpointId, NamedPort } from './model.ts';
import { WorkloadLabels } from './workload-labels.ts';

const PROTOCOL_NUMBERS = { TCP: 6, UDP: 17, SCTP: 132 } as const;

/** `pod:namespace/name`. */
export function podEndpointId(namespace: string, name: string): EndpointId {
  // In one piece: it is a key of many maps, and V8 keeps the parts of what was put together along with it.
  return ['pod:', namespace, '/', name].join('');
}

/**
 * A pod as an endpoint (semantics 10); host-network pods have no address of their own. The caller knows that it is scheduled and has not
 * finished, and its id. `shared`: a list to use as its parents if it says the same.
 */
export function endpointOfPod(
  id: EndpointId,
  pod: Pod,
  addresses: readonly Address[],
  shared: readonly string[] | undefined,
): Endpoint {
  const parents = podParents(pod);
  return {
    id,
    kind: 'Pod',
    namespace: pod.namespace,
    name: pod.name,
    node: pod.nodeName ?? '',
    owner: pod.owner,
    hostNetwork: pod.hostNetwork,
    labels: new WorkloadLabels(pod, KUBERNETES),
    parents: shared !== undefined && sameList(shared, parents, Object.is) ? shared : parents,
    addresses: pod.hostNetwork ? NO_ADDRESSES : addresses.toSorted(compareAddresses),
    ports: namedPorts(pod),
  };
}

const NO_ADDRESSES: readonly Address[] = [];
const NO_PORTS: readonly NamedPort[] = [];

/** Ports without a name take no part in policy (semantics 10.6). */
export function namedPorts(of: Pick<Pod, 'ports'>): readonly NamedPort[] {
  if (of.ports.length === 0) return NO_PORTS;
  return of.ports
    .filter(({ name }) => name !== '')
    .map(({ name, port, protocol }) => ({ name, port, protocol: PROTOCOL_NUMBERS[protocol] }));
}

/** Whether two endpoints are the same for everybody who reads them. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    a.id === b.id &&
    a.kind === b.kind &&
    a.node === b.node &&
    a.owner === b.owner &&
    a.hostNetwork === b.hostNetwork &&
    a.interfaceName === b.interfaceName &&
    sameMap(a.labels, b.labels) &&
    sameList(a.parents, b.parents, Object.is) &&
    sameList(a.addresses, b.addresses, (x, y) => compareAddresses(x, y) === 0) &&
    sameList(a.ports, b.ports, (x, y) => x.name === y.name && x.port === y.port && x.protocol === y.protocol)
  );
}
