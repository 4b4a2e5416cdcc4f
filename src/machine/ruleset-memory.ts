import type { Diagnostic } from '../base/diagnostic.ts';
import type { Policy } from './kinds/policy.ts';
import { type PolicyContext, policyRules, type PolicyRules } from './rules/policy-rules.ts';
import { type RuleUnit, sortedUnits, unitKey } from './rules/text.ts';

interface Remembered {
  readonly context: string;
  readonly rules: PolicyRules;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * What was worked out last, so that a change of one policy among a thousand costs the work of one. It has no influence on what comes out
 * (`ruleset-memory.test.ts`): a policy is the same only if it is the same object, and objects are never changed.
 */
export class RulesetMemory {
  readonly #rules = new WeakMap<Policy, Remembered>();
  readonly #keys = new WeakMap<RuleUnit, string>();
  #orders: Readonly<Record<'ingress' | 'egress', readonly RuleUnit[]>> = { ingress: [], egress: [] };

  policyRules(policy: Policy, context: PolicyContext, diagnostics: Diagnostic[]): PolicyRules {
    // Rules for names depend on what was seen of these, and tell which sets they need.
    const hasNames = !('mistakes' in policy.spec) && policy.spec.egress.some(({ domains }) => domains.length > 0);
    if (hasNames) return policyRules(policy, context, diagnostics);
    const key = contextKey(context);
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

  /** As `sortedUnits`. What was sorted last is nearly in order already. */
  sorted(list: 'ingress' | 'egress', units: readonly RuleUnit[]): readonly RuleUnit[] {
    const left = new Set(units);
    const known = this.#orders[list].filter((unit) => left.delete(unit));
    const sorted = sortedUnits([...known, ...left], (unit) => this.#key(unit));
    this.#orders = { ...this.#orders, [list]: sorted };
    return sorted;
  }

  #key(unit: RuleUnit): string {
    const known = this.#keys.get(unit);
    if (known !== undefined) return known;
    const key = unitKey(unit);
    this.#keys.set(unit, key);
    return key;
  }
}

function contextKey({ namespace, semantics, allowed, log }: PolicyContext): string {
  const nets = allowed && [allowed.ingress.toStrings(), allowed.egress.toStrings()];
  return JSON.stringify([namespace, semantics, nets ?? null, log]);
}
