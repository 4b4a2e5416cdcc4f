import type { Tier } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { TierInfo } from './model.ts';
import { diagnosticOn } from './mistake.ts';

/** The tier of a policy that names none, and of Kubernetes NetworkPolicies. */
export const DEFAULT_TIER = 'default';

/** Tiers that are always there, with fixed order and default action (semantics 6.1.6). */
export const BUILT_IN_TIERS: ReadonlyMap<string, TierInfo> = new Map(
  [
    { name: 'kube-admin', order: 1_000, defaultAction: 'Pass' } as const,
    { name: DEFAULT_TIER, order: 1_000_000, defaultAction: 'Deny' } as const,
    { name: 'kube-baseline', order: 10_000_000, defaultAction: 'Pass' } as const,
  ].map((tier) => [tier.name, tier]),
);

/** A tier in effect: as written, except that a built-in one cannot be changed. */
export function tierInfo(tier: Tier): TierInfo {
  return BUILT_IN_TIERS.get(tier.name) ?? { name: tier.name, order: tier.order, defaultAction: tier.defaultAction };
}

/** What is wrong with a written tier: it gives a built-in one other values than it has. */
export function tierMistakes(tier: Tier): readonly Diagnostic[] {
  const fixed = BUILT_IN_TIERS.get(tier.name);
  if (fixed === undefined) return [];
  const mistakes: Diagnostic[] = [];
  // An order that is not written is how old releases stored the default tier; it sorts alike.
  if (tier.order !== fixed.order && tier.order !== Infinity)
    mistakes.push(
      diagnosticOn(
        tier,
        'warning',
        'TIER_FIXED',
        'spec.order',
        `the tier ${tier.name} has the fixed order ${fixed.order}; remove this one`,
      ),
    );
  if (tier.defaultAction !== fixed.defaultAction && (fixed.defaultAction === 'Deny' || tier.order !== Infinity))
    mistakes.push(
      diagnosticOn(
        tier,
        'warning',
        'TIER_FIXED',
        'spec.defaultAction',
        `the tier ${tier.name} has the fixed default action ${fixed.defaultAction}; write that`,
      ),
    );
  return mistakes;
}
