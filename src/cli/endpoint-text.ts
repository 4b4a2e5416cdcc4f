import type { Engine } from '../engine/engine.ts';
import { type AppliedPolicies, isStaged } from '../engine/queries.ts';
import type { EndpointId, PolicyId } from '../inventory/model.ts';
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

/** An endpoint and what decides about its traffic, in the order in which it is asked. */
export function policyLines(answer: EndpointData & AppliedPolicies): readonly string[] {
  const lines = [`${answer.id}  node ${answer.node}  ${answer.addresses.join(', ')}`.trimEnd()];
  if (answer.hostNetwork) lines.push("  has its node's addresses; only border policies select it");
  for (const tier of answer.tiers) {
    const decides = [...tier.egress, ...tier.ingress].some((id) => !isStaged(id));
    lines.push(
      `  tier ${tier.name} (${decides ? `at its end ${tier.defaultAction}` : 'only staged policies: skipped'})`,
    );
    for (const id of tier.egress) lines.push(`    egress   ${shown(id)}`);
    for (const id of tier.ingress) lines.push(`    ingress  ${shown(id)}`);
  }
  for (const profile of answer.profiles) lines.push(`  profile ${profile}`);
  return lines;
}

function shown(id: PolicyId): string {
  return isStaged(id) ? `${id} (not enforced)` : id;
}
