import type { Place } from '../base/diagnostic.ts';
import type { PortSet } from '../ip/port-set.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import type { Selector } from '../selector/selector.ts';
import type { Meta, Readable, ReadableRule, RuleAction } from './resource-meta.ts';
import type { IcmpMatch } from './resource-policies.ts';

// The kinds of sallyport.dev/v1alpha1.

/** What every object of ours has besides, where an API server has it. */
export interface OwnMeta extends Meta {
  /** Another one after every edit of the spec, and after no write of a status. */
  readonly generation?: number;
  /** Milliseconds since the epoch, by the API server's clock. */
  readonly createdAt?: number;
  /** Our finalizer is on it: when it is deleted it stays until we let it go. */
  readonly held?: true;
  /** As the API server gave it; who writes statuses compares with it. */
  readonly status?: Readonly<Record<string, unknown>>;
}

/** A rule of ClusterBorderPolicy and BorderPolicy: the outside side only; the inside is the policy's own selector. */
export interface BorderPolicyRule {
  readonly action: RuleAction;
  /** Written, or implied by ICMP by name. */
  readonly ipVersion?: 4 | 6;
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: IcmpMatch;
  readonly nets?: PrefixSet;
  /** Holds networks of each family that the rule is for: whether it says anything about a family it does not name is never a question. */
  readonly notNets?: PrefixSet;
  readonly ports?: PortSet;
  readonly notPorts?: PortSet;
  /** Over network sets. */
  readonly selector?: Selector;
  readonly domains: readonly string[];
}

export type OnBlind = 'Refuse' | 'Widen';

export interface BorderPolicySpec {
  readonly order: number;
  readonly selector: Readable<Selector>;
  /** ClusterBorderPolicy only. */
  readonly namespaceSelector: Readable<Selector | undefined>;
  readonly egress: readonly ReadableRule<BorderPolicyRule>[];
  /** Names; absent: every firewall on the workloads' way. */
  readonly firewalls?: readonly string[];
  readonly onBlind: OnBlind;
}

export interface ClusterBorderPolicy extends OwnMeta {
  readonly type: 'ClusterBorderPolicy';
  readonly spec: BorderPolicySpec;
}

export interface BorderPolicy extends OwnMeta {
  readonly type: 'BorderPolicy';
  readonly spec: BorderPolicySpec;
}

export interface AddressGroup extends OwnMeta {
  readonly type: 'AddressGroup';
  readonly selector: Readable<Selector>;
  readonly namespaceSelector: Readable<Selector>;
  readonly firewalls?: readonly string[];
  /** The name on the device. */
  readonly deviceName: string;
  readonly as: 'Auto' | 'Group' | 'Feed' | 'Tag';
  readonly use: 'Allow' | 'Deny';
}

export type Translate =
  | { readonly kind: 'None' }
  /** Addresses of both families; an address or list is its own prefixes, a range is its cover. */
  | { readonly kind: 'Addresses'; readonly addresses: PrefixSet }
  /** The addresses of an IPPool. */
  | { readonly kind: 'Pool'; readonly pool: string };

export interface SourceNAT extends OwnMeta {
  readonly type: 'SourceNAT';
  readonly selector: Readable<Selector>;
  readonly namespaceSelector: Readable<Selector>;
  readonly destination: Readable<{ readonly nets: PrefixSet; readonly ports?: PortSet; readonly protocol?: number }>;
  /** Unreadable: nothing is translated and the flows are held (dropped), never leaked. */
  readonly translate: Readable<Translate>;
  readonly firewalls?: readonly string[];
  readonly order: number;
  readonly onBlind: OnBlind;
  readonly otherFamily: 'Keep' | 'Drop';
}

export interface GuardLimit {
  readonly percent: number;
  readonly atLeast: number;
  readonly percentPerHour: number;
}

