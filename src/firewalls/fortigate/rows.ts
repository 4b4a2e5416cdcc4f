import { formatPrefix, parsePrefix } from '../../ip/prefix.ts';
import { CHOOSES_FLOWS, nothingLike } from './guarded.ts';

/** A value of an entry as it is compared: a text, or the names in a child table. */
export type Value = string | readonly string[];

/** An entry of a table in canonical form: the fields that we write or guard, whatever spelling the device has for them. */
export type Row = Readonly<Record<string, Value>>;

/** Tables of the configuration that this driver reads and writes, in the order in which entries can be made: named before naming. */
export const TABLES = [
  'firewall/address',
  'firewall/address6',
  'firewall/addrgrp',
  'firewall/addrgrp6',
  'firewall.service/custom',
  'firewall.service/group',
  'firewall/ippool',
  'firewall/ippool6',
  'system/external-resource',
  'firewall/policy',
  'firewall/central-snat-map',
] as const;

export type TableId = (typeof TABLES)[number];

interface TableForm {
  /** What names an entry in its path. */
  readonly key: 'name' | 'policyid';
  /** Where our mark stands. */
  readonly mark: 'comment' | 'comments';
  /** Fields that are written, and compared always. */
  readonly written: readonly string[];
  /** Child tables among them. */
  readonly lists: readonly string[];
  /** Fields that are not written as long as they have this value, which would change what an entry means. */
  readonly guarded: Readonly<Record<string, Value>>;
  /** Other such fields, which have the value that the device says new entries have; where it says none, one that says nothing. */
  readonly asNew?: RegExp;
  readonly isOrdered: boolean;
}

/** The word for services with ports begins like this in every release, and is the default. */
export const PORTS = 'TCP/UDP';

/** Whether no port of a translation is told as nothing, 0 or all is not proven: it is written as what is there from the start. */
export const NO_PORT = '0';
const NO_PORTS: ReadonlySet<string> = new Set(['', NO_PORT, '0-65535']);

/** Fields that are numbers on the wire. `protocol` of services is a word. */
const NUMBERS: ReadonlySet<string> = new Set([
  'policyid',
  'protocol',
  'protocol-number',
  'reputation-minimum',
  'reputation-minimum6',
]);

/** The reference names no default of it (1.6). */
const BINDING = /^associated-interface$/;

