import type { Family } from '../../border/ruleset.ts';
import { type GroupKey, type SecurityRule, type Service, groupKey } from '../rulebase/model.ts';
import { isMarked } from '../rulebase/names.ts';
import { complementedBy } from './complement.ts';
import { complementName } from './marks.ts';
import { ruleOfPolicy } from './policy-order.ts';
import { type Row, sameValue, unguarded, unguardedFields } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import { NEGATED, PART, serviceGroupsOf, serviceOfGroup } from './service-groups.ts';
import { readService } from './services.ts';
import type { Snapshot } from './snapshot.ts';
import { poolAddress } from './translations.ts';
import {
  ADDRESSES,
  ANY_SERVICE,
  CUSTOM,
  GROUPS,
  POLICY,
  POOLS,
  SERVICE_GROUP,
  commentOf,
  namesIn,
  textOf,
} from './words.ts';

/** A service of ours as it stands: its custom services, and whether rules negate it. */
export interface StandingService {
  readonly service: Service;
  readonly isNegated: boolean;
}

export function readServices(snapshot: Snapshot, scope: FortigateScope): ReadonlyMap<string, StandingService> {
  const services = new Map<string, StandingService>();
  const add = (name: string, comment: string, rows: readonly (Row | undefined)[]): void => {
    const isNegated = scope.afterMark(comment) === NEGATED;
    const whole = rows.filter((row) => row !== undefined && unguarded(CUSTOM, row) === undefined) as readonly Row[];
    const match = whole.length < rows.length ? undefined : readService({ rows: whole, isNegated });
    // One that somebody changed matches nothing that is wanted, and is made again under its name.
    services.set(name, {
      service: { name, match: match ?? { protocols: [] }, mark: scope.markIn(comment) },
      isNegated,
    });
  };
  for (const row of snapshot.rows(SERVICE_GROUP)) {
    const comment = commentOf(SERVICE_GROUP, row);
    if (!isMarked(comment, scope.cluster) || scope.afterMark(comment) === PART) continue;
    const name = textOf(row, 'name');
    const groups = serviceGroupsOf(name, (one) => snapshot.row(SERVICE_GROUP, one) !== undefined);
    const members = groups.flatMap((group) => namesIn(snapshot.row(SERVICE_GROUP, group) ?? {}, 'member'));
    add(
      name,
      comment,
      members.map((member) => snapshot.row(CUSTOM, member)),
    );
  }
  for (const row of snapshot.rows(CUSTOM)) {
    const comment = commentOf(CUSTOM, row);
    if (!isMarked(comment, scope.cluster) || scope.afterMark(comment) === PART) continue;
    add(textOf(row, 'name'), comment, [row]);
  }
  return services;
}

/** Rules of ours, in the order of their policies. */
export function readRules(
  snapshot: Snapshot,
  scope: FortigateScope,
  services: ReadonlyMap<string, StandingService>,
): readonly SecurityRule[] {
  const rules = new Map<string, SecurityRule>();
  let above: string | undefined;
  for (const row of snapshot.rows(POLICY)) {
    const isOurs = isMarked(commentOf(POLICY, row), scope.cluster) && textOf(row, 'name') !== '';
    const name = isOurs ? ruleOfPolicy(textOf(row, 'name')) : undefined;
    if (name !== undefined) {
      const rule = readPolicy(row, snapshot, scope, services);
      const known = rules.get(name);
      rules.set(name, known === undefined ? rule : joined(known, rule, above === name));
    }
    above = name;
  }
  return [...rules.values()];
}

/** A rule that takes several policies: they differ in services alone, and stand together. */
function joined(rule: SecurityRule, other: SecurityRule, areNeighbours: boolean): SecurityRule {
  const bare = ({ services: _services, strange: _strange, ...rest }: SecurityRule): string => JSON.stringify(rest);
  const strange = [
    ...(rule.strange === undefined ? [] : [rule.strange]),
    ...(other.strange === undefined ? [] : [other.strange]),
    ...(areNeighbours && bare(rule) === bare(other) ? [] : ['policies of one rule']),
  ];
  return {
    ...rule,
    services: [...rule.services, ...other.services],
    ...(strange.length === 0 ? {} : { strange: strange.join(', ') }),
  };
}

