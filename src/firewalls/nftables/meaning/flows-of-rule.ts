import { assertNever } from '../../../base/error.ts';
import type { Family } from '../../../border/ruleset.ts';
import { FlowSet } from '../../../engine/flows/flow-set.ts';
import { PortSet } from '../../../ip/port-set.ts';
import { PrefixSet } from '../../../ip/prefix-set.ts';
import type { Match, NftTable } from '../table/model.ts';
import { prefixSetOf } from './walk.ts';

type IcmpField = Match & { on: 'icmp' };

/**
 * First packets of connections that all these matches hold for, whoever sends them. Matches on the source, which our classes have none of,
 * hold for nobody.
 */
export function flowsOfMatches(table: NftTable, matches: readonly Match[], family: Family): FlowSet {
  let flows = FlowSet.everything(family);
  const icmp = matches.filter((match): match is IcmpField => match.on === 'icmp');
  for (const match of matches) if (match.on !== 'icmp') flows = flows.intersect(flowsOfMatch(table, match, family));
  return icmp.length === 0 ? flows : flows.intersect(icmpFlows(icmp, family));
}

function flowsOfMatch(table: NftTable, match: Exclude<Match, IcmpField>, family: Family): FlowSet {
  const all = FlowSet.everything(family);
  const none = FlowSet.nothing(family);
  switch (match.on) {
    case 'state':
      return match.states.includes('new') ? all : none;
    case 'direction':
      return match.direction === 'original' ? all : none;
    case 'dead':
      return none;
    case 'address': {
      if (match.family !== family || match.side === 'saddr') return none;
      const elements = table.sets.get(match.set)?.elements ?? table.maps.get(match.set)?.elements;
      return negated(FlowSet.matching(family, { destination: PrefixSet.parse(elements?.keys() ?? []) }), match.not);
    }
    case 'net': {
      if (match.family !== family || match.side === 'saddr') return none;
      const set = table.sets.get(match.set);
      const destination = set === undefined ? PrefixSet.empty : prefixSetOf(set.elements);
      return negated(FlowSet.matching(family, { destination }), match.not);
    }
    case 'service':
      return serviceFlows(table, match, family);
    case 'protocol':
      return FlowSet.matching(family, match.not ? { notProtocol: match.protocol } : { protocol: match.protocol });
    default:
      return assertNever(match);
  }
}

function negated(flows: FlowSet, not: boolean): FlowSet {
  return not ? FlowSet.everything(flows.family).subtract(flows) : flows;
}

function serviceFlows(table: NftTable, match: Match & { on: 'service' }, family: Family): FlowSet {
  const byProtocol = new Map<number, PortSet>();
  for (const key of table.sets.get(match.set)?.elements.keys() ?? []) {
    const [protocol = '', range = ''] = key.split(' . ');
    const [first = '', last = first] = range.split('-');
    const ports = byProtocol.get(Number(protocol)) ?? PortSet.empty;
    byProtocol.set(Number(protocol), ports.union(PortSet.of([Number(first), Number(last)])));
  }
  let flows = FlowSet.nothing(family);
  for (const [protocol, ports] of byProtocol) {
    const ported = match.side === 'dport' ? { ports } : { sourcePorts: ports };
    flows = flows.union(FlowSet.matching(family, { protocol, ...ported }));
  }
  return flows;
}

/** Types and codes go together: a code means nothing without its type, and we never write one alone. */
function icmpFlows(fields: readonly IcmpField[], family: Family): FlowSet {
  if (fields.some((field) => field.family !== family)) return FlowSet.nothing(family);
  const type = fields.find(({ field, not }) => field === 'type' && !not)?.value;
  let flows = FlowSet.matching(family, type === undefined ? { protocol: family === 4 ? 1 : 58 } : { icmp: { type } });
  for (const { field, value, not } of fields) {
    if (field === 'type') flows = flows.intersect(FlowSet.matching(family, icmpCondition(not, { type: value })));
    else if (type !== undefined)
      flows = flows.intersect(FlowSet.matching(family, icmpCondition(not, { type, code: value })));
  }
  return flows;
}

function icmpCondition(
  not: boolean,
  icmp: { readonly type: number; readonly code?: number },
): { readonly icmp: typeof icmp } | { readonly notIcmp: typeof icmp } {
  return not ? { notIcmp: icmp } : { icmp };
}
