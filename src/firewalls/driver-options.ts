import { z } from 'zod';
import { mistakesOf } from '../api/mistake.ts';
import { formatPath } from '../api/scope.ts';
import type { Diagnostic } from '../base/diagnostic.ts';

/** Where our rules stand among those of others: before all, after all, or next to one by its name. */
export const positionOption = (name: z.ZodString) =>
  z.union([z.enum(['First', 'Last']), z.strictObject({ before: name }), z.strictObject({ after: name })], {
    error: 'write First, Last, {before: RULE} or {after: RULE}',
  });

/** What is wrong with `spec.options` of a BorderFirewall, by the schema of its driver. */
export function optionMistakes(schema: z.ZodType, options: unknown): readonly Diagnostic[] {
  const issues = schema.safeParse(options ?? {}, { reportInput: true }).error?.issues ?? [];
  return mistakesOf(schema, issues).map(({ message, path }) => ({
    severity: 'error',
    code: 'DEVICE_OPTIONS',
    path: formatPath(['spec', 'options', ...path]),
    message,
  }));
}