/** Vendor reference 1.6. */
export const FORMS: Readonly<Record<TableId, TableForm>> = {
  'firewall/address': {
    key: 'name',
    mark: 'comment',
    written: ['name', 'type', 'subnet', 'start-ip', 'end-ip', 'fqdn', 'comment'],
    lists: [],
    guarded: {},
    asNew: BINDING,
    isOrdered: false,
  },
  'firewall/address6': {
    key: 'name',
    mark: 'comment',
    written: ['name', 'type', 'ip6', 'start-ip', 'end-ip', 'fqdn', 'comment'],
    lists: [],
    guarded: {},
    isOrdered: false,
  },
  'firewall/addrgrp': {
    key: 'name',
    mark: 'comment',
    written: ['name', 'member', 'comment'],
    lists: ['member'],
    guarded: { type: 'default', category: 'default', exclude: 'disable', 'exclude-member': [] },
    isOrdered: false,
  },
  'firewall/addrgrp6': {
    key: 'name',
    mark: 'comment',
    written: ['name', 'member', 'comment'],
    lists: ['member'],
    guarded: { category: 'default', exclude: 'disable', 'exclude-member': [] },
    isOrdered: false,
  },
  'firewall.service/custom': {
    key: 'name',
    mark: 'comment',
    written: [
      'name',
      'protocol',
      'tcp-portrange',
      'udp-portrange',
      'sctp-portrange',
      'icmptype',
      'icmpcode',
      'protocol-number',
      'comment',
    ],
    lists: [],
    guarded: { iprange: '', fqdn: '', 'udplite-portrange': '', 'app-service-type': 'disable', proxy: 'disable' },
    isOrdered: false,
  },
  'firewall.service/group': {
    key: 'name',
    mark: 'comment',
    written: ['name', 'member', 'comment'],
    lists: ['member'],
    guarded: {},
    isOrdered: false,
  },
  'firewall/ippool': {
    key: 'name',
    mark: 'comments',
    written: ['name', 'type', 'startip', 'endip', 'comments'],
    lists: [],
    guarded: { 'arp-reply': 'enable', 'arp-intf': '', 'permit-any-host': 'disable', nat64: 'disable' },
    asNew: BINDING,
    isOrdered: false,
  },
  'firewall/ippool6': {
    key: 'name',
    mark: 'comments',
    written: ['name', 'startip', 'endip', 'comments'],
    lists: [],
    guarded: { type: 'overload', nat46: 'disable' },
    isOrdered: false,
  },
  'system/external-resource': {
    key: 'name',
    mark: 'comments',
    written: ['name', 'type', 'update-method', 'status', 'comments'],
    lists: [],
    guarded: {},
    isOrdered: false,
  },
  'firewall/policy': {
    key: 'policyid',
    mark: 'comments',
    written: [
      'name',
      'status',
      'srcintf',
      'dstintf',
      'srcaddr',
      'dstaddr',
      'srcaddr6',
      'dstaddr6',
      'service',
      'schedule',
      'action',
      'srcaddr-negate',
      'service-negate',
      'logtraffic',
      'nat',
      'ippool',
      'poolname',
      'poolname6',
      'utm-status',
      'profile-type',
      'profile-group',
      'comments',
    ],
    lists: ['srcintf', 'dstintf', 'srcaddr', 'dstaddr', 'srcaddr6', 'dstaddr6', 'service', 'poolname', 'poolname6'],
    guarded: { 'dstaddr-negate': 'disable', nat46: 'disable', nat64: 'disable' },
    asNew: CHOOSES_FLOWS,
    isOrdered: true,
  },
  'firewall/central-snat-map': {
    key: 'policyid',
    mark: 'comments',
    written: [
      'status',
      'type',
      'srcintf',
      'dstintf',
      'orig-addr',
      'orig-addr6',
      'dst-addr',
      'dst-addr6',
      'protocol',
      'dst-port',
      'nat',
      'nat-ippool',
      'nat-ippool6',
      'comments',
    ],
    lists: ['srcintf', 'dstintf', 'orig-addr', 'orig-addr6', 'dst-addr', 'dst-addr6', 'nat-ippool', 'nat-ippool6'],
    guarded: { nat46: 'disable', nat64: 'disable', 'orig-port': NO_PORT, 'dst-port': NO_PORT, 'nat-port': NO_PORT },
    isOrdered: true,
  },
};

/** A field that is guarded and not written. */
function isGuarded(table: TableId, field: string): boolean {
  const { guarded, asNew, written } = FORMS[table];
  return (field in guarded || asNew?.test(field) === true) && !written.includes(field);
}

/** What a guarded field has where nobody edited it. `fresh`: what new entries have in fields of `asNew`. */
function untouched(table: TableId, field: string, told: Value, fresh: Row): Value {
  return FORMS[table].guarded[field] ?? fresh[field] ?? nothingLike(told);
}

/** What a new entry has in guarded fields whose value from the start is the device's to say. */
export function readFresh(table: TableId, told: Readonly<Record<string, unknown>>): Row {
  const { asNew } = FORMS[table];
  return Object.fromEntries(
    Object.entries(told).flatMap(([field, value]) =>
      asNew?.test(field) === true && isValue(value) ? [[field, valueOf(table, field, value)]] : [],
    ),
  );
}

/**
 * An entry as the device tells it, in canonical form. Fields that it does not have are left out, and so are guarded ones that nobody edited.
 * `fresh`: of `readFresh`; nothing where the device does not tell.
 */
export function readRow(table: TableId, told: Readonly<Record<string, unknown>>, fresh: Row = {}): Row {
  const { written, key } = FORMS[table];
  const row: Record<string, Value> = {};
  for (const field of new Set([key, ...written])) {
    const value = told[field];
    if (isValue(value)) row[field] = valueOf(table, field, value);
  }
  for (const [field, value] of Object.entries(told)) {
    if (!isGuarded(table, field) || !isValue(value) || !isAsked(field, told, fresh)) continue;
    const is = valueOf(table, field, value);
    if (!sameValue(is, untouched(table, field, is, fresh))) row[field] = is;
  }
  return row;
}

/**
 * Whether flows to virtual addresses are matched is for policies that deny alone, and what these begin with differs from release to
 * release.
 */
