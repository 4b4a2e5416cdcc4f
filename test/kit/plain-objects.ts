// API objects and answers as plain data, as tests and the slow evaluator use them.

export interface PlainSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'; values?: string[] }[];
}

export interface PlainEntity {
  nets?: string[];
  notNets?: string[];
  selector?: string;
  notSelector?: string;
  namespaceSelector?: string;
  serviceAccounts?: { names?: string[]; selector?: string };
  services?: { name: string; namespace?: string };
  ports?: (number | string)[];
  notPorts?: (number | string)[];
}

export interface PlainRule {
  action: 'Allow' | 'Deny' | 'Pass' | 'Log';
  ipVersion?: 4 | 6;
  protocol?: string | number;
  notProtocol?: string | number;
  icmp?: { type: number; code?: number };
  notICMP?: { type: number; code?: number };
  source?: PlainEntity;
  destination?: PlainEntity;
  http?: object;
}

export interface PlainPeer {
  podSelector?: PlainSelector;
  namespaceSelector?: PlainSelector;
  ipBlock?: { cidr: string; except?: string[] };
}

export interface PlainKubernetesRule {
  from?: PlainPeer[];
  to?: PlainPeer[];
  ports?: { protocol?: 'TCP' | 'UDP' | 'SCTP'; port?: number | string; endPort?: number }[];
}

/** Who is meant by a rule or as the subject of a ClusterNetworkPolicy, AdminNetworkPolicy or BaselineAdminNetworkPolicy. */
export interface PlainClusterPeer {
  namespaces?: PlainSelector;
  pods?: { namespaceSelector?: PlainSelector; podSelector?: PlainSelector };
  networks?: string[];
  nodes?: PlainSelector;
  domainNames?: string[];
}

export interface PlainClusterRule {
  action: 'Accept' | 'Allow' | 'Deny' | 'Pass';
  from?: PlainClusterPeer[];
  to?: PlainClusterPeer[];
  /** v1alpha2 */
  protocols?: PlainClusterProtocol[];
  /** v1alpha1 */
  ports?: {
    portNumber?: { protocol?: string; port: number };
    portRange?: { protocol?: string; start: number; end: number };
    namedPort?: string;
  }[];
}

interface PlainDestinationPort {
  destinationPort?: { number?: number; range?: { start: number; end: number } };
}

export interface PlainClusterProtocol {
  tcp?: PlainDestinationPort;
  udp?: PlainDestinationPort;
  sctp?: PlainDestinationPort;
  destinationNamedPort?: string;
}

export interface PlainObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
  };
  // biome-ignore lint: every kind has its own
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  /** An EndpointSlice keeps nothing under `spec`. */
  addressType?: string;
  endpoints?: { addresses: string[]; conditions?: Record<string, boolean> }[];
  ports?: { name?: string; port?: number; protocol?: string }[];
}

export interface PlainFlow {
  src: string;
  dst: string;
  proto: string | number;
  sport?: number;
  dport?: number;
  icmpType?: number;
  icmpCode?: number;
}

export interface PlainHop {
  endpoint: string;
  allowed: boolean;
  tier?: string;
  policy?: string;
  rule?: number;
  reason: string;
  passes?: string[];
}
