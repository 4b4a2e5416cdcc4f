import type { Endpoint, Policy, TierInfo } from '../inventory/model.ts';

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

/** One of the lists into which the policies of an endpoint are split by their flags; all but host endpoints have the normal one alone (semantics 7.2). */
export type PolicyList = 'normal' | 'untracked' | 'preDNAT' | 'forward';

const BELONGS: Readonly<Record<PolicyList, (policy: Policy) => boolean>> = {
  normal: ({ doNotTrack, preDNAT }) => !doNotTrack && !preDNAT,
  untracked: ({ doNotTrack }) => doNotTrack,
  preDNAT: ({ doNotTrack, preDNAT }) => preDNAT && !doNotTrack,
  forward: ({ doNotTrack, preDNAT, applyOnForward }) => applyOnForward && !doNotTrack && !preDNAT,
};

/**
 * Of the policies that select an endpoint, in order, those of one list, by tier (semantics 6.5.1). What the tiers of the untracked and the pre-DNAT list
 * do not decide goes on, whatever the tiers say (semantics 7.4), and nothing leaves before DNAT.
 */
export function byTier(
  selecting: readonly Policy[],
  order: readonly TierInfo[],
  list: PolicyList,
): readonly TierPolicies[] {
  const tiers = new Map<string, { ingress: Policy[]; egress: Policy[] }>();
  for (const policy of selecting) {
    if (!BELONGS[list](policy)) continue;
    let lists = tiers.get(policy.tier);
    if (lists === undefined) {
      lists = { ingress: [], egress: [] };
      tiers.set(policy.tier, lists);
    }
    if (policy.directions.ingress) lists.ingress.push(policy);
    if (policy.directions.egress && list !== 'preDNAT') lists.egress.push(policy);
  }
  const goesOn = list === 'untracked' || list === 'preDNAT';
  return order.flatMap((written) => {
    const tier = goesOn ? ({ ...written, defaultAction: 'Pass' } as const) : written;
    const lists = tiers.get(tier.name);
    return lists === undefined || lists.ingress.length + lists.egress.length === 0 ? [] : [{ tier, ...lists }];
  });
}
