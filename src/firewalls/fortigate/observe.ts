import type { Behaviour } from '../../plan/behaviour.ts';
import type { ForeignRule } from '../driver.ts';
import { behaviourOf } from '../rulebase/lift.ts';
import { type GroupKey, type MemberGroup, type ObservedRuleBase, type TakenName, groupKey } from '../rulebase/model.ts';
import { isMarked } from '../rulebase/names.ts';
import { straysAmong } from './policy-order.ts';
import { STRANGE, readGroups, readObjects } from './read-groups.ts';
import { readRules, readServices } from './read-rules.ts';
import { type Row, TABLES, type TableId } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import type { Snapshot } from './snapshot.ts';
import { readTranslations } from './translations.ts';
import { CUSTOM, FEED, GROUPS, POLICY, TRANSLATION, SERVICE_GROUP, commentOf, namesIn, textOf } from './words.ts';

export interface Observation {
  readonly base: ObservedRuleBase;
  readonly foreign: readonly ForeignRule[];
  readonly behaviour: Behaviour;
  /** Nothing that bears our mark is there. */
  readonly isEmpty: boolean;
}

/** What a snapshot holds of ours, and of others as far as it concerns us. */
export function observation(snapshot: Snapshot, scope: FortigateScope): Observation {
  const objects = readObjects(snapshot, scope);
  const groups = readGroups(snapshot, scope, objects);
  const standing = readServices(snapshot, scope);
  const rules = readRules(snapshot, scope, standing);
  const services = new Map([...standing].map(([name, { service }]) => [name, service] as const));
  const base: ObservedRuleBase = {
    objects,
    groups,
    services,
    rules,
    translations: readTranslations(snapshot, scope, services),
    taken: takenNames(snapshot, scope),
    strays: new Set(
      ([POLICY, TRANSLATION] as const).flatMap((table) => [...straysAmong(table, snapshot.rows(table), scope)]),
    ),
    adoptable: adoptableGroups(snapshot, scope),
    usedByOthers: usedByOthers(snapshot, scope, groups.keys()),
    namedByOthers: namedByOthers(snapshot, scope),
  };
  return {
    base,
    foreign: foreignRules(snapshot, scope),
    behaviour: behaviourOf(base),
    isEmpty: !TABLES.some((table) =>
      snapshot.rows(table).some((row) => isMarked(commentOf(table, row), scope.cluster)),
    ),
  };
}

/** Groups of others as AddressGroups would be; who is in them is told by names. */
function adoptableGroups(snapshot: Snapshot, scope: FortigateScope): ReadonlyMap<GroupKey, MemberGroup> {
  const groups = new Map<GroupKey, MemberGroup>();
  for (const family of [4, 6] as const)
    for (const row of snapshot.rows(GROUPS[family])) {
      if (isMarked(commentOf(GROUPS[family], row), scope.cluster)) continue;
      const members = new Set(namesIn(row, 'member').map((name) => `${STRANGE}${name}`));
      const of = { name: textOf(row, 'name'), family, store: 'Configured' } as const;
      groups.set(groupKey(of), { ...of, members, shared: true, mark: '' });
    }
  return groups;
}

/** Addresses and groups share their names, services and their groups too (vendor reference 1.5). */
const KINDS: readonly (readonly [TableId, readonly ('object' | 'group' | 'service' | 'rule')[]])[] = [
  ['firewall/address', ['object', 'group']],
  ['firewall/address6', ['object', 'group']],
  ['firewall/addrgrp', ['object', 'group']],
  ['firewall/addrgrp6', ['object', 'group']],
  [FEED, ['object', 'group']],
  [CUSTOM, ['service']],
  [SERVICE_GROUP, ['service']],
  [POLICY, ['rule']],
];

function takenNames(snapshot: Snapshot, scope: FortigateScope): ReadonlyMap<TakenName, string> {
  const taken = new Map<TakenName, string>();
  for (const [table, kinds] of KINDS)
    for (const row of snapshot.rows(table)) {
      if (isMarked(commentOf(table, row), scope.cluster)) continue;
      const name = textOf(row, 'name');
      if (name === '') continue;
      for (const kind of kinds) taken.set(`${kind} ${name}`, `${table} "${name}"`);
    }
  return taken;
}

