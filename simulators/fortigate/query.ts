import { createHash } from 'node:crypto';
import type { Field } from './field.ts';
import { parameter, parameters, Refusal, type Request } from './request.ts';
import { isRows, type Row, rowText, type Value, wordOf } from './row.ts';

type Operator = '==' | '!=' | '=@' | '!@' | '<' | '<=' | '>' | '>=';

interface Test {
  readonly field: string;
  readonly operator: Operator;
  readonly value: string;
}

/** Parameters that any request may have; others are refused. */
const EVERYWHERE = ['vdom', 'global', 'scope', 'access_token'];
const READING = [
  'start',
  'count',
  'format',
  'filter',
  'key',
  'pattern',
  'sort',
  'with_meta',
  'with_contents_hash',
  'datasource',
  'skip',
  'exclude-default-values',
  'action',
  'skip_to',
  'unfiltered_count',
  'search',
  'primary_keys',
  'attr',
  'transaction-id',
  'transaction_id',
];
const WRITING: Readonly<Record<string, readonly string[]>> = {
  POST: ['action', 'nkey'],
  PUT: ['action', 'before', 'after'],
  DELETE: [],
};

export function refuseUnknownParameters(request: Request): void {
  const known = new Set([...EVERYWHERE, ...(request.method === 'GET' ? READING : (WRITING[request.method] ?? []))]);
  for (const [name] of request.query)
    if (!known.has(name)) throw new Refusal(400, `there is no parameter ${name}`, -10_002);
}

/** Alternatives that must each hold at least one test; throws `Refusal` on what it cannot read. */
function readFilters(request: Request): readonly (readonly Test[])[] {
  const filters = parameters(request, 'filter').map((text) => {
    const alternatives: Test[] = [];
    for (const one of text.split(',')) {
      const [, field, operator, value] = /^([A-Za-z0-9_.-]+?)(==|!=|=@|!@|<=|>=|<|>)(.*)$/s.exec(one) ?? [];
      const last = alternatives.at(-1);
      if (field !== undefined) alternatives.push({ field, operator: operator as Operator, value: value ?? '' });
      else if (last !== undefined) alternatives.push({ ...last, value: one });
      else throw new Refusal(400, `the filter "${text}" cannot be read`, -10_002);
    }
    return alternatives;
  });
  const [field, pattern] = [parameter(request, 'key'), parameter(request, 'pattern')];
  if ((field === undefined) !== (pattern === undefined)) throw new Refusal(400, 'key and pattern go together', -10_002);
  if (field !== undefined && pattern !== undefined) filters.push([{ field, operator: '==', value: pattern }]);
  return filters;
}

/** Every text that a field's value holds: of a child table, the keys of its rows. */
function textsOf(value: Value | undefined): readonly string[] {
  if (value === undefined) return [];
  if (isRows(value)) return value.map((row) => wordOf(Object.values(row)[0]));
  return typeof value === 'object' ? [] : [String(value)];
}

function holds(row: Row, { field, operator, value }: Test): boolean {
  const wanted = value.toLowerCase();
  const found = textsOf(row[field]).map((one) => one.toLowerCase());
  const compare = (one: string): number => {
    const numbers = [Number(one), Number(wanted)];
    return numbers.some(Number.isNaN)
      ? one < wanted
        ? -1
        : one > wanted
          ? 1
          : 0
      : (numbers[0] ?? 0) - (numbers[1] ?? 0);
  };
  switch (operator) {
    case '==':
      return found.includes(wanted);
    case '!=':
      return !found.includes(wanted);
    case '=@':
      return found.some((one) => one.includes(wanted));
    case '!@':
      return !found.some((one) => one.includes(wanted));
    case '<':
      return found.some((one) => compare(one) < 0);
    case '<=':
      return found.some((one) => compare(one) <= 0);
    case '>':
      return found.some((one) => compare(one) > 0);
    case '>=':
      return found.some((one) => compare(one) >= 0);
    default:
      throw new Error('an operator of no kind');
  }
}

export interface Page {
  readonly rows: readonly Row[];
  readonly matched: number;
  readonly next: number;
  readonly limited: boolean;
}

/** The rows that a list request asks for. */
export function page(rows: readonly Row[], request: Request, most: number): Page {
  const filters = readFilters(request);
  const search = parameter(request, 'search')?.toLowerCase();
  let matching = rows.filter((row) => filters.every((alternatives) => alternatives.some((test) => holds(row, test))));
  if (search !== undefined) matching = matching.filter((row) => rowText(row).toLowerCase().includes(search));
  const [by, direction = 'asc'] = (parameter(request, 'sort') ?? '').split(',');
  if (direction !== 'asc' && direction !== 'dsc') throw new Refusal(400, 'sort is FIELD,asc or FIELD,dsc', -10_002);
  if (by !== undefined && by !== '') {
    const sign = direction === 'asc' ? 1 : -1;
    matching = matching.toSorted((a, b) => sign * (textsOf(a[by])[0] ?? '').localeCompare(textsOf(b[by])[0] ?? ''));
  }
  const start = whole(request, 'start') ?? whole(request, 'skip_to') ?? 0;
  const count = Math.min(whole(request, 'count') ?? most, most);
  const shown = matching.slice(start, start + count);
  return {
    rows: shown,
    matched: matching.length,
    next: start + Math.max(shown.length - 1, 0),
    limited: start + shown.length < matching.length,
  };
}

function whole(request: Request, name: string): number | undefined {
  const text = parameter(request, name);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Refusal(400, `${name} is not a number`, -10_002);
  return Number(text);
}

export interface Showing {
  readonly key: string;
  readonly fields: readonly Field[];
  readonly defaults: Row;
  readonly uses: (row: Row) => number;
  /** The table that a name comes from: `firewall.address.name`. */
  readonly source: (field: Field, name: string) => string | undefined;
  readonly relevant: (row: Row, field: string) => boolean;
}

/** An entry as an answer has it. */
export function show(row: Row, request: Request, showing: Showing): Record<string, unknown> {
  const { key, fields } = showing;
  const asked = parameter(request, 'format');
  const wanted = asked === undefined ? undefined : new Set(asked.split('|'));
  const shown: Record<string, unknown> = {};
  for (const field of fields) {
    const value = row[field.name];
    if (value === undefined || (field.kind === 'text' && field.secret === true)) continue;
    if (isOn(request, 'skip') && !showing.relevant(row, field.name)) continue;
    if (isOn(request, 'exclude-default-values') && field.name !== key && same(value, showing.defaults[field.name]))
      continue;
    shown[field.name] = showValue(field, value, isOn(request, 'datasource') ? showing.source : undefined);
    if (field.name === key) shown['q_origin_key'] = value;
  }
  if (wanted !== undefined) for (const name of Object.keys(shown)) if (!wanted.has(name)) delete shown[name];
  if (isOn(request, 'with_meta')) shown['q_ref'] = showing.uses(row);
  if (isOn(request, 'with_contents_hash'))
    shown['q_contents_hash'] = createHash('md5').update(rowText(row)).digest('hex');
  return shown;
}

function showValue(field: Field, value: Value, source: Showing['source'] | undefined): unknown {
  if (!isRows(value)) return value;
  const key = field.kind === 'references' || field.kind === 'rows' ? field.key : '';
  return value.map((row) => {
    const of = source?.(field, wordOf(row[key]));
    return { ...row, q_origin_key: row[key], ...(of === undefined ? {} : { datasource: of }) };
  });
}

const same = (a: Value | undefined, b: Value | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);

const isOn = (request: Request, name: string): boolean => ['1', 'true'].includes(parameter(request, name) ?? '');
