import { builtInTiers } from '../api/tier.ts';
import type { Tier } from '../api/resource.ts';
import type { TierInfo } from './model.ts';

/** The tier of a policy that names none, and of Kubernetes NetworkPolicies. */
export const DEFAULT_TIER = 'default';

/** Tiers that are there whether or not they are read: the cluster makes them at its start (semantics 6.1.6). */
const ALWAYS = ['kube-admin', DEFAULT_TIER, 'kube-baseline'];

/** The tier of this name while no Tier object is there; `undefined` if it does not exist then. */
export function builtInTier(name: string): TierInfo | undefined {
  const values = ALWAYS.includes(name) ? builtInTiers.get(name) : undefined;
  return values === undefined ? undefined : { name, ...values };
}

/** Every tier that exists without an object. */
export function alwaysThere(): readonly TierInfo[] {
  return ALWAYS.flatMap((name) => builtInTier(name) ?? []);
}

export function tierInfo({ name, order, defaultAction }: Tier): TierInfo {
  return { name, order, defaultAction };
}
