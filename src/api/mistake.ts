import { z } from 'zod';
import { type Code, catalogue } from '../base/catalogue.ts';
import { show } from './shape.ts';
import { closest } from '../base/closest.ts';

/** A mistake that a schema found, in our words. */
export interface Mistake {
  readonly code: Code;
  readonly message: string;
  readonly path: readonly (string | number)[];
}

/** The most mistakes of one value that are reported; in a list of thousands the rest says no more than these. */
const LIMIT = 100;

/** For use inside a schema's transform: the mistake's own code instead of FIELD_INVALID. */
export function refuse(context: z.RefinementCtx, code: Code, message: string): never {
  context.addIssue({ code: 'custom', message, params: { code } });
  // The value goes no further, because the issue was added.
  return z.NEVER;
}

/** Zod's findings as mistakes, each with its correction. */
export function mistakesOf(schema: z.core.$ZodType, issues: readonly z.core.$ZodIssue[]): readonly Mistake[] {
  const mistakes = issues.slice(0, LIMIT).flatMap((issue) => mistakesOfIssue(schema, issue));
  const more = issues.length - LIMIT;
  if (more > 0) mistakes.push({ code: 'FIELD_INVALID', message: `${more} more mistakes like these`, path: [] });
  return mistakes;
}

function mistakesOfIssue(schema: z.core.$ZodType, issue: z.core.$ZodIssue): Mistake[] {
  const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      code: 'FIELD_UNKNOWN',
      message: unknownField(schema, path, key),
      path: [...path, key],
    }));
  if (issue.code === 'custom') {
    const code: unknown = issue.params?.['code'];
    return [{ code: isCode(code) ? code : 'FIELD_INVALID', message: issue.message, path }];
  }
  if (
    issue.input === undefined &&
    (issue.code === 'invalid_type' || issue.code === 'invalid_value' || issue.code === 'invalid_union')
  )
    return [{ code: 'FIELD_MISSING', message: missing(schema, path), path }];
  return [{ code: 'FIELD_INVALID', message: invalid(issue), path }];
}

function isCode(value: unknown): value is Code {
  return typeof value === 'string' && Object.hasOwn(catalogue, value);
}

function unknownField(schema: z.core.$ZodType, path: Mistake['path'], key: string): string {
  const around = unwrapped(at(schema, path));
  const known = around instanceof z.ZodObject ? Object.keys(around.shape) : [];
  return `there is no field ${show(key)} here; ${fieldMeant(key, known)}`;
}

/** Which field was probably meant by one that is none of the known ones, or which there are. */
export function fieldMeant(written: string, known: readonly string[]): string {
  const meant = closest(written, known);
  if (known.length === 0) return 'no field is possible here; remove it';
  return meant === undefined ? `the fields are ${known.toSorted().join(', ')}` : `did you mean "${meant}"?`;
}

function missing(schema: z.core.$ZodType, path: Mistake['path']): string {
  const field = at(schema, path);
  const description = field instanceof z.ZodType ? field.description : undefined;
  return description === undefined ? 'this field is required' : `this field is required: ${description}`;
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** Texts that would be a value of the type if their quotes were taken away. */
const UNQUOTED: Readonly<Record<string, RegExp>> = {
  number: /^-?\d+(\.\d+)?$/,
  int: /^-?\d+$/,
  boolean: /^(true|false)$/,
};

function invalid(issue: z.core.$ZodIssue): string {
  const { input } = issue;
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = WORDS[issue.expected] ?? issue.expected;
      if (input === null) return `this field has no value; write ${wanted} or remove the line`;
      const quoted = issue.expected === 'string' && (typeof input === 'number' || typeof input === 'boolean');
      const unquoted = typeof input === 'string' && UNQUOTED[issue.expected]?.test(input) === true;
      const hint = quoted ? '; put it in quotes' : unquoted ? '; write it without quotes' : '';
      return `this is ${show(input)} and has to be ${wanted}${hint}`;
    }
    case 'invalid_value': {
      const choices = issue.values.map(String);
      const meant = typeof input === 'string' ? closest(input, choices) : undefined;
      const choice =
        meant === undefined
          ? choices.length === 1
            ? `write ${choices[0]}`
            : `use ${listed(choices)}`
          : `did you mean ${meant}?`;
      return `${show(input)} is not possible here; ${choice}`;
    }
    case 'too_big':
      return issue.origin === 'string'
        ? `this text is longer than ${issue.maximum} characters`
        : issue.origin === 'array'
          ? `this list has more than ${issue.maximum} entries`
          : `${show(input)} is too large; the largest is ${issue.maximum}`;
    case 'too_small':
      return issue.origin === 'string'
        ? 'this text is empty; write a value or remove the field'
        : issue.origin === 'array'
          ? 'this list is empty; write an entry or remove the field'
          : `${show(input)} is too small; the smallest is ${issue.minimum}`;
    default:
      // Schemas give the words for the kinds of issue that are theirs alone: patterns and unions.
      return `${show(input)} is not possible here: ${issue.message}`;
  }
}

function listed(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join('') : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
}

/** The schema of a place inside another one, with what stands around it. */
function at(schema: z.core.$ZodType, path: Mistake['path']): z.core.$ZodType | undefined {
  let here: z.core.$ZodType | undefined = schema;
  for (const step of path) {
    const around = unwrapped(here);
    if (around instanceof z.ZodArray) here = around.element;
    else if (around instanceof z.ZodObject && Object.hasOwn(around.shape, step))
      here = (around.shape as Record<string, z.ZodType>)[step];
    else return undefined;
  }
  return here;
}

/** Without what stands around it: optional, default, transform. */
function unwrapped(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  let here = schema;
  for (;;) {
    if (
      here instanceof z.ZodOptional ||
      here instanceof z.ZodNullable ||
      here instanceof z.ZodDefault ||
      here instanceof z.ZodPrefault
    )
      here = here.unwrap();
    else if (here instanceof z.ZodPipe) here = here.in;
    else return here;
  }
}
