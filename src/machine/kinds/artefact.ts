import { show } from '../../api/shape.ts';
import type { Scope } from '../../api/scope.ts';

/** A program that a Firewall asks for (`controllerVersion` and `controllerURL`, or those of the exporter). */
export interface Wanted {
  /** Absent: whatever stands at the address. */
  readonly version: string | undefined;
  readonly url: string;
}

/** Reads both fields; `undefined`: nothing is asked for, or cannot be read. */
export function readWanted(
  spec: Readonly<Record<string, unknown>>,
  keys: { readonly version: string; readonly url: string },
  scope: Scope,
): Wanted | undefined {
  const word = (key: string, pattern: RegExp): string | undefined => {
    const written = spec[key] ?? '';
    if (written === '') return undefined;
    if (typeof written === 'string' && pattern.test(written)) return written;
    scope.otherwise('Nothing is replaced.').mistake('FIELD_INVALID', `${show(written)} cannot be used here`, key);
    return undefined;
  };
  const version = word(keys.version, /^[\w.+-]{1,128}$/);
  const url = word(keys.url, /^https?:\/\/[\x21-\x7e]+$/);
  if (url === undefined || (version === undefined && (spec[keys.version] ?? '') !== '')) return undefined;
  return { version, url };
}
