import type { Engine } from '../engine/engine.ts';
import type { EndpointId } from '../inventory/model.ts';
import { formatAddress } from '../ip/address.ts';

/** An endpoint as commands show it. */
export interface EndpointData {
  readonly id: EndpointId;
  readonly node: string;
  readonly addresses: readonly string[];
  readonly hostNetwork?: true;
}

export function endpointData(engine: Engine, id: EndpointId): EndpointData {
  const endpoint = engine.endpoints.get(id);
  return {
    id,
    node: endpoint?.node ?? '',
    addresses: (endpoint?.addresses ?? []).map(formatAddress),
    ...(endpoint?.hostNetwork === true ? { hostNetwork: true } : {}),
  };
}

/** The cells of an endpoint in a table: id, node, addresses. */
export function endpointRow(endpoint: EndpointData): readonly string[] {
  return [endpoint.id, endpoint.node, endpoint.hostNetwork ? "the node's" : endpoint.addresses.join(', ')];
}
