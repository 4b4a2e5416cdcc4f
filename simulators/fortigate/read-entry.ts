import { CmdbFault, code, returnCode } from './fault.ts';
import type { Choice, Field } from './field.ts';
import { atLeast, type Release } from './release.ts';
import { type Row, type Value, wordOf } from './row.ts';
import type { Switches } from './switches.ts';
import { fieldsOf } from './tables/index.ts';

/** What the reader of a request's fields has to know. */
export interface Reading {
  readonly release: Release;
  readonly switches: Switches;
}

const REFUSED = /[<>()#'"]/;

/** The fields that a body names, as the device keeps them; throws `CmdbFault` at the first that it refuses. Names are not looked up yet. */
export function readFields(fields: readonly Field[], body: object, key: string, reading: Reading): Row {
  const known = new Map(fieldsOf(fields, reading.release).map((field) => [field.name, field]));
  const read: Record<string, Value> = {};
  for (const [name, written] of Object.entries(body) as [string, unknown][]) {
    // Answers carry it, and clients send back what they were given.
    if (name === 'q_origin_key') continue;
    const field = known.get(name);
    if (field === undefined) {
      if (reading.switches.unknownFields === 'ignored') continue;
      throw new CmdbFault(code.invalidValue, returnCode(code.invalidValue, `command parse error before '${name}'`));
    }
    const value = readValue(field, written, name === key, reading);
    if (value !== undefined) read[name] = value;
  }
  return read;
}

/** All fields of a release with their defaults. */
export function defaults(fields: readonly Field[], release: Release): Row {
  return Object.fromEntries(fieldsOf(fields, release).map((field) => [field.name, defaultOf(field, release)]));
}

/** What a new entry has where nobody says anything. */
export function newEntry(fields: readonly Field[], { release, switches }: Reading): Row {
  const row = defaults(fields, release);
  const isBound = 'associated-interface' in row && switches.associatedInterface !== '';
  return isBound ? { ...row, 'associated-interface': switches.associatedInterface } : row;
}

export function defaultOf(field: Field, release: Release): Value {
  switch (field.kind) {
    case 'text':
    case 'number':
      return field.default;
    case 'choice':
      return isOffered(
        field.values.find(({ value }) => value === field.default),
        release,
      )
        ? field.default
        : (field.values.find((one) => isOffered(one, release))?.value ?? field.default);
    case 'references':
    case 'rows':
      return [];
    case 'part':
      return defaults(field.fields, release);
    case 'reference':
    case 'uuid':
      return '';
    default:
      throw new Error('a field of no kind');
  }
}

export function isOffered(one: Choice | undefined, release: Release): boolean {
  if (one === undefined) return false;
  return (
    (one.since === undefined || atLeast(release, one.since)) &&
    (one.before === undefined || !atLeast(release, one.before))
  );
}

function readValue(field: Field, written: unknown, isKey: boolean, reading: Reading): Value | undefined {
  switch (field.kind) {
    case 'text':
      return readText(field, written, isKey);
    case 'choice': {
      const found = field.values.find(({ value }) => value === written);
      if (found !== undefined && isOffered(found, reading.release)) return found.value;
      throw refuse(code.invalidValue, `${field.name}: ${shown(written)} is not a choice`);
    }
    case 'number':
      return readNumber(field.name, written, field.min, field.max);
    case 'reference':
      return readName(field.name, written, field.max);
    case 'references':
      return readRows(
        field,
        [{ kind: 'text', name: field.key, max: 511, default: '', free: true }],
        field.key,
        written,
        reading,
      );
    case 'rows':
      return readRows(field, field.fields, field.key, written, reading);
    case 'part':
      if (typeof written !== 'object' || written === null || Array.isArray(written))
        throw refuse(code.inputNotExpected, `${field.name} is not an object`);
      return readFields(field.fields, written, '', reading);
    case 'uuid':
      // The device makes it; what a client sends back is its own.
      return undefined;
    default:
      throw new Error('a field of no kind');
  }
}

function readText(field: Extract<Field, { kind: 'text' }>, written: unknown, isKey: boolean): string {
  if (typeof written !== 'string') throw refuse(code.inputNotExpected, `${field.name} is not text`);
  if (Buffer.byteLength(written) > field.max)
    throw isKey
      ? refuse(code.valueLength, `${field.name} is longer than ${field.max}`)
      : refuse(code.fieldTooLong, `${field.name} is longer than ${field.max}`);
  if (field.free !== true && REFUSED.test(written))
    throw refuse(code.refusedCharacters, `${field.name}: the string contains XSS vulnerability characters`);
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(written) || (isKey && /[\n\t]/.test(written)))
    throw refuse(code.invalidFormat, `${field.name} has control characters`);
  if (isKey && written === '') throw refuse(code.emptyValue, `${field.name} is empty`);
  // To say nothing is a value of its own where that is what is there from the start; else it has to be one that the field takes.
  if (field.read === undefined || (written === '' && field.default === '')) return written;
  return field.read(written);
}

function readNumber(name: string, written: unknown, min: number, max: number): number {
  const value = typeof written === 'string' && /^\d{1,10}$/.test(written) ? Number(written) : written;
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw refuse(code.inputNotExpected, `${name} is not a number`);
  if (value < min || value > max) throw refuse(code.outOfRange, `${name} is not ${min} to ${max}`);
  return value;
}

function readName(name: string, written: unknown, max: number): string {
  if (typeof written !== 'string') throw refuse(code.inputNotExpected, `${name} is not a name`);
  if (Buffer.byteLength(written) > max) throw refuse(code.fieldTooLong, `${name} is longer than ${max}`);
  return written;
}

function readRows(
  field: Extract<Field, { kind: 'references' | 'rows' }>,
  fields: readonly Field[],
  key: string,
  written: unknown,
  reading: Reading,
): readonly Row[] {
  if (!Array.isArray(written)) throw refuse(code.inputNotExpected, `${field.name} is not a list`);
  const read = new Map<string, Row>();
  for (const one of written as unknown[]) {
    if (typeof one !== 'object' || one === null || Array.isArray(one))
      throw refuse(code.inputNotExpected, `${field.name}: ${shown(one)} is not an object`);
    const given = readFields(fields, one, key, reading);
    const row = field.kind === 'rows' ? { ...defaults(fields, reading.release), ...given } : given;
    const name = wordOf(row[key]);
    if (name === '') throw refuse(code.emptyValue, `${field.name}: ${key} is empty`);
    if (read.has(name)) throw refuse(code.duplicate, `${field.name}: ${name} is there twice`);
    read.set(name, row);
  }
  if (field.most !== undefined && read.size > field.most)
    throw refuse(code.tableFull, `${field.name}: maximum number of entries has been reached`);
  return [...read.values()];
}

const refuse = (error: number, text: string): CmdbFault => new CmdbFault(error, returnCode(error, text));

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, 80);
