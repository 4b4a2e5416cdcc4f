import { type BorderPolicy, type ClusterBorderPolicy, type OwnResource, resourceKey } from '../api/resource.ts';
import type { Code } from '../base/catalogue.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Engine } from '../engine/engine.ts';
import { networkSetSelector, workloadSelector } from '../inventory/effective-selector.ts';
import type { Selector } from '../selector/selector.ts';
import { ownSelector, scopedSelector } from './own-policies.ts';

/**
 * What is written for nobody: objects of ours that select no workload, firewalls that none leaves through, and rules whose network sets
 * hold nothing. Allowed, and mostly a slip: a Deny for nobody keeps nobody in. What cannot be read is told elsewhere. `engine`: one of which
 * nobody else follows network sets.
 */
export function writtenForNobody(engine: Engine): readonly Diagnostic[] {
  const { borderFirewalls, clusterBorderPolicies, borderPolicies, addressGroups, sourceNats } = engine.inventory;
  const found: Diagnostic[] = [];
  const look = (resource: OwnResource, selector: Selector, path: string, message: string): boolean => {
    engine.register(selector);
    const selects = engine.endpointsOf(selector.id).size > 0;
    engine.unregister(selector);
    if (!selects) found.push(finding(resource, 'LINT_SELECTS_NOBODY', path, message));
    return selects;
  };
  for (const firewall of borderFirewalls.values())
    look(
      firewall,
      workloadSelector('', firewall.workloads),
      'spec.workloads',
      'no endpoint leaves through it, so nothing of what leaves is judged there; correct its selectors',
    );
  for (const policy of [...clusterBorderPolicies.values(), ...borderPolicies.values()]) {
    const { selector, namespaceSelector } = policy.spec;
    if (!selector.ok || !namespaceSelector.ok) continue;
    if (look(policy, ownSelector(policy), 'spec', NOBODY)) found.push(...emptyRules(engine, policy));
  }
  for (const object of [...addressGroups.values(), ...sourceNats.values()]) {
    const { selector, namespaceSelector } = object;
    if (selector.ok && namespaceSelector.ok)
      look(object, scopedSelector('', selector, namespaceSelector), 'spec', NOBODY);
  }
  return found;
}

const NOBODY = 'it selects no endpoint; correct its selectors, or delete it';

/** Rules for network sets that hold neither nets nor names. */
function emptyRules(engine: Engine, policy: ClusterBorderPolicy | BorderPolicy): readonly Diagnostic[] {
  return policy.spec.egress.flatMap((readable, index) => {
    if (!readable.ok || readable.rule.selector === undefined) return [];
    const selector = networkSetSelector(policy.namespace, readable.rule.selector);
    const { nets, domains } = engine.outsideOf(selector);
    engine.forgetOutside(selector.id);
    if (!nets.isEmpty || domains.length > 0) return [];
    const message = 'its selector finds no network set that holds anything, so the rule matches nothing; correct it';
    return [finding(policy, 'LINT_MATCHES_NOTHING', `spec.egress[${index}].selector`, message)];
  });
}

function finding(resource: OwnResource, code: Code, path: string, message: string): Diagnostic {
  return { severity: 'warning', code, path, message, object: resourceKey(resource), at: resource.place };
}
