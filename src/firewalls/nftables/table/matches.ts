import type { BorderRule, Family, Group, GroupId } from '../../../border/ruleset.ts';
import type { PortSet } from '../../../ip/port-set.ts';
import type { PrefixSet } from '../../../ip/prefix-set.ts';
import type { Match } from './model.ts';
import { madeName } from './names.ts';
import { coversFamily, type SharedSets } from './shared-sets.ts';

const WITH_PORTS: readonly number[] = [6, 17, 132];

/** The set of an Outside group; its content is no part of the name. */
export function outsideSetName(group: Group & { kind: 'Outside' }): string {
  return madeName(`o${group.family}`, group.selector, group.id);
}

/** What of a rule or translation says which packets it is about. */
export interface Condition {
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: BorderRule['icmp'];
  readonly notIcmp?: BorderRule['notIcmp'];
  readonly nets?: PrefixSet;
  readonly groups: readonly GroupId[];
  readonly notGroups: readonly GroupId[];
  readonly ports?: PortSet;
  readonly sourcePorts?: PortSet;
}

/**
 * The condition as nft matches: one list for each nft rule that is needed (all its matches must hold), none where it can never hold.
 * Domains are not looked at.
 */
export function conditionMatches(
  condition: Condition,
  family: Family,
  groups: ReadonlyMap<GroupId, Group>,
  shared: SharedSets,
): readonly (readonly Match[])[] {
  const outside = outsideMatches(condition, family, groups, shared);
  if (outside === undefined) return [];
  return protocolMatches(condition, family, shared).map((matches) => [...outside, ...matches]);
}

function outsideMatches(
  { nets, groups, notGroups }: Condition,
  family: Family,
  known: ReadonlyMap<GroupId, Group>,
  shared: SharedSets,
): readonly Match[] | undefined {
  const matches: Match[] = [];
  const net = (set: string, not: boolean): Match => ({ on: 'net', side: 'daddr', family, set, not });
  if (nets !== undefined && !coversFamily(nets, family)) {
    if (nets.family(family).isEmpty) return undefined;
    matches.push(net(shared.nets(nets, family), false));
  }
  for (const id of groups) {
    const group = known.get(id);
    if (group?.kind !== 'Outside' || group.family !== family) return undefined;
    matches.push(net(outsideSetName(group), false));
  }
  for (const id of notGroups) {
    const group = known.get(id);
    if (group?.kind === 'Outside' && group.family === family) matches.push(net(outsideSetName(group), true));
  }
  return matches;
}

/** Alternatives: a packet matches if one of the lists matches. */
function protocolMatches(condition: Condition, family: Family, shared: SharedSets): readonly (readonly Match[])[] {
  const { protocol, notProtocol, icmp, notIcmp, ports, sourcePorts } = condition;
  const icmpProtocol = family === 4 ? 1 : 58;
  const allowed = (candidate: number): boolean =>
    (protocol === undefined || protocol === candidate) && candidate !== notProtocol;

  if (ports !== undefined || sourcePorts !== undefined) {
    const protocols = WITH_PORTS.filter(allowed);
    if (protocols.length === 0 || ports?.isEmpty === true || sourcePorts?.isEmpty === true || icmp !== undefined)
      return [];
    const matches: Match[] = [];
    if (ports !== undefined) matches.push({ on: 'service', side: 'dport', set: shared.services(protocols, ports) });
    if (sourcePorts !== undefined)
      matches.push({ on: 'service', side: 'sport', set: shared.services(protocols, sourcePorts) });
    return [matches];
  }
  if (protocol !== undefined && protocol === notProtocol) return [];
  const type = (value: number, not: boolean): Match => ({ on: 'icmp', family, field: 'type', value, not });
  const code = (value: number, not: boolean): Match => ({ on: 'icmp', family, field: 'code', value, not });

  if (icmp !== undefined) {
    if (!allowed(icmpProtocol)) return [];
    const wanted =
      icmp.code === undefined ? [type(icmp.type, false)] : [type(icmp.type, false), code(icmp.code, false)];
    if (notIcmp === undefined || notIcmp.type !== icmp.type) return [wanted];
    if (notIcmp.code === undefined || notIcmp.code === icmp.code) return [];
    return [icmp.code === undefined ? [...wanted, code(notIcmp.code, true)] : wanted];
  }

  const any: Match[] = [];
  if (protocol !== undefined) any.push({ on: 'protocol', protocol, not: false });
  else if (notProtocol !== undefined) any.push({ on: 'protocol', protocol: notProtocol, not: true });
  if (notIcmp === undefined || !allowed(icmpProtocol)) return [any];

  const otherIcmp: (readonly Match[])[] = [[type(notIcmp.type, true)]];
  if (notIcmp.code !== undefined) otherIcmp.push([type(notIcmp.type, false), code(notIcmp.code, true)]);
  if (protocol !== undefined) return otherIcmp;
  return [[...any, { on: 'protocol', protocol: icmpProtocol, not: true }], ...otherIcmp];
}
