import { type FieldPath, type Locate, Scope } from '../api/scope.ts';
import type { Diagnostic, Place } from '../base/diagnostic.ts';

/** What a mistake is about: an object, or a part of the configuration file, with the way from a field to its place in the text. */
export interface Subject {
  /** `Kind/namespace/name`; for the configuration file nothing. */
  readonly object: string | undefined;
  readonly place: Place;
  readonly locate: Locate | undefined;
  /** Where the subject's own fields begin, in the text that `locate` knows. */
  readonly base: FieldPath;
}

/** Notes mistakes of a subject in `diagnostics`, each followed by what is done instead. */
export function scopeOf(subject: Subject, diagnostics: Diagnostic[], consequence = ''): Scope {
  const { object, place, locate, base } = subject;
  return new Scope({ object, place, locate, diagnostics }, base, consequence);
}
