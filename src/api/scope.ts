import { z } from 'zod';
import type { Code } from '../base/catalogue.ts';
import type { Diagnostic, Place } from '../base/diagnostic.ts';
import { mistakesOf } from './mistake.ts';
import type { Readable } from './resource.ts';
import { type RawMap, isMap, show } from './shape.ts';

/** A field inside an object: names of members and indexes of lists. */
export type FieldPath = readonly (string | number)[];

/** Where a field stands in the user's text, if that is known. */
export type Locate = (path: FieldPath) => Place | undefined;

/**
 * A field as people read it.
 * @example formatPath(['spec', 'egress', 0, 'nets']); // 'spec.egress[0].nets'
 */
export function formatPath(path: FieldPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${show(step)}]`;
  }
  return text;
}

/** What reading the members of a map gave. */
export interface Fields<S extends z.ZodRawShape> {
  /** A member that is absent or could not be read is `undefined`, unless the schema has a default for an absent one. */
  readonly values: { readonly [K in keyof S]?: z.output<S[K]> };
  /** Members that are there, or had to be, and could not be read. */
  readonly broken: ReadonlySet<string>;
  /** Every member could be read and, in a closed schema, no other one is there. */
  readonly sound: boolean;
}

const NOTHING: ReadonlySet<string> = new Set();

/** One API object while it is read: collects its mistakes. */
export interface Reading {
  /** `Kind/namespace/name`, as far as it is known. */
  readonly object: string | undefined;
  readonly place: Place;
  readonly locate: Locate | undefined;
  readonly diagnostics: Diagnostic[];
}

/** A place inside an object, with what happens to the object when something is wrong there. */
export class Scope {
  readonly path: FieldPath;
  readonly #reading: Reading;
  readonly #consequence: string;
  readonly #always: boolean;

  constructor(reading: Reading, path: FieldPath = [], consequence = '', always = false) {
    this.#reading = reading;
    this.path = path;
    this.#consequence = consequence;
    this.#always = always;
  }

  /** A place further inside. */
  at(...steps: FieldPath): Scope {
    return new Scope(this.#reading, [...this.path, ...steps], this.#consequence, this.#always);
  }

  /** The same place, where each mistake is followed by this sentence: what is done instead. */
  otherwise(consequence: string): Scope {
    return this.#always ? this : new Scope(this.#reading, this.path, consequence);
  }

  /** The same, for every mistake further inside, whatever the reader of that part would say. */
  always(consequence: string): Scope {
    return new Scope(this.#reading, this.path, consequence, true);
  }

  /** Notes a mistake here, or at `steps` further inside. */
  mistake(code: Code, message: string, ...steps: FieldPath): void {
    const sentence = /[.?]$/.test(message) ? message : `${message}.`;
    this.#note('error', code, this.#consequence === '' ? message : `${sentence} ${this.#consequence}`, steps);
  }

  /** Notes something that does no harm as it is. */
  warning(code: Code, message: string, ...steps: FieldPath): void {
    this.#note('warning', code, message, steps);
  }

  /** Reads a value; notes every mistake in it. */
  value<S extends z.ZodType>(schema: S, raw: unknown): Readable<z.output<S>> {
    const result = schema.safeParse(raw, { reportInput: true });
    if (result.success) return { ok: true, value: result.data };
    for (const { code, message, path } of mistakesOf(schema, result.error.issues)) this.mistake(code, message, ...path);
    return { ok: false };
  }

  /**
   * Reads the members of a map one by one, so that a mistake in one does not hide the others. Members named in `leave` count as known and
   * are not read. A closed schema (`z.strictObject`) refuses members that it does not name; an open one takes `null` as absent, as
   * Kubernetes does.
   */
  fields<S extends z.ZodRawShape>(
    schema: z.ZodObject<S>,
    raw: RawMap,
    leave: readonly (keyof S & string)[] = [],
  ): Fields<S> {
    const closed = schema.def.catchall instanceof z.ZodNever;
    if (!closed && leave.length === 0) {
      // Nearly every object is right; one parse of the whole costs a third of one for each member.
      const whole = schema.safeParse(raw);
      if (whole.success) return { values: whole.data as Fields<S>['values'], broken: NOTHING, sound: true };
    }
    const values: Record<string, unknown> = {};
    const broken = new Set<string>();
    let sound = true;
    for (const [name, member] of Object.entries(schema.shape)) {
      if (leave.includes(name)) continue;
      const written = Object.hasOwn(raw, name) ? raw[name] : undefined;
      const read = this.at(name).value(member as z.ZodType, !closed && written === null ? undefined : written);
      if (read.ok) {
        if (read.value !== undefined) values[name] = read.value;
      } else {
        broken.add(name);
        sound = false;
      }
    }
    if (closed) {
      const unknown = Object.keys(raw).filter((name) => !Object.hasOwn(schema.shape, name));
      for (const mistake of mistakesOf(schema, unknown.length === 0 ? [] : [unknownKeys(unknown)])) {
        this.mistake(mistake.code, mistake.message, ...mistake.path);
        sound = false;
      }
    }
    // Each value was made by the schema of its name.
    return { values: values as Fields<S>['values'], broken, sound };
  }

  /** The value as a map; notes a mistake if it is none. `needed`: its absence is one too. */
  map(raw: unknown, needed?: string): RawMap | undefined {
    if (isMap(raw)) return raw;
    if (raw !== undefined && raw !== null) this.mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a map`);
    else if (needed !== undefined) this.mistake('FIELD_MISSING', needed);
    return undefined;
  }

  #note(severity: Diagnostic['severity'], code: Code, message: string, steps: FieldPath): void {
    const { object, place, locate, diagnostics } = this.#reading;
    const path = [...this.path, ...steps];
    let at: Place = place;
    // A field that is missing has no place; the nearest one around it has.
    for (let length = path.length; length >= 0; length--) {
      const found = locate?.(path.slice(0, length));
      if (found === undefined) continue;
      at = { ...place, ...found };
      break;
    }
    diagnostics.push({
      severity,
      code,
      message,
      ...(object === undefined ? {} : { object }),
      path: formatPath(path),
      ...(Object.keys(at).length === 0 ? {} : { at }),
    });
  }
}

function unknownKeys(keys: string[]): z.core.$ZodIssueUnrecognizedKeys {
  return { code: 'unrecognized_keys', keys, path: [], message: '' };
}
