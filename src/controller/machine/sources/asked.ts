import type { RawMap } from '../../../api/shape.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';

/** What a source says of one kind. */
export interface Asked<T extends { readonly raw: RawMap } = { readonly raw: RawMap }> {
  /** `undefined`: nobody ever knew. */
  readonly objects: readonly T[] | undefined;
  /** Whether the source itself says so now; else it is what it said last. */
  readonly isHeard: boolean;
  readonly problem: Diagnostic | undefined;
}
