import { SallyportError } from '../base/error.ts';
import { type Address, addressProblem, parseAddress } from '../ip/address.ts';
import type { Flow as Packet } from './flows/flow-set.ts';

/** A question about a flow, as people write it. */
export interface Flow {
  readonly src: string;
  readonly dst: string;
  /** Name (`TCP`, `udp`, `ICMPv6` …) or number. */
  readonly proto: string | number;
  readonly sport?: number;
  readonly dport?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

export type { Packet };

const PROTOCOLS: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['tcp', 6],
  ['udp', 17],
  ['icmpv6', 58],
  ['sctp', 132],
  ['udplite', 136],
]);

/**
 * Reads a question about a flow.
 * @throws SallyportError FLOW_INVALID with the correction, for what is no address, protocol or port, or mixes families.
 */
export function packetOf(flow: Flow): Packet {
  const source = readAddress('src', flow.src);
  const destination = readAddress('dst', flow.dst);
  if (source.family !== destination.family)
    throw invalid(`src ${flow.src} and dst ${flow.dst} are of different families; give two IPv4 or two IPv6 addresses`);
  const limits = { sport: 65535, dport: 65535, icmpType: 255, icmpCode: 255 } as const;
  for (const name of ['sport', 'dport', 'icmpType', 'icmpCode'] as const) {
    const value = flow[name];
    if (value !== undefined && !isWhole(value, limits[name]))
      throw invalid(`${name} ${String(value)} is not a number from 0 to ${limits[name]}`);
  }
  return {
    family: source.family,
    source,
    destination,
    protocol: protocolNumber(flow.proto),
    ...(flow.sport === undefined ? {} : { sourcePort: flow.sport }),
    ...(flow.dport === undefined ? {} : { destinationPort: flow.dport }),
    ...(flow.icmpType === undefined ? {} : { icmpType: flow.icmpType }),
    ...(flow.icmpCode === undefined ? {} : { icmpCode: flow.icmpCode }),
  };
}

/**
 * An IP protocol by name, in any case, or number.
 * @throws SallyportError FLOW_INVALID
 */
export function protocolNumber(protocol: string | number): number {
  const number = typeof protocol === 'string' ? protocolOf(protocol) : protocol;
  if (!isWhole(number, 255))
    throw invalid(
      `${JSON.stringify(protocol) ?? 'nothing'} is no protocol; use TCP, UDP, SCTP, ICMP, ICMPv6, UDPLite or 0 to 255`,
    );
  return number;
}

function protocolOf(text: string): number {
  return PROTOCOLS.get(text.toLowerCase()) ?? (/^\d{1,3}$/.test(text) ? Number(text) : Number.NaN);
}

function readAddress(name: string, text: unknown): Address {
  if (typeof text !== 'string') throw invalid(`${name} is no text; write an IP address like "192.0.2.1"`);
  const address = parseAddress(text);
  if (address === undefined) throw invalid(`${name}: ${addressProblem(text)}`);
  return address;
}

function isWhole(value: number, limit: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= limit;
}

function invalid(message: string): SallyportError {
  return new SallyportError('FLOW_INVALID', message);
}
