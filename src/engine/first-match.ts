import type { RuleAction } from '../api/resource.ts';
import type { Family } from '../ip/address.ts';
import { FlowSet } from './flow-set.ts';

/** A rule as the flows that it matches. */
export interface FlowRule {
  readonly action: RuleAction;
  readonly flows: FlowSet;
}

/** What rules decide, each flow in one set at most; flows in none of them meet what comes behind the rules. */
export type Decided = Readonly<Record<'Allow' | 'Deny' | 'Pass', FlowSet>>;

/**
 * What rules of one family decide by the first that matches, `Log` aside. Lists over the same flows that are decided alike have equal sets.
 * @example firstMatch(4, [{ action: 'Deny', flows: dns }, { action: 'Allow', flows: everything }]).Allow.covers(dns); // false
 * @throws SallyportError FLOW_SET_LIMIT
 */
export function firstMatch(family: Family, rules: readonly FlowRule[]): Decided {
  const [rule] = rules;
  if (rules.length > 1) {
    const middle = rules.length >>> 1;
    return behind(firstMatch(family, rules.slice(0, middle)), firstMatch(family, rules.slice(middle)));
  }
  const nothing = FlowSet.nothing(family);
  const decided = { Allow: nothing, Deny: nothing, Pass: nothing };
  return rule === undefined || rule.action === 'Log' ? decided : { ...decided, [rule.action]: rule.flows };
}

/** What two lists decide, the second asked about what the first leaves open. */
export function behind(first: Decided, second: Decided): Decided {
  const open = (flows: FlowSet): FlowSet => flows.subtract(first.Allow).subtract(first.Deny).subtract(first.Pass);
  return {
    Allow: first.Allow.union(open(second.Allow)),
    Deny: first.Deny.union(open(second.Deny)),
    Pass: first.Pass.union(open(second.Pass)),
  };
}
