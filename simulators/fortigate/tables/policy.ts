import { CmdbFault, code, returnCode } from '../fault.ts';
import { choice, number, onOff, reference, references, rows, text, uuid, type Field, type Target } from '../field.ts';
import { type Row, namesOf, rowsOf, textOf } from '../row.ts';
import { type CheckView, type Table, table } from '../table.ts';

/** A feed of addresses (reference 1.10: type address). */
const feed = (since?: string): Target => ({
  table: 'system/external-resource',
  only: (row) => textOf(row, 'type') === 'address',
  ...(since === undefined ? {} : { since }),
});

const places = ['system/interface', 'system/zone'];
const profiles = (name: string, table: string): Field => reference(name, 47, [table]);

/** What policies can ask besides: in no reference, and common knowledge of the product. None of it is judged (`packet.ts`). */
const narrowingFields: readonly Field[] = [
  onOff('internet-service-negate', 'disable'),
  onOff('internet-service-src', 'disable'),
  rows('internet-service-src-name', 'name', [text('name', 79)]),
  rows('network-service-dynamic', 'name', [text('name', 79)], { since: '7.0.1' }),
  number('reputation-minimum', 0, 5, 0),
  choice('reputation-direction', 'destination source'),
  rows('src-vendor-mac', 'id', [number('id', 0, 4_294_967_295, 0)]),
  text('tos', 4, { default: '0x00', read: keepByte }),
  text('tos-mask', 4, { default: '0x00', read: keepByte }),
  onOff('tos-negate', 'disable'),
  onOff('geoip-anycast', 'disable'),
  choice('geoip-match', 'physical-location registered-location'),
  onOff('rtp-nat', 'disable'),
  references('rtp-addr', ['firewall/address', 'firewall/addrgrp']),
  text('vlan-filter', 255),
  onOff('ztna-status', 'disable'),
  references('ztna-ems-tag', ['firewall/address', 'firewall/addrgrp']),
  references('ztna-geo-tag', ['firewall/address', 'firewall/addrgrp']),
  choice('ztna-tags-match-logic', 'or and'),
  onOff('policy-expiry', 'disable', { since: '7.2.0' }),
  onOff('permit-any-host', 'disable'),
  onOff('permit-stun-host', 'disable'),
  choice('tcp-session-without-syn', 'all data-only disable', { default: 'disable' }),
];

const policyFields: readonly Field[] = [
  number('policyid', 0, 4_294_967_294, 0),
  onOff('status', 'enable'),
  text('name', 35),
  uuid(),
  references('srcintf', places, { also: ['any'] }),
  references('dstintf', places, { also: ['any'] }),
  choice('action', 'accept deny ipsec', { default: 'deny' }),
  onOff('nat64', 'disable', { since: '7.0.1' }),
  onOff('nat46', 'disable', { since: '7.0.1' }),
  references('srcaddr', ['firewall/address', 'firewall/addrgrp', feed('7.0.1')]),
  references('dstaddr', ['firewall/address', 'firewall/addrgrp', 'firewall/vip', feed('7.0.1')]),
  references('srcaddr6', ['firewall/address6', 'firewall/addrgrp6', feed('7.0.1')]),
  references('dstaddr6', ['firewall/address6', 'firewall/addrgrp6', 'firewall/vip6', feed('7.0.1')]),
  onOff('srcaddr-negate', 'disable'),
  onOff('dstaddr-negate', 'disable'),
  onOff('service-negate', 'disable'),
  references('service', ['firewall.service/custom', 'firewall.service/group']),
  reference('schedule', 35, ['firewall.schedule/recurring', 'firewall.schedule/onetime']),
  onOff('match-vip', 'disable'),
  onOff('utm-status', 'disable'),
  choice('profile-type', 'single group'),
  profiles('profile-group', 'firewall/profile-group'),
  profiles('av-profile', 'antivirus/profile'),
  profiles('webfilter-profile', 'webfilter/profile'),
  profiles('ips-sensor', 'ips/sensor'),
  profiles('application-list', 'application/list'),
  profiles('ssl-ssh-profile', 'firewall/ssl-ssh-profile'),
  choice('logtraffic', 'all utm disable', { default: 'utm' }),
  onOff('logtraffic-start', 'disable'),
  onOff('nat', 'disable'),
  onOff('ippool', 'disable'),
  references('poolname', ['firewall/ippool']),
  references('poolname6', ['firewall/ippool6']),
  // People and vendor sets are names to us: whatever has them is somebody else's rule.
  rows('groups', 'name', [text('name', 79)]),
  rows('users', 'name', [text('name', 79)]),
  rows('fsso-groups', 'name', [text('name', 511)]),
  onOff('internet-service', 'disable'),
  rows('internet-service-name', 'name', [text('name', 79)]),
  ...narrowingFields,
  text('global-label', 63, { free: true }),
  text('comments', 1023, { free: true }),
];

