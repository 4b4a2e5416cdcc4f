import { catalogue } from '../../base/catalogue.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { toSallyportError } from '../../base/error.ts';
import type { Check } from '../output-doctor.ts';
import { diagnosticLine } from '../terminal.ts';

export type { Check } from '../output-doctor.ts';

/** A check that failed by an error: its code has the paragraph with what to do. */
export function failed(check: Check['check'], thrown: unknown, subject?: string): Check {
  const { code, message } = toSallyportError(thrown);
  return {
    check,
    ...(subject !== undefined && { subject }),
    result: 'Error',
    message: `${code}: ${message}`,
    fix: catalogue[code].fix,
  };
}

/** A mistake in a text or object as a check. */
export function ofDiagnostic(check: Check['check'], diagnostic: Diagnostic, subject?: string): Check {
  const isError = diagnostic.severity === 'error';
  return {
    check,
    ...(subject !== undefined && { subject }),
    result: isError ? 'Error' : 'Warning',
    message: diagnosticLine(diagnostic).replace(/^(error|warning) /, ''),
    fix: catalogue[diagnostic.code].fix,
  };
}

/** All that was not looked at, for one reason. */
export function skipped(checks: readonly Check['check'][], why: string): readonly Check[] {
  return checks.map((check) => ({ check, result: 'Skipped', message: why }));
}
