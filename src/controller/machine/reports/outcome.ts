import type { Diagnostic } from '../../../base/diagnostic.ts';
import type { PolicyState } from '../../../machine/ruleset.ts';

/** What came of making rules, for everybody who tells others about it. */
export interface Outcome {
  readonly policies: readonly PolicyState[];
  /** What is wrong with objects, and what nft refused of them. */
  readonly findings: readonly Diagnostic[];
  readonly leftOut: readonly Diagnostic[];
  readonly result: /** In force. `isChanged`: they were not before. */
    | { readonly kind: 'inForce'; readonly isChanged: boolean }
    /** A dry run: checked, and nothing more. */
    | { readonly kind: 'checked' }
    /** What was in force before still is. `isFailure`: it could not be changed; else it is better so. */
    | { readonly kind: 'kept'; readonly because: string; readonly isFailure: boolean };
}
