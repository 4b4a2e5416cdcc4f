import { compareUtf8 } from '../base/compare.ts';
import type { Policy, PolicyId, TierInfo } from '../inventory/model.ts';

/** Tiers by order, ties by name in byte order (semantics 6.1.1). */
export function compareTiers(a: TierInfo, b: TierInfo): number {
  return compareOrders(a.order, b.order) || compareUtf8(a.name, b.name);
}

/** Policies of one tier by order, ties by `name/namespace/kind` in byte order (semantics 6.1.2). */
export function comparePolicies(a: Policy, b: Policy): number {
  return compareOrders(a.order, b.order) || compareUtf8(tieBreak(a), tieBreak(b));
}

/** Sorts the policies of one tier, in place. Thousands of them can have one order, so the texts that break ties are made once. */
function sortPolicies(policies: Policy[]): void {
  const ties = new Map(policies.map((policy) => [policy, tieBreak(policy)]));
  policies.sort((a, b) => compareOrders(a.order, b.order) || compareUtf8(ties.get(a) as string, ties.get(b) as string));
}

function tieBreak({ name, namespace, kind }: Policy): string {
  return `${name}/${namespace}/${kind}`;
}

/** IEEE doubles; absent orders are infinite, and the difference of two of those is no number. */
function compareOrders(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Existing tiers in order, then those that policies name and that do not exist: they end in Deny (semantics 6.1.1). */
export function orderTiers(tiers: ReadonlyMap<string, TierInfo>, named: Iterable<string>): readonly TierInfo[] {
  const missing = [...new Set(named)].filter((name) => !tiers.has(name));
  return [
    ...[...tiers.values()].sort(compareTiers),
    ...missing.sort(compareUtf8).map((name) => ({ name, order: Infinity, defaultAction: 'Deny' }) as const),
  ];
}

/** Where each policy stands among all policies of the cluster: by tier, then inside the tier. */
export class PolicyOrder {
  /** Every tier that exists or is named, first to last. */
  readonly tiers: readonly TierInfo[];
  /** Every policy, first to last. */
  readonly policies: readonly Policy[];
  readonly #ranks = new Map<PolicyId, number>();
  readonly #byTier: ReadonlyMap<string, readonly Policy[]>;

  constructor(tiers: ReadonlyMap<string, TierInfo>, policies: ReadonlyMap<PolicyId, Policy>) {
    this.tiers = orderTiers(
      tiers,
      Array.from(policies.values(), ({ tier }) => tier),
    );
    const byTier = new Map<string, Policy[]>();
    for (const policy of policies.values()) {
      const list = byTier.get(policy.tier);
      if (list === undefined) byTier.set(policy.tier, [policy]);
      else list.push(policy);
    }
    for (const policies of byTier.values()) sortPolicies(policies);
    this.policies = this.tiers.flatMap(({ name }) => byTier.get(name) ?? []);
    for (const { id } of this.policies) this.#ranks.set(id, this.#ranks.size);
    this.#byTier = byTier;
  }

  /** The policies of one tier, in order. */
  policiesOf(tier: string): readonly Policy[] {
    return this.#byTier.get(tier) ?? [];
  }

  /** The policies in the order of their evaluation. */
  sort(policies: readonly Policy[]): readonly Policy[] {
    return policies.toSorted((a, b) => this.#rank(a) - this.#rank(b));
  }

  #rank({ id }: Policy): number {
    return this.#ranks.get(id) ?? Infinity;
  }
}
