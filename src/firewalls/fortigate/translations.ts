import type { Family } from '../../border/ruleset.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';
import { PortSet } from '../../ip/port-set.ts';
import { serviceParts, serviceText } from '../flat/service-parts.ts';
import { type GroupKey, type Service, type TranslationRule, groupKey } from '../rulebase/model.ts';
import { isMarked } from '../rulebase/names.ts';
import { policyName, rowName, ruleOfPolicy } from './policy-order.ts';
import { FORMS, NO_PORT, type Row, sameValue, unguarded } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import type { Snapshot } from './snapshot.ts';
import {
  ADDRESSES,
  ANY_ADDRESS,
  GROUPS,
  type Interfaces,
  POOLS,
  TRANSLATION,
  commentOf,
  namesIn,
  textOf,
} from './words.ts';

/** A pool of one address, which every sender of a rule leaves from. */
export function poolRow(family: Family, name: string, address: string, comments: string): Row {
  return { name, startip: address, endip: address, comments, ...(family === 4 ? { type: 'overload' } : {}) };
}

/** The only address of a pool as we write them; `undefined`: it is another one. */
export function poolAddress(pool: Row | undefined): string | undefined {
  if (pool === undefined || !['', 'overload'].includes(textOf(pool, 'type'))) return undefined;
  // Pools for IPv6 have none of these fields.
  if (unguarded(POOLS[4], pool) !== undefined) return undefined;
  const address = textOf(pool, 'startip');
  return address !== '' && textOf(pool, 'endip') === address ? address : undefined;
}

/** What a translation names, once it is known. */
export interface TranslationNames {
  readonly sources: readonly string[];
  /** Empty: anywhere. */
  readonly destinations: readonly string[];
  readonly service: FlatService | undefined;
  /** Absent: they keep their addresses. */
  readonly pool: string | undefined;
}

/** One entry of central translation takes one protocol and one range of ports: a rule of ours takes as many as it has. */
export function translationRows(
  rule: TranslationRule,
  names: TranslationNames,
  interfaces: Interfaces,
): readonly Row[] {
  const isFour = rule.family === 4;
  const matches = names.service === undefined ? [{ protocol: '0', port: '' }] : matchesOf(names.service);
  const sources = names.sources.toSorted();
  const destinations = names.destinations.length === 0 ? [ANY_ADDRESS] : names.destinations.toSorted();
  const pools = names.pool === undefined ? [] : [names.pool];
  return matches.map(({ protocol, port }, at) => ({
    status: 'enable',
    type: isFour ? 'ipv4' : 'ipv6',
    srcintf: interfaces.from.toSorted(),
    dstintf: interfaces.to.toSorted(),
    'orig-addr': isFour ? sources : [],
    'dst-addr': isFour ? destinations : [],
    'orig-addr6': isFour ? [] : sources,
    'dst-addr6': isFour ? [] : destinations,
    protocol,
    ...(port === '' ? {} : { 'dst-port': port }),
    nat: names.pool === undefined ? 'disable' : 'enable',
    'nat-ippool': isFour ? pools : [],
    'nat-ippool6': isFour ? [] : pools,
    // The service stands there by its name: the table has protocols and ports alone.
    comments: [rule.mark, policyName(rule.name, at), matches.length, rule.service ?? ANY, rule.comment].join(' '),
  }));
}

interface Match {
  readonly protocol: string;
  readonly port: string;
}

function matchesOf(service: FlatService): readonly Match[] {
  return serviceParts(service).flatMap(({ protocol, ports }) =>
    (ports === undefined || ports.isAll ? [undefined] : ports.ranges()).map((range) => ({
      protocol: String(protocol),
      port: range === undefined ? '' : range[0] === range[1] ? String(range[0]) : `${range[0]}-${range[1]}`,
    })),
  );
}

/** Rules of ours in the table of central translation, in their order. */
export function readTranslations(
  snapshot: Snapshot,
  scope: FortigateScope,
  services: ReadonlyMap<string, Service>,
): readonly TranslationRule[] {
  const found = new Map<string, { readonly rows: Row[]; areNeighbours: boolean }>();
  let above: string | undefined;
  for (const row of snapshot.rows(TRANSLATION)) {
    const isOurs = isMarked(commentOf(TRANSLATION, row), scope.cluster);
    const name = isOurs ? ruleOfPolicy(rowName(TRANSLATION, row, scope)) : undefined;
    if (name !== undefined) {
      const known = found.get(name);
      if (known === undefined) found.set(name, { rows: [row], areNeighbours: true });
      else {
        known.rows.push(row);
        known.areNeighbours &&= above === name;
      }
    }
    above = name;
  }
  return [...found].flatMap(([name, { rows, areNeighbours }]) => {
    const [first] = rows;
    return first === undefined ? [] : [readRule(name, first, rows, areNeighbours, snapshot, scope, services)];
  });
}

