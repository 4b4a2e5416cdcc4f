import { createHash } from 'node:crypto';
import { type Configuration, GLOBAL } from './configuration.ts';
import { CmdbFault, code, returnCode } from './fault.ts';
import type { Field, Target } from './field.ts';
import type { Model } from './models.ts';
import { countedWith, limitOf, vdomLimitOf } from './models.ts';
import { atLeast } from './release.ts';
import { newEntry, type Reading, readFields } from './read-entry.ts';
import { type Row, isRows, rowText, textOf, wordOf } from './row.ts';
import { fieldsOf, knownTable, referrers } from './tables/index.ts';
import { refuseGlobalName } from './tables/system.ts';
import type { CheckView, Table } from './table.ts';

/** A change of one entry. `vdom` is `GLOBAL` for global tables. */
export type Change = { readonly vdom: string; readonly table: Table } & (
  | {
      readonly kind: 'create';
      readonly body: object /** Kept from the first time, so that a transaction gives it again. */;
      readonly id?: number;
    }
  | { readonly kind: 'update'; readonly key: string; readonly body: object }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'clone'; readonly key: string; readonly to: string }
  | { readonly kind: 'move'; readonly key: string; readonly side: 'before' | 'after'; readonly target: string }
);

/** What the checks need besides the configuration. */
export interface Rules extends Reading {
  readonly model: Model;
  /** Numbers that open transactions have given away. */
  readonly taken: ReadonlySet<string>;
  /** Different each time. */
  readonly nextUuid: () => string;
}

/** Makes a change, or throws `CmdbFault` and leaves everything as it was. Gives the entry's key. */
export function edit(configuration: Configuration, change: Change, rules: Rules): string {
  switch (change.kind) {
    case 'create':
      return create(configuration, change, change.body, change.id, rules);
    case 'clone': {
      const source = existing(configuration, change, change.key);
      const { uuid: _uuid, ...body } = source;
      return create(configuration, change, { ...body, [change.table.key]: change.to }, undefined, rules);
    }
    case 'update':
      return update(configuration, change, change.key, change.body, rules);
    case 'delete':
      return remove(configuration, change, change.key);
    case 'move':
      return move(configuration, change, change, rules);
    default:
      throw new Error('a change of no kind');
  }
}

interface Place {
  readonly vdom: string;
  readonly table: Table;
}

function create(
  configuration: Configuration,
  place: Place,
  body: object,
  id: number | undefined,
  rules: Rules,
): string {
  const { vdom, table } = place;
  if (table.shape === 'single') throw new CmdbFault(code.badAction, 'this table has one entry\n', 405);
  const given = readFields(table.fields, body, table.key, rules);
  const entries = configuration.table(vdom, table.id);
  let key: string;
  if (table.keyKind === 'number') {
    const asked = given[table.key];
    key = asked === undefined || asked === 0 ? String(id ?? nextNumber(entries, rules)) : wordOf(asked);
  } else {
    key = textOf(given, table.key);
    if (key === '') throw new CmdbFault(code.emptyValue, returnCode(code.emptyValue, `${table.key} is missing`), 424);
  }
  const here = entries.get(key);
  if (here !== undefined) {
    if (rules.switches.identicalPost && rowText({ ...here, ...given }) === rowText(here)) return key;
    throw new CmdbFault(code.duplicate, 'object already exists\n');
  }
  const withKey = { ...given, [table.key]: table.keyKind === 'number' ? Number(key) : key };
  const hasUuid = fieldsOf(table.fields, rules.release).some(({ kind }) => kind === 'uuid');
  const whole = {
    ...newEntry(table.fields, rules),
    ...withKey,
    ...(hasUuid ? { uuid: rules.nextUuid() } : {}),
  };
  const row = table.settle?.(whole, given) ?? whole;
  if (table.scope === 'either') refuseGlobalName(key, vdom === GLOBAL);
  refuseSharedName(configuration, place, key, rules);
  refuseOverflow(configuration, place, rules);
  checkNames(configuration, vdom, table.fields, row, rules);
  table.check?.(row, viewOf(configuration, vdom, rules), withKey);
  configuration.set(vdom, table.id, key, row);
  return key;
}

function update(configuration: Configuration, place: Place, key: string, body: object, rules: Rules): string {
  const { vdom, table } = place;
  const before = existing(configuration, place, key);
  const given = readFields(table.fields, body, table.key, rules);
  const name = table.key in given ? wordOf(given[table.key]) : undefined;
  if (table.shape !== 'single' && name !== undefined && name !== key) {
    if (!rules.switches.putRenames || table.keyKind === 'number')
      throw new CmdbFault(code.invalidValue, returnCode(code.invalidValue, `${table.key} cannot be changed`));
    rename(configuration, place, key, name, rules);
    return update(configuration, place, name, body, rules);
  }
  const whole = { ...before, ...mergeParts(before, given) };
  const row = table.settle?.(whole, given) ?? whole;
  if (rowText(row) === rowText(before)) return key;
  checkNames(configuration, vdom, table.fields, row, rules);
  table.check?.(row, viewOf(configuration, vdom, rules), undefined);
  configuration.set(vdom, table.id, key, row);
  return key;
}

