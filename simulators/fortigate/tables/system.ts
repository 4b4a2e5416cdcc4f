import { CmdbFault, code, returnCode } from '../fault.ts';
import { choice, number, onOff, part, reference, references, rows, text, uuid, type Field } from '../field.ts';
import { type Table, table } from '../table.ts';

const rights = (name: string): Field => choice(name, 'none read read-write');
const groupRights = (name: string, custom: string): Field => choice(name, `none read read-write ${custom}`);

const feedFields: readonly Field[] = [
  text('name', 35),
  uuid(),
  onOff('status', 'enable'),
  choice('type', 'category domain malware address mac-address@7.4.0 data@7.4.2 generic-address@7.6.1'),
  choice('update-method', 'feed push', { since: '7.2.1' }),
  text('namespace', 15, { since: '7.6.1' }),
  text('object-array-path', 511, { default: '$.addresses', since: '7.6.1', free: true }),
  text('address-name-field', 511, { default: '$.name', since: '7.6.1', free: true }),
  text('address-data-field', 511, { default: '$.value', since: '7.6.1', free: true }),
  text('address-comment-field', 511, { default: '$.description', since: '7.6.1', free: true }),
  text('username', 64),
  text('password', 128, { secret: true, free: true }),
  onOff('client-cert-auth', 'disable', { since: '7.6.1' }),
  text('comments', 255, { free: true }),
  text('resource', 511, { free: true }),
  text('user-agent', 255, { free: true }),
  choice('server-identity-check', 'none basic full'),
  number('refresh-rate', 1, 43_200, 5),
  text('source-ip', 15),
  reference('interface', 15, ['system/interface']),
];

export const systemTables: readonly Table[] = [
  table('system/global', { shape: 'single', scope: 'global', right: 'sysgrp.cfg' }, [
    text('hostname', 35),
    choice('cfg-save', 'automatic manual revert'),
    number('cfg-revert-timeout', 10, 4_294_967_295, 600),
    choice('vdom-mode', 'no-vdom multi-vdom'),
    number('admin-sport', 1, 65_535, 443),
  ]),
  table('system/settings', { shape: 'single', right: 'sysgrp.cfg' }, [
    choice('opmode', 'nat transparent'),
    onOff('central-nat', 'disable'),
    choice('ngfw-mode', 'profile-based policy-based'),
    choice('inspection-mode', 'flow proxy'),
  ]),
  table('system/vdom', { scope: 'global', right: 'sysgrp.cfg', writable: false }, [text('name', 31)]),
  table('system/vdom-property', { scope: 'global', right: 'sysgrp.cfg', writable: false }, [
    text('name', 31),
    // `maximum guaranteed`, both 0 for none.
    text('firewall-policy', 31),
    text('firewall-address', 31),
    text('firewall-addrgrp', 31),
    text('custom-service', 31),
    text('service-group', 31),
  ]),
  table('system/interface', { scope: 'global', right: 'sysgrp.cfg', writable: false }, [
    text('name', 15),
    reference('vdom', 31, ['system/vdom']),
    text('ip', 64, { default: '0.0.0.0 0.0.0.0' }),
    text('ip6', 64, { default: '::/0' }),
    choice('status', 'up down'),
    text('alias', 25),
  ]),
  table('system/zone', { right: 'sysgrp.cfg', writable: false }, [
    text('name', 35),
    references('interface', ['system/interface'], { key: 'interface-name' }),
    choice('intrazone', 'allow deny', { default: 'deny' }),
  ]),
  table('system/object-tagging', { right: 'sysgrp.cfg' }, [
    text('category', 63),
    rows('tags', 'name', [text('name', 79)]),
  ]),
  table(
    'system/external-resource',
    {
      right: 'sysgrp.cfg',
      scope: 'either',
      apart: ['firewall/address', 'firewall/addrgrp', 'firewall/address6', 'firewall/addrgrp6'].map((other) => ({
        table: other,
        code: code.addressAndGroup,
      })),
    },
    feedFields,
  ),
  table('system/sdn-connector', { right: 'sysgrp.cfg' }, [
    text('name', 35),
    onOff('status', 'enable'),
    choice('type', 'aws azure gcp kubernetes', { default: 'aws' }),
    text('server', 127),
    number('server-port', 0, 65_535, 0),
    text('secret-token', 4096, { secret: true, free: true }),
    number('update-interval', 0, 3600, 60),
    onOff('verify-certificate', 'enable', { since: '7.0.1' }),
    text('server-ca-cert', 127, { since: '7.2.4' }),
    text('proxy', 35, { since: '7.4.0' }),
    text('vdom', 31, { since: '7.6.3' }),
  ]),
  table(
    'system/accprofile',
    { scope: 'global', right: 'sysgrp.admin', fixed: new Set(['super_admin', 'prof_admin']) },
    [
      text('name', 35),
      text('comments', 255, { free: true }),
      groupRights('sysgrp', 'custom'),
      groupRights('fwgrp', 'custom'),
      groupRights('utmgrp', 'custom'),
      part('sysgrp-permission', ['admin', 'upd', 'cfg', 'mnt'].map(rights)),
      part('fwgrp-permission', ['policy', 'address', 'service', 'schedule', 'others'].map(rights)),
    ],
  ),
  table('system/api-user', { scope: 'global', right: 'sysgrp.admin' }, [
    text('name', 35),
    text('comments', 255, { free: true }),
    reference('accprofile', 35, ['system/accprofile']),
    references('vdom', ['system/vdom']),
    reference('schedule', 35, ['firewall.schedule/recurring', 'firewall.schedule/onetime']),
    text('cors-allow-origin', 269, { free: true }),
    onOff('peer-auth', 'disable'),
    text('peer-group', 35),
    rows('trusthost', 'id', [
      number('id', 0, 4_294_967_295, 0),
      choice('type', 'ipv4-trusthost ipv6-trusthost'),
      text('ipv4-trusthost', 64),
      text('ipv6-trusthost', 64),
    ]),
  ]),
];

/** Profiles of inspection: names that policies point to; what they inspect is not simulated. */
export const profileTables: readonly Table[] = [
  'firewall/profile-group',
  'firewall/ssl-ssh-profile',
  'antivirus/profile',
  'webfilter/profile',
  'ips/sensor',
  'application/list',
].map((id) => table(id, { right: 'utmgrp' }, [text('name', 47), text('comment', 255, { free: true })]));

/** Names of global entries that VDOMs share begin with `g-` (reference 1.10 c). */
export function refuseGlobalName(name: string, global: boolean): void {
  if (name.startsWith('g-') === global) return;
  const said = global ? 'names of global entries begin with g-' : 'names that begin with g- are for global entries';
  throw new CmdbFault(code.reservedName, returnCode(code.reservedName, said));
}
