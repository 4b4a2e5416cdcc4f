import {
  maskLength,
  maskOf,
  prefixRange,
  readAddress4,
  readAddress6,
  writeAddress4,
  writeAddress6,
} from '../addresses.ts';
import { CmdbFault, code, returnCode } from '../fault.ts';
import { choice, number, onOff, reference, references, rows, text, uuid, type Field } from '../field.ts';
import { atLeast } from '../release.ts';
import { type Row, namesOf, rowsOf, textOf } from '../row.ts';
import { type CheckView, type Table, table } from '../table.ts';

/** An IPv4 address as the device keeps it; `0.0.0.0` is "none given" in most fields. */
export function keepAddress4(written: string): string {
  const value = readAddress4(written);
  if (value === undefined)
    throw new CmdbFault(code.invalidAddress, returnCode(code.invalidAddress, `${written} is not a valid IP address`));
  return writeAddress4(value);
}

export function keepAddress6(written: string): string {
  const value = readAddress6(written);
  if (value === undefined)
    throw new CmdbFault(
      code.invalidAddress6,
      returnCode(code.invalidAddress6, `${written} is not a valid IPv6 address`),
    );
  return writeAddress6(value);
}

/** `10.0.0.0/8` or `10.0.0.0 255.0.0.0`; kept in the second form (reference 1.6). */
export function keepSubnet(written: string): string {
  const [, addressText = '', lengthText, maskText] = /^(\S+?)(?:\/(\d{1,2})|\s+(\S+))$/.exec(written) ?? [];
  const address = readAddress4(addressText);
  if (address === undefined)
    throw new CmdbFault(code.invalidAddress, returnCode(code.invalidAddress, `${written} is not a subnet`));
  const mask = maskText === undefined ? undefined : readAddress4(maskText);
  const length = lengthText === undefined ? (mask === undefined ? undefined : maskLength(mask)) : Number(lengthText);
  if (length === undefined || length > 32)
    throw new CmdbFault(code.invalidNetmask, returnCode(code.invalidNetmask, `${written} has no valid netmask`));
  if (prefixRange(4, address, length) === undefined)
    throw new CmdbFault(code.invalidAddress, returnCode(code.invalidAddress, `${written} has bits outside its mask`));
  return `${writeAddress4(address)} ${writeAddress4(maskOf(length))}`;
}

/** An address and a mask that may have holes. */
function keepWildcard(written: string): string {
  const [address, mask, ...more] = written.split(/\s+/);
  return [keepAddress4(address ?? ''), keepAddress4(mask ?? ''), ...more].join(' ');
}

function keepPrefix6(written: string): string {
  const [, addressText = '', lengthText = ''] = /^([^/]+)\/(\d{1,3})$/.exec(written) ?? [];
  const address = readAddress6(addressText);
  const length = Number(lengthText);
  if (address === undefined || length > 128 || prefixRange(6, address, length) === undefined)
    throw new CmdbFault(code.invalidAddress6, returnCode(code.invalidAddress6, `${written} is not an IPv6 prefix`));
  return `${writeAddress6(address)}/${length}`;
}

const tagging: Field = rows('tagging', 'name', [
  text('name', 63),
  reference('category', 63, ['system/object-tagging']),
  rows('tags', 'name', [text('name', 79)]),
]);

const SUB_TYPES =
  'sdn clearpass-spt fsso rsso@7.6.1 ems-tag fortivoice-tag fortinac-tag swc-tag device-identification external-resource@7.6.1 obsolete telemetry@7.6.4';

/** Fields that mean something for one type alone. */
const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  subnet: ['ipmask', 'interface-subnet'],
  'start-ip': ['iprange'],
  'end-ip': ['iprange'],
  fqdn: ['fqdn'],
  country: ['geography'],
  wildcard: ['wildcard'],
  'sub-type': ['dynamic'],
  sdn: ['dynamic'],
  filter: ['dynamic'],
  'sdn-addr-type': ['dynamic'],
  'node-ip-only': ['dynamic'],
  'clearpass-spt': ['dynamic'],
  list: ['dynamic'],
  interface: ['interface-subnet'],
  macaddr: ['mac'],
  'route-tag': ['route-tag'],
  ip6: ['ipprefix'],
};

