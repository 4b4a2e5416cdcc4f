import type { BucketMap } from '../base/bucket-map.ts';
import type { Family } from '../border/ruleset.ts';
import type { FlowSet } from '../engine/flows/flow-set.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Lists } from './lists.ts';

/** How a sender's flows are translated: the first entry whose flows hold the packet. */
export interface TranslationBehaviour {
  readonly flows: FlowSet;
  readonly to:
    | { readonly kind: 'Address'; readonly address: string }
    | { readonly kind: 'Exempt' }
    | { readonly kind: 'Hold' };
}

/** Texts by address, as a map has them; whoever makes one may work it out when he is asked. */
export type SenderIds = Pick<BucketMap<string>, 'size' | 'get' | 'has' | 'keys' | 'entries'>;

/**
 * What a firewall's own block does to governed traffic, in no vendor's terms: lifted from what the driver wants and from what it read
 * back, by the same function, so that the two compare. Not for single packets: for sets of flows.
 */
export interface Behaviour {
  /** False: nothing of ours is on the device, all passes. */
  readonly present: boolean;
  readonly destinations: PrefixSet;
  readonly inside: PrefixSet;
  /** In here a sender that is not known may send nothing. */
  readonly networks: PrefixSet;
  /** Known senders (canonical text) and the id of what they may do; ids are the device's, comparable only inside one Behaviour. */
  readonly senders: SenderIds;
  /** What passes for senders with this id, of all flows to anywhere; cut it to the governed part before showing it. */
  allowed(id: string, family: Family): FlowSet;
  /** In order of precedence. */
  translations(sender: string): readonly TranslationBehaviour[];
  /** Lists that rules of others use; absent: none that they can. */
  readonly lists?: Lists;
  /**
   * Who is in the groups of a name that rules of others go by (AddressGroups); what for, rulesets alone tell. Absent: rules of others cannot name
   * any, or `lists` tells.
   */
  readonly inGroup?: (name: string) => Iterable<string>;
}
