import { unknownDriver } from '../../api/border-firewall.ts';
import { type BorderFirewall, type FirewallSettings, resourceKey, type UnreadFirewall } from '../../api/resource.ts';
import type { Diagnostic, Place } from '../../base/diagnostic.ts';
import { driverKinds } from './drivers.ts';
import { keptAsAnother } from './kept-as.ts';

/**
 * What a BorderFirewall says that its kind of firewall, or this version, cannot do; found without asking the device. With an error the
 * device is not opened, and keeps what it holds: its owner relies on something that would not happen. Of one that cannot be read, what is wrong
 * besides, so that all of it is known at once. `cluster`: the owner of what would be written; absent: nothing will be.
 */
export function deviceMistakes(firewall: BorderFirewall | UnreadFirewall, cluster?: string): readonly Diagnostic[] {
  const settings = 'settings' in firewall ? firewall.settings : firewall;
  const unreadable = 'settings' in firewall ? firewall.unreadable : NOTHING;
  const mistakes = driverMistakes(settings, unreadable).map((diagnostic) => ({
    ...diagnostic,
    object: resourceKey(firewall),
    at: placeOf(settings, diagnostic.path) ?? firewall.place,
  }));
  return cluster === undefined ? mistakes : [...mistakes, ...keptAsAnother(firewall, cluster)];
}

const NOTHING: ReadonlySet<string> = new Set();

function driverMistakes(settings: FirewallSettings, unreadable: ReadonlySet<string>): readonly Diagnostic[] {
  const kind = driverKinds.get(settings.driver);
  // What its reader refused it has spoken of: a stand-in has no mistakes.
  if (kind !== undefined) return kind.check(settings).filter(({ path }) => !unreadable.has(memberOf(path)));
  // Whoever reads one that has other mistakes names this one with them.
  if (unreadable !== NOTHING) return [];
  const message = unknownDriver(settings.driver) ?? `there is no driver "${settings.driver}"`;
  return [{ severity: 'error', code: 'DEVICE_DRIVER', path: 'spec.driver', message }];
}

/** The member of `spec` that a path leads into. */
function memberOf(path: string): string {
  return /^spec\.([A-Za-z0-9_]+)/.exec(path)?.[1] ?? '';
}

/** Of a field that is not there, the place of what is around it. */
function placeOf({ places }: FirewallSettings, path: string): Place | undefined {
  for (let text = path; text !== ''; text = text.slice(0, Math.max(0, text.search(/[.[][^.[]*$/)))) {
    const place = places?.get(text);
    if (place !== undefined) return place;
  }
  return undefined;
}
