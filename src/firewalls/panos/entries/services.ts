import { PortSet, parsePortRange } from '../../../ip/port-set.ts';
import type { FlatService } from '../../../plan/flat/flat-list.ts';
import { PREFIX } from '../../rulebase/names.ts';
import { type XmlElement, child, element, membersAt, nameOf, textAt } from '../api/xml.ts';

/** Protocols of service objects (reference 1.6). All others are a matter of applications there, which are told by looking at traffic. */
const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [132, 'sctp'],
]);
/** One part of a service: the suffix of its name where there are several, and what it says. */
export interface ServicePart {
  readonly suffix: string;
  readonly protocol: XmlElement;
}

/** A service as `protocol` elements, one for each protocol. */
export function sayService({ protocols, ports, sourcePorts }: FlatService): readonly ServicePart[] {
  return protocols.map((number) => {
    const word = PROTOCOLS.get(number) ?? '';
    const said = [
      element('port', portText(ports ?? PortSet.all)),
      ...(sourcePorts === undefined ? [] : [element('source-port', portText(sourcePorts))]),
    ];
    return { suffix: `-${word}`, protocol: element('protocol', [element(word, said)]) };
  });
}

/** What a `protocol` element says; `undefined` for what `sayService` never writes. */
export function readService(protocol: XmlElement | undefined): FlatService | undefined {
  const [inside] = protocol?.children ?? [];
  const number = [...PROTOCOLS].find(([, word]) => word === inside?.name)?.[0];
  if (number === undefined || protocol?.children.length !== 1) return undefined;
  if (inside?.children.some(({ name }) => name !== 'port' && name !== 'source-port')) return undefined;
  const ports = readPorts(textAt(inside, 'port'));
  const sourcePorts = child(inside, 'source-port') === undefined ? undefined : readPorts(textAt(inside, 'source-port'));
  if (ports === undefined || (child(inside, 'source-port') !== undefined && sourcePorts === undefined))
    return undefined;
  return {
    protocols: [number],
    ...(ports.isAll ? {} : { ports }),
    ...(sourcePorts === undefined ? {} : { sourcePorts }),
  };
}

/** Parts as one service again; `undefined` where they differ in more than their protocols. */
export function joinServices(parts: readonly FlatService[]): FlatService | undefined {
  const [first] = parts;
  const same = (a: PortSet | undefined, b: PortSet | undefined): boolean => (a ?? PortSet.all).equals(b ?? PortSet.all);
  if (!parts.every((one) => same(one.ports, first?.ports) && same(one.sourcePorts, first?.sourcePorts)))
    return undefined;
  const protocols = [...new Set(parts.flatMap((one) => one.protocols))].toSorted((a, b) => a - b);
  return first === undefined || protocols.length !== parts.length ? undefined : { ...first, protocols };
}

function portText(ports: PortSet): string {
  return ports
    .ranges()
    .map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`))
    .join(',');
}

function readPorts(text: string | undefined): PortSet | undefined {
  const ranges: (readonly [number, number])[] = [];
  for (const part of (text ?? '').split(',')) {
    const parsed = parsePortRange(part.trim());
    if (!('value' in parsed)) return undefined;
    ranges.push(parsed.value);
  }
  return PortSet.of(...ranges);
}

/** A service group has no description: it is ours if its name is one of ours and all that is in it is. Others may group our services too. */
export function isOurServiceGroup(group: XmlElement, isOurService: (name: string) => boolean): boolean {
  const names = membersAt(group, 'members');
  return nameOf(group).startsWith(PREFIX) && names.length > 0 && names.every(isOurService);
}
