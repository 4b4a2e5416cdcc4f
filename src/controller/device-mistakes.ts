import { unknownDriver } from '../api/border-firewall.ts';
import { type BorderFirewall, resourceKey } from '../api/resource.ts';
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
  const message = unknownDriver(firewall.driver) ?? `there is no driver "${firewall.driver}"`;
  return [{ severity: 'error', code: 'DEVICE_DRIVER', path: 'spec.driver', message }];
}
