import type { ClassId, Ruleset } from '../../border/ruleset.ts';
import type { Flow } from '../../engine/flows/flow-set.ts';
import { formatAddress } from '../../ip/address.ts';
import type { FlatDestination, FlatList, FlatRule, FlatService, FlatSource } from './flat-list.ts';
import { groupContent } from './group-content.ts';

/** What a list does to one packet. `Left`: no rule of ours decides, the device's own do. */
export interface FlatEvaluation {
  readonly verdict: 'Allowed' | 'Denied' | 'Left';
  /** The rule that decided. */
  readonly rule?: FlatRule;
  /** The rules that were noted on the way, in order. */
  readonly logged: readonly FlatRule[];
}

/** The reference: a device that holds exactly this list, and whose groups hold what the ruleset says, meets one packet. */
export function evaluateFlat(
  list: FlatList,
  ruleset: Pick<Ruleset, 'destinations' | 'inside' | 'groups' | 'members'>,
  flow: Flow,
  isDomain: (domain: string, flow: Flow) => boolean = () => false,
): FlatEvaluation {
  const sender = ruleset.members.get(formatAddress(flow.source));
  const logged: FlatRule[] = [];
  for (const rule of list.rules) {
    if (rule.family !== flow.family || !isFrom(list, rule.source, flow, sender)) continue;
    if (!isTo(list, ruleset, rule.destination, flow, isDomain)) continue;
    if (rule.services.length > 0 && !rule.services.some((service) => isService(service, flow))) continue;
    switch (rule.action) {
      case 'Log':
        logged.push(rule);
        continue;
      case 'Allow':
        return { verdict: 'Allowed', rule, logged };
      case 'Deny':
        return { verdict: 'Denied', rule, logged };
      case 'Leave':
        return { verdict: 'Left', rule, logged };
    }
  }
  return { verdict: 'Left', logged };
}

function isFrom(list: FlatList, source: FlatSource, flow: Flow, sender: ClassId | undefined): boolean {
  const has = (id: string): boolean => sender !== undefined && list.sources.get(id)?.includes(sender) === true;
  if (source.kind === 'Source') return has(source.id);
  return source.prefixes.contains(flow.source) && !has(source.except);
}

function isTo(
  list: FlatList,
  ruleset: Pick<Ruleset, 'destinations' | 'inside' | 'groups'>,
  { prefixes, groups, domains }: FlatDestination,
  flow: Flow,
  isDomain: (domain: string, flow: Flow) => boolean,
): boolean {
  if (prefixes.contains(flow.destination)) return true;
  if (domains.some((domain) => isDomain(domain, flow))) return true;
  return groups.some((id) => {
    const group = list.groups.get(id);
    return group !== undefined && groupContent(group, ruleset).contains(flow.destination);
  });
}

function isService({ protocols, ports, sourcePorts, icmp }: FlatService, flow: Flow): boolean {
  if (!protocols.includes(flow.protocol)) return false;
  if (ports !== undefined && !ports.contains(flow.destinationPort ?? 0)) return false;
  if (sourcePorts !== undefined && !sourcePorts.contains(flow.sourcePort ?? 0)) return false;
  return icmp === undefined || icmp.contains((flow.icmpType ?? 0) * 256 + (flow.icmpCode ?? 0));
}
