import type { IcmpMatch } from '../api/resource.ts';
import type { BucketMap } from '../base/bucket-map.ts';
import type { PortSet } from '../ip/port-set.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';

export type Family = 4 | 6;

/** Where a device rule came from; carried into comments, logs and answers. */
export interface Origin {
  /** `ClusterBorderPolicy/bank`, `KubernetesNetworkPolicy/shop/web`, or `tier/default` for the end of a tier, `layer/ClusterBorderPolicy` … */
  readonly policy: string;
  /** Index of the rule; absent for ends. */
  readonly rule?: number;
}

/** Stable, from what selects, never from who is selected. */
export type ClassId = string;
export type GroupId = string;

/** What the outside end of a flow must be; absent parts do not limit; all present parts must hold. One family. */
export interface Outside {
  /** Exact: nets minus notNets, and for repeated tiers cut to the outside. */
  readonly nets?: PrefixSet;
  /** In each of these groups. */
  readonly groups: readonly GroupId[];
  readonly notGroups: readonly GroupId[];
  readonly domains: readonly string[];
}

export interface BorderRule {
  readonly origin: Origin;
  readonly family: Family;
  /**
   * `Allow`: leave the part with "not dropped" (or go on to `then` below); `Deny`: final; `Next`: the next stage; `Log`: note it and go on.
   * An Allow of a repeated tier goes on to the BorderPolicy stage where the class has one (design 8.1): then it is `SkipToOwn`.
   */
  readonly action: 'Allow' | 'SkipToOwn' | 'Deny' | 'Next' | 'Log';
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: IcmpMatch;
  readonly notIcmp?: IcmpMatch;
  readonly outside: Outside;
  /** Destination ports; only with protocol TCP, UDP or SCTP. Never empty: such a rule is left out. */
  readonly ports?: PortSet;
  readonly sourcePorts?: PortSet;
  /** The policy said `onBlind: Widen`; counts only in `Class.widened` parts. */
  readonly widen: boolean;
}

/** One layer, or one repeated tier, as it applies to one class. */
export interface Stage {
  /** Equal ids mean equal rules: classes share a stage's chain. From the policies that take part, never from members. */
  readonly id: string;
  readonly layer: 'ClusterBorderPolicy' | 'Tier' | 'BorderPolicy';
  /** Tier name for `Tier`, else the layer's. */
  readonly name: string;
  readonly rules: readonly BorderRule[];
  /** When no rule decided. */
  readonly end: 'Deny' | 'Next';
  readonly endOrigin: Origin;
}

/** Stages in order; after the last one `otherwise` holds (an Allow of a tier or profile "stands", or layer 4). */
export interface Part {
  readonly id: string;
  readonly stages: readonly Stage[];
  readonly otherwise: 'Allow' | 'Deny';
  readonly otherwiseOrigin: Origin;
}

/**
 * The workloads with one list of policies at this firewall; every known address is in exactly one class. An address that several
 * workloads send from gets a class with one part for each of them, and a flow passes only if every part lets it pass.
 * A class without parts passes everything (known, unselected, `unselected: Ignore`).
 * `widened` parts come first: in them an Allow rule with `widen` passes at once, a Deny rule with `widen` drops at once, and all else,
 * ends of stages included, decides nothing. There is at most one, of one stage, in which every rule has `widen`: what a policy
 * without Widen, a Pass or the end of a layer could have kept from being asked is not in it.
 */
export interface Class {
  readonly id: ClassId;
  readonly family: Family;
  readonly parts: readonly Part[];
  readonly widened: readonly Part[];
}

/** A set of outside prefixes behind one effective selector, or the addresses of an AddressGroup. One family. */
export type Group =
  | {
      readonly id: GroupId;
      readonly kind: 'Outside';
      readonly family: Family;
      readonly selector: string;
      readonly nets: PrefixSet;
    }
  | {
      readonly id: GroupId;
      readonly kind: 'AddressGroup';
      readonly family: Family;
      /** Name on the device, as the user wrote it. */
      readonly deviceName: string;
      readonly resource: string;
      readonly use: 'Allow' | 'Deny';
      readonly members: BucketMap<true>;
      /** The form it is wanted in, and no other; absent: whichever the device has. `Group` is what every device has. */
      readonly form?: 'Group' | 'Feed' | 'Tag';
      /** The object cannot be read: what the device holds stays as it is, `members` says nothing. */
      readonly held?: true;
    };

/** What a translation does with one source address. `Hold`: it should be translated and cannot be, so its flows are dropped. */
export type NatTarget =
  | { readonly kind: 'Address'; readonly address: string }
  | { readonly kind: 'Exempt' }
  | { readonly kind: 'Hold'; readonly reason: string };

/** One SourceNAT in one family. Earlier ones win: a flow belongs to the first whose `sources` has the sender and whose match holds. */
export interface Nat {
  readonly id: string;
  readonly family: Family;
  readonly origin: Origin;
  readonly destination: PrefixSet;
  readonly protocol?: number;
  /** Destination ports; without `protocol` those of TCP, UDP and SCTP. */
  readonly ports?: PortSet;
  /** By canonical source address. */
  readonly sources: BucketMap<NatTarget>;
}

/** What one border firewall must hold, in no vendor's terms. Immutable; versions share what did not change. */
export interface Ruleset {
  readonly firewall: string;
  readonly cluster: string;
  /**
   * A packet is governed only if its destination is in `destinations` and not in `inside` (pools, node addresses): all rules below,
   * `unknown` included, are about governed packets.
   */
  readonly destinations: PrefixSet;
  readonly inside: PrefixSet;
  /** Prefixes in which every sender must be known; empty where `unknown: Ignore`. */
  readonly networks: PrefixSet;
  readonly classes: ReadonlyMap<ClassId, Class>;
  /** Every known address (canonical text) and its class. */
  readonly members: BucketMap<ClassId>;
  readonly groups: ReadonlyMap<GroupId, Group>;
  /** In order of precedence. */
  readonly nats: readonly Nat[];
  readonly established: 'Cut' | 'Keep';
}