/** Child tables are replaced as a whole, parts field by field. */
function mergeParts(before: Row, given: Row): Row {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const old = before[name];
      const isPart = typeof value === 'object' && !isRows(value) && typeof old === 'object' && !isRows(old);
      return [name, isPart ? { ...old, ...value } : value];
    }),
  );
}

function remove(configuration: Configuration, place: Place, key: string): string {
  const { vdom, table } = place;
  existing(configuration, place, key);
  refuseFixed(table, key);
  const uses = usesOf(configuration, vdom, table.id, key);
  if (uses.length > 0) {
    const isPool = table.name.startsWith('ippool') && uses.some((use) => use.table.id === 'firewall/policy');
    const error = isPool ? code.poolInUse : code.inUse;
    throw new CmdbFault(error, returnCode(error, `The entry is used by other ${uses.length} entries`));
  }
  configuration.delete(vdom, table.id, key);
  return key;
}

function refuseFixed(table: Table, key: string): void {
  if (table.shape !== 'single' && !table.fixed.has(key)) return;
  const said = returnCode(code.conflictsWithSettings, `${key} is part of the system`);
  throw new CmdbFault(code.conflictsWithSettings, said);
}

function move(
  configuration: Configuration,
  place: Place,
  { key, side, target }: { readonly key: string; readonly side: 'before' | 'after'; readonly target: string },
  rules: Rules,
): string {
  const { vdom, table } = place;
  if (table.shape !== 'ordered' && table.scope !== 'either')
    throw new CmdbFault(code.badAction, 'entries of this table have no order\n', 405);
  const row = existing(configuration, place, key);
  const other = configuration.row(vdom, table.id, target);
  if (other === undefined)
    throw new CmdbFault(code.notFound, returnCode(code.notFound, `entry ${target} is not there to move to`));
  if (!rules.switches.moveAcrossInterfaces && interfacesOf(row) !== interfacesOf(other))
    throw new CmdbFault(
      code.moveAcrossInterfaces,
      returnCode(code.moveAcrossInterfaces, 'cannot move across interface pairs'),
    );
  if (key === target) return key;
  const keys = [...configuration.table(vdom, table.id).keys()].filter((one) => one !== key);
  keys.splice(keys.indexOf(target) + (side === 'before' ? 0 : 1), 0, key);
  configuration.order(vdom, table.id, keys);
  return key;
}

const interfacesOf = (row: Row): string => JSON.stringify([row['srcintf'], row['dstintf']]);

/** An administrator's `rename`: whatever names the entry follows it. */
export function rename(configuration: Configuration, place: Place, key: string, to: string, rules: Rules): void {
  const { vdom, table } = place;
  const row = existing(configuration, place, key);
  refuseFixed(table, key);
  const given = readFields(table.fields, { [table.key]: to }, table.key, rules);
  if (configuration.row(vdom, table.id, to) !== undefined)
    throw new CmdbFault(code.duplicate, 'object already exists\n');
  refuseSharedName(configuration, place, to, rules);
  const keys = [...configuration.table(vdom, table.id).keys()];
  configuration.set(vdom, table.id, to, { ...row, ...given });
  for (const use of usesOf(configuration, vdom, table.id, key)) {
    // An entry may name it in several fields: each is written over what the one before left.
    const named = configuration.row(use.vdom, use.table.id, use.key) ?? use.row;
    const value = named[use.field.name];
    const renamed = isRows(value)
      ? value.map((one) => Object.fromEntries(Object.entries(one).map(([n, v]) => [n, v === key ? to : v])))
      : to;
    configuration.set(use.vdom, use.table.id, use.key, { ...named, [use.field.name]: renamed });
  }
  configuration.delete(vdom, table.id, key);
  configuration.order(
    vdom,
    table.id,
    keys.map((one) => (one === key ? to : one)),
  );
}

function existing(configuration: Configuration, { vdom, table }: Place, key: string): Row {
  const row = configuration.row(vdom, table.id, key);
  if (row === undefined)
    throw new CmdbFault(code.notFound, returnCode(code.notFound, 'entry not found in datasource'), 404);
  return row;
}

function nextNumber(entries: ReadonlyMap<string, Row>, { taken }: Rules): number {
  for (let id = 1; ; id++) if (!entries.has(String(id)) && !taken.has(String(id))) return id;
}

function refuseSharedName(configuration: Configuration, { vdom, table }: Place, key: string, rules: Rules): void {
  for (const other of table.apart) {
    const six = table.name.endsWith('6') || other.table.endsWith('6');
    if (six && !rules.switches.sharedNames6) continue;
    const there = [...(knownTable(other.table).scope === 'either' ? [GLOBAL] : []), vdom];
    if (there.some((one) => configuration.row(one, other.table, key) !== undefined))
      throw new CmdbFault(other.code, returnCode(other.code, `${key} is the name of an entry of ${other.table}`));
  }
}