function readPolicy(
  row: Row,
  snapshot: Snapshot,
  scope: FortigateScope,
  services: ReadonlyMap<string, StandingService>,
): SecurityRule {
  const family: Family = namesIn(row, 'srcaddr6').length > 0 ? 6 : 4;
  const comment = commentOf(POLICY, row);
  const strange: string[] = [];
  const expect = (field: string, value: string | readonly string[]): void => {
    if (!sameValue(row[field] ?? (typeof value === 'string' ? '' : []), value)) strange.push(field);
  };
  expect('status', 'enable');
  expect('schedule', 'always');
  expect('srcintf', scope.interfaces.from.toSorted());
  expect('dstintf', scope.interfaces.to.toSorted());
  const translatedTo = readPool(row, family, snapshot);
  expect('ippool', textOf(row, 'nat'));
  if (translatedTo === undefined) expect('nat', 'disable');
  expect(family === 4 ? 'poolname6' : 'poolname', []);
  expect(family === 4 ? 'srcaddr6' : 'srcaddr', []);
  expect(family === 4 ? 'dstaddr6' : 'dstaddr', []);
  strange.push(...unguardedFields(POLICY, row));

  const written = namesIn(row, 'service');
  const named = [...new Set(written.map(serviceOfGroup))];
  const isThere = (group: string): boolean => snapshot.row(SERVICE_GROUP, group) !== undefined;
  const whole = named.flatMap((name) => [name, ...serviceGroupsOf(name, isThere).slice(1)]);
  if (!sameValue(whole.toSorted(), written)) strange.push('service');
  const isAny = named.length === 1 && named[0] === ANY_SERVICE;
  const standing = isAny ? [] : named.map((name) => services.get(name));
  if (standing.includes(undefined) || named.length === 0) strange.push('service');
  const negated = standing.filter((one) => one?.isNegated === true).length;
  if (negated > 0 && named.length > 1) strange.push('service');
  expect('service-negate', negated > 0 ? 'enable' : 'disable');

  const source = readSource(row, family, snapshot, scope);
  if (source === undefined) strange.push('srcaddr');
  const destination = namesIn(row, family === 4 ? 'dstaddr' : 'dstaddr6');
  const isGroup = (name: string): boolean => snapshot.row(GROUPS[family], name) !== undefined;
  const isObject = (name: string): boolean => snapshot.row(ADDRESSES[family], name) !== undefined;
  if (!destination.every((name) => isGroup(name) || isObject(name))) strange.push('dstaddr');

  const allows = textOf(row, 'action') === 'accept';
  if (!allows && textOf(row, 'action') !== 'deny') strange.push('action');
  const inspects = textOf(row, 'utm-status') === 'enable';
  if (inspects && textOf(row, 'profile-type') !== 'group') strange.push('profile-type');
  return {
    name: ruleOfPolicy(textOf(row, 'name')),
    family,
    source: source ?? { groups: [], negate: false },
    destination: {
      objects: destination.filter((name) => !isGroup(name)),
      groups: destination.filter(isGroup).map((name) => groupKey({ family, store: 'Configured', name })),
    },
    services: isAny ? [] : named,
    action: allows ? 'Allow' : 'Deny',
    log: textOf(row, 'logtraffic') === 'all',
    ...(inspects ? { profile: textOf(row, 'profile-group') } : {}),
    ...(translatedTo === undefined ? {} : { translatedTo }),
    comment: scope.afterMark(comment),
    mark: scope.markIn(comment),
    ...(strange.length === 0 ? {} : { strange: strange.join(', ') }),
  };
}

/** The only address that a policy translates to; `undefined`: it does not, or to something else. */
function readPool(row: Row, family: Family, snapshot: Snapshot): string | undefined {
  const [name, ...others] = namesIn(row, family === 4 ? 'poolname' : 'poolname6');
  if (name === undefined || others.length > 0 || textOf(row, 'nat') !== 'enable') return undefined;
  return poolAddress(snapshot.row(POOLS[family], name));
}

/**
 * Whether `srcaddr-negate` is for IPv6 too is not proven: there a rule names a group of all that is in none of its sources. `undefined`:
 * such a group is not what it should be.
 */
function readSource(
  row: Row,
  family: Family,
  snapshot: Snapshot,
  scope: FortigateScope,
): SecurityRule['source'] | undefined {
  const names = namesIn(row, family === 4 ? 'srcaddr' : 'srcaddr6');
  const isNegated = textOf(row, 'srcaddr-negate') === 'enable';
  const key = (name: string): GroupKey => {
    const isConfigured = snapshot.row(GROUPS[family], name) !== undefined;
    return groupKey({ family, store: isConfigured ? 'Configured' : 'Volatile', name });
  };
  if (family === 4) return { groups: names.map(key), negate: isNegated };
  if (isNegated) return undefined;
  const [only] = names;
  if (names.length !== 1 || only !== complementName(ruleOfPolicy(textOf(row, 'name'))))
    return { groups: names.map(key), negate: false };
  const sources = complementedBy(snapshot, only, scope);
  return sources && { groups: sources.map(key), negate: true };
}
