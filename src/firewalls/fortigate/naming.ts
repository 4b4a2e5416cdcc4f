import type { GroupKey, SecurityRule } from '../rulebase/model.ts';
import type { TableId } from './rows.ts';
import { POLICY, SERVICE_GROUP } from './words.ts';

/** Tables whose entries name entries of others, and where. */
export const NAMING: readonly (readonly [TableId, readonly string[]])[] = [
  ['firewall/addrgrp', ['member']],
  ['firewall/addrgrp6', ['member']],
  [SERVICE_GROUP, ['member']],
  [POLICY, ['srcaddr', 'dstaddr', 'srcaddr6', 'dstaddr6', 'service', 'poolname', 'poolname6']],
  ['firewall/central-snat-map', ['orig-addr', 'orig-addr6', 'dst-addr', 'dst-addr6', 'nat-ippool', 'nat-ippool6']],
];

/** Names of what a rule is for. */
export function destinationsOf({ destination }: Pick<SecurityRule, 'destination'>): readonly string[] {
  return [...destination.objects, ...destination.groups.map(nameOfKey)];
}

/** The name of a group on the device. */
export function nameOfKey(key: GroupKey): string {
  return key.slice(key.indexOf('/', key.indexOf('/') + 1) + 1);
}
