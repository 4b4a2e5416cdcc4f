import { type Address, type AddressBook, namesHold } from './address-match.ts';
import { readAddress, readEntry, writeAddress } from './addresses.ts';
import { type Configuration, GLOBAL } from './configuration.ts';
import { any, both, doubtful, type Holds, not, sure } from './doubt.ts';
import { namesOf, numberOf, type Row, rowsOf, textOf } from './row.ts';
import { type Packet, protocolNumber, servicesHold } from './service-match.ts';

/** The first packet of a flow, as it comes in. */
export interface Flow {
  /** By default the management VDOM. */
  readonly vdom?: string;
  readonly source: string;
  readonly destination: string;
  /** `tcp`, `udp`, `sctp`, `icmp`, `icmp6` or a number. */
  readonly protocol: string | number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  /** The interface it comes in by, and the one it would leave by. */
  readonly from: string;
  readonly to: string;
}

/** How a source is translated. */
export type SourceTranslation =
  | { readonly kind: 'none' }
  /** To the address of the interface it leaves by. */
  | { readonly kind: 'interface'; readonly address: string }
  /** To one of these, `203.0.113.10-203.0.113.11`; the device chooses. */
  | { readonly kind: 'pool'; readonly pools: readonly string[]; readonly ranges: readonly string[] };

/** What becomes of a flow. */
export interface Passage {
  readonly verdict: 'accept' | 'deny' | 'ipsec';
  /** The policy that decides; 0: none matches, and what no policy matches is denied. */
  readonly policy: number;
  readonly source: SourceTranslation;
  /** Rule of central SNAT that decides about the source; 0: none. */
  readonly centralSnat: number;
  /** Where it goes, if a virtual address stands in between. */
  readonly destination?: { readonly address: string; readonly port?: number; readonly vip: string };
  /** What could have decided otherwise and is not known here. */
  readonly unsure: readonly string[];
}

/** Whether a flow would pass, by which policy, translated to what: from the configuration alone. Throws an `Error` for a flow that cannot be. */
export function passage(flow: Flow, book: AddressBook): Passage {
  const { configuration, vdom } = book;
  const [source, destination] = [readAddress(flow.source), readAddress(flow.destination)];
  const protocol = protocolNumber(flow.protocol);
  if (source === undefined || destination === undefined || source.family !== destination.family)
    throw new Error(`${flow.source} and ${flow.destination} are not addresses of one family`);
  if (protocol === undefined) throw new Error(`${flow.protocol} is no protocol`);
  const packet: Packet = { ...flow, protocol };
  const central = textOf(configuration.row(vdom, 'system/settings', '') ?? {}, 'central-nat') === 'enable';
  const vip = virtual(configuration, vdom, flow, destination, packet, central);
  const doubts = new Set<string>();
  const asked: Asked = { book, flow, packet, source, destination, vip, central, doubts };
  for (const [id, row] of configuration.table(vdom, 'firewall/policy')) {
    if (!counts(asked, matches(asked, id, row))) continue;
    const verdict = textOf(row, 'action') as Passage['verdict'];
    const translated =
      verdict === 'deny' ? { source: { kind: 'none' } as const, centralSnat: 0 } : translation(asked, row);
    const destined = verdict === 'deny' || vip === undefined ? {} : { destination: vip.to };
    return { verdict, policy: Number(id), ...translated, ...destined, unsure: [...doubts] };
  }
  return { verdict: 'deny', policy: 0, source: { kind: 'none' }, centralSnat: 0, unsure: [...doubts] };
}

interface Asked {
  readonly book: AddressBook;
  readonly flow: Flow;
  readonly packet: Packet;
  readonly source: Address;
  readonly destination: Address;
  readonly vip: Virtual | undefined;
  readonly central: boolean;
  /** What could have decided otherwise. */
  readonly doubts: Set<string>;
}

function counts({ doubts: all }: Asked, { holds, doubts }: Holds): boolean {
  for (const doubt of doubts) all.add(doubt);
  return holds;
}

