import type { RawMap } from './shape.ts';

// One right object of each kind, with every field that is read; tests start from these and break them.

function object(apiVersion: string, kind: string, metadata: RawMap, rest: RawMap = {}): RawMap {
  return { apiVersion, kind, metadata, ...rest };
}

const ours = 'sallyport.dev/v1alpha1';
const calico = 'projectcalico.org/v3';

const calicoRule = {
  action: 'Allow',
  protocol: 'TCP',
  source: { serviceAccounts: { names: ['till'], selector: "role == 'x'" }, notSelector: 'has(x)' },
  destination: {
    nets: ['10.0.0.0/8'],
    notNets: ['10.1.0.0/16'],
    selector: "bank == 'yes'",
    namespaceSelector: 'global()',
    ports: [443, '8000:8080', 'https'],
    notPorts: [8001],
  },
};

const calicoSpec = {
  tier: 'platform',
  order: 10.5,
  selector: "app == 'web'",
  serviceAccountSelector: 'all()',
  types: ['Ingress', 'Egress'],
  ingress: [
    { action: 'Allow', protocol: 'TCP', source: {}, http: { methods: ['GET'], paths: [{ exact: '/a' }] } },
    { action: 'Pass', source: { services: { name: 'web', namespace: 'shop' } } },
  ],
  egress: [
    calicoRule,
    { action: 'Allow', destination: { domains: ['*.example.com'] } },
    { action: 'Deny', protocol: 'ICMP', icmp: { type: 8, code: 0 }, notICMP: { type: 3 } },
    { action: 'Log', notProtocol: 17 },
    { action: 'Deny' },
  ],
};

