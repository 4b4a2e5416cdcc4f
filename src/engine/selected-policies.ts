import type { Endpoint, Policy, TierInfo } from '../inventory/model.ts';
import type { PolicyOrder } from './policy-order.ts';

/** A direction as seen from the endpoint: what it receives, what it sends. */
export type Direction = 'ingress' | 'egress';

/** A tier that holds for an endpoint, and its policies that select it, in order; a policy without a direction is not in that list. */
export interface TierPolicies {
  readonly tier: TierInfo;
  readonly ingress: readonly Policy[];
  readonly egress: readonly Policy[];
}

/** Whether cluster policy is about this endpoint at all: it is not about host-network pods (design section 2). */
export function isSubject(endpoint: Endpoint): boolean {
  return !endpoint.hostNetwork;
}

/**
 * The policies that select an endpoint, by tier, in order (semantics 6.5.1). Untracked and pre-DNAT policies are no part of the normal
 * list of any endpoint (semantics 7.2 and 7.7).
 */
export function byTier(selecting: readonly Policy[], order: PolicyOrder): readonly TierPolicies[] {
  const tiers = new Map<string, { ingress: Policy[]; egress: Policy[] }>();
  for (const policy of order.sort(selecting)) {
    if (policy.doNotTrack || policy.preDNAT) continue;
    let lists = tiers.get(policy.tier);
    if (lists === undefined) {
      lists = { ingress: [], egress: [] };
      tiers.set(policy.tier, lists);
    }
    if (policy.ingress !== undefined) lists.ingress.push(policy);
    if (policy.egress !== undefined) lists.egress.push(policy);
  }
  return order.tiers.flatMap((tier) => {
    const lists = tiers.get(tier.name);
    return lists === undefined || lists.ingress.length + lists.egress.length === 0 ? [] : [{ tier, ...lists }];
  });
}
