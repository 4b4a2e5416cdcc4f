import type { IcmpMatch } from '../../api/resource.ts';
import type { Flow } from '../flows/flow-set.ts';
import { icmpProtocol, protocolKind } from '../flows/service-set.ts';
import type { AtomCondition, ListVerdict, PortCondition, ReadList, ReadRule, ReadSide } from './rule-list.ts';

/** What a list says to one packet for which exactly these atoms hold: rule by rule, the plain reading that every other one is held against. */
export function listVerdict(list: ReadList, packet: Required<Flow>, atoms: ReadonlySet<string>): ListVerdict {
  for (const rule of list.rules) if (rule.action !== 'Log' && matches(rule, packet, atoms)) return rule.action;
  return list.defaultAction;
}

function matches(rule: ReadRule, packet: Required<Flow>, atoms: ReadonlySet<string>): boolean {
  const { family, protocol } = packet;
  if (rule.family !== undefined && rule.family !== family) return false;
  if (rule.protocol !== undefined && rule.protocol !== protocol) return false;
  if (rule.notProtocol === protocol) return false;
  if (rule.icmp !== undefined && !icmpMatches(rule.icmp, packet)) return false;
  if (rule.notIcmp !== undefined && icmpMatches(rule.notIcmp, packet)) return false;
  const withPorts = protocolKind(protocol, family) === 'Ports';
  const side = (given: ReadSide, address: Flow['source'], port: number): boolean => {
    const listed = (ports: PortCondition): boolean =>
      withPorts && (ports.numbers.contains(port) || ports.atoms.some((atom) => atoms.has(atom)));
    const holds = (condition: AtomCondition): boolean =>
      condition.atoms.some((atom) => atoms.has(atom)) === condition.holds;
    return (
      given.nets?.contains(address) !== false &&
      given.notNets?.contains(address) !== true &&
      (given.ports === undefined || listed(given.ports)) &&
      (given.notPorts === undefined || !listed(given.notPorts)) &&
      given.conditions.every(holds)
    );
  };
  return (
    side(rule.source, packet.source, packet.sourcePort) &&
    side(rule.destination, packet.destination, packet.destinationPort)
  );
}

function icmpMatches({ type, code }: IcmpMatch, packet: Required<Flow>): boolean {
  if (packet.protocol !== icmpProtocol(packet.family)) return false;
  return packet.icmpType === type && (code === undefined || packet.icmpCode === code);
}
