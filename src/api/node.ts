import { z } from 'zod';
import { list, optionalText } from './fields.ts';
import type { Meta, Node } from './resource.ts';
import type { Scope } from './scope.ts';
import type { RawMap } from './shape.ts';

const specSchema = z.object({ podCIDR: optionalText, podCIDRs: list(z.string()) });
const statusSchema = z.object({ addresses: list(z.object({ type: z.string(), address: z.string() })) });

/** A node. Its addresses are as written; those that are no IP addresses are host names. */
export function readNode(meta: Meta, raw: RawMap, scope: Scope): Node | undefined {
  const inside = scope.otherwise('The node is left out, so what its pods send from its addresses counts as unknown.');
  const spec = inside.at('spec').fields(specSchema, inside.at('spec').map(raw['spec']) ?? {});
  const status = inside.at('status').fields(statusSchema, inside.at('status').map(raw['status']) ?? {});
  if (!spec.sound || !status.sound) return undefined;
  const { podCIDR, podCIDRs = [] } = spec.values;
  return {
    ...meta,
    type: 'Node',
    addresses: status.values.addresses ?? [],
    podCIDRs: podCIDRs.length > 0 || podCIDR === undefined ? podCIDRs : [podCIDR],
  };
}
