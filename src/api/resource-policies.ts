import type { PortSet } from '../ip/port-set.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { LabelSelector } from '../selector/label-selector.ts';
import type { Selector } from '../selector/selector.ts';
import type { Meta, Readable, ReadableRule, RuleAction } from './resource-meta.ts';

// ---- Kubernetes -------------------------------------------------------------------------------------------------------

export interface KubernetesPeer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: Prefix; readonly except: readonly Prefix[] };
}

export interface KubernetesRule {
  /** Absent or empty: every peer. */
  readonly peers: readonly KubernetesPeer[];
  readonly ports: readonly {
    readonly protocol: 'TCP' | 'UDP' | 'SCTP';
    readonly port?: number | string;
    readonly endPort?: number;
  }[];
}

export interface KubernetesNetworkPolicy extends Meta {
  readonly type: 'KubernetesNetworkPolicy';
  readonly podSelector: Readable<LabelSelector>;
  /** With the API server's default applied (semantics 8.1.2). */
  readonly types: readonly ('Ingress' | 'Egress')[];
  readonly ingress: readonly ReadableRule<KubernetesRule>[];
  readonly egress: readonly ReadableRule<KubernetesRule>[];
}

// ---- Calico -----------------------------------------------------------------------------------------------------------

export interface CalicoEntity {
  readonly nets: readonly Prefix[];
  readonly notNets: readonly Prefix[];
  readonly selector?: Selector;
  readonly notSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly serviceAccounts?: { readonly names: readonly string[]; readonly selector?: Selector };
  readonly services?: { readonly name: string; readonly namespace: string };
  readonly ports?: CalicoPorts;
  readonly notPorts?: CalicoPorts;
  readonly domains: readonly string[];
}

export interface CalicoPorts {
  readonly numbers: PortSet;
  readonly names: readonly string[];
}

export interface IcmpMatch {
  readonly type: number;
  readonly code?: number;
}

export interface CalicoRule {
  readonly action: RuleAction;
  /** Written, or implied by ICMP by name or by the CIDRs, negative ones too (semantics 5, table and 5.4): nobody needs to imply it again. */
  readonly ipVersion?: 4 | 6;
  /** IP protocol number; names are resolved (semantics 5). */
  readonly protocol?: { readonly number: number; readonly byName: boolean };
  readonly notProtocol?: { readonly number: number; readonly byName: boolean };
  readonly icmp?: IcmpMatch;
  readonly notIcmp?: IcmpMatch;
  readonly source: CalicoEntity;
  readonly destination: CalicoEntity;
  /** The rule has an `http` match, which nothing below layer 7 can enforce. */
  readonly http: boolean;
}

export interface CalicoPolicySpec {
  readonly tier: string;
  /** Absent is `Infinity`. */
  readonly order: number;
  /** Absent where nothing is written, which is not the same as `all()`: beside a namespaceSelector that one means "has a namespace" (semantics 3.1.4). */
  readonly selector: Readable<Selector | undefined>;
  readonly namespaceSelector: Readable<Selector | undefined>;
  readonly serviceAccountSelector: Readable<Selector | undefined>;
  readonly types: readonly ('Ingress' | 'Egress')[];
  readonly ingress: readonly ReadableRule<CalicoRule>[];
  readonly egress: readonly ReadableRule<CalicoRule>[];
  readonly doNotTrack: boolean;
  readonly preDNAT: boolean;
  readonly applyOnForward: boolean;
}
