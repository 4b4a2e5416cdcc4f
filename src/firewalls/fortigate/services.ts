import { PortSet } from '../../ip/port-set.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';
import { type ServicePart, serviceParts } from '../flat/service-parts.ts';
import { PORTS, type Row } from './rows.ts';

/** How a service stands on the device: as any of some custom services, or, in its rule, as all but these. */
export interface SaidService {
  readonly rows: readonly Row[];
  readonly isNegated: boolean;
}

/** Protocols whose ports a custom service can name, and the field for each. */
const PORTED: ReadonlyMap<number, string> = new Map([
  [6, 'tcp-portrange'],
  [17, 'udp-portrange'],
  [132, 'sctp-portrange'],
]);
const ICMP: ReadonlyMap<number, string> = new Map([
  [1, 'ICMP'],
  [58, 'ICMP6'],
]);
/** Custom services of one service at most, in as many groups as it takes. */
const MOST_ROWS = 1_000;
/** A service of more protocols than this is written as all but the others. */
const MANY_PROTOCOLS = 128;
const EMPTY = {
  protocol: '',
  'tcp-portrange': '',
  'udp-portrange': '',
  'sctp-portrange': '',
  icmptype: '',
  icmpcode: '',
  'protocol-number': '0',
} as const satisfies Row;

/** A service in the device's terms, or what of it it cannot say. */
export function sayService(match: FlatService): SaidService | string {
  return sayParts(serviceParts(match));
}

function sayParts(parts: readonly ServicePart[]): SaidService | string {
  const protocols = new Set(parts.map(({ protocol }) => protocol));
  if (protocols.size <= MANY_PROTOCOLS) {
    const rows = rowsOf(parts);
    return typeof rows === 'string' ? rows : { rows, isNegated: false };
  }
  const others = complement(parts);
  if (others === undefined) return 'all protocols but some together with source ports';
  const rows = rowsOf(others);
  if (typeof rows === 'string') return rows;
  // All but nothing: everything.
  if (rows.length === 0) return { rows: [{ ...EMPTY, protocol: 'IP' }], isNegated: false };
  return { rows, isNegated: true };
}

/** What custom services say; `undefined` for what is never written. */
export function readService({ rows, isNegated }: SaidService): FlatService | undefined {
  const read = rows.map(partsOf);
  const parts = read.flatMap((some) => some ?? []);
  if (read.includes(undefined) || parts.length === 0) return undefined;
  const isEverything = parts.length === 1 && parts[0]?.protocol === 0;
  const said = isEverything ? complement([]) : isNegated ? complement(parts) : parts;
  const match = said && matchOf(said);
  const again = match === undefined ? 'nothing' : sayService(match);
  // Only what is written for it is believed: several rows may leave combinations out.
  if (typeof again === 'string' || again.isNegated !== isNegated) return undefined;
  return sameTexts(again.rows, rows) ? match : undefined;
}

/** Parts as one service; `undefined`: they have not the same ports, or are ICMP and others. */
function matchOf(parts: readonly ServicePart[]): FlatService | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  const protocols = [...new Set(parts.map(({ protocol }) => protocol))].toSorted((a, b) => a - b);
  const kinds = new Set(
    parts.map(
      ({ ports, sourcePorts, icmp }) => `${ports?.toString()} ${sourcePorts?.toString()} ${icmp === undefined}`,
    ),
  );
  if (kinds.size !== 1) return undefined;
  const { ports, sourcePorts, icmp } = first;
  if (icmp === undefined)
    return {
      protocols,
      ...(ports === undefined ? {} : { ports }),
      ...(sourcePorts === undefined ? {} : { sourcePorts }),
    };
  if (protocols.length !== 1) return undefined;
  const types = parts.flatMap(({ icmp: one }): readonly (readonly [number, number])[] => {
    if (one === undefined) return [];
    const start = one.type * 256 + (one.code ?? 0);
    return [[start, one.code === undefined ? start + 255 : start]];
  });
  return { protocols, icmp: PortSet.of(...types) };
}

function sameTexts(a: readonly Row[], b: readonly Row[]): boolean {
  const texts = (rows: readonly Row[]): string =>
    rows
      .map((row) =>
        Object.keys(EMPTY)
          .map((field) => `${field}=${wordsOf(row[field])}`)
          .join(' '),
      )
      .toSorted()
      .join('\n');
  return texts(a) === texts(b);
}

/** Lists of ports in any order. A number that counts nothing is told as 0 or not at all. */
function wordsOf(value: Row[string] | undefined): string {
  const text = typeof value === 'string' && value !== '0' ? value : '';
  return text.split(' ').toSorted().join(' ');
}

