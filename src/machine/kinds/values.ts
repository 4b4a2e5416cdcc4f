import { z } from 'zod';
import { optional } from '../../api/fields.ts';
import { type Mistake, mistakesOf, refuse } from '../../api/mistake.ts';
import type { Scope } from '../../api/scope.ts';
import { show } from '../../api/shape.ts';
import { type Address, parseAddress } from '../../ip/address.ts';

/** A port from `least` on. A text of digits is taken too: before June 2026 the field was a number or a text. */
const portFrom = (least: 0 | 1) =>
  z
    .union([z.number(), z.string()], { error: `a port is a number from ${least} to 65535` })
    .transform((written, context): number => {
      const text = String(written);
      const number = /^[0-9]{1,5}$/.test(text) ? Number(text) : -1;
      if (number >= least && number <= 65_535) return number;
      return refuse(context, 'FIELD_INVALID', `${show(written)} is not a port; use ${least} to 65535`);
    });

/** A port as policies have it. */
export const port = portFrom(1);

/** A port as the metal-api takes it in rules of an allocation (metal-stack reference, 12.3). */
export const portOrZero = portFrom(0);

/** An address without a length. */
export const address = z.string().transform((text, context): Address => {
  const read = parseAddress(text);
  return read ?? refuse(context, 'FIELD_INVALID', `${show(text)} is no IP address`);
});

/** Whole numbers that some writers put in quotes (uint64 in JSON). */
export const count = z.union([z.int().min(0), z.string().regex(/^[0-9]{1,15}$/)], {
  error: 'a whole number from 0 on',
});

const UNIT_MS = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
// Escaped: one character beyond Latin-1 makes V8 keep the text of the whole program in two bytes each.
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|\u03bcs|ms|s|m|h)/y;

/** Milliseconds of a duration above zero as Go writes it: `10s`, `1m30s`, `1.5h`. */
export const duration = z.string().transform((text, context): number => {
  let ms = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) break;
    ms += Number(part[1]) * UNIT_MS[part[2] as keyof typeof UNIT_MS];
    if (PART.lastIndex === text.length && ms > 0) return ms;
  }
  return refuse(context, 'FIELD_INVALID', `${show(text)} is no duration; write 10s or 1m30s`);
});

export const texts = optional(z.array(z.string()));

/**
 * Reads a value of others' objects: sound, or every mistake in it. Fields that the schema does not know are left alone: newer writers
 * may have some.
 */
export function readValue<S extends z.ZodType>(
  schema: S,
  raw: unknown,
): { readonly value: z.output<S> } | { readonly mistakes: readonly Mistake[] } {
  const read = schema.safeParse(raw, { reportInput: true });
  return read.success ? { value: read.data } : { mistakes: mistakesOf(schema, read.error.issues) };
}

/** The entries of a list that can be read; each other one is noted by itself and left out. */
export function readEntries<S extends z.ZodType>(
  schema: S,
  raw: unknown,
  scope: Scope,
): readonly { readonly value: z.output<S>; readonly index: number }[] {
  if (raw === undefined || raw === null) return [];
  if (!Array.isArray(raw)) {
    scope.mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a list`);
    return [];
  }
  return raw.flatMap((entry: unknown, index) => {
    const read = readValue(schema, entry);
    if ('value' in read) return [{ value: read.value, index }];
    for (const { code, message, path } of read.mistakes) scope.mistake(code, message, index, ...path);
    return [];
  });
}
