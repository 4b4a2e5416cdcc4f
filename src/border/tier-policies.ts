import type { Policy, Rule, RuleSide, TierInfo } from '../inventory/model.ts';
import { PortSet } from '../ip/port-set.ts';
import type { Entry, EntryRule, SourceMatch } from './entry.ts';
import type { RuleMatch } from './rule-match.ts';

/** A rule of a repeated tier that no border can say, and what stands in its place. */
export interface Unsayable {
  readonly policy: string;
  readonly rule: number;
  readonly why: string;
  readonly instead: 'absent' | 'Deny';
}

/**
 * A cluster policy as a repeated tier has it at the border (design 8.2): its egress rules with the destination as it is outside the
 * cluster. `undefined`: it takes no part in the egress of pods (semantics 6.2, 7.7).
 */
export function tierEntry(
  policy: Policy,
  tier: TierInfo,
): { readonly entry: Omit<Entry, 'rank'>; readonly unsayable: readonly Unsayable[] } | undefined {
  if (policy.egress === undefined || policy.doNotTrack || policy.preDNAT) return undefined;
  const unsayable: Unsayable[] = [];
  const rules: EntryRule[] = [];
  for (const rule of policy.egress) {
    const why = whyUnsayable(rule);
    if (why === undefined) {
      rules.push({ action: rule.action, index: rule.index, match: matchOf(rule), ...sourceOf(rule) });
      continue;
    }
    const instead = rule.action === 'Deny' || rule.action === 'Pass' ? 'Deny' : 'absent';
    unsayable.push({ policy: policy.id, rule: rule.index, why, instead });
    // What remains of the rule without the part that cannot be said matches more, never less: right for a Deny, wrong for an Allow.
    if (instead === 'Deny') rules.push({ action: 'Deny', index: rule.index, match: matchOf(rule), ...sourceOf(rule) });
  }
  return {
    entry: { id: policy.id, layer: 'Tier', tier, selector: policy.appliesTo, widen: false, rules },
    unsayable,
  };
}

function whyUnsayable(rule: Rule): string | undefined {
  if (rule.broken) return undefined;
  if (rule.destination.services !== undefined)
    return `it matches the endpoints of the service ${rule.destination.services.namespace}/${rule.destination.services.name}`;
  if (rule.source.services !== undefined) return 'it matches the source by a service';
  if (hasNames(rule.source.ports) || hasNames(rule.source.notPorts)) return 'it matches source ports by name';
  return undefined;
}

function hasNames(ports: RuleSide['ports']): boolean {
  return ports !== undefined && ports.names.length > 0;
}

/**
 * The outside of a rule. Ports by name are those of pods and hosts of the cluster, so outside a name stands for no port at all: in
 * `ports` it adds nothing, in `notPorts` it excludes nothing (semantics 5.3).
 */
function matchOf(rule: Rule): RuleMatch {
  if (rule.broken) return { domains: [] };
  const { source, destination } = rule;
  const sourcePorts = numbersOf(source);
  return {
    ...(rule.ipVersion === undefined ? {} : { ipVersion: rule.ipVersion }),
    ...(rule.protocol === undefined ? {} : { protocol: rule.protocol }),
    ...(rule.notProtocol === undefined ? {} : { notProtocol: rule.notProtocol }),
    ...(rule.icmp === undefined ? {} : { icmp: rule.icmp }),
    ...(rule.notIcmp === undefined ? {} : { notIcmp: rule.notIcmp }),
    ...(destination.nets === undefined ? {} : { nets: destination.nets }),
    ...(destination.notNets === undefined ? {} : { notNets: destination.notNets }),
    ...(destination.ports === undefined ? {} : { ports: destination.ports.numbers }),
    ...(destination.notPorts === undefined || destination.notPorts.numbers.isEmpty
      ? {}
      : { notPorts: destination.notPorts.numbers }),
    ...(sourcePorts === undefined ? {} : { sourcePorts }),
    ...(destination.selector === undefined ? {} : { selector: destination.selector }),
    ...(destination.notSelector === undefined ? {} : { notSelector: destination.notSelector }),
    domains: destination.domains,
  };
}

/** Named source ports make a rule unsayable; in what stands in its place they do not limit. */
function numbersOf(side: RuleSide): PortSet | undefined {
  const positive = hasNames(side.ports) ? undefined : side.ports?.numbers;
  const negative = hasNames(side.notPorts) ? undefined : side.notPorts?.numbers;
  if (positive === undefined && (negative === undefined || negative.isEmpty)) return undefined;
  return (positive ?? PortSet.all).subtract(negative ?? PortSet.empty);
}

function sourceOf(rule: Rule): { readonly source: SourceMatch } | Record<string, never> {
  if (rule.broken) return {};
  const { nets, notNets, selector, notSelector } = rule.source;
  if (nets === undefined && notNets === undefined && selector === undefined && notSelector === undefined) return {};
  return {
    source: {
      ...(nets === undefined ? {} : { nets }),
      ...(notNets === undefined ? {} : { notNets }),
      ...(selector === undefined ? {} : { selector }),
      ...(notSelector === undefined ? {} : { notSelector }),
    },
  };
}