function readRule(
  name: string,
  first: Row,
  rows: readonly Row[],
  areNeighbours: boolean,
  snapshot: Snapshot,
  scope: FortigateScope,
  services: ReadonlyMap<string, Service>,
): TranslationRule {
  const family: Family = textOf(first, 'type') === 'ipv6' ? 6 : 4;
  const comment = commentOf(TRANSLATION, first);
  const words = comment.split(' ');
  const place = words.indexOf(scope.afterMark(comment));
  const strange: string[] = [];
  const suffix = family === 4 ? '' : '6';
  const destination = namesIn(first, `dst-addr${suffix}`);
  const isGroup = (one: string): boolean => snapshot.row(GROUPS[family], one) !== undefined;
  const key = (one: string): GroupKey => groupKey({ family, store: 'Configured', name: one });
  const [pool] = namesIn(first, `nat-ippool${suffix}`);
  const address = pool === undefined ? undefined : poolAddress(snapshot.row(POOLS[family], pool));
  const isExempt = textOf(first, 'nat') === 'disable';
  if (!isExempt && address === undefined) strange.push('pool');
  const service = serviceOf(rows);
  const told = words[place + 2];
  const serviceName = told === undefined || told === ANY ? undefined : told;
  const known = serviceName === undefined ? undefined : services.get(serviceName)?.match;
  if (!sameService(service, known)) strange.push('service');
  if (!areNeighbours || words[place + 1] !== String(rows.length)) strange.push('entries of one rule');
  const isObject = (one: string): boolean => snapshot.row(ADDRESSES[family], one) !== undefined;
  if (!destination.every((one) => isGroup(one) || isObject(one))) strange.push('dst-addr');
  const isAnywhere = destination.length === 1 && destination[0] === ANY_ADDRESS;
  const rule: TranslationRule = {
    name,
    family,
    source: { groups: namesIn(first, `orig-addr${suffix}`).map(key) },
    destination: {
      objects: isAnywhere ? [] : destination.filter((one) => !isGroup(one)),
      groups: destination.filter(isGroup).map(key),
    },
    ...(serviceName === undefined ? {} : { service: serviceName }),
    to: isExempt ? { kind: 'Exempt' } : { kind: 'Address', address: address ?? '' },
    comment: words[place + 3] ?? '',
    mark: scope.markIn(comment),
  };
  const expected = translationRows(
    rule,
    {
      sources: namesIn(first, `orig-addr${suffix}`),
      destinations: isAnywhere ? [] : destination,
      service,
      pool: isExempt ? undefined : pool,
    },
    scope.interfaces,
  );
  for (const [at, wanted] of expected.entries()) if (!saysSame(rows[at], wanted)) strange.push(`entry ${at + 1}`);
  return strange.length === 0 ? rule : { ...rule, strange: [...new Set(strange)].join(', ') };
}

/** Nothing is sent to port 0. */
const EVERY_PORT = '1-65535';

/** Stands for every service. */
const ANY = '-';

/** All ports of a protocol are told as none. */
function sameService(a: FlatService | undefined, b: FlatService | undefined): boolean {
  const text = (service: FlatService | undefined): string => {
    const isEvery = service?.ports?.isAll === true || service?.ports?.toString() === EVERY_PORT;
    if (service === undefined || !isEvery) return service === undefined ? '' : serviceText(service);
    const { ports: _all, ...rest } = service;
    return serviceText(rest);
  };
  return text(a) === text(b);
}

/** Everything but the comment, and nothing else that would change the meaning. */
function saysSame(row: Row | undefined, wanted: Row): boolean {
  if (row === undefined) return false;
  const all = { ...FORMS[TRANSLATION].guarded, ...wanted };
  return Object.entries(all).every(([field, value]) => {
    const told = row[field];
    if (field === 'comments' || told === undefined) return true;
    return sameValue(told, value) || (isEveryPort(field, told) && isEveryPort(field, value));
  });
}

/** Whether no port is told as that or as all of them is not proven. */
function isEveryPort(field: string, value: Row[string]): boolean {
  return field.endsWith('-port') && (value === NO_PORT || value === EVERY_PORT);
}

function serviceOf(rows: readonly Row[]): FlatService | undefined {
  const protocols = [...new Set(rows.map((row) => Number(textOf(row, 'protocol'))))].toSorted((a, b) => a - b);
  if (protocols.length === 1 && protocols[0] === 0) return undefined;
  const ranges = rows.flatMap((row): readonly (readonly [number, number])[] => {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(textOf(row, 'dst-port')) ?? [];
    return from === undefined || textOf(row, 'dst-port') === NO_PORT ? [] : [[Number(from), Number(to ?? from)]];
  });
  return { protocols, ...(ranges.length === 0 ? {} : { ports: PortSet.of(...ranges) }) };
}
