import type { EndpointId, Policy, PolicyId, ProfileRules } from '../inventory/model.ts';
import { inForce, listsMet } from './host-endpoints.ts';
import type { Packet } from './packet.ts';
import type { Holder, Party } from './party.ts';
import type { Found } from './rule-lookup.ts';
import { ruleMatches } from './rule-match.ts';
import type { Direction, PolicyList, TierPolicies } from './selected-policies.ts';

/** What one endpoint's policies say to a flow, and why. */
export interface Hop {
  readonly endpoint: EndpointId;
  readonly allowed: boolean;
  /** The deciding tier; absent for profiles. */
  readonly tier?: string;
  /** The deciding policy, or `Profile/NAME`; absent at the end of a tier and where no profile matched. */
  readonly policy?: PolicyId;
  /** Index of the deciding rule. */
  readonly rule?: number;
  readonly reason: 'rule' | 'tier-default' | 'profile' | 'no-profile-match';
  /** What passed the flow on, in order: `tier:PolicyId#rule`, or `tier:default` for the end of a tier. */
  readonly passes?: string[];
}

/** A flow is allowed if every hop allows it; there is a hop only where that side is an endpoint. */
export interface Verdict {
  readonly allowed: boolean;
  readonly egress?: Hop;
  readonly ingress?: Hop;
}

/** What verdicts need to know of the cluster. */
export interface Judge {
  /** Tiers and policies of one list that hold for an endpoint. */
  tiersOf(endpoint: EndpointId, list: PolicyList): readonly TierPolicies[];
  /** The first rule of such policies, Log rules aside, that matches a packet. */
  firstMatch(
    policies: readonly Policy[],
    direction: Direction,
    packet: Packet,
    source: Party,
    destination: Party,
  ): Found | undefined;
  /** The rules of a profile; none for one that does not exist. */
  profile(id: string): ProfileRules;
}

/** The connection rule: the source's egress and the destination's ingress both have to allow (semantics 6.4). */
export function verdictOf(judge: Judge, packet: Packet, source: Party, destination: Party): Verdict {
  const egress = strictest(source.holders, (holder) => hopOf(judge, 'egress', holder, packet, source, destination));
  const ingress = strictest(destination.holders, (holder) =>
    hopOf(judge, 'ingress', holder, packet, source, destination),
  );
  return {
    allowed: egress?.allowed !== false && ingress?.allowed !== false,
    ...(egress === undefined ? {} : { egress }),
    ...(ingress === undefined ? {} : { ingress }),
  };
}

/** While an address has several holders nobody can tell whose the flow is, so each of them has to allow it. */
function strictest(holders: readonly Holder[], hop: (holder: Holder) => Hop): Hop | undefined {
  const hops = inForce(holders).map(hop);
  return hops.find(({ allowed }) => !allowed) ?? hops[0];
}

/** Evaluation for one endpoint and direction (semantics 6.3). */
function hopOf(
  judge: Judge,
  direction: Direction,
  { endpoint }: Holder,
  packet: Packet,
  source: Party,
  destination: Party,
): Hop {
  const passes: string[] = [];
  const hop = (allowed: boolean, reason: Hop['reason'], where: Pick<Hop, 'tier' | 'policy' | 'rule'>): Hop => ({
    endpoint: endpoint.id,
    allowed,
    ...where,
    reason,
    ...(passes.length === 0 ? {} : { passes }),
  });
  for (const { tier, [direction]: policies } of listsMet(endpoint, direction).flatMap((list) =>
    judge.tiersOf(endpoint.id, list),
  )) {
    if (policies.length === 0) continue;
    const found = judge.firstMatch(policies, direction, packet, source, destination);
    if (found === undefined) {
      if (tier.defaultAction === 'Deny') return hop(false, 'tier-default', { tier: tier.name });
      passes.push(`${tier.name}:default`);
      continue;
    }
    const { action, index: rule } = found.rule;
    const policy = found.policy.id;
    if (action !== 'Pass') return hop(action === 'Allow', 'rule', { tier: tier.name, policy, rule });
    passes.push(`${tier.name}:${policy}#${rule}`);
  }
  for (const id of endpoint.parents) {
    const rule = judge
      .profile(id)
      [direction].find((each) => each.action !== 'Log' && ruleMatches(each, packet, source, destination));
    if (rule !== undefined)
      return hop(rule.action === 'Allow', 'profile', { policy: `Profile/${id}`, rule: rule.index });
  }
  return hop(false, 'no-profile-match', {});
}
