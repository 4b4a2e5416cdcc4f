import { type Meta, type ResourceType, resourceKey } from '../api/resource.ts';
import type { Code } from '../base/catalogue.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Diagnostic } from '../base/diagnostic.ts';

/** A mistake in an object, with its place. */
export function diagnosticOn(
  resource: Meta & { readonly type: ResourceType },
  severity: Diagnostic['severity'],
  code: Code,
  path: string,
  message: string,
): Diagnostic {
  return { severity, code, message, object: resourceKey(resource), path, at: resource.place };
}

/** The order in which people read them: by object, then field, then code and text. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return (
    compareUtf8(a.object ?? '', b.object ?? '') ||
    compareUtf8(a.path, b.path) ||
    compareUtf8(a.code, b.code) ||
    compareUtf8(a.message, b.message)
  );
}
