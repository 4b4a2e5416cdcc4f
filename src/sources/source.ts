import type { Resource, ResourceKey, ResourceType, UnreadFirewall } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';

export type ResourceChange =
  | { readonly kind: 'put'; readonly resource: Resource }
  | { readonly kind: 'delete'; readonly key: ResourceKey };

/**
 * How much a source's word is worth (design invariant 2).
 * `loading`: no complete first state yet, nothing may be planned from it; `complete`: what was delivered is the whole present state;
 * `frozen`: the source is lost or answers in part, what was delivered last stays as it was. With `kinds` that is so of these alone: of all
 * others what was delivered is the whole present state, and changes go on being delivered.
 */
export type SourceState =
  | { readonly kind: 'loading'; readonly reason: string }
  | { readonly kind: 'complete' }
  | {
      readonly kind: 'frozen';
      readonly sinceMs: number;
      readonly reason: string;
      readonly kinds?: ReadonlySet<ResourceType>;
    };

/** One atomic delivery: the changes, the state after them, and every mistake in the present content (not only the new ones). */
export interface Delivery {
  readonly changes: readonly ResourceChange[];
  readonly state: SourceState;
  readonly diagnostics: readonly Diagnostic[];
  /** Objects that are there and cannot be read at present; those delivered before stay as they were read last. Absent: none. */
  readonly broken?: ReadonlySet<ResourceKey>;
  /** Of those, the BorderFirewalls, as far as they can be read. Absent: none. */
  readonly unread?: readonly UnreadFirewall[];
}

/** Where resources come from: one ordered stream of deliveries. The first `complete` delivery holds the whole first state. */
export interface Source {
  readonly name: string;
  /** How many objects it remembers; absent: it does not say. */
  readonly size?: number;
  /** Delivers until the signal aborts, then resolves. `deliver` is synchronous and called in order; it never throws. */
  run(deliver: (delivery: Delivery) => void, signal: AbortSignal): Promise<void>;
}
