import { type Configuration } from './configuration.ts';
import type { Packet } from './packet.ts';
import { type PortPair, readPorts } from './ports.ts';
import { namesOf, numberOf, type Row, textOf } from './row.ts';

const NUMBERS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132, icmp: 1, icmp6: 58 };

/** `tcp`, or a number. */
export const protocolNumber = (protocol: string | number): number | undefined =>
  typeof protocol === 'number'
    ? protocol
    : (NUMBERS[protocol.toLowerCase()] ?? (/^\d{1,3}$/.test(protocol) ? Number(protocol) : undefined));

/** Whether one of the names of a rule's field `service` stands for what a packet carries. */
export function servicesHold(
  configuration: Configuration,
  vdom: string,
  names: readonly string[],
  packet: Packet,
  unsure: (what: string) => void,
): boolean {
  return names.some((name) => {
    const group = configuration.row(vdom, 'firewall.service/group', name);
    if (group !== undefined) return servicesHold(configuration, vdom, namesOf(group, 'member'), packet, unsure);
    const service = configuration.row(vdom, 'firewall.service/custom', name);
    return service !== undefined && serviceHolds(name, service, packet, unsure);
  });
}

function serviceHolds(name: string, row: Row, packet: Packet, unsure: (what: string) => void): boolean {
  const kind = textOf(row, 'protocol');
  if (kind.startsWith('TCP/UDP')) {
    const field = { 6: 'tcp-portrange', 17: 'udp-portrange', 132: 'sctp-portrange' }[packet.protocol];
    return field !== undefined && (readPorts(textOf(row, field)) ?? []).some((pair) => pairHolds(pair, packet));
  }
  if (kind === 'ICMP' || kind === 'ICMP6') {
    const wanted = (field: string, value: number | undefined): boolean => {
      const text = textOf(row, field);
      return text === '' || Number(text) === value;
    };
    return (
      packet.protocol === (kind === 'ICMP' ? 1 : 58) &&
      wanted('icmptype', packet.icmpType) &&
      wanted('icmpcode', packet.icmpCode)
    );
  }
  if (kind === 'IP')
    return numberOf(row, 'protocol-number') === 0 || numberOf(row, 'protocol-number') === packet.protocol;
  if (kind === 'ALL') return true;
  unsure(`service ${name} is of a proxy (${kind})`);
  return false;
}

const pairHolds = ({ destination, source }: PortPair, { destinationPort = 0, sourcePort = 0 }: Packet): boolean =>
  destinationPort >= destination.from &&
  destinationPort <= destination.to &&
  sourcePort >= source.from &&
  sourcePort <= source.to;