export interface BorderFirewall extends OwnMeta {
  readonly type: 'BorderFirewall';
  /** Where fields of `spec` stand, by path; absent: nobody knows. */
  readonly places?: ReadonlyMap<string, Place>;
  readonly driver: string;
  readonly address: string;
  readonly credentialsRef?: { readonly secret: string } | { readonly file: string } | { readonly env: string };
  readonly tls?: { readonly ca?: string; readonly pin?: string; readonly insecure?: { readonly reason: string } };
  /** Checked by the driver's own closed schema. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly workloads: {
    readonly namespaceSelector?: Selector;
    readonly selector?: Selector;
    /** Names of IPPools; ANDed with the selectors. */
    readonly ipPools?: readonly string[];
  };
  readonly destinations: PrefixSet;
  readonly behind: readonly string[];
  readonly sees?: 'Pod' | 'Node';
  /** Which of a node's addresses it uses towards the border: an address type of `status.addresses`. */
  readonly nodeAddress: string;
  /** Absent: the pools of its workloads whose pods it sees. */
  readonly networks?: PrefixSet;
  readonly unknown: 'Drop' | 'Ignore';
  readonly unselected: 'Ignore' | 'Deny';
  readonly accepts: readonly {
    /** Selects namespaces by their labels (`projectcalico.org/name` is the name). */
    readonly namespaces: Selector;
    readonly destinations?: PrefixSet;
    readonly ports?: PortSet;
    readonly actions?: readonly RuleAction[];
  }[];
  /** Repeated tiers; empty: none. */
  readonly tiers: readonly string[];
  readonly blind: OnBlind;
  readonly established: 'Cut' | 'Keep';
  readonly mode: 'Observe' | 'Approve' | 'Enforce';
  readonly approve: 'Rules' | 'Everything';
  readonly drift: 'Repair' | 'Show';
  readonly adopt: readonly string[];
  readonly approximate: 'Never' | 'Narrower' | 'Wider';
  readonly guard: {
    readonly removals: GuardLimit;
    readonly gains: GuardLimit;
    readonly quiet: readonly { readonly from: string; readonly to: string; readonly days?: readonly string[] }[];
    readonly after: readonly string[];
  };
  readonly readiness: { readonly timeoutMs: number; readonly onTimeout: 'Hold' | 'Release' };
  readonly onDelete: 'Keep' | 'Remove';
}

/** What of a BorderFirewall its driver judges without asking the device. */
export type FirewallSettings = Pick<
  BorderFirewall,
  'name' | 'driver' | 'address' | 'options' | 'credentialsRef' | 'tls' | 'adopt' | 'approximate' | 'tiers' | 'mode'
> & {
  /** Where parts of it stand, by path: `spec.options.position`; absent: nobody knows, or it would be dear to find out. */
  readonly places?: ReadonlyMap<string, Place>;
};

/** A BorderFirewall that is there and cannot be read whole: nothing is planned from it, and its device stays as it is. */
export interface UnreadFirewall extends OwnMeta {
  readonly type: 'BorderFirewall';
  /** As far as they can be read; of what is in `unreadable` a stand-in. */
  readonly settings: FirewallSettings;
  /** Members of `spec` that are missing or cannot be read. */
  readonly unreadable: ReadonlySet<string>;
  /** Of these three, absent: that cannot be read. */
  readonly onDelete?: BorderFirewall['onDelete'];
  readonly workloads?: BorderFirewall['workloads'];
  readonly readiness?: BorderFirewall['readiness'];
}

/** Somebody's yes to one plan of one firewall (design invariant 4). */
export interface BorderApproval extends OwnMeta {
  readonly type: 'BorderApproval';
  /** Name of the BorderFirewall. */
  readonly firewall: string;
  readonly digest: string;
  /** Its status says, or may say, that it counts no more. */
  readonly spent: boolean;
}

/** A resource of ours. */
export type OwnResource =
  | BorderFirewall
  | ClusterBorderPolicy
  | BorderPolicy
  | AddressGroup
  | SourceNAT
  | BorderApproval;
