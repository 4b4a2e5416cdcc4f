import type { ServiceBackends } from '../engine/backends.ts';
import type { Policy, Rule, RuleSide, TierInfo } from '../inventory/model.ts';
import { serviceName } from '../inventory/service-slice.ts';
import { PortSet } from '../ip/port-set.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Entry, EntryRule, SourceMatch } from './entry.ts';
import type { RuleMatch } from './rule-match.ts';

/** A rule of a repeated tier that no border can say, and what stands in its place. */
export interface Unsayable {
  readonly policy: string;
  readonly rule: number;
  readonly why: string;
  readonly instead: 'absent' | 'Deny';
}

/** What lies beyond the border. */
interface Beyond {
  /** The destinations that the firewall judges. */
  readonly governed: PrefixSet;
  /** What is behind a service, given as `namespace/name`. */
  readonly backendsOf: (service: string) => ServiceBackends;
}

/**
 * A cluster policy as a repeated tier has it at the border (design 8.2): its egress rules with the destination as it is outside the
 * cluster. `undefined`: it takes no part in the egress of pods (semantics 6.2, 7.7).
 */
export function tierEntry(
  policy: Policy,
  tier: TierInfo,
  outside: Beyond,
): { readonly entry: Omit<Entry, 'rank'>; readonly unsayable: readonly Unsayable[] } | undefined {
  if (policy.egress === undefined || policy.doNotTrack || policy.preDNAT) return undefined;
  const unsayable: Unsayable[] = [];
  const rules: EntryRule[] = [];
  for (const rule of policy.egress) {
    const why = whyUnsayable(rule);
    if (why === undefined) {
      for (const match of matchesOf(rule, outside))
        rules.push({ action: rule.action, index: rule.index, match, ...sourceOf(rule) });
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
  if (rule.source.services !== undefined) return 'it matches the source by a service';
  if (hasNames(rule.source.ports) || hasNames(rule.source.notPorts)) return 'it matches source ports by name';
  return undefined;
}

function hasNames(ports: RuleSide['ports']): boolean {
  return ports !== undefined && ports.names.length > 0;
}

/**
 * The outside of a rule as one match; with a service as its destination, as one for each protocol of what is behind the service outside the
 * cluster. Most have nothing there: their backends are pods (semantics 11.4).
 */
function matchesOf(rule: Rule, { governed, backendsOf }: Beyond): readonly RuleMatch[] {
  const match = matchOf(rule);
  const { services } = rule.destination;
  if (services === undefined) return [match];
  return outsideBackends(backendsOf(serviceName(services)), governed).flatMap(({ protocol, ports, addresses }) =>
    (match.protocol ?? protocol) === protocol && match.notProtocol !== protocol
      ? [{ ...match, protocol, ports, nets: addresses }]
      : [],
  );
}

/** What of a service's backends lies in `outside`: addresses that serve the same ports of a protocol, together. Empty for most services. */
export function outsideBackends(
  { addresses, ports }: ServiceBackends,
  outside: PrefixSet,
): readonly { readonly protocol: number; readonly ports: PortSet; readonly addresses: PrefixSet }[] {
  if (!addresses.overlaps(outside)) return [];
  const found = new Map<string, { readonly protocol: number; ports: PortSet; readonly addresses: PrefixSet }>();
  for (const { protocol, port, addresses: serving } of ports) {
    const reached = serving.intersect(outside);
    if (reached.isEmpty) continue;
    const key = `${protocol} ${reached.toString()}`;
    const known = found.get(key);
    if (known === undefined) found.set(key, { protocol, ports: PortSet.of(port), addresses: reached });
    else known.ports = known.ports.union(PortSet.of(port));
  }
  return [...found.values()];
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
