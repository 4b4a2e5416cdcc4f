import type { ClassId, Family, GroupId, Origin } from '../../border/ruleset.ts';
import type { PortSet } from '../../ip/port-set.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';

export type SourceId = string;
export type FlatGroupId = string;

/**
 * What a rule does to the first packet that it matches. `Allow`: let pass for good. `Deny`: drop. `Leave`: leave our block, the device's
 * own rules decide; only for devices that can. `Log`: note it and go on to the next rule.
 */
export type FlatAction = 'Allow' | 'Deny' | 'Leave' | 'Log';

/** Senders that a rule is for, by id and never by address. Who is in a source comes and goes; no rule changes with it. */
export type FlatSource =
  | { readonly kind: 'Source'; readonly id: SourceId }
  /** Every address of these prefixes that is not in the source `except`. */
  | { readonly kind: 'Networks'; readonly prefixes: PrefixSet; readonly except: SourceId };

/** In any of these. Prefixes are those that hold nothing inside the cluster, written as they are. */
export interface FlatDestination {
  readonly prefixes: PrefixSet;
  readonly groups: readonly FlatGroupId[];
  readonly domains: readonly string[];
}

/** Conditions that go together in every combination; absent ones do not limit. */
export interface FlatService {
  /** Ascending; all with the same kind of ports below, unless there are none. */
  readonly protocols: readonly number[];
  /** Destination ports, for TCP, UDP and SCTP. */
  readonly ports?: PortSet;
  readonly sourcePorts?: PortSet;
  /** ICMP type × 256 + code. */
  readonly icmp?: PortSet;
}

export interface FlatRule {
  readonly family: Family;
  readonly source: FlatSource;
  readonly destination: FlatDestination;
  /** Any of these; empty: every service. */
  readonly services: readonly FlatService[];
  readonly action: FlatAction;
  /** The rule or end that decides first, then the rules that passed the flow on to it, and others that it speaks for. */
  readonly origins: readonly Origin[];
}

/**
 * A set of governed destinations that a device keeps as a group: those in `nets`, in each group of `all`, and in none of `none`. Only its
 * content follows the groups, and what is inside the cluster; `groupContent` tells it.
 */
export interface FlatGroup {
  readonly id: FlatGroupId;
  readonly family: Family;
  readonly nets?: PrefixSet;
  readonly all: readonly GroupId[];
  readonly none: readonly GroupId[];
}

/**
 * Rules for a device without jumps, in no vendor's terms. The first rule that matches and is not `Log` decides; what none of them matches
 * is left to the device's own rules. No rule matches a flow that is not governed, as far as `assumes` holds.
 */
export interface FlatList {
  readonly layout: 'Class' | 'Group';
  readonly form: 'Full' | 'Filter';
  readonly rules: readonly FlatRule[];
  /** The classes whose members are in a source. */
  readonly sources: ReadonlyMap<SourceId, readonly ClassId[]>;
  readonly groups: ReadonlyMap<FlatGroupId, FlatGroup>;
  readonly assumes: {
    /** Prefixes that rules name as they are: nothing inside the cluster lies in them. True when the list was made. */
    readonly outside: PrefixSet;
    /** Domains that rules name: they resolve to governed addresses alone. Nobody can know that. */
    readonly domains: readonly string[];
  };
}

/** What a device can say, as far as the form of the list depends on it. */
export interface FlatCapabilities {
  /** A rule can leave our block: an ordered layer, a return. Else what is left is left by matching nothing. */
  readonly leave: boolean;
  /** Objects for domain names as destinations. */
  readonly domains: boolean;
  /** Rules that note a flow and go on. */
  readonly log: boolean;
}

export interface FlatOptions {
  /** Design 8.8. `Full`: our Allow is the device's. `Filter`: our rules deny alone, and what they allow is left to the device's own. */
  readonly form: FlatList['form'];
  readonly capabilities: FlatCapabilities;
}
