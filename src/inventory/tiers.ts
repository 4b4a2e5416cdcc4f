import { builtInTiers } from '../api/tier.ts';
import type { Tier } from '../api/resource.ts';
import type { Pieces } from '../base/pieces.ts';
import type { MapChanges } from './change.ts';
import type { PolicyId, TierInfo } from './model.ts';
import { TrackedMap } from './tracked-map.ts';

/** The tier of a policy that names none, and of Kubernetes NetworkPolicies. */
export const DEFAULT_TIER = 'default';

/** Tiers that are there whether or not they are read: the cluster makes them at its start (semantics 6.1.6). */
const ALWAYS: ReadonlySet<string> = new Set(['kube-admin', DEFAULT_TIER, 'kube-baseline']);

/**
 * The tiers that exist: those with a Tier object, those that every cluster has, and the two that Calico had for AdminNetworkPolicy and
 * BaselineAdminNetworkPolicy while there is one of these: a cluster that enforces them has these tiers, and later ones do not.
 */
export class Tiers {
  readonly #effective = new TrackedMap<TierInfo>((a, b) => a.order === b.order && a.defaultAction === b.defaultAction);
  readonly #objects = new Map<string, TierInfo>();
  readonly #entailed = new Map<string, Set<PolicyId>>();

  constructor() {
    for (const name of ALWAYS) this.#settle(name);
  }

  get view(): ReadonlyMap<string, TierInfo> {
    return this.#effective.view;
  }

  /** What differs since the last call. */
  take(): Pieces<MapChanges> {
    return this.#effective.take();
  }

  put(name: string, tier: Tier | undefined): void {
    if (tier === undefined) this.#objects.delete(name);
    else this.#objects.set(name, { name: tier.name, order: tier.order, defaultAction: tier.defaultAction });
    this.#settle(name);
  }

  /** A policy that is there only in clusters which have its tier. */
  entail(policy: PolicyId, tier: string): void {
    this.#entailed.set(tier, (this.#entailed.get(tier) ?? new Set<PolicyId>()).add(policy));
    this.#settle(tier);
  }

  /** The policy went. */
  release(policy: PolicyId): void {
    for (const [tier, policies] of this.#entailed) if (policies.delete(policy)) this.#settle(tier);
  }

  #settle(name: string): void {
    const exists = ALWAYS.has(name) || (this.#entailed.get(name)?.size ?? 0) > 0;
    const values = exists ? builtInTiers.get(name) : undefined;
    this.#effective.put(name, this.#objects.get(name) ?? (values && { name, ...values }));
  }
}
