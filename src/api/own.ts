import { z } from 'zod';
import type { Scope } from './scope.ts';
import type { OwnMeta } from './resource.ts';
import { type RawMap, defined, isMap } from './shape.ts';

/** On BorderFirewalls with `onDelete: Remove`: the object stays until its device was left. */
export const BORDER_FINALIZER = 'sallyport.dev/border';

/** What stands around the spec of each object of ours. */
const envelope = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({}),
  spec: z.looseObject({}),
  status: z.looseObject({}).optional(),
});

/** Nothing stands beside `spec` that does not belong there; else the mistakes are noted. */
export function checkEnvelope(raw: RawMap, scope: Scope): boolean {
  return scope.fields(envelope, raw, ['apiVersion', 'kind', 'metadata', 'spec', 'status']).sound;
}

/** What is said of an object of ours without a spec. */
export const NO_SPEC = 'this field is required: what the object is for stands in it';

/** What an API server says of an object of ours besides who it is; of what is no answer of one, nothing. */
export function ownMeta(raw: RawMap): Pick<OwnMeta, 'generation' | 'createdAt' | 'held' | 'status'> {
  const { generation, creationTimestamp, finalizers } = isMap(raw['metadata']) ? raw['metadata'] : {};
  const created = typeof creationTimestamp === 'string' ? Date.parse(creationTimestamp) : Number.NaN;
  return defined({
    generation: typeof generation === 'number' ? generation : undefined,
    createdAt: Number.isNaN(created) ? undefined : created,
    held: Array.isArray(finalizers) && finalizers.includes(BORDER_FINALIZER) ? (true as const) : undefined,
    status: isMap(raw['status']) ? raw['status'] : undefined,
  });
}
