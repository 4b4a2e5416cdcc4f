import { z } from 'zod';
import type { Code } from '../../base/catalogue.ts';
import { closest } from '../../base/closest.ts';

/** Takes a mistake: its code, where, and the correction. */
export type Complain = (code: Code, path: readonly (string | number)[], message: string) => void;

/** What the schema's words for kinds of values mean to people who write YAML. */
const KINDS: Readonly<Record<string, string>> = {
  object: 'a mapping (`key: value` lines)',
  record: 'a mapping (`name: …` lines)',
  string: 'a text',
  array: 'a list (`- …` lines)',
  boolean: 'true or false',
  int: 'a whole number',
};

/** A schema issue as people say it. */
export function explainIssue(schema: z.ZodType, issue: z.core.$ZodIssue, complain: Complain): void {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) {
        const known = knownKeys(schema, path);
        const near = closest(key, known);
        const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`;
        complain('CONFIG_UNKNOWN_KEY', [...path, key], `"${key}" is not a key that this version knows; ${hint}`);
      }
      break;
    case 'invalid_union':
      complain(
        'CONFIG_VALUE',
        path,
        `${issue.input === undefined ? 'is missing; it ' : ''}takes a text, {file: PATH} or {env: NAME}`,
      );
      break;
    case 'invalid_type':
      complain(
        'CONFIG_VALUE',
        path,
        `${issue.input === undefined ? 'is missing; it ' : ''}takes ${KINDS[issue.expected] ?? issue.expected}`,
      );
      break;
    default:
      complain('CONFIG_VALUE', path, issue.message);
  }
}

/** A copy of what was read without the keys that issues call unknown; the same object where there are none. */
export function withoutUnknownKeys(raw: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const unknown = issues.filter((issue) => issue.code === 'unrecognized_keys');
  if (unknown.length === 0) return raw;
  const copy = structuredClone(raw);
  for (const { path, keys } of unknown) {
    let place: unknown = copy;
    for (const step of path) place = (place as Record<PropertyKey, unknown>)[step];
    for (const key of keys) Reflect.deleteProperty(place as object, key);
  }
  return copy;
}

/** The keys that a place of the file knows, for corrections. */
function knownKeys(schema: z.ZodType, path: readonly (string | number)[]): readonly string[] {
  let place: z.core.$ZodType | undefined = schema;
  for (const step of path) {
    place = bare(place);
    if (place instanceof z.ZodObject) place = (place.shape as Record<string, z.core.$ZodType>)[step];
    else if (place instanceof z.ZodArray) place = place.element;
    else if (place instanceof z.ZodRecord) place = place.valueType;
    else place = undefined;
  }
  place = bare(place);
  const objects = place instanceof z.ZodUnion ? place.options : [place];
  return objects.flatMap((one) => (one instanceof z.ZodObject ? Object.keys(one.shape) : []));
}

/** A schema without what says that it may be absent. */
function bare(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let here = schema;
  while (here instanceof z.ZodOptional || here instanceof z.ZodNullable) here = here.unwrap();
  return here;
}
