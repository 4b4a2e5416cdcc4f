import type { IcmpMatch } from '../api/resource.ts';
import type { Rule, RuleSide } from '../inventory/model.ts';
import { serviceName } from '../inventory/service-slice.ts';
import type { Packet } from './packet.ts';
import { type Party, isSelected } from './party.ts';

const ICMP_OF_FAMILY = { 4: 1, 6: 58 } as const;
/** What a question about ICMP means that names no type. */
const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
/** Protocols whose ports rules can match: TCP, UDP and SCTP (semantics 13.1). */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);
/** What a question means that names no port: an ephemeral source port, and no destination port that anything uses. */
const SOURCE_PORT = 49_152;
const DESTINATION_PORT = 0;

/** Whether every criterion of a rule holds for the first packet of a flow (semantics 5). */
export function ruleMatches(rule: Rule, packet: Packet, source: Party, destination: Party): boolean {
  if (rule.ipVersion !== undefined && rule.ipVersion !== packet.family) return false;
  if (rule.protocol !== undefined && rule.protocol !== packet.protocol) return false;
  if (rule.notProtocol !== undefined && rule.notProtocol === packet.protocol) return false;
  if (rule.icmp !== undefined && !icmpMatches(rule.icmp, packet)) return false;
  if (rule.notIcmp !== undefined && icmpMatches(rule.notIcmp, packet)) return false;
  return (
    sideMatches(rule.source, packet, packet.sourcePort ?? SOURCE_PORT, source) &&
    sideMatches(rule.destination, packet, packet.destinationPort ?? DESTINATION_PORT, destination) &&
    servicesMatch(rule, packet, source, destination)
  );
}

function icmpMatches(match: IcmpMatch, packet: Packet): boolean {
  const { family, protocol, icmpType = ECHO_REQUEST[family], icmpCode = 0 } = packet;
  if (protocol !== ICMP_OF_FAMILY[family] || icmpType !== match.type) return false;
  return match.code === undefined || icmpCode === match.code;
}

function sideMatches(side: RuleSide, packet: Packet, port: number, party: Party): boolean {
  if (!netsMatch(side, packet.family, party)) return false;
  // Domains are not resolved here; what cannot be seen to match does not.
  if (side.domains.length > 0) return false;
  if (side.selector !== undefined && !isSelected(party, side.selector)) return false;
  if (side.notSelector !== undefined && isSelected(party, side.notSelector)) return false;
  if (side.ports !== undefined && !portMatches(side.ports, side, packet, port, party)) return false;
  return side.notPorts === undefined || !portMatches(side.notPorts, side, packet, port, party);
}

/** A source is matched by its address alone, a destination by what it serves (semantics 11.2). */
function servicesMatch(rule: Rule, packet: Packet, source: Party, destination: Party): boolean {
  const from = rule.source.services;
  if (from !== undefined && !source.backends.hasAddress(serviceName(from), source.address)) return false;
  const to = rule.destination.services;
  if (to === undefined) return true;
  const port = packet.destinationPort ?? DESTINATION_PORT;
  return destination.backends.serves(serviceName(to), destination.address, packet.protocol, port);
}

/** A list of nets that has none of the packet's family makes a rule that does not exist for that family, a negative list too (semantics 5.4). */
function netsMatch({ nets, notNets }: RuleSide, family: 4 | 6, party: Party): boolean {
  if (nets !== undefined && !nets.contains(party.address)) return false;
  return notNets === undefined || (notNets.has(family) && !notNets.contains(party.address));
}

/**
 * Numbers match the packet's port; a name matches the address, protocol and port of a holder that has a port of that name. Holders are
 * limited by the side's positive selector, in `notPorts` too (semantics 4.6, 5.1 to 5.3).
 */
function portMatches(
  ports: NonNullable<RuleSide['ports']>,
  side: RuleSide,
  packet: Packet,
  port: number,
  party: Party,
): boolean {
  if (!WITH_PORTS.has(packet.protocol)) return false;
  if (ports.numbers.contains(port)) return true;
  if (ports.names.length === 0) return false;
  return party.holders.some(
    ({ endpoint, labels }) =>
      endpoint.ports.some(
        (named) => named.port === port && named.protocol === packet.protocol && ports.names.includes(named.name),
      ) &&
      (side.selector === undefined || side.selector.matches(labels)),
  );
}
