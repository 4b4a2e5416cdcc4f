import type { Resource, ResourceKey } from '../api/resource.ts';
import type { EndpointId, Policy } from './model.ts';

/** One change of what exists. Existence is what counts: deleting what is not there, or putting the same again, changes nothing. */
export type ResourceChange =
  | { readonly kind: 'put'; readonly resource: Resource }
  | { readonly kind: 'delete'; readonly key: ResourceKey };

/** Which entries of one map differ from what they were at the last flush; each list but `keys` is sorted. */
export interface MapChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** All of them, in no promised order; ready at once, where the others are sorted when they are first asked for. */
  readonly keys: readonly string[];
}

/** The same, with what stood under these keys at the last flush; there may be others that came out as they were. */
export interface ValueChanges<V> extends MapChanges {
  readonly before: ReadonlyMap<string, V | undefined>;
}

/** Kinds of things that changed besides endpoints. `ours`: the kinds of `sallyport.dev`. */
export type OtherKind =
  | 'parents'
  /** The rules of a profile that was and is there. */
  | 'profileRules'
  | 'networkSets'
  | 'slices'
  | 'policies'
  | 'staged'
  | 'tiers'
  | 'pools'
  | 'nodes'
  | 'namespaces'
  | 'felix'
  | 'ours';

/** What differs from the inventory at the last flush, however many changes led there and back. */
export interface InventoryChanges {
  readonly endpoints: MapChanges;
  /** Pods that came, went or changed, or whose addresses were looked at again; endpoints or not. */
  readonly lookedAt: ReadonlySet<EndpointId>;
  readonly parents: MapChanges;
  readonly networkSets: MapChanges;
  readonly slices: MapChanges;
  readonly policies: ValueChanges<Policy>;
  /** Policies that are never enforced. */
  readonly staged: ValueChanges<Policy>;
  /** Every kind besides endpoints with any difference. */
  readonly other: ReadonlySet<OtherKind>;
}

/** All keys of a difference, in no promised order. */
export function touched({ keys }: MapChanges): readonly string[] {
  return keys;
}
