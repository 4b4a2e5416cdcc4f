import type { Place } from '../base/diagnostic.ts';

/** What every object has. Names are the API's; `''` stands for cluster scope. */
export interface Meta {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string | undefined;
  readonly labels: ReadonlyMap<string, string>;
  readonly annotations: ReadonlyMap<string, string>;
  /** `metadata.deletionTimestamp` is set. */
  readonly deleting: boolean;
  /** Where it was read. */
  readonly place: Place;
}

/**
 * A part that could be read, or word that it could not. Whoever reads it takes the safe side (design invariant 5): an unreadable
 * selector selects its whole scope, an unreadable Allow rule is absent, an unreadable Deny or Pass rule denies everything. Nobody knows for
 * whom the rules of a policy without readable selectors were meant: `src/api` makes all of them but Deny unreadable.
 */
export type Readable<T> = { readonly ok: true; readonly value: T } | { readonly ok: false };

export type RuleAction = 'Allow' | 'Deny' | 'Pass' | 'Log';

/** A rule, or what is known of one that could not be read: its action, `Deny` where even that is unreadable. */
export type ReadableRule<R> =
  | { readonly ok: true; readonly rule: R }
  | { readonly ok: false; readonly action: RuleAction };
