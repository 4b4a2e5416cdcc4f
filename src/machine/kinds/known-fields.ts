import type { Known } from '../../api/known-fields.ts';

const object = { apiVersion: 'any', kind: 'any', metadata: 'any', status: 'any' } as const;
const block = { cidr: 'any', except: 'any' } as const;
const ports = { protocol: 'any', port: 'any', endPort: 'any' } as const;

/** What may stand in a ClusterwideNetworkPolicy (metal-stack reference, 2.1). */
export const POLICY_FIELDS: Known = {
  ...object,
  spec: {
    description: 'any',
    ingress: { ports, from: block },
    egress: { ports, to: block, toFQDNs: { matchName: 'any', matchPattern: 'any' } },
  },
};

/** What may stand in a Firewall (2.2); of some of it only its manager knows what it means. */
export const FIREWALL_FIELDS: Known = {
  ...object,
  distance: 'any',
  spec: {
    size: 'any',
    image: 'any',
    partition: 'any',
    project: 'any',
    networks: 'any',
    userdata: 'any',
    userdataContents: 'any',
    initialRuleSet: 'any',
    sshPublicKeys: 'any',
    rateLimits: { networkID: 'any', rate: 'any' },
    internalPrefixes: 'any',
    egressRules: { networkID: 'any', ips: 'any' },
    interval: 'any',
    dryRun: 'any',
    ipv4RuleFile: 'any',
    controllerVersion: 'any',
    controllerURL: 'any',
    nftablesExporterVersion: 'any',
    nftablesExporterURL: 'any',
    logAcceptedConnections: 'any',
    dnsServerAddress: 'any',
    dnsPort: 'any',
    allowedNetworks: { ingress: 'any', egress: 'any' },
  },
};
