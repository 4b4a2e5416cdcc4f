import { type BorderFirewall, resourceKey } from '../api/resource.ts';
import { closest } from '../base/closest.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { driverKinds } from './drivers.ts';

/**
 * What a BorderFirewall says that its kind of firewall, or this version, cannot do; found without asking the device. With an error the
 * device is not opened, and keeps what it holds: its owner relies on something that would not happen.
 */
export function deviceMistakes(firewall: BorderFirewall): readonly Diagnostic[] {
  return driverMistakes(firewall).map((diagnostic) => ({
    ...diagnostic,
    object: resourceKey(firewall),
    at: firewall.place,
  }));
}

function driverMistakes(firewall: BorderFirewall): readonly Diagnostic[] {
  const kind = driverKinds.get(firewall.driver);
  if (kind !== undefined) return kind.check(firewall);
  const near = closest(firewall.driver, driverKinds.keys());
  const hint = near === undefined ? `known: ${[...driverKinds.keys()].join(', ')}` : `did you mean "${near}"?`;
  const message = `there is no driver "${firewall.driver}"; ${hint}`;
  return [{ severity: 'error', code: 'DEVICE_DRIVER', path: 'spec.driver', message }];
}