const centralSnatFields: readonly Field[] = [
  number('policyid', 0, 4_294_967_295, 0),
  uuid(),
  onOff('status', 'enable'),
  choice('type', 'ipv4 ipv6'),
  references('srcintf', places, { also: ['any'] }),
  references('dstintf', places, { also: ['any'] }),
  references('orig-addr', ['firewall/address', 'firewall/addrgrp', feed('7.6.0')]),
  references('orig-addr6', ['firewall/address6', 'firewall/addrgrp6', feed('7.6.0')]),
  references('dst-addr', ['firewall/address', 'firewall/addrgrp']),
  references('dst-addr6', ['firewall/address6', 'firewall/addrgrp6']),
  number('protocol', 0, 255, 0),
  text('orig-port', 15, { default: '0', read: keepPortSpan }),
  text('dst-port', 15, { default: '0', read: keepPortSpan, since: '7.4.0' }),
  onOff('nat', 'enable'),
  onOff('nat46', 'disable', { since: '7.0.1' }),
  onOff('nat64', 'disable', { since: '7.0.1' }),
  references('nat-ippool', ['firewall/ippool']),
  references('nat-ippool6', ['firewall/ippool6']),
  text('nat-port', 15, { default: '0', read: keepPortSpan }),
  onOff('port-preserve', 'enable', { since: '7.4.4' }),
  onOff('port-random', 'disable', { since: '7.6.1' }),
  text('comments', 1023, { free: true }),
];

/** `0x1c` */
function keepByte(written: string): string {
  if (/^0x[\da-f]{1,2}$/i.test(written)) return `0x${written.slice(2).toLowerCase().padStart(2, '0')}`;
  throw new CmdbFault(code.invalidValue, returnCode(code.invalidValue, `${written} is not a byte, as 0x1c`));
}

