import type { Flow } from '../../engine/flows/flow-set.ts';
import { type Address, type Family, parseAddress } from '../../ip/address.ts';
import { PortSet } from '../../ip/port-set.ts';
import { parsePrefix } from '../../ip/prefix.ts';
import { type Truth, allOf, doubt } from './truth.ts';

/** Addresses from one to another, both included. */
export interface AddressRange {
  readonly family: Family;
  readonly from: bigint;
  readonly to: bigint;
}

export function isInRange({ family, from, to }: AddressRange, address: Address): boolean {
  return address.family === family && BigInt(address.value) >= from && BigInt(address.value) <= to;
}

/** `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1-10.0.0.9`, of either family; `undefined`: something else. */
export function readRange(text: string): AddressRange | undefined {
  const dash = text.indexOf('-');
  if (dash !== -1) {
    const [first, last] = [parseAddress(text.slice(0, dash)), parseAddress(text.slice(dash + 1))];
    if (first === undefined || last === undefined || first.family !== last.family) return undefined;
    const [from, to] = [BigInt(first.value), BigInt(last.value)];
    return from <= to ? { family: first.family, from, to } : undefined;
  }
  const parsed = parsePrefix(text, { bareAddress: true });
  if ('problem' in parsed) return undefined;
  const { family, address, length } = parsed.value;
  const from = BigInt(address.value);
  return { family, from, to: from + (1n << BigInt((family === 4 ? 32 : 128) - length)) - 1n };
}

/** Multicast and broadcast. */
const MANY = ['224.0.0.0/4', '255.255.255.255', 'ff00::/8'].map(readRange);

export function isOfMany(address: Address): boolean {
  return MANY.some((range) => range !== undefined && isInRange(range, address));
}

/** Ports of a service: its protocol, where it goes, and where it may come from; absent: anywhere. */
export interface PortMatch {
  readonly protocol: number;
  readonly ports: PortSet;
  readonly sourcePorts?: PortSet | undefined;
}

const ZERO = PortSet.of([0, 0]);

/** Whether a port is in a set of them; nobody sends from or to port 0, and a set of all others is of all. */
function isPortIn(port: number | undefined, ports: PortSet, which: string): Truth {
  if (port !== undefined) return port >= 0 && ports.contains(port);
  if (ports.isEmpty) return false;
  return ports.union(ZERO).isAll ? true : doubt(`it is for some ${which} ports, and none was given`);
}

export function arePortsOf(
  { protocol, ports, sourcePorts }: PortMatch,
  flow: Pick<Flow, 'protocol' | 'destinationPort' | 'sourcePort'>,
): Truth {
  if (protocol !== flow.protocol) return false;
  return allOf([
    () => isPortIn(flow.destinationPort, ports, 'destination'),
    () => (sourcePorts === undefined ? true : isPortIn(flow.sourcePort, sourcePorts, 'source')),
  ]);
}

/** Whether an ICMP type or code is the one that is wanted; absent: any is. */
export function isIcmp(given: number | undefined, wanted: number | undefined, which: 'type' | 'code'): Truth {
  if (wanted === undefined) return true;
  return given === undefined ? doubt(`it is for one ICMP ${which}, and none was given`) : given === wanted;
}

/** The same flow as our own rules are asked about it: what was not given matches none of those that name it. */
export function asOursAreAsked(flow: Flow): Flow {
  return { destinationPort: -1, sourcePort: -1, icmpType: -1, icmpCode: -1, ...flow };
}
