import type { Diagnostic } from '../base/diagnostic.ts';
import type { Policy } from './kinds/policy.ts';
import { clusterPrefixes, type PolicyContext, policyRules, type PolicyRules } from './rules/policy-rules.ts';
import { compareUnits, type RuleUnit, withoutDoubles } from './rules/text.ts';

interface Remembered {
  readonly context: string;
  readonly rules: PolicyRules;
  readonly diagnostics: readonly Diagnostic[];
}

/** Units in their order, and what they came from. */
interface Order {
  readonly from: ReadonlySet<readonly RuleUnit[]>;
  /** Equal ones among them. */
  readonly all: readonly RuleUnit[];
  readonly sorted: readonly RuleUnit[];
}

const NO_ORDER: Order = { from: new Set(), all: [], sorted: [] };
/** Sorting all anew is cheaper than putting this part of them in their places. */
const MANY = 1 / 8;

/**
 * What was worked out last, so that a change of one policy among a thousand costs the work of one. It has no influence on what comes out
 * (`ruleset-memory.test.ts`): a policy is the same only if it is the same object, and objects are never changed.
 */
export class RulesetMemory {
  readonly #rules = new WeakMap<Policy, Remembered>();
  readonly #sendsIpv6 = new WeakMap<readonly RuleUnit[], boolean>();
  #context: { readonly of: PolicyContext; readonly key: string } | undefined;
  #orders: Readonly<Record<'ingress' | 'egress', Order>> = { ingress: NO_ORDER, egress: NO_ORDER };

  policyRules(policy: Policy, context: PolicyContext, diagnostics: Diagnostic[]): PolicyRules {
    // Rules for names depend on what was seen of these, and tell which sets they need.
    const hasNames = !('mistakes' in policy.spec) && policy.spec.egress.some(({ domains }) => domains.length > 0);
    if (hasNames) return policyRules(policy, context, diagnostics);
    if (this.#context?.of !== context) this.#context = { of: context, key: contextKey(context) };
    const { key } = this.#context;
    const before = this.#rules.get(policy);
    if (before?.context === key) {
      diagnostics.push(...before.diagnostics);
      return before.rules;
    }
    const own: Diagnostic[] = [];
    const rules = policyRules(policy, context, own);
    this.#rules.set(policy, { context: key, rules, diagnostics: own });
    diagnostics.push(...own);
    return rules;
  }

  /** The units of all lists as `sortedUnits` has them. Lists that were there the last time are in their places already. */
  sorted(direction: 'ingress' | 'egress', lists: readonly (readonly RuleUnit[])[]): readonly RuleUnit[] {
    const before = this.#orders[direction];
    const from = new Set(lists.filter(({ length }) => length > 0));
    const come = [...from].filter((list) => !before.from.has(list)).flat();
    const gone = new Set([...before.from].filter((list) => !from.has(list)).flat());
    if (come.length + gone.size === 0) return before.sorted;
    const all =
      come.length + gone.size > before.all.length * MANY
        ? [...from].flat().sort(compareUnits)
        : merged(before.all, gone, come.sort(compareUnits));
    const sorted = withoutDoubles(all);
    this.#orders = { ...this.#orders, [direction]: { from, all, sorted } };
    return sorted;
  }

  /** Whether a rule of the list is about what the cluster sends by IPv6. */
  sendsIpv6(list: readonly RuleUnit[]): boolean {
    const known = this.#sendsIpv6.get(list);
    if (known !== undefined) return known;
    const sends = list.some(({ lines }) => lines.some((line) => line.includes(`@${clusterPrefixes(6)}`)));
    this.#sendsIpv6.set(list, sends);
    return sends;
  }
}

/** Units in their order, without those that went and with those that came, which are in order too. */
function merged(
  before: readonly RuleUnit[],
  gone: ReadonlySet<RuleUnit>,
  come: readonly RuleUnit[],
): readonly RuleUnit[] {
  const all: RuleUnit[] = [];
  let at = 0;
  const upTo = (end: number): void => {
    for (; at < end; at++) {
      const unit = before[at];
      if (unit !== undefined && !gone.has(unit)) all.push(unit);
    }
  };
  for (const unit of come) {
    upTo(placeOf(unit, before, at));
    all.push(unit);
  }
  upTo(before.length);
  return all;
}

/** Before which unit from `low` on it belongs. */
function placeOf(unit: RuleUnit, sorted: readonly RuleUnit[], low: number): number {
  let [from, end] = [low, sorted.length];
  while (from < end) {
    const middle = (from + end) >> 1;
    const other = sorted[middle];
    if (other !== undefined && compareUnits(other, unit) < 0) from = middle + 1;
    else end = middle;
  }
  return from;
}

function contextKey({ namespace, semantics, allowed, log }: PolicyContext): string {
  const nets = allowed && [allowed.ingress.toStrings(), allowed.egress.toStrings()];
  return JSON.stringify([namespace, semantics, nets ?? null, log]);
}
