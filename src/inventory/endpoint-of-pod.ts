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
  return new PodEndpoint(
    id,
    pod,
    shared !== undefined && sameList(shared, parents, Object.is) ? shared : parents,
    pod.hostNetwork ? NO_ADDRESSES : sorted(addresses, pod.podIPs),
  );
}

/** A view on its pod: there are as many as pods, and to keep everything twice would be a fifth of what a pod costs. */
class PodEndpoint implements Endpoint {
  readonly id: EndpointId;
  pod: Pod;
  readonly parents: readonly string[];
  readonly addresses: readonly Address[];
  readonly ports: readonly NamedPort[];

  constructor(id: EndpointId, pod: Pod, parents: readonly string[], addresses: readonly Address[]) {
    this.id = id;
    this.pod = pod;
    this.parents = parents;
    this.addresses = addresses;
    this.ports = namedPorts(pod);
  }

  get kind(): 'Pod' {
    return 'Pod';
  }

  get namespace(): string {
    return this.pod.namespace;
  }

  get name(): string {
    return this.pod.name;
  }

  get node(): string {
    return this.pod.nodeName ?? '';
  }

  get owner(): string | undefined {
    return this.pod.owner;
  }

  get hostNetwork(): boolean {
    return this.pod.hostNetwork;
  }

  get labels(): ReadonlyMap<string, string> {
    return new WorkloadLabels(this.pod, KUBERNETES);
  }
}

/** An endpoint that is as it was, of a pod that is not: the earlier pod is let go, or every pod would be kept twice by and by. */
export function followPod(known: Endpoint | undefined, now: Endpoint | undefined): void {
  if (known instanceof PodEndpoint && now instanceof PodEndpoint) known.pod = now.pod;
}

/** In order, and where the pod shows just these in this order its own list. */
function sorted(addresses: readonly Address[], shown: readonly (Address | string)[]): readonly Address[] {
  const inOrder = addresses.length > 1 ? addresses.toSorted(compareAddresses) : addresses;
  return isList(shown, inOrder) ? shown : inOrder;
}

function isList(shown: readonly (Address | string)[], addresses: readonly Address[]): shown is readonly Address[] {
  return shown.length === addresses.length && addresses.every((address, n) => address === shown[n]);
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