function matches({ book, flow, packet, source, destination, vip, central }: Asked, id: string, row: Row): Holds {
  const { configuration, vdom } = book;
  const six = source.family === 6 ? '6' : '';
  const isOn = (field: string): boolean => textOf(row, field) === 'enable';
  const holds = (field: 'srcaddr' | 'dstaddr', address: Address): Holds => {
    const names = namesOf(row, `${field}${six}`);
    if (names.length === 0) return sure(false);
    const held = namesHold(book, names, address);
    if (!isOn(`${field}-negate`)) return held;
    if (six === '') return not(held);
    return doubtful(held.holds, `whether ${field}-negate of policy ${id} is for IPv6 too`, ...held.doubts);
  };
  // Without central NAT, what goes to a virtual address is for policies that name it.
  const named = vip !== undefined && namesOf(row, `dstaddr${six}`).includes(vip.to.vip);
  const translatedTo = vip === undefined || !central ? destination : (readAddress(vip.to.address) ?? destination);
  const served = (): Holds => {
    const held = servicesHold(configuration, vdom, namesOf(row, 'service'), packet);
    return isOn('service-negate') ? not(held) : held;
  };
  const schedule = textOf(row, 'schedule');
  return both(
    () => sure(isOn('status') && schedule !== 'none'),
    () => sure(isPlace(configuration, vdom, namesOf(row, 'srcintf'), flow.from)),
    () => sure(isPlace(configuration, vdom, namesOf(row, 'dstintf'), flow.to)),
    () => sure(vip === undefined || central || named || isOn('match-vip')),
    () => holds('srcaddr', source),
    () => unless(isOn('internet-service'), `policy ${id} is for a set of the vendor`),
    () => (named || isOn('internet-service') ? sure(true) : holds('dstaddr', translatedTo)),
    () => (isOn('internet-service') ? sure(true) : served()),
    () => unless(schedule !== 'always', `policy ${id} is for times (${schedule})`),
    () =>
      unless(
        ['groups', 'users', 'fsso-groups'].some((one) => rowsOf(row, one).length > 0),
        `policy ${id} is for people`,
      ),
    () => unless(isNarrowed(row), `policy ${id} asks for what no flow here tells`),
  );
}

/** Whether a policy asks for marks of packets, the world's opinion of addresses, makers of devices, or tags of posture. */
function isNarrowed(row: Row): boolean {
  const lists = ['src-vendor-mac', 'rtp-addr', 'ztna-ems-tag', 'ztna-geo-tag', 'network-service-dynamic'];
  return (
    ['internet-service-src', 'tos-negate', 'geoip-anycast', 'rtp-nat', 'ztna-status', 'policy-expiry'].some(
      (field) => textOf(row, field) === 'enable',
    ) ||
    lists.some((field) => rowsOf(row, field).length > 0) ||
    !['', '0x00'].includes(textOf(row, 'tos-mask')) ||
    textOf(row, 'vlan-filter') !== '' ||
    numberOf(row, 'reputation-minimum') > 0
  );
}

/** What cannot be judged here counts as not matching, with a doubt. */
const unless = (is: boolean, doubt: string): Holds => (is ? doubtful(false, doubt) : sure(true));

/** Whether a rule's interfaces are the one of a packet: by name, by the zone that it is in, or any. */
function isPlace(configuration: Configuration, vdom: string, names: readonly string[], place: string): boolean {
  if (names.includes('any') || names.includes(place)) return true;
  return names.some((name) =>
    rowsOf(configuration.row(vdom, 'system/zone', name) ?? {}, 'interface').some(
      (one) => one['interface-name'] === place,
    ),
  );
}

function translation(asked: Asked, policy: Row): Pick<Passage, 'source' | 'centralSnat'> {
  const { book, flow, source, central, doubts } = asked;
  for (const field of ['nat46', 'nat64'])
    if (textOf(policy, field) === 'enable')
      doubts.add(`policy ${numberOf(policy, 'policyid')} translates between families`);
  if (central) return byCentralSnat(asked);
  if (textOf(policy, 'nat') !== 'enable') return { source: { kind: 'none' }, centralSnat: 0 };
  const pools =
    textOf(policy, 'ippool') === 'enable' ? namesOf(policy, source.family === 6 ? 'poolname6' : 'poolname') : [];
  return { source: toPools(book, source, pools, flow.to), centralSnat: 0 };
}

function byCentralSnat(asked: Asked): Pick<Passage, 'source' | 'centralSnat'> {
  const { book, flow, source } = asked;
  for (const [id, row] of book.configuration.table(book.vdom, 'firewall/central-snat-map')) {
    if (!counts(asked, translates(asked, id, row))) continue;
    if (textOf(row, 'nat') !== 'enable') return { source: { kind: 'none' }, centralSnat: Number(id) };
    const pools = namesOf(row, `nat-ippool${source.family === 6 ? '6' : ''}`);
    return { source: toPools(book, source, pools, flow.to), centralSnat: Number(id) };
  }
  return { source: { kind: 'none' }, centralSnat: 0 };
}

