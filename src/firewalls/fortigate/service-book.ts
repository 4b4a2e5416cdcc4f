import type { Flow } from '../../engine/flows/flow-set.ts';
import { PortSet } from '../../ip/port-set.ts';
import { arePortsOf, isIcmp } from '../passage/packet.ts';
import { type Truth, allOf, anyOf, doubt } from '../passage/truth.ts';
import { PORTS } from './rows.ts';
import { type ToldRow, saysNothing, toldNames, toldText } from './told.ts';

/** Services and their groups, by name. */
export interface ServiceTables {
  readonly customs: ReadonlyMap<string, ToldRow>;
  readonly groups: ReadonlyMap<string, ToldRow>;
  /** Why some of them were not read. */
  readonly unread: string | undefined;
}

const PORTED: readonly (readonly [protocol: number, field: string])[] = [
  [6, 'tcp-portrange'],
  [17, 'udp-portrange'],
  [132, 'sctp-portrange'],
];
const UDP_LITE = 136;
/** Fields that a service for more than a protocol and its ports has. */
const MORE = ['iprange', 'fqdn', 'application', 'app-category', 'app-service-type'];

/** Whether names of services stand for what a flow carries. */
export function serviceHolder({ customs, groups, unread }: ServiceTables, flow: Flow): (name: string) => Truth {
  const found = new Map<string, Truth>();
  const holds = (name: string): Truth => {
    const known = found.get(name);
    if (known !== undefined) return known;
    found.set(name, doubt(`service group "${name}" holds itself`));
    const truth = readName(name);
    found.set(name, truth);
    return truth;
  };
  const readName = (name: string): Truth => {
    const custom = customs.get(name);
    if (custom !== undefined) return customHolds(name, custom, flow);
    const group = groups.get(name);
    if (group === undefined)
      return doubt(`"${name}" is no service that can be read${unread === undefined ? '' : ` (${unread})`}`);
    const members = toldNames(group, 'member');
    if (members.length === 0) return doubt(`service group "${name}" is empty`);
    return anyOf(members.map((member) => () => holds(member)));
  };
  return holds;
}

/** Vendor reference 1.6. */
function customHolds(name: string, row: ToldRow, flow: Flow): Truth {
  const word = toldText(row, 'protocol');
  const more = MORE.find((field) => !saysNothing(row[field]));
  return allOf([
    () => (more === undefined ? true : doubt(`service "${name}" has ${more}`)),
    () => {
      if (word.startsWith(PORTS) || word === '') return portsHold(name, word, row, flow);
      if (word === 'IP') {
        const number = Number(toldText(row, 'protocol-number') || '0');
        return number === 0 || number === flow.protocol;
      }
      if (word === 'ICMP' || word === 'ICMP6') return icmpHolds(row, word === 'ICMP' ? 1 : 58, flow);
      return doubt(`service "${name}" is of the kind ${word}`);
    },
  ]);
}

function portsHold(name: string, word: string, row: ToldRow, flow: Flow): Truth {
  if (flow.protocol === UDP_LITE)
    return word.includes('UDP-Lite') ? doubt(`whether service "${name}" is for UDP-Lite is not known`) : false;
  const [, field] = PORTED.find(([protocol]) => protocol === flow.protocol) ?? [];
  if (field === undefined) return false;
  const pairs = toldText(row, field)
    .split(/\s+/)
    .filter((pair) => pair !== '');
  return anyOf(
    pairs.map((pair) => () => {
      const [ports, sourcePorts] = pair.split(':').map(readPorts);
      if (ports === undefined || (sourcePorts === undefined && pair.includes(':')))
        return doubt(`service "${name}" has ports that cannot be read (${pair})`);
      return arePortsOf({ protocol: flow.protocol, ports, sourcePorts }, flow);
    }),
  );
}

function readPorts(text: string): PortSet | undefined {
  const [, from, to] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (from === undefined) return undefined;
  const [first, last] = [Number(from), Number(to ?? from)];
  return first > last || last > 65_535 ? undefined : PortSet.of([first, last]);
}

function icmpHolds(row: ToldRow, protocol: number, flow: Flow): Truth {
  if (flow.protocol !== protocol) return false;
  const wanted = (field: string): number | undefined => {
    const text = toldText(row, field);
    return text === '' ? undefined : Number(text);
  };
  return allOf([
    () => isIcmp(flow.icmpType, wanted('icmptype'), 'type'),
    () => isIcmp(flow.icmpCode, wanted('icmpcode'), 'code'),
  ]);
}