export const validObjects: readonly RawMap[] = [
  object(
    'v1',
    'Pod',
    { name: 'web-1', namespace: 'shop', uid: 'u-1', labels: { app: 'web' }, annotations: { a: 'b' } },
    {
      spec: {
        nodeName: 'n1',
        serviceAccountName: 'till',
        hostNetwork: false,
        containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 80 }, { containerPort: 81 }] }],
        initContainers: [{ ports: [{ name: 'dns', containerPort: 53, protocol: 'UDP' }] }],
      },
      status: {
        phase: 'Running',
        podIP: '10.0.0.1',
        podIPs: [{ ip: '10.0.0.1' }, { ip: '2001:db8::1' }],
        hostIP: '1.2.3.4',
      },
    },
  ),
  object('v1', 'Namespace', { name: 'shop', labels: { env: 'prod' } }),
  object('v1', 'ServiceAccount', { name: 'till', namespace: 'shop' }),
  object(
    'v1',
    'Node',
    { name: 'n1' },
    { spec: { podCIDR: '10.0.0.0/24' }, status: { addresses: [{ type: 'InternalIP', address: '1.2.3.4' }] } },
  ),
  object(
    'discovery.k8s.io/v1',
    'EndpointSlice',
    { name: 'web-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'web' } },
    {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready: false } }, { addresses: ['10.0.0.2'] }],
      ports: [
        { name: 'http', port: 80, protocol: 'TCP' },
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'none' },
      ],
    },
  ),
  object(
    'networking.k8s.io/v1',
    'NetworkPolicy',
    { name: 'web', namespace: 'shop' },
    {
      spec: {
        podSelector: {
          matchLabels: { app: 'web' },
          matchExpressions: [{ key: 'tier', operator: 'In', values: ['a'] }],
        },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: [{ namespaceSelector: {} }], ports: [{ port: 'http' }] }],
        egress: [
          {
            to: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }, { podSelector: {} }],
            ports: [
              { protocol: 'UDP', port: 53 },
              { port: 80, endPort: 90 },
            ],
          },
          {},
        ],
      },
    },
  ),
  object(
    'policy.networking.k8s.io/v1alpha2',
    'ClusterNetworkPolicy',
    { name: 'admin' },
    {
      spec: {
        tier: 'Admin',
        priority: 10,
        subject: { pods: { namespaceSelector: { matchLabels: { env: 'prod' } }, podSelector: {} } },
        ingress: [
          {
            action: 'Accept',
            from: [{ namespaces: { matchLabels: { env: 'prod' } } }],
            protocols: [
              { tcp: { destinationPort: { number: 443 } } },
              { udp: { destinationPort: { range: { start: 8000, end: 8080 } } } },
              { sctp: {} },
              { destinationNamedPort: 'http' },
            ],
          },
        ],
        egress: [
          { action: 'Deny', to: [{ networks: ['10.0.0.0/8', '2001:db8::/32'] }] },
          { action: 'Pass', to: [{ pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'web' } } } }] },
        ],
      },
    },
  ),
  object(
    'policy.networking.k8s.io/v1alpha1',
    'AdminNetworkPolicy',
    { name: 'admin' },
    {
      spec: {
        priority: 10,
        subject: { namespaces: { matchLabels: { env: 'prod' } } },
        ingress: [
          {
            action: 'Allow',
            from: [{ namespaces: {} }],
            ports: [
              { portNumber: { protocol: 'UDP', port: 53 } },
              { portRange: { protocol: 'SCTP', start: 80, end: 90 } },
              { namedPort: 'http' },
            ],
          },
          { action: 'Pass', from: [{ namespaces: {} }] },
        ],
        egress: [{ action: 'Deny', to: [{ networks: ['10.0.0.0/8'] }] }],
      },
    },
  ),
  object(
    'policy.networking.k8s.io/v1alpha1',
    'BaselineAdminNetworkPolicy',
    { name: 'default' },
    {
      spec: {
        subject: { namespaces: {} },
        ingress: [{ action: 'Deny', from: [{ namespaces: {} }] }],
        egress: [{ action: 'Allow', to: [{ networks: ['10.0.0.0/8'] }] }],
      },
    },
  ),
  object(calico, 'NetworkPolicy', { name: 'platform.web', namespace: 'shop' }, { spec: calicoSpec }),
  object(
    calico,
    'GlobalNetworkPolicy',
    { name: 'platform.web' },
    { spec: { ...calicoSpec, namespaceSelector: 'all()', applyOnForward: true } },
  ),
  object(
    calico,
    'StagedNetworkPolicy',
    { name: 'platform.web', namespace: 'shop' },
    { spec: { ...calicoSpec, stagedAction: 'Set' } },
  ),
  object(
    calico,
    'StagedGlobalNetworkPolicy',
    { name: 'platform.web' },
    { spec: { stagedAction: 'Delete', tier: 'platform' } },
  ),
  object(
    calico,
    'StagedKubernetesNetworkPolicy',
    { name: 'web', namespace: 'shop' },
    {
      spec: {
        stagedAction: 'Set',
        podSelector: { matchLabels: { app: 'web' } },
        policyTypes: ['Ingress'],
        ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }],
      },
    },
  ),
  object(calico, 'Tier', { name: 'platform' }, { spec: { order: 100, defaultAction: 'Pass' } }),
  object(
    calico,
    'NetworkSet',
    { name: 'bank', namespace: 'shop', labels: { bank: 'yes' } },
    { spec: { nets: ['10.0.0.1', '10.0.0.1/24'], allowedEgressDomains: ['api.example.com'] } },
  ),
  object(calico, 'GlobalNetworkSet', { name: 'bank' }, { spec: { nets: ['2001:db8::/32'] } }),
  object(
    calico,
    'IPPool',
    { name: 'pods' },
    {
      spec: {
        cidr: '10.244.0.0/16',
        natOutgoing: true,
        disabled: true,
        nodeSelector: 'all()',
        allowedUses: ['Workload'],
      },
    },
  ),
  object(
    calico,
    'Profile',
    { name: 'hosts' },
    {
      spec: {
        labelsToApply: { zone: 'a' },
        ingress: [{ action: 'Allow', protocol: 'TCP', source: { nets: ['10.0.0.0/8'] }, destination: { ports: [22] } }],
        egress: [{ action: 'Log' }, { action: 'Deny', destination: { selector: "bank == 'yes'" } }],
      },
    },
  ),
  object(
    calico,
    'HostEndpoint',
    { name: 'n1-eth0' },
    {
      spec: {
        node: 'n1',
        interfaceName: 'eth0',
        expectedIPs: ['1.2.3.4'],
        profiles: ['p'],
        ports: [{ name: 'ssh', protocol: 'TCP', port: 22 }],
      },
    },
  ),
  object(
    calico,
    'WorkloadEndpoint',
    { name: 'n1-k8s-web--1-eth0', namespace: 'shop', labels: { app: 'web' } },
    {
      spec: {
        node: 'n1',
        orchestrator: 'k8s',
        endpoint: 'eth0',
        pod: 'web-1',
        serviceAccountName: 'till',
        ipNetworks: ['10.0.0.1/32', '2001:db8::1'],
        profiles: ['kns.shop'],
        ports: [
          { name: 'http', protocol: 'TCP', port: 80 },
          { protocol: 'UDP', port: 53 },
        ],
      },
    },
  ),
  object(
    calico,
    'FelixConfiguration',
    { name: 'default' },
    { spec: { natOutgoingAddress: '192.0.2.1', natOutgoingExclusions: 'IPPoolsAndHostIPs', interfacePrefix: 'cali' } },
  ),
  object(
    ours,
    'BorderFirewall',
    { name: 'edge-1' },
    {
      spec: {
        driver: 'fortigate',
        address: 'https://192.0.2.9',
        credentialsRef: { secret: 'edge-1' },
        tls: { pin: 'sha256:abc' },
        options: { vdom: 'root' },
        workloads: { namespaceSelector: 'all()', selector: 'all()', ipPools: ['pods'] },
        destinations: ['0.0.0.0/0'],
        behind: ['edge-0'],
        sees: 'Node',
        nodeAddress: 'ExternalIP',
        networks: ['10.244.0.0/16'],
        unknown: 'Ignore',
        unselected: 'Deny',
        accepts: [{ namespaces: 'all()', destinations: ['10.0.0.0/8'], ports: [80, '90:99'], actions: ['Allow'] }],
        policies: { tiers: ['default'] },
        blind: 'Widen',
        established: 'Keep',
        mode: 'Enforce',
        approve: 'Everything',
        drift: 'Repair',
        adopt: ['old'],
        approximate: 'Narrower',
        guard: {
          removals: { percent: 1, atLeast: 2, percentPerHour: 3 },
          gains: { percent: 4 },
          quiet: [{ from: '22:00', to: '06:00', days: ['Sun'] }],
          after: ['edge-0'],
        },
        readiness: { timeout: '2m', onTimeout: 'Release' },
        onDelete: 'Remove',
      },
      status: { conditions: [] },
    },
  ),
  object(
    ours,
    'ClusterBorderPolicy',
    { name: 'bank' },
    {
      spec: {
        order: 10,
        selector: "app == 'web'",
        namespaceSelector: 'all()',
        firewalls: ['edge-1'],
        onBlind: 'Widen',
        egress: [
          { action: 'Allow', protocol: 'TCP', nets: ['10.0.0.0/8', '2001:db8::/32'], ports: [443, '8000:8080'] },
          { action: 'Deny', ipVersion: 4, notNets: ['10.0.0.0/8'], notProtocol: 'UDP' },
          { action: 'Pass', selector: "bank == 'yes'", protocol: 'UDP', notPorts: [53] },
          { action: 'Log', domains: ['api.example.com'] },
          { action: 'Allow', protocol: 'ICMPv6', icmp: { type: 128, code: 0 } },
        ],
      },
    },
  ),
  object(
    ours,
    'BorderPolicy',
    { name: 'bank', namespace: 'shop' },
    { spec: { selector: 'all()', egress: [{ action: 'Allow' }] } },
  ),
  object(
    ours,
    'AddressGroup',
    { name: 'web' },
    {
      spec: {
        selector: 'all()',
        namespaceSelector: 'all()',
        firewalls: ['edge-1'],
        name: 'Web Pods',
        as: 'Tag',
        use: 'Deny',
      },
    },
  ),
  object(
    ours,
    'SourceNAT',
    { name: 'bank' },
    {
      spec: {
        selector: 'all()',
        namespaceSelector: 'all()',
        destination: { nets: ['10.0.0.0/8'], protocol: 'TCP', ports: [443] },
        translate: { addresses: ['192.0.2.1', '192.0.2.64/26', '2001:db8::1-2001:db8::4'] },
        firewalls: ['edge-1'],
        order: 1,
        onBlind: 'Widen',
        otherFamily: 'Drop',
      },
    },
  ),
  object(
    ours,
    'BorderApproval',
    { name: 'edge-1-x7k2p', uid: 'u-9', generation: 1, creationTimestamp: '2026-01-05T12:00:00Z' },
    {
      spec: { firewall: 'edge-1', digest: '0123456789abcdef'.repeat(4) },
      status: { state: 'Used', at: '2026-01-05T12:01:00Z', message: 'the plan was begun' },
    },
  ),
];
