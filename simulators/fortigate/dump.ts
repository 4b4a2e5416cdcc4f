import { createHash } from 'node:crypto';
import { type Configuration, GLOBAL } from './configuration.ts';
import { compareUtf8 } from '../../src/base/compare.ts';
import type { Field } from './field.ts';
import { defaults } from './read-entry.ts';
import type { Release } from './release.ts';
import { isRows, type Row, rowText, textOf, type Value, wordOf } from './row.ts';
import { fieldsOf, tables } from './tables/index.ts';
import type { Table } from './table.ts';

/** What stands before the digest of a secret that was loaded from a dump. */
export const LOADED_SECRET = 'ENC:';

interface Dumped {
  readonly configuration: Configuration;
  /** What is left out, if it is still the same. */
  readonly factory: Configuration;
  readonly vdoms: readonly string[];
  readonly release: Release;
}

/**
 * A configuration as the command line writes it, without what the factory set and without `uuid`s: equal configurations give equal
 * texts. Tables with an order keep it, the others are sorted by key; of each entry what is not at its default.
 */
export function dump({ configuration, factory, vdoms, release }: Dumped): string {
  const isFactory = (vdom: string, table: Table, key: string, row: Row): boolean => {
    const made = factory.row(vdom, table.id, key);
    return made !== undefined && rowText(withoutUuid(made)) === rowText(withoutUuid(row));
  };
  const section = (vdom: string): readonly string[] =>
    tables.flatMap((table) => {
      const all = [...configuration.table(vdom, table.id)].filter(([key, row]) => !isFactory(vdom, table, key, row));
      const sorted =
        table.shape === 'ordered' || table.scope === 'either' ? all : all.toSorted(([a], [b]) => compareUtf8(a, b));
      const removed = [...factory.table(vdom, table.id).keys()].filter(
        (key) => configuration.row(vdom, table.id, key) === undefined,
      );
      if (sorted.length + removed.length === 0) return [];
      const fields = fieldsOf(table.fields, release);
      const initial = defaults(table.fields, release);
      const [[, first] = ['', {}]] = sorted;
      const lines =
        table.shape === 'single'
          ? settings(fields, first, initial, '', release)
          : [
              ...removed.toSorted(compareUtf8).map((key) => `delete ${quoted(key)}`),
              ...sorted.flatMap(([key, row]) => [
                `edit ${table.keyKind === 'number' ? key : quoted(key)}`,
                ...indented(settings(fields, row, initial, table.key, release)),
                'next',
              ]),
            ];
      return [`config ${table.path.replace('.', ' ')} ${table.name}`, ...indented(lines), 'end'];
    });
  const globals = section(GLOBAL);
  if (vdoms.length === 1) return text([...globals, ...section(vdoms[0] ?? 'root')]);
  return text([
    ...(globals.length === 0 ? [] : ['config global', ...globals, 'end']),
    ...vdoms.flatMap((vdom) => {
      const lines = section(vdom);
      return lines.length === 0 ? [] : ['config vdom', `edit ${vdom}`, ...lines, 'end'];
    }),
  ]);
}

const text = (lines: readonly string[]): string => (lines.length === 0 ? '' : `${lines.join('\n')}\n`);

const indented = (lines: readonly string[]): readonly string[] => lines.map((line) => `    ${line}`);

function withoutUuid(row: Row): Row {
  return 'uuid' in row ? { ...row, uuid: '' } : row;
}

function settings(fields: readonly Field[], row: Row, initial: Row, key: string, release: Release): readonly string[] {
  return fields.flatMap((field) => {
    const value = row[field.name];
    if (value === undefined || field.name === key || field.kind === 'uuid') return [];
    if (JSON.stringify(value) === JSON.stringify(initial[field.name])) return [];
    return setting(field, value, initial[field.name], release);
  });
}

function setting(field: Field, value: Value, initial: Value | undefined, release: Release): readonly string[] {
  if (field.kind === 'references' && isRows(value))
    return value.length === 0
      ? [`unset ${field.name}`]
      : [`set ${field.name} ${value.map((one) => quoted(textOf(one, field.key))).join(' ')}`];
  if (field.kind === 'rows' && isRows(value))
    return [
      `config ${field.name}`,
      ...indented(
        value.flatMap((one) => [
          `edit ${typeof one[field.key] === 'number' ? wordOf(one[field.key]) : quoted(wordOf(one[field.key]))}`,
          ...indented(settings(field.fields, one, defaults(field.fields, release), field.key, release)),
          'next',
        ]),
      ),
      'end',
    ];
  if (field.kind === 'part' && !isRows(value) && typeof value === 'object')
    return [
      `config ${field.name}`,
      ...indented(settings(field.fields, value, (initial ?? {}) as Row, '', release)),
      'end',
    ];
  if (field.kind === 'choice' || field.kind === 'number') return [`set ${field.name} ${wordOf(value)}`];
  if (field.kind === 'text' && field.secret === true)
    return [`set ${field.name} ENC ${quoted(concealed(wordOf(value)))}`];
  return [`set ${field.name} ${isBare(field, wordOf(value)) ? wordOf(value) : quoted(wordOf(value))}`];
}

/** Of a secret only a digest is told; one that was loaded keeps the digest that it has. */
function concealed(secret: string): string {
  const loaded = secret.startsWith(LOADED_SECRET) ? secret.slice(LOADED_SECRET.length) : undefined;
  return loaded ?? createHash('sha256').update(secret).digest('hex').slice(0, 32);
}

/** Addresses and ports stand without quotes. */
const isBare = (field: Field, value: string): boolean =>
  field.kind === 'text' && field.read !== undefined && /^[0-9a-fA-F.:/ -]+$/.test(value);

const quoted = (value: string): string => `"${value.replaceAll(/[\\"]/g, '\\$&')}"`;