/** What must be named when an entry of a type is made. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  ipmask: ['subnet'],
  iprange: ['start-ip', 'end-ip'],
  fqdn: ['fqdn'],
  geography: ['country'],
  wildcard: ['wildcard'],
  ipprefix: ['ip6'],
  mac: ['macaddr'],
};

const relevant = (row: Row, field: string): boolean => OF_TYPE[field]?.includes(textOf(row, 'type')) ?? true;

/** Puts fields of other types back to their defaults; one that the request named is refused instead. */
function settleByType(fields: readonly Field[]): (row: Row, given: Row) => Row {
  return (row, given) => {
    const settled: Record<string, Row[string]> = { ...row };
    for (const field of fields) {
      if (relevant(row, field.name)) continue;
      const initial = defaultOf(field);
      if (field.name in given && JSON.stringify(row[field.name]) !== JSON.stringify(initial))
        throw new CmdbFault(
          code.invalidValue,
          returnCode(code.invalidValue, `${field.name} is not for type ${textOf(row, 'type')}`),
        );
      settled[field.name] = initial;
    }
    return settled;
  };
}

function defaultOf(field: Field): Row[string] {
  if (field.kind === 'text' || field.kind === 'choice' || field.kind === 'number') return field.default;
  return field.kind === 'rows' || field.kind === 'references' ? [] : '';
}

function checkAddress(row: Row, _view: CheckView, given: Row | undefined): void {
  const type = textOf(row, 'type');
  for (const field of NEEDED[type] ?? []) {
    const missing = given === undefined ? rowIsEmpty(row, field) : given[field] === undefined || rowIsEmpty(row, field);
    if (missing)
      throw new CmdbFault(code.emptyValue, returnCode(code.emptyValue, `${field} is needed for type ${type}`), 424);
  }
  if (type === 'iprange') {
    const read = textOf(row, 'start-ip').includes(':') ? readAddress6 : readAddress4;
    const [from, to] = [read(textOf(row, 'start-ip')), read(textOf(row, 'end-ip'))];
    if (from !== undefined && to !== undefined && to < from)
      throw new CmdbFault(code.endBeforeStart, returnCode(code.endBeforeStart, 'End IP is before start IP'));
  }
}

function rowIsEmpty(row: Row, field: string): boolean {
  return rowsOf(row, field).length === 0 && textOf(row, field) === '';
}

const addressFields: readonly Field[] = [
  text('name', 79),
  uuid(),
  text('subnet', 64, { default: '0.0.0.0 0.0.0.0', read: keepSubnet }),
  choice('type', 'ipmask iprange fqdn geography wildcard dynamic interface-subnet mac route-tag@7.4.0'),
  number('route-tag', 0, 4_294_967_295, 0, { since: '7.4.0' }),
  choice('sub-type', SUB_TYPES),
  text('clearpass-spt', 35, { default: 'unknown' }),
  rows('macaddr', 'macaddr', [text('macaddr', 127)]),
  text('start-ip', 15, { read: keepAddress4 }),
  text('end-ip', 15, { read: keepAddress4 }),
  text('fqdn', 255),
  text('country', 2),
  text('wildcard', 64, { read: keepWildcard }),
  reference('interface', 35, ['system/interface']),
  text('comment', 255, { free: true }),
  reference('sdn', 35, ['system/sdn-connector']),
  text('filter', 2047, { free: true }),
  choice('sdn-addr-type', 'private public all'),
  onOff('node-ip-only', 'disable', { since: '7.0.0' }),
  rows('list', 'ip', [text('ip', 35)]),
  tagging,
  reference('associated-interface', 35, ['system/interface', 'system/zone']),
  number('color', 0, 32, 0),
  onOff('fabric-object', 'disable'),
];

const address6Fields: readonly Field[] = [
  text('name', 79),
  uuid(),
  choice('type', 'ipprefix iprange fqdn geography dynamic template mac route-tag@7.4.0 wildcard@7.6.4'),
  text('ip6', 64, { default: '::/0', read: keepPrefix6 }),
  text('start-ip', 45, { read: keepAddress6 }),
  text('end-ip', 45, { read: keepAddress6 }),
  text('fqdn', 255),
  text('country', 2),
  rows('macaddr', 'macaddr', [text('macaddr', 127)]),
  reference('sdn', 35, ['system/sdn-connector']),
  text('filter', 2047, { since: '7.6.1', free: true }),
  choice('sdn-addr-type', 'private public all', { since: '7.6.1' }),
  text('wildcard', 127, { since: '7.6.4' }),
  rows('list', 'ip', [text('ip', 45)]),
  text('comment', 255, { free: true }),
  tagging,
  number('color', 0, 32, 0),
  onOff('fabric-object', 'disable'),
];

