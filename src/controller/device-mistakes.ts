import { type BorderFirewall, resourceKey } from '../api/resource.ts';
import { closest } from '../base/closest.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { checkSettings } from '../firewalls/nftables/settings.ts';

/** Drivers that a BorderFirewall may name. */
const DRIVERS = ['nftables'] as const;

/** Readiness as it is where nobody writes any. */
const READINESS: BorderFirewall['readiness'] = { timeoutMs: 60_000, onTimeout: 'Hold' };

/**
 * What a BorderFirewall says that its kind of firewall, or this version, cannot do; found without asking the device. With an error the
 * device is not opened, and keeps what it holds: its owner relies on something that would not happen.
 */
export function deviceMistakes(firewall: BorderFirewall): readonly Diagnostic[] {
  const found = [...driverMistakes(firewall), ...unusedSettings(firewall)];
  return found.map((diagnostic) => ({ ...diagnostic, object: resourceKey(firewall), at: firewall.place }));
}

function driverMistakes(firewall: BorderFirewall): readonly Diagnostic[] {
  if (firewall.driver === 'nftables') return checkSettings(firewall);
  const near = closest(firewall.driver, DRIVERS);
  const hint = near === undefined ? `known: ${DRIVERS.join(', ')}` : `did you mean "${near}"?`;
  const message = `there is no driver "${firewall.driver}"; ${hint}`;
  return [{ severity: 'error', code: 'DEVICE_DRIVER', path: 'spec.driver', message }];
}

/** Pods are not held back yet (design section 10), so that nobody waits for this firewall, however long. */
function unusedSettings({ readiness }: BorderFirewall): readonly Diagnostic[] {
  if (readiness.timeoutMs === READINESS.timeoutMs && readiness.onTimeout === READINESS.onTimeout) return [];
  const message = 'this version holds no pods back until the border has confirmed them; what stands here has no effect';
  return [{ severity: 'warning', code: 'DEVICE_SETTING_UNUSED', path: 'spec.readiness', message }];
}
