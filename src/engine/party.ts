import type { Address } from '../ip/address.ts';
import type { Backends } from './backends.ts';
import type { Endpoint } from '../inventory/model.ts';
import type { Selector } from '../selector/selector.ts';

/** Somebody who has an address, with all labels that selectors see. */
export interface Holder {
  readonly endpoint: Endpoint;
  readonly labels: ReadonlyMap<string, string>;
}

/** One end of a flow: an address and everything that is known to have it. */
export interface Party {
  readonly address: Address;
  /** Sorted by id. Several for the moment in which an address changes hands. */
  readonly holders: readonly Holder[];
  /** Labels of the network sets with a net that holds the address. */
  readonly sets: readonly ReadonlyMap<string, string>[];
  /** What is behind services. */
  readonly backends: Backends;
  /** What `isSelected` has found so far. */
  readonly selected: Map<Selector, boolean>;
}

/** So much is remembered of one party. */
const REMEMBERED = 1_024;

/** Whether the address is in the set of a selector: that of any endpoint or network set that matches it (semantics 4.2). */
export function isSelected(party: Party, selector: Selector): boolean {
  const { selected } = party;
  const known = selected.get(selector);
  if (known !== undefined) return known;
  const found =
    party.holders.some(({ labels }) => selector.matches(labels)) ||
    party.sets.some((labels) => selector.matches(labels));
  if (selected.size < REMEMBERED) selected.set(selector, found);
  return found;
}
