import { type BorderFirewall, type BorderPolicy, type BorderPolicyRule, resourceKey } from '../api/resource.ts';
import { networkSetSelector } from '../inventory/effective-selector.ts';
import { PortSet, PrefixSet } from '../ip/index.ts';
import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';

type Acceptance = BorderFirewall['accepts'][number];

/**
 * Whether a firewall takes a namespace's BorderPolicy: every rule must lie within one entry of `accepts` that selects the namespace.
 * A rule outside refuses the policy whole; nothing is trimmed. No finding: it is taken.
 */
export function refusal(
  policy: BorderPolicy,
  firewall: BorderFirewall,
  facts: Pick<Facts, 'namespaceLabels' | 'outsideOf'>,
): Finding | undefined {
  const labels = facts.namespaceLabels(policy.namespace) ?? new Map([['projectcalico.org/name', policy.namespace]]);
  const entries = firewall.accepts.filter((entry) => entry.namespaces.matches(labels));
  if (entries.length === 0)
    return finding(
      policy,
      firewall,
      '',
      `BorderFirewall/${firewall.name} accepts no BorderPolicy from the namespace ${policy.namespace}; add the namespace to its \`accepts\`, or name other firewalls here`,
    );
  for (const [index, readable] of policy.spec.egress.entries()) {
    // What could not be read denies or is absent, and so asks for nothing that could be refused.
    if (!readable.ok) continue;
    const { rule } = readable;
    const problems = entries.map((entry) => outside(rule, policy.namespace, entry, facts));
    if (problems.includes(undefined)) continue;
    return finding(
      policy,
      firewall,
      `spec.egress[${index}]`,
      `the rule is outside what BorderFirewall/${firewall.name} accepts from the namespace ${policy.namespace} (${[...new Set(problems)].join('; ')}), so the whole policy does not count there`,
    );
  }
  return undefined;
}

/** What of a rule lies outside an entry. */
function outside(
  rule: BorderPolicyRule,
  namespace: string,
  entry: Acceptance,
  facts: Pick<Facts, 'outsideOf'>,
): string | undefined {
  if (entry.actions !== undefined && !entry.actions.includes(rule.action))
    return `its action ${rule.action} is none of ${entry.actions.join(', ')}`;
  if (entry.ports !== undefined && !portsOf(rule, entry.ports))
    return `its ports are not all among ${entry.ports.toString()}`;
  if (entry.destinations !== undefined && !entry.destinations.covers(destinationOf(rule, namespace, facts)))
    return `its destinations are not all in ${entry.destinations.toString()}`;
  return undefined;
}

/** Whether the rule is limited to accepted ports; without ports it reaches all, and protocols that have none. */
function portsOf(rule: BorderPolicyRule, accepted: PortSet): boolean {
  if (rule.ports === undefined) return false;
  return accepted.covers(rule.ports.subtract(rule.notPorts ?? PortSet.empty));
}

/** Everything that the rule can reach. Names can stand for any address. */
function destinationOf(rule: BorderPolicyRule, namespace: string, facts: Pick<Facts, 'outsideOf'>): PrefixSet {
  const nets = (rule.nets?.isEmpty === false ? rule.nets : PrefixSet.all).subtract(rule.notNets ?? PrefixSet.empty);
  const reached = rule.ipVersion === undefined ? nets : nets.family(rule.ipVersion);
  if (rule.selector === undefined) return reached;
  const content = facts.outsideOf(networkSetSelector(namespace, rule.selector));
  return content.domains.length > 0 ? reached : reached.intersect(content.nets);
}

function finding(policy: BorderPolicy, firewall: BorderFirewall, path: string, message: string): Finding {
  return {
    severity: policy.spec.firewalls === undefined && path === '' ? 'warning' : 'error',
    code: 'BORDER_POLICY_NOT_ACCEPTED',
    condition: 'Stalled',
    object: resourceKey(policy),
    firewall: firewall.name,
    path,
    message,
    at: policy.place,
  };
}