function isAsked(field: string, told: Readonly<Record<string, unknown>>, fresh: Row): boolean {
  return field !== 'match-vip' || (told['action'] === 'deny' && fresh[field] !== undefined);
}

function isValue(value: unknown): value is {} {
  return value !== undefined && value !== null;
}

function valueOf(table: TableId, field: string, value: {}): Value {
  return Array.isArray(value) || FORMS[table].lists.includes(field) ? namesOf(value) : canonical(field, value);
}

/** Child rows name others by `name`, a few by a number; their order has no meaning. */
function namesOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.map(nameOf).toSorted();
}

function nameOf(row: unknown): string {
  if (typeof row !== 'object' || row === null) return String(row);
  if ('name' in row) return String(row.name);
  return 'id' in row ? String(row.id) : '?';
}

/** Networks are told as address and mask, prefixes in any spelling. */
function canonical(field: string, value: unknown): string {
  const text = typeof value === 'string' ? value : String(value as number);
  // Vendor reference 1.6 names no default of it. `any` is what policies call every interface, so that it binds to none.
  if (field === 'associated-interface') return text === 'any' ? '' : text;
  if (field.endsWith('-port') && NO_PORTS.has(text)) return NO_PORT;
  if (field === 'iprange' && /^[0.: -]*$/.test(text)) return '';
  if (field === 'subnet') return maskedPrefix(text) ?? text;
  if (field === 'ip6') return prefixText(text) ?? text;
  if (field === 'protocol' && text.startsWith(PORTS)) return PORTS;
  return text;
}

function maskedPrefix(text: string): string | undefined {
  const [address, mask] = text.split(' ');
  if (mask === undefined) return prefixText(text);
  const length = maskLength(mask);
  return length === undefined ? undefined : prefixText(`${address}/${length}`);
}

function prefixText(text: string): string | undefined {
  const parsed = parsePrefix(text, { bareAddress: true });
  return 'value' in parsed ? formatPrefix(parsed.value) : undefined;
}

function maskLength(mask: string): number | undefined {
  const bits = mask
    .split('.')
    .map((part) => Number(part).toString(2).padStart(8, '0'))
    .join('');
  return /^1*0*$/.test(bits) && bits.length === 32 ? bits.replace(/0+$/, '').length : undefined;
}

/**
 * What has to be sent so that an entry becomes another; `undefined`: nothing. A field that the device does not have is not missed. `fresh`: as
 * in `readRow`.
 */
export function changeOf(table: TableId, actual: Row, wanted: Row, fresh: Row = {}): Row | undefined {
  const change: Record<string, Value> = {};
  for (const [field, value] of Object.entries(wanted))
    if (!sameValue(actual[field] ?? emptyOf(value), value)) change[field] = value;
  for (const [field, told] of Object.entries(actual)) {
    // Some are written by a few entries alone.
    const value =
      FORMS[table].guarded[field] ?? (isGuarded(table, field) ? untouched(table, field, told, fresh) : told);
    if (!(field in wanted) && !sameValue(told, value)) change[field] = value;
  }
  return Object.keys(change).length === 0 ? undefined : change;
}

/** A guarded field that somebody edited; `undefined`: there is none. */
export function unguarded(table: TableId, row: Row): string | undefined {
  return unguardedFields(table, row)[0];
}

export function unguardedFields(table: TableId, row: Row): readonly string[] {
  return Object.keys(row).filter((field) => isGuarded(table, field));
}

function emptyOf(value: Value): Value {
  return typeof value === 'string' ? '' : [];
}

export function sameValue(a: Value, b: Value): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.length === b.length && a.every((name, at) => name === b[at]);
}

/** The body of a request that makes an entry: what is empty is left out, as what every entry begins with is. */
export function bodyOfNew(row: Row): Readonly<Record<string, unknown>> {
  const said = Object.entries(row).filter(
    ([field, value]) => value.length > 0 && value !== PORTS && !(field === 'protocol-number' && value === '0'),
  );
  return bodyOf(Object.fromEntries(said), '');
}

/** The body of a request that changes fields. `ports`: what the release calls a service with ports. */
export function bodyOf(row: Row, ports: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(row).map(([field, value]) => {
      if (typeof value !== 'string') return [field, value.map((name) => ({ name }))];
      if (value === PORTS) return [field, ports];
      return [field, NUMBERS.has(field) && /^\d+$/.test(value) ? Number(value) : value];
    }),
  );
}
