import { visibleLine } from '../base/visible.ts';
import type { Engine } from '../engine/engine.ts';
import { type AppliedPolicies, type AppliedTier, isStaged } from '../engine/queries.ts';
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
  lines.push(...tierLines('untracked, ', answer.untrackedTiers));
  lines.push(...tierLines('before DNAT, ', answer.preDNATTiers));
  lines.push(...tierLines('', answer.tiers));
  for (const profile of answer.profiles) lines.push(`  profile ${profile}`);
  lines.push(...tierLines('forwarded traffic, ', answer.forwardTiers));
  // Names of nodes, accounts and tiers are any text where no API server has looked at it.
  return lines.map(visibleLine);
}

/** `of`: which of a host endpoint's lists. */
function tierLines(of: string, tiers: readonly AppliedTier[] = []): readonly string[] {
  return tiers.flatMap((tier) => {
    const decides = [...tier.egress, ...tier.ingress].some((id) => !isStaged(id));
    return [
      `  ${of}tier ${tier.name} (${decides ? `at its end ${tier.defaultAction}` : 'only staged policies: skipped'})`,
      ...tier.egress.map((id) => `    egress   ${shown(id)}`),
      ...tier.ingress.map((id) => `    ingress  ${shown(id)}`),
    ];
  });
}

function shown(id: PolicyId): string {
  return isStaged(id) ? `${id} (not enforced)` : id;
}
