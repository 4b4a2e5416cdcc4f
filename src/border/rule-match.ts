import type { IcmpMatch } from '../api/resource.ts';
import { type Family, PortSet, PrefixSet } from '../ip/index.ts';
import type { Selector } from '../selector/selector.ts';
import type { BorderRule, GroupId } from './ruleset.ts';

/** The outside end of a rule of any policy kind, both families together; absent parts do not limit (semantics 5). */
export interface RuleMatch {
  readonly ipVersion?: Family;
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: IcmpMatch;
  readonly notIcmp?: IcmpMatch;
  readonly nets?: PrefixSet;
  readonly notNets?: PrefixSet;
  readonly ports?: PortSet;
  readonly notPorts?: PortSet;
  readonly sourcePorts?: PortSet;
  readonly selector?: Selector;
  readonly notSelector?: Selector;
  readonly domains: readonly string[];
}

/** What a rule needs to know about the firewall it is written for. */
export interface RuleContext {
  /** The group behind a selector over network sets, and what is in it now. */
  group(
    selector: Selector,
    family: Family,
  ): { readonly id: GroupId; readonly nets: PrefixSet; readonly domains: readonly string[] };
  /** Where a repeated tier's rule can have an effect at all; absent for our own kinds, whose rules stand as written. */
  readonly outside?: PrefixSet;
}

type Head = Pick<BorderRule, 'origin' | 'action' | 'widen'>;

const PROTOCOLS_WITH_PORTS = [6, 17, 132] as const;
const ICMP: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };

/**
 * The rules of one family that say the same as a written rule; none where it can match nothing of that family. Two or more where one
 * device rule has no room: ports without a protocol, a selector whose network sets hold both nets and domains. They stand together, so
 * first match makes them one.
 */
export function rulesOf(head: Head, match: RuleMatch, family: Family, context: RuleContext): readonly BorderRule[] {
  if (match.ipVersion !== undefined && match.ipVersion !== family) return [];
  const nets = netsOf(match, family);
  if (nets === 'none') return [];
  const icmp = icmpOf(match, family);
  const ports = portsOf(match);
  if (icmp === 'none' || ports === 'none') return [];
  const outsides = outsidesOf(match, nets, family, context);
  return ports.flatMap((each) => outsides.map((outside) => ({ ...head, family, ...each, ...icmp, outside })));
}

/**
 * A rule whose CIDRs are of both families is one rule in each with the other's removed; where that empties a list that was not empty
 * there is no rule in that family, for `nets` and `notNets` alike (semantics 5.4).
 */
function netsOf(match: RuleMatch, family: Family): PrefixSet | undefined | 'none' {
  const notNets = match.notNets?.isEmpty === false ? match.notNets.family(family) : undefined;
  const positive = match.nets?.isEmpty === false ? match.nets.family(family) : undefined;
  if (notNets?.isEmpty === true) return 'none';
  if (positive === undefined && notNets === undefined) return undefined;
  const left = (positive ?? PrefixSet.all.family(family)).subtract(notNets ?? PrefixSet.empty);
  return left.isEmpty ? 'none' : left;
}

function icmpOf(match: RuleMatch, family: Family): Pick<BorderRule, 'icmp' | 'notIcmp'> | 'none' {
  const ours = ICMP[family];
  const isIcmp = match.protocol === undefined || match.protocol === ours;
  if (match.icmp !== undefined && (!isIcmp || match.notProtocol === ours)) return 'none';
  // Excluding one type of a protocol that the rule does not match anyway excludes nothing.
  const notIcmp = isIcmp && match.notIcmp !== undefined ? { notIcmp: match.notIcmp } : {};
  return { ...(match.icmp === undefined ? {} : { icmp: match.icmp }), ...notIcmp };
}

type PortPart = Pick<BorderRule, 'protocol' | 'notProtocol' | 'ports' | 'sourcePorts'>;

function portsOf(match: RuleMatch): readonly PortPart[] | 'none' {
  const protocols = {
    ...(match.protocol === undefined ? {} : { protocol: match.protocol }),
    ...(match.notProtocol === undefined ? {} : { notProtocol: match.notProtocol }),
  };
  const limits = match.ports !== undefined || match.notPorts !== undefined || match.sourcePorts !== undefined;
  if (!limits) return [protocols];
  const ports = (match.ports ?? PortSet.all).subtract(match.notPorts ?? PortSet.empty);
  const sourcePorts = match.sourcePorts ?? PortSet.all;
  if (ports.isEmpty || sourcePorts.isEmpty) return 'none';
  const part = {
    ...(ports.isAll ? {} : { ports }),
    ...(sourcePorts.isAll ? {} : { sourcePorts }),
  };
  const withPorts = PROTOCOLS_WITH_PORTS.filter(
    (each) => (match.protocol === undefined || match.protocol === each) && match.notProtocol !== each,
  );
  if (withPorts.length === 0) return 'none';
  return withPorts.map((protocol) => ({ protocol, ...part }));
}

function outsidesOf(
  match: RuleMatch,
  nets: PrefixSet | undefined,
  family: Family,
  context: RuleContext,
): readonly BorderRule['outside'][] {
  const reach = context.outside?.family(family).intersect(nets ?? PrefixSet.all);
  if (reach?.isEmpty === true) return [];
  const base = { ...(nets === undefined ? {} : { nets }), groups: [], notGroups: [], domains: match.domains };
  const notGroup = match.notSelector === undefined ? undefined : context.group(match.notSelector, family);
  const excluded = notGroup !== undefined && (reach === undefined || reach.overlaps(notGroup.nets));
  const start = excluded ? { ...base, notGroups: [notGroup.id] } : base;
  if (match.selector === undefined) return [start];
  const group = context.group(match.selector, family);
  const outsides: BorderRule['outside'][] = [];
  if (reach === undefined || reach.overlaps(group.nets)) outsides.push({ ...start, groups: [group.id] });
  // A network set's domains are reached by name: the same rule once more, with names in the place of the group.
  const domains =
    match.domains.length === 0 ? group.domains : group.domains.filter((each) => match.domains.includes(each));
  if (domains.length > 0) outsides.push({ ...start, domains });
  return outsides;
}