/** Where entries of others name groups. */
const NAMING: readonly (readonly [TableId, readonly string[]])[] = [
  ['firewall/addrgrp', ['member']],
  ['firewall/addrgrp6', ['member']],
  [POLICY, ['srcaddr', 'dstaddr', 'srcaddr6', 'dstaddr6']],
  ['firewall/central-snat-map', ['orig-addr', 'orig-addr6', 'dst-addr', 'dst-addr6']],
];

function usedByOthers(
  snapshot: Snapshot,
  scope: FortigateScope,
  groups: Iterable<GroupKey>,
): ReadonlyMap<GroupKey, readonly string[]> {
  const users = new Map<GroupKey, string[]>();
  const known = new Set(groups);
  for (const [table, fields] of NAMING)
    for (const row of snapshot.rows(table)) {
      if (isMarked(commentOf(table, row), scope.cluster)) continue;
      for (const field of fields)
        for (const name of namesIn(row, field))
          for (const family of [4, 6, 'Both'] as const) {
            const key = groupKey({ family, store: family === 'Both' ? 'Volatile' : 'Configured', name });
            const isOfField = family === 'Both' || (family === 6) === (field.endsWith('6') || table.endsWith('6'));
            if (known.has(key) && isOfField) users.set(key, [...(users.get(key) ?? []), titleOf(table, row)]);
          }
    }
  return users;
}

/** Whatever entries of others name, whosever it is: the device would refuse to delete it. */
function namedByOthers(snapshot: Snapshot, scope: FortigateScope): ReadonlySet<TakenName> {
  const names = new Set<TakenName>();
  const gather = (kind: 'object' | 'service', table: TableId, fields: readonly string[]): void => {
    for (const row of snapshot.rows(table))
      if (!isMarked(commentOf(table, row), scope.cluster))
        for (const field of fields) for (const name of namesIn(row, field)) names.add(`${kind} ${name}`);
  };
  for (const [table, fields] of NAMING) gather('object', table, fields);
  gather('service', POLICY, ['service']);
  gather('service', SERVICE_GROUP, ['member']);
  return names;
}

function titleOf(table: TableId, row: Row): string {
  const name = textOf(row, 'name');
  const id = textOf(row, 'policyid');
  return [table, id, name === '' ? '' : `"${name}"`].filter((part) => part !== '').join(' ');
}

/** Where our block will begin among policies of others; `undefined`: there will be none, or nobody can tell. */
export function placeOf(rows: readonly Row[], { position, isPlaced }: FortigateScope): number | undefined {
  if (!isPlaced) return undefined;
  if (position === 'First') return 0;
  if (position === 'Last') return rows.length;
  const [name, below] = 'after' in position ? [position.after, 1] : [position.before, 0];
  const anchor = rows.findIndex((row) => textOf(row, 'name') === name);
  return anchor === -1 ? undefined : anchor + below;
}

/** Policies of others and where they stand, so that people see what ours overrule and what overrules ours. */
function foreignRules(snapshot: Snapshot, scope: FortigateScope): readonly ForeignRule[] {
  const rows = snapshot.rows(POLICY);
  const isOurs = (row: Row): boolean => isMarked(commentOf(POLICY, row), scope.cluster);
  const first = rows.findIndex(isOurs);
  const place = first === -1 ? placeOf(rows, scope) : first;
  return rows.flatMap((row, at): ForeignRule[] => {
    return isOurs(row) || textOf(row, 'status') === 'disable' ? [] : [foreignRule(row, at, place)];
  });
}

/** `at`: where it stands among all policies. `place`: where our block begins, or will. */
export function foreignRule(row: Row, at: number, place: number | undefined): ForeignRule {
  return {
    where: titleOf(POLICY, row),
    text: policyText(row),
    effect: place === undefined ? 'unknown' : at < place ? 'before ours' : 'after ours',
  };
}

function policyText(row: Row): string {
  const list = (...fields: readonly string[]): string => fields.flatMap((field) => namesIn(row, field)).join(' ');
  const unlessNegated = (field: string, ...more: readonly string[]): string =>
    `${textOf(row, `${field}-negate`) === 'enable' ? 'not ' : ''}${list(field, ...more)}`;
  const interfaces = `${list('srcintf')} > ${list('dstintf')}`;
  const [from, to] = [unlessNegated('srcaddr', 'srcaddr6'), unlessNegated('dstaddr', 'dstaddr6')];
  return `${textOf(row, 'action')} ${interfaces}: ${from} to ${to}, ${unlessNegated('service')}`;
}
