import type { Code } from './catalogue.ts';

/** Where in the user's text something stands; lines and columns count from 1. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** One mistake in what a user wrote: what is wrong, where, and how to mend it. Values, never thrown. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** Stable; each has a paragraph in `docs/reference/errors.md`. */
  readonly code: Code;
  /** What is wrong and the correction, in one or two sentences, without the place. */
  readonly message: string;
  /** The object: `Kind/namespace/name` or `Kind/name`; absent where the text holds no object yet. */
  readonly object?: string;
  /** The field inside the object or text: `spec.egress[0].nets[1]`; empty for the whole. */
  readonly path: string;
  readonly at?: Place;
}

/** What reading a text gave: a value where it could be read, and every mistake found on the way. */
export interface Parsed<T> {
  readonly value?: T;
  readonly diagnostics: readonly Diagnostic[];
}