function translates({ book, flow, packet, source, destination, vip }: Asked, id: string, row: Row): Holds {
  const { configuration, vdom, switches } = book;
  const six = source.family === 6 ? '6' : '';
  const goes = vip === undefined ? destination : (readAddress(vip.to.address) ?? destination);
  const isFeed = (name: string): boolean =>
    [vdom, GLOBAL].some((at) => configuration.row(at, 'system/external-resource', name) !== undefined);
  const origin = (name: string): Holds => {
    const held = namesHold(book, [name], source);
    if (!isFeed(name) || !held.holds) return held;
    const doubt = `whether packets meet the feed in central SNAT rule ${id}`;
    return doubtful(switches.feedInCentralSnat, doubt, ...held.doubts);
  };
  const protocol = numberOf(row, 'protocol');
  return both(
    () => sure(textOf(row, 'status') === 'enable' && textOf(row, 'type') === (six === '' ? 'ipv4' : 'ipv6')),
    () => sure(isPlace(configuration, vdom, namesOf(row, 'srcintf'), flow.from)),
    () => sure(isPlace(configuration, vdom, namesOf(row, 'dstintf'), flow.to)),
    () => sure(protocol === 0 || protocol === packet.protocol),
    () => sure(portHolds(textOf(row, 'orig-port'), packet.sourcePort)),
    () => sure(portHolds(textOf(row, 'dst-port'), vip?.to.port ?? packet.destinationPort)),
    () => namesHold(book, namesOf(row, `dst-addr${six}`), goes),
    () => any(namesOf(row, `orig-addr${six}`), origin),
  );
}

/** `0`: any. */
function portHolds(text: string, port: number | undefined): boolean {
  if (text === '' || text === '0') return true;
  const [from = 0, to = from] = text.split('-').map(Number);
  return port !== undefined && port >= from && port <= to;
}

function toPools(
  { configuration, vdom }: AddressBook,
  { family }: Address,
  names: readonly string[],
  out: string,
): SourceTranslation {
  if (names.length === 0) {
    const text = textOf(configuration.row(GLOBAL, 'system/interface', out) ?? {}, family === 6 ? 'ip6' : 'ip');
    return { kind: 'interface', address: text.split(/[ /]/)[0] ?? '' };
  }
  const pools = names.map((name) => configuration.row(vdom, `firewall/ippool${family === 6 ? '6' : ''}`, name) ?? {});
  return {
    kind: 'pool',
    pools: names,
    ranges: pools.map((pool) => `${textOf(pool, 'startip')}-${textOf(pool, 'endip')}`),
  };
}

interface Virtual {
  readonly to: { readonly address: string; readonly port?: number; readonly vip: string };
}

/** The virtual address that a packet goes to: with central NAT any, else one that a policy names. */
function virtual(
  configuration: Configuration,
  vdom: string,
  flow: Flow,
  destination: Address,
  packet: Packet,
  central: boolean,
): Virtual | undefined {
  const six = destination.family === 6 ? '6' : '';
  const named = new Set(
    [...configuration.table(vdom, 'firewall/policy').values()].flatMap((row) => namesOf(row, `dstaddr${six}`)),
  );
  for (const [name, row] of configuration.table(vdom, `firewall/vip${six}`)) {
    if (textOf(row, 'status') !== 'enable' || (!central && !named.has(name))) continue;
    if (!['any', '', flow.from].includes(textOf(row, 'extintf'))) continue;
    const outside = readEntry(textOf(row, 'extip'));
    const inside = readEntry(textOf(rowsOf(row, 'mappedip')[0] ?? {}, 'range'));
    if (outside === undefined || inside === undefined || outside.family !== destination.family) continue;
    if (destination.value < outside.from || destination.value > outside.to) continue;
    const address = writeAddress(inside.family, inside.from + (destination.value - outside.from));
    if (textOf(row, 'portforward') !== 'enable') return { to: { address, vip: name } };
    const [first = 0, last = first] = textOf(row, 'extport').split('-').map(Number);
    const port = packet.destinationPort ?? -1;
    if (protocolNumber(textOf(row, 'protocol')) !== packet.protocol || port < first || port > last) continue;
    const [mapped = first] = textOf(row, 'mappedport').split('-').map(Number);
    return { to: { address, port: mapped + (port - first), vip: name } };
  }
  return undefined;
}