/** `0`, `443`, `1024-65535` */
function keepPortSpan(written: string): string {
  const [, first = '', last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(written) ?? [];
  const [from, to] = [Number(first), Number(last ?? first)];
  if (first === '' || from > 65_535 || to > 65_535)
    throw new CmdbFault(code.invalidPortRange, returnCode(code.invalidPortRange, `${written} is not a port range`));
  if (to < from) throw new CmdbFault(code.outOfRange, returnCode(code.outOfRange, `${written} ends before it starts`));
  return last === undefined || from === to ? String(from) : `${from}-${to}`;
}

function need(row: Row, fields: readonly string[]): void {
  for (const field of fields)
    if (rowsOf(row, field).length === 0 && textOf(row, field) === '')
      throw new CmdbFault(code.emptyValue, returnCode(code.emptyValue, `node_check_object fail! for ${field}`));
}

/** A rule has sources and destinations of one family, or says that it translates between them. */
function needAddresses(row: Row, pairs: readonly (readonly [string, string])[]): void {
  const present = (field: string): boolean => rowsOf(row, field).length > 0;
  const whole = pairs.some(([source, destination]) => present(source) && present(destination));
  const across = textOf(row, 'nat46') === 'enable' || textOf(row, 'nat64') === 'enable';
  const half = pairs.some(([source]) => present(source)) && pairs.some(([, destination]) => present(destination));
  if (whole || (across && half)) return;
  const [first = ['', '']] = pairs;
  const lacking = pairs.some(([source]) => present(source)) ? first[1] : first[0];
  throw new CmdbFault(code.emptyValue, returnCode(code.emptyValue, `node_check_object fail! for ${lacking}`));
}

/** Interfaces of a zone are named through their zone. */
function refuseZoneMembers(row: Row, view: CheckView): void {
  const inZone = new Set(
    [...view.entries('system/zone').values()].flatMap((zone) =>
      rowsOf(zone, 'interface').map((one) => textOf(one, 'interface-name')),
    ),
  );
  for (const field of ['srcintf', 'dstintf']) {
    const names = namesOf(row, field);
    for (const name of names)
      if (inZone.has(name))
        throw new CmdbFault(code.invalidValue, returnCode(code.invalidValue, `interface ${name} is in a zone`));
    if (names.includes('any') && names.length > 1)
      throw new CmdbFault(code.invalidValue, returnCode(code.invalidValue, `${field}: any stands alone`));
  }
}

function checkPolicy(row: Row, view: CheckView): void {
  need(row, ['srcintf', 'dstintf', 'schedule']);
  if (!view.switches.emptyPolicyFields) {
    const vendorSet = textOf(row, 'internet-service') === 'enable';
    if (vendorSet) need(row, ['internet-service-name']);
    else {
      need(row, ['service']);
      needAddresses(row, [
        ['srcaddr', 'dstaddr'],
        ['srcaddr6', 'dstaddr6'],
      ]);
    }
  }
  refuseZoneMembers(row, view);
  const translates = textOf(row, 'nat') === 'enable';
  if (translates && view.setting('central-nat') === 'enable')
    throw new CmdbFault(
      code.conflictsWithSettings,
      returnCode(code.conflictsWithSettings, 'nat is not for policies while central-nat is enabled'),
    );
  if (textOf(row, 'ippool') === 'enable') {
    if (!translates) throw new CmdbFault(code.invalidValue, returnCode(code.invalidValue, 'ippool needs nat'));
    if (namesOf(row, 'poolname').length + namesOf(row, 'poolname6').length === 0) need(row, ['poolname']);
  }
  const name = textOf(row, 'name');
  if (name === '') return;
  for (const other of view.entries('firewall/policy').values())
    if (textOf(other, 'name') === name && other['policyid'] !== row['policyid'])
      throw new CmdbFault(code.duplicateName, returnCode(code.duplicateName, `policy name ${name} is in use`));
}

function checkCentralSnat(row: Row, view: CheckView): void {
  need(row, ['srcintf', 'dstintf']);
  const six = textOf(row, 'type') === 'ipv6';
  need(row, six ? ['orig-addr6', 'dst-addr6'] : ['orig-addr', 'dst-addr']);
  const others = six ? ['orig-addr', 'dst-addr', 'nat-ippool'] : ['orig-addr6', 'dst-addr6', 'nat-ippool6'];
  for (const field of others)
    if (rowsOf(row, field).length > 0 && textOf(row, 'nat46') !== 'enable' && textOf(row, 'nat64') !== 'enable')
      throw new CmdbFault(
        code.invalidValue,
        returnCode(code.invalidValue, `${field} is not for type ${textOf(row, 'type')}`),
      );
  refuseZoneMembers(row, view);
}

export const policyTables: readonly Table[] = [
  table('firewall/policy', { right: 'fwgrp.policy', shape: 'ordered', check: checkPolicy }, policyFields),
  table(
    'firewall/central-snat-map',
    { right: 'fwgrp.policy', shape: 'ordered', check: checkCentralSnat },
    centralSnatFields,
  ),
];
