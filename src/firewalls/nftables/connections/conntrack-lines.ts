import type { Flow } from '../../../engine/flows/flow-set.ts';
import { formatAddress, parseAddress } from '../../../ip/address.ts';

/** One connection in the kernel's table, in the direction in which it was opened. */
export interface TrackedFlow {
  readonly flow: Flow;
  /** Where its answers go, canonical: the source itself where nothing was translated. */
  readonly answersTo: string;
  readonly icmpId?: number;
  /** Bits of the connection mark. */
  readonly mark: number;
  /** Conntrack zone; absent for the default one. */
  readonly zone?: number;
}

/**
 * A line of `conntrack -L -o extended`; `undefined` for what is no connection, or is of a kind that cannot be named exactly. A TCP
 * connection that was reset or closed is one: the kernel lets its packets pass as established for as long as any of them comes, a
 * retransmission to begin with; only a SYN opens it anew.
 */
export function readTrackedFlow(line: string): TrackedFlow | undefined {
  const words = line.trim().split(/\s+/);
  const protocol = Number(words[3]);
  if ((words[0] !== 'ipv4' && words[0] !== 'ipv6') || !Number.isInteger(protocol) || protocol < 0 || protocol > 255)
    return undefined;
  // The first tuple is the opener's; the second, from the next `src=` on, is the answer's.
  const fields = new Map<string, string>();
  let answersTo: string | undefined;
  let mark = 0;
  let zone: number | undefined;
  for (const word of words.slice(4)) {
    const [key = '', value] = word.split('=');
    if (value === undefined) continue;
    if (key === 'mark') mark = Number(value);
    else if (key === 'zone') zone = Number(value);
    else if (!fields.has(key)) fields.set(key, value);
    else if (key === 'dst') answersTo = value;
  }
  const source = parseAddress(fields.get('src') ?? '');
  const destination = parseAddress(fields.get('dst') ?? '');
  const answered = parseAddress(answersTo ?? '');
  if (source === undefined || destination === undefined || answered === undefined) return undefined;
  const number = (key: string): number | undefined => {
    const text = fields.get(key);
    return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  };
  const [sourcePort, destinationPort] = [number('sport'), number('dport')];
  const [icmpType, icmpCode, icmpId] = [number('type'), number('code'), number('id')];
  return {
    flow: {
      family: source.family,
      source,
      destination,
      protocol,
      ...(sourcePort === undefined ? {} : { sourcePort }),
      ...(destinationPort === undefined ? {} : { destinationPort }),
      ...(icmpType === undefined ? {} : { icmpType }),
      ...(icmpCode === undefined ? {} : { icmpCode }),
    },
    answersTo: formatAddress(answered),
    ...(icmpId === undefined ? {} : { icmpId }),
    mark,
    ...(zone === undefined ? {} : { zone }),
  };
}

/** The words that name exactly this connection to conntrack; numbers and canonical addresses only. */
export function nameFlow({ flow, icmpId, zone }: TrackedFlow): string {
  const words = [
    `-f ${flow.family === 4 ? 'ipv4' : 'ipv6'}`,
    `-p ${PROTOCOL_NAMES.get(flow.protocol) ?? flow.protocol}`,
    `--orig-src ${formatAddress(flow.source)}`,
    `--orig-dst ${formatAddress(flow.destination)}`,
  ];
  if (WITH_PORTS.has(flow.protocol)) {
    if (flow.sourcePort !== undefined) words.push(`--sport ${flow.sourcePort}`);
    if (flow.destinationPort !== undefined) words.push(`--dport ${flow.destinationPort}`);
  }
  const icmp = flow.protocol === 1 ? 'icmp' : flow.protocol === 58 ? 'icmpv6' : undefined;
  if (icmp !== undefined) {
    if (flow.icmpType !== undefined) words.push(`--${icmp}-type ${flow.icmpType}`);
    if (flow.icmpCode !== undefined) words.push(`--${icmp}-code ${flow.icmpCode}`);
    if (icmpId !== undefined) words.push(`--${icmp}-id ${icmpId}`);
  }
  if (zone !== undefined) words.push(`-w ${zone}`);
  return words.join(' ');
}

/**
 * The words that name a connection and all that differ from it in nothing but the source port (of ICMP: the id): what is judged alike,
 * unless a rule looks at source ports.
 */
export function nameKindred(one: TrackedFlow): string {
  const { sourcePort: _, ...flow } = one.flow;
  const { icmpId: __, ...kindred } = { ...one, flow };
  return `${nameFlow(kindred)} --reply-dst ${one.answersTo}`;
}

/** conntrack takes ports and types only after a protocol that it knows by name. */
const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [58, 'icmpv6'],
  [132, 'sctp'],
  [136, 'udplite'],
]);
const WITH_PORTS = new Set([6, 17, 33, 132, 136]);
