/** What the metal-api holds, in the form of its v1 answers (metal-stack reference, 12.3). */

export interface FirewallRule {
  readonly protocol?: string;
  readonly ports: readonly number[];
  readonly to?: readonly string[];
  readonly from?: readonly string[];
  readonly comment?: string;
}

export interface AllocationNetwork {
  readonly networkid: string;
  /** v1's words: `privateprimaryunshared`, `external`, … */
  readonly networktype: string;
  readonly vrf: number;
  readonly prefixes: readonly string[];
  readonly destinationprefixes?: readonly string[];
  readonly ips: readonly string[];
  readonly nat?: boolean;
  readonly asn?: number;
  readonly projectid?: string;
}

export interface Firewall {
  readonly id: string;
  readonly allocation: {
    readonly name: string;
    readonly hostname: string;
    readonly project: string;
    readonly networks: readonly AllocationNetwork[];
    readonly firewall_rules?: { readonly egress?: readonly FirewallRule[]; readonly ingress?: readonly FirewallRule[] };
    /** Every viewer gets it back. */
    readonly user_data?: string;
  };
}

export interface Network {
  readonly id: string;
  readonly prefixes: readonly string[];
  readonly destinationprefixes?: readonly string[];
  readonly vrf?: number;
}

/** Machines and networks. `put…` are the test's own hand; what a real allocation refuses is refused (reference 12.3). */
export class Store {
  readonly firewalls = new Map<string, Firewall>();
  readonly networks = new Map<string, Network>();

  putFirewall(firewall: Firewall): void {
    const { egress = [], ingress = [] } = firewall.allocation.firewall_rules ?? {};
    for (const rule of [...egress, ...ingress]) refuseBadRule(rule);
    this.firewalls.set(firewall.id, firewall);
  }

  putNetwork(network: Network): void {
    this.networks.set(network.id, network);
  }
}

function refuseBadRule({ ports, to = [], from = [], comment = '', protocol = 'tcp' }: FirewallRule): void {
  const nets = [...to, ...from];
  if (protocol !== 'tcp' && protocol !== 'udp') throw new Error(`unsupported protocol "${protocol}"`);
  if (ports.some((port) => !Number.isInteger(port) || port < 0 || port > 65_535))
    throw new Error('port is out of range');
  if (nets.some((net) => !net.includes('/'))) throw new Error('invalid cidr');
  if (new Set(nets.map((net) => net.includes(':'))).size > 1)
    throw new Error('mixed address family in one rule is not supported');
  if (!/^[a-z_ -]{0,100}$/i.test(comment)) throw new Error('illegal character in comment');
}
