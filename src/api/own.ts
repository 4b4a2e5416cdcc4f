import { z } from 'zod';
import type { Scope } from './scope.ts';
import type { RawMap } from './shape.ts';

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
