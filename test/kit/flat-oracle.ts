import type { Origin, Ruleset } from '../../src/border/ruleset.ts';
import { parseAddress } from '../../src/ip/address.ts';
import type { PrefixSet } from '../../src/ip/prefix-set.ts';
import type { FlatList, FlatRule } from '../../src/plan/flat/flat-list.ts';
import type { Domains, Packet } from './ruleset-oracle.ts';

export interface FlatFate {
  readonly verdict: 'Allowed' | 'Denied' | 'Left';
  /** The first origin of each rule that was noted. */
  readonly logged: readonly Origin[];
}

type World = Pick<Ruleset, 'destinations' | 'inside' | 'groups'>;

/**
 * A device that holds a flat list meets a packet of an address that is in the groups of the given classes: rule by rule, slow, obvious, and
 * independent of what makes lists. Several classes: an address that is moving from one to another.
 */
export function flatFateOf(
  list: FlatList,
  world: World,
  packet: Packet,
  classes: readonly string[],
  domains: Domains = () => false,
): FlatFate {
  const logged: Origin[] = [];
  const isMember = (source: string): boolean => (list.sources.get(source) ?? []).some((one) => classes.includes(one));
  for (const rule of list.rules) {
    const { source } = rule;
    const sent =
      source.kind === 'Source'
        ? isMember(source.id)
        : holds(source.prefixes, packet.source) && !isMember(source.except);
    if (!sent || rule.family !== packet.family) continue;
    if (!goesTo(list, world, rule, packet.destination, domains) || !uses(rule, packet)) continue;
    if (rule.action === 'Log') logged.push(rule.origins[0] ?? { policy: '' });
    else return { verdict: VERDICTS[rule.action], logged };
  }
  return { verdict: 'Left', logged };
}

const VERDICTS = { Allow: 'Allowed', Deny: 'Denied', Leave: 'Left' } as const;

function holds(set: PrefixSet, text: string): boolean {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`not an address: ${text}`);
  return set.contains(address);
}

function goesTo(list: FlatList, world: World, rule: FlatRule, destination: string, domains: Domains): boolean {
  const { destination: to } = rule;
  if (holds(to.prefixes, destination) || to.domains.some((domain) => domains(domain, destination))) return true;
  return to.groups.some((id) => {
    const group = list.groups.get(id);
    if (group === undefined) throw new Error(`no group ${id}`);
    const inSet = (name: string): boolean => {
      const set = world.groups.get(name);
      if (set?.kind !== 'Outside') throw new Error(`no network set ${name}`);
      return holds(set.nets, destination);
    };
    if (!holds(world.destinations, destination) || holds(world.inside, destination)) return false;
    if (group.nets !== undefined && !holds(group.nets, destination)) return false;
    return group.all.every(inSet) && !group.none.some(inSet);
  });
}

function uses(rule: FlatRule, packet: Packet): boolean {
  if (rule.services.length === 0) return true;
  for (const { protocols, ports, sourcePorts, icmp } of rule.services) {
    if (!protocols.includes(packet.protocol)) continue;
    if (ports !== undefined && !ports.contains(packet.destinationPort ?? -1)) continue;
    if (sourcePorts !== undefined && !sourcePorts.contains(packet.sourcePort ?? -1)) continue;
    if (icmp === undefined || icmp.contains((packet.icmpType ?? 0) * 256 + (packet.icmpCode ?? 0))) return true;
  }
  return false;
}
