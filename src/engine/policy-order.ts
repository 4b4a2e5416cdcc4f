import { compareUtf8 } from '../base/compare.ts';
import { type Pieces, each, sorted } from '../base/pieces.ts';
import type { Policy, PolicyId, TierInfo } from '../inventory/model.ts';

/** Tiers by order, ties by name in byte order (semantics 6.1.1). */
export function compareTiers(a: TierInfo, b: TierInfo): number {
  return compareOrders(a.order, b.order) || compareUtf8(a.name, b.name);
}

/** Policies of one tier by order, ties by `name/namespace/kind` in byte order (semantics 6.1.2). */
export function comparePolicies(a: Policy, b: Policy): number {
  return compareOrders(a.order, b.order) || compareUtf8(tieBreak(a), tieBreak(b));
}

/** The policies of one tier, sorted. Thousands of them can have one order, so the texts that break ties are made once. */
function* sortPolicies(policies: readonly Policy[]): Pieces<readonly Policy[]> {
  const ties = new Map<Policy, string>();
  yield* each(policies, (policy) => ties.set(policy, tieBreak(policy)));
  return yield* sorted(
    policies,
    (a, b) => compareOrders(a.order, b.order) || compareUtf8(ties.get(a) as string, ties.get(b) as string),
  );
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

  private constructor(tiers: readonly TierInfo[], byTier: ReadonlyMap<string, readonly Policy[]>) {
    this.tiers = tiers;
    this.#byTier = byTier;
    this.policies = tiers.flatMap(({ name }) => byTier.get(name) ?? []);
  }

  static *of(tiers: ReadonlyMap<string, TierInfo>, policies: ReadonlyMap<PolicyId, Policy>): Pieces<PolicyOrder> {
    const unordered = new Map<string, Policy[]>();
    yield* each(policies.values(), (policy) => {
      const list = unordered.get(policy.tier);
      if (list === undefined) unordered.set(policy.tier, [policy]);
      else list.push(policy);
    });
    const byTier = new Map<string, readonly Policy[]>();
    for (const [tier, list] of unordered) byTier.set(tier, yield* sortPolicies(list));
    const order = new PolicyOrder(orderTiers(tiers, byTier.keys()), byTier);
    yield* each(order.policies, ({ id }) => order.#ranks.set(id, order.#ranks.size));
    return order;
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
