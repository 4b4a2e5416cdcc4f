import type { Family } from '../../border/ruleset.ts';
import { parseAddress } from '../../ip/address.ts';
import type { AddressObject, SecurityRule } from '../rulebase/model.ts';
import { FORMS, type Row, type TableId } from './rows.ts';

/** Names that every FortiGate has. */
export const ANY_ADDRESS = 'all';
export const ANY_SERVICE = 'ALL';

export const ADDRESSES: Readonly<Record<Family, TableId>> = { 4: 'firewall/address', 6: 'firewall/address6' };
export const GROUPS: Readonly<Record<Family, TableId>> = { 4: 'firewall/addrgrp', 6: 'firewall/addrgrp6' };
export const CUSTOM = 'firewall.service/custom';
export const SERVICE_GROUP = 'firewall.service/group';
export const FEED = 'system/external-resource';
export const POLICY = 'firewall/policy';
export const TRANSLATION = 'firewall/central-snat-map';
export const POOLS: Readonly<Record<Family, TableId>> = { 4: 'firewall/ippool', 6: 'firewall/ippool6' };

/** An address object in the device's terms. */
export function addressRow({ name, family, kind, value }: Omit<AddressObject, 'mark'>, comment: string): Row {
  if (kind === 'Domain') return { name, type: 'fqdn', fqdn: value, comment };
  const [first, last] = value.split('-');
  if (first !== undefined && last !== undefined)
    return { name, type: 'iprange', 'start-ip': first, 'end-ip': last, comment };
  const prefix = value.includes('/') ? value : `${value}/${family === 4 ? 32 : 128}`;
  return family === 4
    ? { name, type: 'ipmask', subnet: prefix, comment }
    : { name, type: 'ipprefix', ip6: prefix, comment };
}

/** What an address of the device stands for: canonical address, prefix, `first-last` or domain; `undefined`: something else. */
export function addressValue(family: Family, row: Row): Pick<AddressObject, 'kind' | 'value'> | undefined {
  switch (textOf(row, 'type')) {
    case family === 4 ? 'ipmask' : 'ipprefix': {
      const prefix = textOf(row, family === 4 ? 'subnet' : 'ip6');
      const single = prefix.endsWith(family === 4 ? '/32' : '/128');
      return { kind: 'Range', value: single ? prefix.slice(0, prefix.lastIndexOf('/')) : prefix };
    }
    case 'iprange': {
      const [first, last] = [textOf(row, 'start-ip'), textOf(row, 'end-ip')];
      if (parseAddress(first) === undefined || parseAddress(last) === undefined) return undefined;
      return { kind: 'Range', value: `${first}-${last}` };
    }
    case 'fqdn':
      return { kind: 'Domain', value: textOf(row, 'fqdn') };
    default:
      return undefined;
  }
}

export function textOf(row: Row, field: string): string {
  const value = row[field];
  return typeof value === 'string' ? value : '';
}

export function namesIn(row: Row, field: string): readonly string[] {
  const value = row[field];
  return value === undefined || typeof value === 'string' ? [] : value;
}

export function commentOf(table: TableId, row: Row): string {
  return textOf(row, FORMS[table].mark);
}

/** Between which interfaces our rules stand. */
export interface Interfaces {
  readonly from: readonly string[];
  readonly to: readonly string[];
}

/** Names of what a policy names, once they are known. */
export interface PolicyNames {
  readonly sources: readonly string[];
  readonly destinations: readonly string[];
  readonly isNegated: boolean;
  readonly services: readonly string[];
  readonly isServiceNegated: boolean;
  /** What is accepted leaves from this pool; absent: from its own address. */
  readonly pool?: string | undefined;
}

/** A rule of ours as a policy. */
export function policyRow(rule: SecurityRule, names: PolicyNames, { from, to }: Interfaces): Row {
  const isFour = rule.family === 4;
  const allows = rule.action === 'Allow';
  const profile = allows ? rule.profile : undefined;
  return {
    name: rule.name,
    status: 'enable',
    srcintf: from.toSorted(),
    dstintf: to.toSorted(),
    srcaddr: isFour ? names.sources.toSorted() : [],
    dstaddr: isFour ? names.destinations.toSorted() : [],
    srcaddr6: isFour ? [] : names.sources.toSorted(),
    dstaddr6: isFour ? [] : names.destinations.toSorted(),
    'srcaddr-negate': names.isNegated ? 'enable' : 'disable',
    service: names.services.toSorted(),
    'service-negate': names.isServiceNegated ? 'enable' : 'disable',
    schedule: 'always',
    action: allows ? 'accept' : 'deny',
    logtraffic: rule.log ? 'all' : 'disable',
    nat: names.pool === undefined ? 'disable' : 'enable',
    ippool: names.pool === undefined ? 'disable' : 'enable',
    poolname: names.pool !== undefined && isFour ? [names.pool] : [],
    poolname6: names.pool === undefined || isFour ? [] : [names.pool],
    'utm-status': profile === undefined ? 'disable' : 'enable',
    ...(profile === undefined ? {} : { 'profile-type': 'group', 'profile-group': profile }),
    comments: commentText(rule.mark, rule.comment),
  };
}

/** Mark, and what people want to know. */
export function commentText(mark: string, comment: string): string {
  return comment === '' ? mark : `${mark} ${comment}`;
}
