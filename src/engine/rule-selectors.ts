import type { Policy, Rule } from '../inventory/model.ts';
import type { Selector } from '../selector/selector.ts';

/** The selectors of a policy's rules, on either side; some more than once. */
export function ruleSelectors(policy: Policy): readonly Selector[] {
  return policy.selectors ?? selectorsOfRules(policy);
}

function selectorsOfRules({ ingress, egress }: Policy): readonly Selector[] {
  const found: Selector[] = [];
  for (const rules of [ingress, egress])
    for (const { source, destination } of rules ?? NO_RULES)
      for (const { selector, notSelector } of [source, destination]) {
        if (selector !== undefined) found.push(selector);
        if (notSelector !== undefined) found.push(notSelector);
      }
  return found;
}

const NO_RULES: readonly Rule[] = [];
