import { z } from 'zod';
import { optional } from './fields.ts';
import { labelNameProblem } from './names.ts';
import type { Meta, Tier } from './resource.ts';
import type { Scope } from './scope.ts';
import type { RawMap } from './shape.ts';

type TierValues = Pick<Tier, 'order' | 'defaultAction'>;

/** Tiers whose order and default action nobody may change (semantics 6.1.6). */
export const builtInTiers: ReadonlyMap<string, TierValues> = new Map([
  ['kube-admin', { order: 1_000, defaultAction: 'Pass' }],
  ['adminnetworkpolicy', { order: 1_000, defaultAction: 'Pass' }],
  ['default', { order: 1_000_000, defaultAction: 'Deny' }],
  ['kube-baseline', { order: 10_000_000, defaultAction: 'Pass' }],
  ['baselineadminnetworkpolicy', { order: 10_000_000, defaultAction: 'Pass' }],
]);

const specSchema = z.object({
  order: optional(z.number()),
  defaultAction: optional(z.enum(['Deny', 'Pass'])),
});

/** A tier. What cannot be read of it is as for a tier that does not exist: last, and Deny at its end (semantics 6.1.1). */
export function readTier(meta: Meta, raw: RawMap, scope: Scope): Tier {
  const spec = scope.at('spec');
  const fixed = builtInTiers.get(meta.name);
  const inside = spec.otherwise(
    fixed === undefined ? 'The tier comes last and denies at its end.' : 'The built-in order and action are used.',
  );
  const { values, sound } = inside.fields(specSchema, inside.map(raw['spec']) ?? {});
  const problem = labelNameProblem(meta.name);
  if (problem !== undefined)
    scope.otherwise('The tier counts as written.').mistake('NAME_SHAPE', problem, 'metadata', 'name');
  if (fixed !== undefined) {
    for (const field of ['order', 'defaultAction'] as const)
      if (values[field] !== undefined && values[field] !== fixed[field])
        spec.mistake(
          'TIER_FIXED',
          `the built-in tier "${meta.name}" has ${field} ${fixed[field]}, whatever is written here; remove this field`,
          field,
        );
    return { ...meta, type: 'Tier', ...fixed };
  }
  if (!sound) return { ...meta, type: 'Tier', order: Number.POSITIVE_INFINITY, defaultAction: 'Deny' };
  const { order = Number.POSITIVE_INFINITY, defaultAction = 'Deny' } = values;
  return { ...meta, type: 'Tier', order, defaultAction };
}
