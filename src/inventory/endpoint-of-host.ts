import type { HostEndpoint } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { addressProblem, compareAddresses, parseAddress } from '../ip/address.ts';
import { namedPorts } from './endpoint-of-pod.ts';
import { diagnosticOn } from './mistake.ts';
import type { Endpoint, EndpointId } from './model.ts';

/** `hep:name`. */
export function hostEndpointId(name: string): EndpointId {
  return `hep:${name}`;
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
    ...(host.interfaceName === '' ? {} : { interfaceName: host.interfaceName }),
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
