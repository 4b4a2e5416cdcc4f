import { z } from 'zod';
import { cidr, list, optional, selector } from './fields.ts';
import type { IPPool, Meta } from './resource.ts';
import type { Scope } from './scope.ts';
import type { RawMap } from './shape.ts';

const specSchema = z.object({
  cidr: cidr.describe('the addresses of the pool, like "10.244.0.0/16"'),
  natOutgoing: optional(z.boolean()),
  disabled: optional(z.boolean()),
  nodeSelector: optional(selector),
  allowedUses: list(z.string()),
});

/** An IP pool. A half-read one would give pods a wrong seen address, so it is read whole or not at all. */
export function readIPPool(meta: Meta, raw: RawMap, scope: Scope): IPPool | undefined {
  const inside = scope
    .otherwise('The pool is left out, so what the border sees of its pods counts as unknown.')
    .at('spec');
  const spec = inside.map(raw['spec'], 'this field is required: the addresses of the pool stand in it');
  if (spec === undefined) return undefined;
  const { values, sound } = inside.fields(specSchema, spec);
  if (!sound || values.cidr === undefined) return undefined;
  const uses = values.allowedUses ?? [];
  return {
    ...meta,
    type: 'IPPool',
    cidr: values.cidr,
    natOutgoing: values.natOutgoing ?? false,
    disabled: values.disabled ?? false,
    nodeSelector: values.nodeSelector ?? selector.parse('all()'),
    allowedUses: uses.length > 0 ? uses : ['Workload', 'Tunnel'],
  };
}