function checkGroup(self: string): NonNullable<Table['check']> {
  return (row, view) => {
    const members = namesOf(row, 'member');
    if (members.length === 0 && !atLeast(view.release, '7.2.0'))
      throw new CmdbFault(code.emptyValue, returnCode(code.emptyValue, 'node_check_object fail! for member'));
    if (members.length > view.switches.groupMembers)
      throw new CmdbFault(code.tableFull, returnCode(code.tableFull, 'Maximum number of entries has been reached.'));
    if (textOf(row, 'exclude') === 'disable' && namesOf(row, 'exclude-member').length > 0)
      throw new CmdbFault(code.invalidValue, returnCode(code.invalidValue, 'exclude-member needs exclude'));
    refuseLoop(textOf(row, 'name'), row, view, self);
  };
}

/** Refuses a group that would hold itself, at whatever depth. */
function refuseLoop(name: string, row: Row, view: CheckView, tableId: string): void {
  const groups = view.entries(tableId);
  const seen = new Set<string>();
  const stack = [...namesOf(row, 'member'), ...namesOf(row, 'exclude-member')];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (next === name)
      throw new CmdbFault(
        view.switches.groupLoop,
        returnCode(view.switches.groupLoop, `${name} would be a member of itself`),
      );
    if (seen.has(next)) continue;
    seen.add(next);
    const group = groups.get(next);
    if (group !== undefined) stack.push(...namesOf(group, 'member'), ...namesOf(group, 'exclude-member'));
  }
}

const groupFields = (of: string, self: string): readonly Field[] => [
  text('name', 79),
  choice('type', 'default folder'),
  choice('category', 'default ztna-ems-tag ztna-geo-tag'),
  uuid(),
  references('member', [of, self]),
  text('comment', 255, { free: true }),
  onOff('exclude', 'disable'),
  references('exclude-member', [of, self]),
  number('color', 0, 32, 0),
  tagging,
  onOff('fabric-object', 'disable'),
];

const group6Fields = groupFields('firewall/address6', 'firewall/addrgrp6').filter(
  ({ name }) => name !== 'type' && name !== 'category',
);

const names4 = (self: string): Table['apart'] =>
  [
    { table: 'firewall/address', code: code.addressAndGroup },
    { table: 'firewall/addrgrp', code: code.addressAndGroup },
    { table: 'firewall/vip', code: code.addressAndVip },
    { table: 'system/external-resource', code: code.addressAndGroup },
  ].filter((one) => one.table !== self);

const names6 = (self: string): Table['apart'] =>
  [
    { table: 'firewall/address6', code: code.addressAndGroup },
    { table: 'firewall/addrgrp6', code: code.addressAndGroup },
    { table: 'firewall/vip6', code: code.addressAndVip },
    { table: 'system/external-resource', code: code.addressAndGroup },
  ].filter((one) => one.table !== self);

const BUILT_IN: ReadonlySet<string> = new Set(['all', 'none']);

export const addressTables: readonly Table[] = [
  table(
    'firewall/address',
    {
      right: 'fwgrp.address',
      apart: names4('firewall/address'),
      fixed: BUILT_IN,
      check: checkAddress,
      settle: settleByType(addressFields),
      relevant,
    },
    addressFields,
  ),
  table(
    'firewall/address6',
    {
      right: 'fwgrp.address',
      apart: names6('firewall/address6'),
      fixed: BUILT_IN,
      check: checkAddress,
      settle: settleByType(address6Fields),
      relevant,
    },
    address6Fields,
  ),
  table(
    'firewall/addrgrp',
    { right: 'fwgrp.address', apart: names4('firewall/addrgrp'), check: checkGroup('firewall/addrgrp') },
    groupFields('firewall/address', 'firewall/addrgrp'),
  ),
  table(
    'firewall/addrgrp6',
    { right: 'fwgrp.address', apart: names6('firewall/addrgrp6'), check: checkGroup('firewall/addrgrp6') },
    group6Fields,
  ),
];
