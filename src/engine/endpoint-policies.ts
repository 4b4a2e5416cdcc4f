import type { EndpointId, Policy } from '../inventory/model.ts';
import type { PolicyOrder } from './policy-order.ts';
import { type PolicyList, type TierPolicies, byTier } from './selected-policies.ts';

/** Lists with more policies than this in all are not remembered side by side. */
const REMEMBERED = 1_000_000;

/** Policies that select the same endpoints, in order, and the lists that were asked for. */
interface Selecting {
  /** Of these policies, ascending. */
  readonly ranks: Int32Array;
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

  // Room to work in.
  /** By rank: whether it is among those at hand; all zero between calls. */
  readonly #marks: Uint8Array;
  /** The ranks at hand, from the first on. */
  readonly #found: Int32Array;

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
    this.#marks = new Uint8Array(numbers.length);
    this.#found = new Int32Array(numbers.length);
  }

  /** The matches of endpoints may have changed. */
  forgetEndpoints(): void {
    this.#byEndpoint.clear();
  }

  /** `matching`: the numbers of the selectors that match the endpoint. */
  tiersOf(endpoint: EndpointId, list: PolicyList, matching: () => Int32Array): readonly TierPolicies[] {
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

  /** The ranks of the policies behind these selectors, ascending: good until the next call. Thousands for each of many endpoints, so none are made. */
  #ranksOf(selectors: Int32Array): Int32Array {
    const length = this.#mark(selectors);
    const marked = this.#found.subarray(0, length);
    // Sorting costs a few steps for each number, looking at the marks one for each policy there is.
    if (length * 16 < this.#marks.length) this.#sort(marked);
    else this.#gather();
    return marked;
  }

  // Each of these loops is a function of its own: V8 compiles a long loop while it runs, and then drops out of that code wherever the rest of
  // the function had not run before, at every call anew (`verdict` bench, p50 and p99 of the policies of an endpoint).

  /** Marks and lists the ranks behind these selectors, and tells how many. */
  #mark(selectors: Int32Array): number {
    const found = this.#found;
    const marks = this.#marks;
    const starts = this.#starts;
    const ranks = this.#ranks;
    let length = 0;
    for (let n = 0; n < selectors.length; n++) {
      const selector = selectors[n] as number;
      if (selector + 1 >= starts.length) continue;
      const end = starts[selector + 1] as number;
      for (let at = starts[selector] as number; at < end; at++) {
        const rank = ranks[at] as number;
        found[length++] = rank;
        marks[rank] = 1;
      }
    }
    return length;
  }

  #sort(marked: Int32Array): void {
    marked.sort();
    for (let n = 0; n < marked.length; n++) this.#marks[marked[n] as number] = 0;
  }

  /** Lists what is marked anew, in order. */
  #gather(): void {
    const found = this.#found;
    const marks = this.#marks;
    let length = 0;
    for (let rank = 0; rank < marks.length; rank++) {
      if (marks[rank] === 0) continue;
      found[length++] = rank;
      marks[rank] = 0;
    }
  }

  #selecting(found: Int32Array): Selecting {
    const hash = hashOf(found);
    for (const alike of this.#known.get(hash) ?? []) if (sameRanks(alike.ranks, found)) return alike;
    const ranks = found.slice();
    const all = this.#order.policies;
    const policies = Array.from(ranks, (rank) => all[rank] as Policy);
    const selecting: Selecting = { ranks, policies, lists: new Map() };
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

function hashOf(ranks: Int32Array): number {
  let hash = ranks.length;
  for (let n = 0; n < ranks.length; n++) hash = Math.imul(hash ^ (ranks[n] as number), 16_777_619);
  return hash;
}

function sameRanks(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return false;
  return true;
}
