import { z } from 'zod';
import { cel } from './cel.ts';
import { name } from './fields.ts';
import { NO_SPEC, checkEnvelope } from './own.ts';
import type { BorderApproval, OwnMeta } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, isMap } from './shape.ts';
import { borderApprovalStatus } from './status.ts';

/** `spec` of a BorderApproval (design section 5, invariant 4). */
export const borderApprovalSpec = z
  .strictObject({
    firewall: name.describe('the BorderFirewall whose plan it is'),
    digest: z
      .string()
      .regex(/^[0-9a-f]{64}$/, { error: 'a digest is 64 hexadecimal digits; `sallyport plan` and the log print it' })
      .meta({ maxLength: 64 })
      .describe('of the plan, as `sallyport plan` prints it'),
  })
  .meta(cel({ rule: 'self == oldSelf', message: 'a yes is to one plan of one firewall; make another object' }))
  .describe(
    'a yes to one plan of one firewall; worth nothing once the plan is another, or after an hour. It counts in a cluster alone, whose API server knows who made it when',
  );

/** Reads a BorderApproval whole or not at all: what cannot be read is no yes. */
export function readBorderApproval(meta: OwnMeta, raw: RawMap, scope: Scope): BorderApproval | undefined {
  const broken = scope.otherwise('This is no yes to anything.');
  const inside = broken.at('spec');
  const soundEnvelope = checkEnvelope(raw, broken);
  const map = inside.map(raw['spec'], NO_SPEC);
  if (map === undefined) return undefined;
  const { values, sound } = inside.fields(borderApprovalSpec, map);
  const { firewall, digest } = values;
  if (!soundEnvelope || !sound || firewall === undefined || digest === undefined) return undefined;
  return { ...meta, type: 'BorderApproval', firewall, digest, spent: isSpent(raw['status'], broken.at('status')) };
}

/** A status that cannot be read may say that it was used. */
function isSpent(raw: unknown, scope: Scope): boolean {
  if (raw === undefined || raw === null) return false;
  if (!isMap(raw)) return true;
  const { values, sound } = scope.fields(borderApprovalStatus, raw);
  return !sound || values.state !== undefined;
}
