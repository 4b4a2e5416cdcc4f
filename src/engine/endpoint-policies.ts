import type { EndpointId, Policy } from '../inventory/model.ts';
import type { PolicyOrder } from './policy-order.ts';
import { type PolicyList, type TierPolicies, byTier } from './selected-policies.ts';

/** Lists with more policies than this in all are not remembered side by side. */
const REMEMBERED = 1_000_000;

/** Policies that select the same endpoints, in order, and the lists that were asked for. */
interface Selecting {
  readonly policies: readonly Policy[];
  readonly lists: Map<PolicyList, readonly TierPolicies[]>;
}

/**
 * The tiers and policies of endpoints, worked out from the numbers of the selectors that match them. Endpoints with the same policies share
 * their lists. Good for one order of policies; what is remembered of endpoints is good until their matches change.
 */
export class EndpointPolicies {
  readonly #order: PolicyOrder;
  /** The ranks of the policies that each selector stands for, one selector after the other; those of selector n begin at `#starts[n]`. */
  readonly #ranks: Int32Array;
  readonly #starts: Int32Array;
  readonly #byEndpoint = new Map<EndpointId, Selecting>();
  /** By a hash of the ranks. */
  readonly #known = new Map<number, Selecting[]>();
  #remembered = 0;

  /** `numberOf`: the number of a selector that matching endpoints are told by. */
  constructor(order: PolicyOrder, numberOf: (selectorId: string) => number) {
    this.#order = order;
    const numbers = Int32Array.from(order.policies, ({ appliesTo }) => numberOf(appliesTo.id));
    let end = 0;
    for (const number of numbers) end = Math.max(end, number + 1);
    const starts = new Int32Array(end + 1);
    for (const number of numbers) starts[number + 1] = (starts[number + 1] as number) + 1;
    for (let number = 0; number < end; number++)
      starts[number + 1] = (starts[number + 1] as number) + (starts[number] as number);
    const next = starts.slice();
    this.#ranks = new Int32Array(numbers.length);
    for (const [rank, number] of numbers.entries()) {
      const at = next[number] as number;
      this.#ranks[at] = rank;
      next[number] = at + 1;
    }
    this.#starts = starts;
  }

  /** The matches of endpoints may have changed. */
  forgetEndpoints(): void {
    this.#byEndpoint.clear();
  }

  /** `matching`: the numbers of the selectors that match the endpoint. */
  tiersOf(endpoint: EndpointId, list: PolicyList, matching: () => Iterable<number>): readonly TierPolicies[] {
    let selecting = this.#byEndpoint.get(endpoint);
    if (selecting === undefined) {
      selecting = this.#selecting(this.#ranksOf(matching()));
      this.#byEndpoint.set(endpoint, selecting);
    }
    let tiers = selecting.lists.get(list);
    if (tiers === undefined) {
      tiers = byTier(selecting.policies, this.#order.tiers, list);
      selecting.lists.set(list, tiers);
    }
    return tiers;
  }

  /** The ranks of the policies behind these selectors, ascending. */
  #ranksOf(selectors: Iterable<number>): Int32Array {
    const found: number[] = [];
    for (const selector of selectors) {
      if (selector + 1 >= this.#starts.length) continue;
      const end = this.#starts[selector + 1] as number;
      for (let at = this.#starts[selector] as number; at < end; at++) found.push(this.#ranks[at] as number);
    }
    const count = this.#ranks.length;
    // Sorting costs a few steps for each number, marking one for each policy there is.
    if (found.length * 16 < count) return Int32Array.from(found).sort();
    const marks = new Uint8Array(count);
    for (const rank of found) marks[rank] = 1;
    const sorted = new Int32Array(found.length);
    let length = 0;
    for (let rank = 0; rank < count; rank++) if (marks[rank] === 1) sorted[length++] = rank;
    return sorted;
  }

  #selecting(ranks: Int32Array): Selecting {
    let hash = ranks.length;
    for (const rank of ranks) hash = Math.imul(hash ^ rank, 16_777_619);
    const alike = this.#known.get(hash) ?? [];
    const all = this.#order.policies;
    for (const each of alike)
      if (
        each.policies.length === ranks.length &&
        each.policies.every((policy, n) => policy === all[ranks[n] as number])
      )
        return each;
    const policies = Array.from(ranks, (rank) => all[rank] as Policy);
    const selecting: Selecting = { policies, lists: new Map() };
    this.#remembered += policies.length;
    if (this.#remembered > REMEMBERED) {
      this.#known.clear();
      this.#byEndpoint.clear();
      this.#remembered = policies.length;
    }
    this.#known.set(hash, [...(this.#known.get(hash) ?? []), selecting]);
    return selecting;
  }
}
