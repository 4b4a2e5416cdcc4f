import { z } from 'zod';
import type { BorderFirewall } from '../../api/resource.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Position } from './edits.ts';

const text = z.string().min(1).max(63);
const zones = z.array(z.string().min(1).max(31)).min(1).max(64);

/** `spec.options` of a BorderFirewall with driver `panos`. */
export const panosOptions = z.strictObject({
  vsys: z
    .string()
    .regex(/^vsys\d{1,3}$/, { error: 'write a vsys like "vsys1"' })
    .default('vsys1')
    .describe('the virtual system that is written to'),
  position: z
    .union([z.enum(['top', 'bottom']), z.strictObject({ before: text }), z.strictObject({ after: text })])
    .optional()
    .describe('where our block of rules stands among the rules of others; needed in mode Enforce'),
  form: z
    .enum(['Filter', 'Full'])
    .default('Filter')
    .describe('Filter: our rules deny, and what they allow still passes the rules below; Full: our Allow is final'),
  layout: z.enum(['Class', 'Groups']).default('Class').describe('one block for each class, or one list for all'),
  from: zones.default(['any']).describe('zones that our rules are for, where traffic comes from'),
  to: zones.default(['any']).describe('zones that our rules are for, where traffic goes to'),
  translateTo: z
    .string()
    .min(1)
    .max(31)
    .optional()
    .describe('the zone that translations lead to; needed for SourceNAT'),
  securityProfile: text
    .optional()
    .describe('the profile group that inspects what we allow, or none; needed with form Full'),
  log: z
    .union([z.literal('none'), z.strictObject({ setting: text.optional() })])
    .optional()
    .describe('how our rules log: none, or at the end of a session, forwarded by a log setting; needed with form Full'),
});

export type PanosOptions = z.infer<typeof panosOptions>;

/** What is wrong with the options of a firewall; `path` leads to them. */
export function checkOptions(options: unknown, path: string): readonly Diagnostic[] {
  return (panosOptions.safeParse(options ?? {}).error?.issues ?? []).map((issue) => ({
    severity: 'error',
    code: 'DEVICE_OPTIONS',
    path: [path, ...issue.path].join('.'),
    message: issue.message,
  }));
}

/** Throws where `checkOptions` finds something. */
export function readOptions({ options }: Pick<BorderFirewall, 'options'>): PanosOptions {
  return panosOptions.parse(options);
}

/** Without one, where nothing may be written but groups, the end of the list harms nobody. */
export function positionOf({ position = 'bottom' }: PanosOptions): Position {
  if (typeof position === 'string') return { at: position };
  return 'before' in position ? { at: 'before', rule: position.before } : { at: 'after', rule: position.after };
}
