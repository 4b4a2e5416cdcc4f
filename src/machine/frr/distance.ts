import { show } from '../../api/shape.ts';
import type { Scope } from '../../api/scope.ts';

/** The longest distance that a manager gives (metal-stack reference, 2.5). */
const FARTHEST = 8;

/** How much farther than it is a machine makes itself look, from 0 on. What cannot be read counts as 0: it is where it is. */
export function readDistance(raw: unknown, scope: Scope): number {
  if (raw === undefined || raw === null) return 0;
  if (typeof raw === 'number' && Number.isInteger(raw) && raw >= 0 && raw <= FARTHEST) return raw;
  scope
    .otherwise('It counts as 0.')
    .mistake('FIELD_INVALID', `${show(raw)} is no distance; use 0 to ${FARTHEST}`, 'distance');
  return 0;
}