function rowsOf(parts: readonly ServicePart[]): readonly Row[] | string {
  const rows: Row[] = [];
  const byPorts = new Map<string, Record<string, string>>();
  for (const { protocol, ports, sourcePorts, icmp } of parts) {
    if (ports !== undefined || sourcePorts !== undefined) {
      const field = PORTED.get(protocol);
      if (field === undefined) return `ports of protocol ${protocol}`;
      const text = pairsText(ports ?? PortSet.all, sourcePorts);
      const row = byPorts.get(text) ?? { ...EMPTY, protocol: PORTS };
      if (row[field] !== '') return 'the same ports twice';
      row[field] = text;
      byPorts.set(text, row);
    } else if (icmp !== undefined) {
      const word = ICMP.get(protocol);
      if (word === undefined) return `ICMP types of protocol ${protocol}`;
      const code = icmp.code === undefined ? '' : String(icmp.code);
      rows.push({ ...EMPTY, protocol: word, icmptype: String(icmp.type), icmpcode: code });
    } else {
      // 0 means every protocol there, and 255 cannot be written.
      if (protocol === 0 || protocol > 254) return `protocol ${protocol} by its number`;
      rows.push({ ...EMPTY, protocol: 'IP', 'protocol-number': String(protocol) });
    }
  }
  rows.push(...byPorts.values());
  return rows.length > MOST_ROWS ? `more than ${MOST_ROWS} custom services for one service` : rows;
}

function pairsText(ports: PortSet, sourcePorts: PortSet | undefined): string {
  return ports
    .ranges()
    .flatMap((range) =>
      (sourcePorts?.ranges() ?? [undefined]).map((source) =>
        source === undefined ? rangeText(range) : `${rangeText(range)}:${rangeText(source)}`,
      ),
    )
    .join(' ');
}

type Range = readonly [number, number];

function rangeText([from, to]: Range): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** All flows that none of the parts matches; `undefined`: no list of parts says that. */
function complement(parts: readonly ServicePart[]): readonly ServicePart[] | undefined {
  const found: ServicePart[] = [];
  for (let protocol = 0; protocol < 256; protocol++) {
    const own = parts.filter((part) => part.protocol === protocol);
    if (own.length === 0) found.push({ protocol });
    if (own.length === 0 || own.some(isWhole)) continue;
    if (own.some(({ sourcePorts }) => sourcePorts !== undefined)) return undefined;
    if (own.some(({ ports }) => ports !== undefined)) {
      const ports = own.reduce((all, part) => all.union(part.ports ?? PortSet.empty), PortSet.empty).complement();
      if (!ports.isEmpty) found.push({ protocol, ports });
    } else found.push(...otherIcmp(protocol, own));
  }
  return found;
}

function isWhole({ ports, sourcePorts, icmp }: ServicePart): boolean {
  return ports === undefined && sourcePorts === undefined && icmp === undefined;
}

function otherIcmp(protocol: number, parts: readonly ServicePart[]): readonly ServicePart[] {
  const found: ServicePart[] = [];
  for (let type = 0; type < 256; type++) {
    const own = parts.filter(({ icmp }) => icmp?.type === type);
    if (own.length === 0) found.push({ protocol, icmp: { type } });
    else if (own.every(({ icmp }) => icmp?.code !== undefined)) {
      const codes = new Set(own.map(({ icmp }) => icmp?.code));
      for (let code = 0; code < 256; code++) if (!codes.has(code)) found.push({ protocol, icmp: { type, code } });
    }
  }
  return found;
}

/** What one custom service says; `undefined` for what is never written. */
function partsOf(row: Row): readonly ServicePart[] | undefined {
  const field = (name: string): string => {
    const value = row[name];
    return typeof value === 'string' ? value : '';
  };
  const word = field('protocol');
  if (word === 'IP') return [{ protocol: Number(field('protocol-number')) }];
  if (word === PORTS || word === '')
    return [...PORTED].flatMap(([protocol, name]) => (field(name) === '' ? [] : portParts(protocol, field(name))));
  const [protocol] = [...ICMP].find(([, one]) => one === word) ?? [];
  if (protocol === undefined || !/^\d{1,3}$/.test(field('icmptype'))) return undefined;
  const code = field('icmpcode');
  return [{ protocol, icmp: { type: Number(field('icmptype')), ...(code === '' ? {} : { code: Number(code) }) } }];
}

function portParts(protocol: number, text: string): readonly ServicePart[] {
  let ports = PortSet.empty;
  let sourcePorts: PortSet | undefined;
  for (const pair of text.split(' ')) {
    const [range, source] = pair.split(':').map(readRange);
    if (range !== undefined) ports = ports.union(PortSet.of(range));
    if (source !== undefined) sourcePorts = (sourcePorts ?? PortSet.empty).union(PortSet.of(source));
  }
  const isAnyPort = ports.isAll && sourcePorts !== undefined;
  return [{ protocol, ...(isAnyPort ? {} : { ports }), ...(sourcePorts === undefined ? {} : { sourcePorts }) }];
}

function readRange(text: string): Range | undefined {
  const [, from, to] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  return from === undefined ? undefined : [Number(from), Number(to ?? from)];
}
