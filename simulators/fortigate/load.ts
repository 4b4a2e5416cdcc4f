import { type Configuration, GLOBAL } from './configuration.ts';
import { LOADED_SECRET } from './dump.ts';
import { edit, type Rules } from './edit.ts';
import { CmdbFault } from './fault.ts';
import type { Field } from './field.ts';
import { defaults } from './read-entry.ts';
import { fieldsOf, tables } from './tables/index.ts';
import type { Table } from './table.ts';

interface Loading {
  readonly factory: Configuration;
  readonly vdoms: readonly string[];
  readonly rules: Rules;
}

/** The parts of one line. */
interface Line {
  readonly words: readonly string[];
  readonly number: number;
}

/** One entry, or one table of settings, as it was written. */
interface Written {
  readonly line: Line;
  readonly vdom: string;
  readonly table: Table;
  readonly key: string;
  /** `undefined`: it is removed. */
  readonly body: Record<string, unknown> | undefined;
}

/** Reads what `dump` writes, over the factory's configuration; each entry meets the device's own checks. */
export function load(text: string, { factory, vdoms, rules }: Loading): Configuration {
  const lines = new Lines(text);
  const written: Written[] = [];
  const single = vdoms[0] ?? 'root';
  for (let line = lines.next(); line !== undefined; line = lines.next()) {
    const [word, second] = line.words;
    if (word === 'config' && second === 'global' && line.words.length === 2)
      written.push(...readSections(lines, GLOBAL, rules));
    else if (word === 'config' && second === 'vdom' && line.words.length === 2) {
      const [edits, vdom = ''] = lines.next()?.words ?? [];
      if (edits !== 'edit' || !vdoms.includes(vdom)) throw wrong(line, `there is no VDOM ${vdom}`);
      written.push(...readSections(lines, vdom, rules));
    } else written.push(...readTable(lines, line, single, rules));
  }
  return put(factory.fork(), written, rules);
}

function readSections(lines: Lines, vdom: string, rules: Rules): readonly Written[] {
  const written: Written[] = [];
  for (let line = lines.next(); line !== undefined && line.words[0] !== 'end'; line = lines.next())
    written.push(...readTable(lines, line, vdom, rules));
  return written;
}

function readTable(lines: Lines, line: Line, of: string, rules: Rules): readonly Written[] {
  const [word, ...names] = line.words;
  const table = tables.find((one) => names.join(' ') === `${one.path.replace('.', ' ')} ${one.name}`);
  if (word !== 'config' || table === undefined) throw wrong(line, 'this is no table');
  const vdom = table.scope === 'global' ? GLOBAL : of;
  const fields = fieldsOf(table.fields, rules.release);
  if (table.shape === 'single') return [{ line, vdom, table, key: '', body: readFields(lines, fields, 'end') }];
  const written: Written[] = [];
  for (let next = lines.next(); next !== undefined && next.words[0] !== 'end'; next = lines.next()) {
    const [does, key] = next.words;
    if (key === undefined || (does !== 'edit' && does !== 'delete')) throw wrong(next, 'this is no entry');
    const body = does === 'edit' ? readFields(lines, fields, 'next') : undefined;
    written.push({ line: next, vdom, table, key, body });
  }
  return written;
}

/**
 * Makes what was written. Entries that name others of their kind wait for those; rules keep their order; settings, which forbid some
 * entries, come last.
 */
function put(configuration: Configuration, written: readonly Written[], rules: Rules): Configuration {
  for (const shape of ['entries', 'ordered', 'single'] as const) {
    let left = written.filter(({ table }) => table.shape === shape);
    while (left.length > 0) {
      const waiting: Written[] = [];
      let why: Error | undefined;
      for (const one of left) {
        try {
          putOne(configuration, one, rules);
        } catch (thrown) {
          if (!(thrown instanceof CmdbFault) || shape === 'ordered') throw wrong(one.line, said(thrown));
          why ??= wrong(one.line, said(thrown));
          waiting.push(one);
        }
      }
      if (why !== undefined && waiting.length === left.length) throw why;
      left = waiting;
    }
  }
  return configuration;
}

const said = (thrown: unknown): string => (thrown instanceof Error ? thrown.message.trim() : String(thrown));

function putOne(configuration: Configuration, { vdom, table, key, body }: Written, rules: Rules): void {
  if (body === undefined) {
    edit(configuration, { kind: 'delete', vdom, table, key }, rules);
    return;
  }
  // What a dump leaves out stands at its default.
  const whole: Record<string, unknown> = { ...defaults(table.fields, rules.release), ...body };
  if (table.key !== '') whole[table.key] = table.keyKind === 'number' ? Number(key) : key;
  const isThere = table.shape === 'single' || configuration.row(vdom, table.id, key) !== undefined;
  const change = isThere ? ({ kind: 'update', key } as const) : ({ kind: 'create' } as const);
  edit(configuration, { ...change, vdom, table, body: whole }, rules);
}

function readFields(lines: Lines, fields: readonly Field[], until: 'next' | 'end'): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (let line = lines.next(); line !== undefined && line.words[0] !== until; line = lines.next()) {
    const [word, name = '', ...values] = line.words;
    const field = fields.find((one) => one.name === name);
    if (field === undefined) throw wrong(line, `there is no field ${name}`);
    if (word === 'unset') body[name] = [];
    else if (word === 'config' && field.kind === 'part') body[name] = readFields(lines, field.fields, 'end');
    else if (word === 'config' && field.kind === 'rows') body[name] = readRows(lines, field.fields, field.key);
    else if (word === 'set') body[name] = valueOf(field, values);
    else throw wrong(line, 'this is no setting');
  }
  return body;
}

function readRows(lines: Lines, fields: readonly Field[], key: string): readonly object[] {
  const rows: object[] = [];
  for (let line = lines.next(); line !== undefined && line.words[0] !== 'end'; line = lines.next()) {
    if (line.words[0] !== 'edit') throw wrong(line, 'this is no entry');
    rows.push({ [key]: line.words[1] ?? '', ...readFields(lines, fields, 'next') });
  }
  return rows;
}

function valueOf(field: Field, values: readonly string[]): unknown {
  if (field.kind === 'references') return values.map((value) => ({ [field.key]: value }));
  if (field.kind === 'number') return Number(values[0]);
  if (field.kind === 'text' && field.secret === true) return `${LOADED_SECRET}${values[1] ?? ''}`;
  return values.join(' ');
}

const wrong = ({ number, words }: Line, why: string): Error =>
  new Error(`line ${number}, "${words.join(' ')}": ${why}`);

/** Lines of words; a word in double quotes may hold blanks, and goes on to the next line if it is not closed. */
class Lines {
  readonly #text: string;
  #at = 0;
  #number = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(): Line | undefined {
    while (this.#at < this.#text.length) {
      const number = this.#number + 1;
      const words = this.#words();
      if (words.length > 0) return { words, number };
    }
    return undefined;
  }

  #words(): readonly string[] {
    const words: string[] = [];
    let word: string | undefined;
    let quoted = false;
    this.#number += 1;
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at] ?? '';
      this.#at += 1;
      if (quoted && character === '\\') {
        word = (word ?? '') + (this.#text[this.#at] ?? '');
        this.#at += 1;
      } else if (character === '"') {
        quoted = !quoted;
        word ??= '';
      } else if (!quoted && /\s/.test(character)) {
        if (word !== undefined) words.push(word);
        word = undefined;
        if (character === '\n') return words;
      } else {
        if (character === '\n') this.#number += 1;
        word = (word ?? '') + character;
      }
    }
    if (word !== undefined) words.push(word);
    return words;
  }
}
