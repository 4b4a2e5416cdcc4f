import { type BorderFirewall, resourceKey } from '../api/resource.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Diagnostic } from '../base/diagnostic.ts';

/** The condition of a resource's status that a finding speaks for (design section 5). */
export type FindingCondition = 'Stalled' | 'Blind' | 'Waiting' | 'Insecure' | 'Uninspected' | 'CapacityLow';

/**
 * Something that keeps a ruleset from being all that the user asked for. Status, plan and command line show it. `object` is the resource
 * that has to change; `firewall` says at which border firewall it was found, absent where it concerns the object alone.
 */
export interface Finding extends Diagnostic {
  readonly condition: FindingCondition;
  readonly object: string;
  readonly firewall?: string;
}

/** A mistake of a resource, `at` its place, that keeps something of it from `firewall` until it is mended. */
export function stalled(
  resource: Parameters<typeof resourceKey>[0] & Pick<BorderFirewall, 'place'>,
  firewall: BorderFirewall,
  mistake: Pick<Finding, 'code' | 'path' | 'message'>,
): Finding {
  return {
    severity: 'error',
    ...mistake,
    condition: 'Stalled',
    object: resourceKey(resource),
    firewall: firewall.name,
    at: resource.place,
  };
}

/** The order in which findings are shown: by object, code, path and text; independent of how they came about. */
export function compareFindings(a: Finding, b: Finding): number {
  return (
    compareUtf8(a.object, b.object) ||
    compareUtf8(a.firewall ?? '', b.firewall ?? '') ||
    compareUtf8(a.code, b.code) ||
    compareUtf8(a.path, b.path) ||
    compareUtf8(a.message, b.message)
  );
}
