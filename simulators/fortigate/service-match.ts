import type { Configuration } from './configuration.ts';
import { any, doubtful, type Holds, sure } from './doubt.ts';
import { type PortPair, readPorts } from './ports.ts';
import { namesOf, numberOf, type Row, textOf } from './row.ts';

/** What rules are asked about. */
export interface Packet {
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

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
): Holds {
  return any(names, (name) => {
    const group = configuration.row(vdom, 'firewall.service/group', name);
    if (group !== undefined) return servicesHold(configuration, vdom, namesOf(group, 'member'), packet);
    const service = configuration.row(vdom, 'firewall.service/custom', name);
    return service === undefined ? sure(false) : serviceHolds(name, service, packet);
  });
}

function serviceHolds(name: string, row: Row, packet: Packet): Holds {
  const kind = textOf(row, 'protocol');
  if (kind.startsWith('TCP/UDP')) {
    const field = { 6: 'tcp-portrange', 17: 'udp-portrange', 132: 'sctp-portrange' }[packet.protocol];
    const pairs = field === undefined ? [] : (readPorts(textOf(row, field)) ?? []);
    return sure(pairs.some((pair) => pairHolds(pair, packet)));
  }
  if (kind === 'ICMP' || kind === 'ICMP6') {
    const wanted = (field: string, value: number | undefined): boolean => {
      const text = textOf(row, field);
      return text === '' || Number(text) === value;
    };
    const isKind = packet.protocol === (kind === 'ICMP' ? 1 : 58);
    return sure(isKind && wanted('icmptype', packet.icmpType) && wanted('icmpcode', packet.icmpCode));
  }
  if (kind === 'IP') return sure([0, packet.protocol].includes(numberOf(row, 'protocol-number')));
  if (kind === 'ALL') return sure(true);
  return doubtful(false, `service ${name} is of a proxy (${kind})`);
}

const pairHolds = ({ destination, source }: PortPair, { destinationPort = 0, sourcePort = 0 }: Packet): boolean =>
  destinationPort >= destination.from &&
  destinationPort <= destination.to &&
  sourcePort >= source.from &&
  sourcePort <= source.to;