function refuseOverflow(configuration: Configuration, { vdom, table }: Place, rules: Rules): void {
  const ids = countedWith(table.id);
  const count = (of: string): number => ids.reduce((sum, id) => sum + configuration.table(of, id).size, 0);
  const own = vdomLimitOf(configuration, vdom, table.id);
  if (own !== undefined && count(vdom) >= own)
    throw new CmdbFault(code.vdomLimit, returnCode(code.vdomLimit, 'The limit of the VDOM property has been reached.'));
  const most = limitOf(rules.model, table.id);
  if (most === undefined) return;
  const vdoms = table.scope === 'global' ? [GLOBAL] : [GLOBAL, ...configuration.table(GLOBAL, 'system/vdom').keys()];
  if (vdoms.reduce((sum, one) => sum + count(one), 0) >= most)
    throw new CmdbFault(code.tableFull, returnCode(code.tableFull, 'Maximum number of entries has been reached.'));
}

/** Refuses names of entries that are not there (reference 1.5: -3 with HTTP 500). */
function checkNames(
  configuration: Configuration,
  vdom: string,
  fields: readonly Field[],
  row: Row,
  rules: Rules,
): void {
  for (const field of fieldsOf(fields, rules.release)) {
    const value = row[field.name];
    if (field.kind === 'reference') {
      if (typeof value === 'string' && value !== '') checkName(configuration, vdom, field, value, rules);
    } else if (field.kind === 'references' && isRows(value))
      for (const one of value) checkName(configuration, vdom, field, textOf(one, field.key), rules);
    else if (field.kind === 'rows' && isRows(value))
      for (const one of value) checkNames(configuration, vdom, field.fields, one, rules);
  }
}

function checkName(
  configuration: Configuration,
  vdom: string,
  field: Extract<Field, { kind: 'reference' | 'references' }>,
  name: string,
  rules: Rules,
): void {
  if (field.also.includes(name)) return;
  if (field.to.some((target) => found(configuration, vdom, target, name, rules) !== undefined)) return;
  throw new CmdbFault(
    code.notFound,
    returnCode(code.notFound, `entry not found in datasource\n\nvalue parse error before '${name}'`),
  );
}

function found(
  configuration: Configuration,
  vdom: string,
  target: Target,
  name: string,
  { release }: Reading,
): Row | undefined {
  if (target.since !== undefined && !atLeast(release, target.since)) return undefined;
  const { scope } = knownTable(target.table);
  const row =
    (scope === 'global' ? undefined : configuration.row(vdom, target.table, name)) ??
    (scope === 'vdom' ? undefined : configuration.row(GLOBAL, target.table, name));
  if (row === undefined || target.only?.(row) === false) return undefined;
  return target.table === 'system/interface' && vdom !== GLOBAL && textOf(row, 'vdom') !== vdom ? undefined : row;
}

/** One place where an entry is named. */
export interface Use {
  readonly vdom: string;
  readonly table: Table;
  readonly key: string;
  readonly row: Row;
  readonly field: Field;
}

/** Every place where an entry is named, in the VDOMs that see it. */
export function usesOf(configuration: Configuration, vdom: string, id: string, key: string): readonly Use[] {
  const vdoms = vdom === GLOBAL ? [GLOBAL, ...configuration.table(GLOBAL, 'system/vdom').keys()] : [vdom];
  return referrers(id).flatMap(({ table, field }) =>
    vdoms
      .filter((one) => (one === GLOBAL) === (table.scope === 'global') || table.scope === 'either')
      .flatMap((one) =>
        [...configuration.table(one, table.id)]
          .filter(([, row]) => names(row, field, key))
          .map(([at, row]) => ({ vdom: one, table, key: at, row, field })),
      ),
  );
}

function names(row: Row, field: Field, key: string): boolean {
  const value = row[field.name];
  if (field.kind === 'references' && isRows(value)) return value.some((one) => one[field.key] === key);
  return value === key;
}

export function viewOf(configuration: Configuration, vdom: string, { release, switches }: Reading): CheckView {
  return {
    release,
    switches,
    entries: (table) => configuration.table(knownTable(table).scope === 'global' ? GLOBAL : vdom, table),
    setting: (field) => textOf(configuration.row(vdom, 'system/settings', '') ?? {}, field),
  };
}

/** Texts that look like the device's, one after the other. */
export function uuidMaker(seed: string): () => string {
  let made = 0;
  return () => {
    made += 1;
    const hex = createHash('md5').update(`${seed} ${made}`).digest('hex');
    return [hex.slice(0, 8), hex.slice(8, 12), `51${hex.slice(14, 16)}`, hex.slice(16, 20), hex.slice(20)].join('-');
  };
}
