import { formatAddress } from '../src/ip/address.ts';
import { PrefixSet } from '../src/ip/prefix-set.ts';
import { readResource } from '../src/api/read.ts';
import type { Resource } from '../src/api/resource.ts';

/** An API object as YAML or JSON gives it. */
export type Raw = Readonly<Record<string, unknown>>;

/**
 * A cluster behind one Linux border, as large as asked for: 20 ClusterBorderPolicies of 5 rules that meet in up to 200 classes, 200 address
 * groups and two SourceNATs; every tenth pod has an IPv6 address too.
 */
export interface BenchWorld {
  /** Everything but pods. */
  readonly frame: readonly Raw[];
  readonly pods: readonly Raw[];
}

export const FIREWALL = 'edge';

const APPS = 10;
const STAGES = ['prod', 'test', 'stage', 'dev', 'lab'];
const ROLES = ['fe', 'be', 'db', 'job'];
const GROUPS = 200;
const PODS_V4 = PrefixSet.parse(['10.128.0.0/12']);
const PODS_V6 = PrefixSet.parse(['fd80::/64']);

/** Manifests of a world of so many pods. `address`: of the border, `netns:NAME`. */
export function benchWorld(pods: number, address: string): BenchWorld {
  const namespaces = Math.max(5, Math.ceil(pods / 50));
  const nodes = Math.max(2, Math.ceil(pods / 100));
  return {
    frame: [
      ...range(namespaces, namespace),
      ...range(nodes, node),
      pool('pods-v4', '10.128.0.0/12'),
      pool('pods-v6', 'fd80::/64'),
      ...range(20, networkSet),
      ...policies(),
      ...range(Math.min(GROUPS, namespaces), addressGroup),
      ...range(2, sourceNat),
      borderFirewall(address),
    ],
    pods: range(pods, (i) => pod(i, pods)),
  };
}

/**
 * The pod with this number in a world of `pods` pods. Numbers from `pods` on are pods that come later; they carry the labels of an
 * older one, because a pod that comes is another replica of something.
 */
export function pod(i: number, pods: number): Raw {
  const like = i % pods;
  const namespaces = Math.max(5, Math.ceil(pods / 50));
  const nodes = Math.max(2, Math.ceil(pods / 100));
  const ips = [{ ip: nth(PODS_V4, i + 1) }, ...(like % 10 === 0 ? [{ ip: nth(PODS_V6, i + 1) }] : [])];
  const app = Math.floor(like / namespaces) % APPS;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `app-${app}-${i}`,
      namespace: `ns-${like % namespaces}`,
      labels: {
        app: `app-${app}`,
        role: ROLES[Math.floor(like / (namespaces * APPS)) % ROLES.length] ?? 'fe',
        'pod-template-hash': (Math.imul(like % 5000, 2654435761) >>> 0).toString(16),
      },
    },
    spec: { nodeName: `node-${like % nodes}`, serviceAccountName: 'default', containers: [{ name: 'main' }] },
    status: { phase: 'Running', hostIP: `172.20.${(like % nodes) >> 8}.${(like % nodes) & 255}`, podIPs: ips },
  };
}

/** What the reader makes of an object; a mistake in a bench's world is a mistake in the bench. */
export function resourceOf(raw: Raw): Resource {
  const { resource, diagnostics } = readResource(raw, { file: 'bench' });
  const [first] = diagnostics;
  if (resource === undefined || first !== undefined) throw new Error(`the bench's world is wrong: ${first?.message}`);
  return resource;
}

function range<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i));
}

function nth(net: PrefixSet, i: number): string {
  const address = net.nth(BigInt(i));
  if (address === undefined) throw new Error(`${net.toString()} has no address ${i}`);
  return formatAddress(address);
}

/** A resource of our own group. */
export function ours(kind: string, name: string, spec: Raw): Raw {
  return { apiVersion: 'sallyport.dev/v1alpha1', kind, metadata: { name }, spec };
}

function namespace(i: number): Raw {
  const labels = { env: STAGES[i % STAGES.length] ?? 'prod', team: `team-${i % 20}` };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `ns-${i}`, labels } };
}

function node(i: number): Raw {
  const addresses = [
    { type: 'InternalIP', address: `172.20.${i >> 8}.${i & 255}` },
    { type: 'InternalIP', address: `fd20::${(i + 1).toString(16)}` },
  ];
  return { apiVersion: 'v1', kind: 'Node', metadata: { name: `node-${i}` }, status: { addresses } };
}

function pool(name: string, cidr: string): Raw {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'IPPool',
    metadata: { name },
    spec: { cidr, natOutgoing: false },
  };
}

function networkSet(i: number): Raw {
  return {
    apiVersion: 'projectcalico.org/v3',
    kind: 'GlobalNetworkSet',
    metadata: { name: `partner-${i}`, labels: { partner: `p${i}` } },
    spec: { nets: range(10, (k) => `198.18.${i * 10 + k}.0/24`).concat(`2001:db8:${i + 1}::/48`) },
  };
}

function policies(): Raw[] {
  const policy = (name: string, order: number, namespaceSelector: string, selector: string, i: number): Raw =>
    ours('ClusterBorderPolicy', name, {
      order,
      namespaceSelector,
      selector,
      egress: [
        { action: 'Allow', protocol: 'TCP', selector: `partner == 'p${i}'`, ports: [443, 8443] },
        { action: 'Allow', protocol: 'TCP', nets: [`203.0.113.${i * 8}/29`], ports: ['8000:8080'] },
        { action: 'Allow', protocol: 'UDP', nets: ['203.0.113.250/32'], ports: [53, 123] },
        { action: 'Allow', protocol: 'ICMP', nets: ['198.18.0.0/15'] },
        { action: 'Deny', protocol: 'TCP', nets: [`192.0.2.${i}/32`] },
      ],
    });
  return [
    ...range(APPS, (i) => policy(`app-${i}`, 100 + i, 'all()', `app == 'app-${i}'`, i)),
    ...STAGES.map((env, i) => policy(`env-${env}`, 200 + i, `env == '${env}'`, 'all()', 10 + i)),
    ...ROLES.map((role, i) => policy(`role-${role}`, 300 + i, 'all()', `role == '${role}'`, 15 + i)),
    policy('baseline', 1000, 'all()', 'all()', 19),
  ];
}

function addressGroup(i: number): Raw {
  return ours('AddressGroup', `group-${i}`, {
    namespaceSelector: `projectcalico.org/name == 'ns-${i}'`,
    selector: 'all()',
  });
}

function sourceNat(i: number): Raw {
  return ours('SourceNAT', `bank-${i}`, {
    order: i,
    namespaceSelector: 'all()',
    selector: `app == 'app-${i}'`,
    destination: { nets: [`198.18.${i * 10}.0/24`, `2001:db8:${i + 1}::/48`] },
    translate: { addresses: [`192.0.2.${100 + i * 2}`, `192.0.2.${101 + i * 2}`, `2001:db8:ffff::${i + 1}`] },
  });
}

function borderFirewall(address: string): Raw {
  return ours('BorderFirewall', FIREWALL, {
    driver: 'nftables',
    address,
    mode: 'Enforce',
    workloads: { namespaceSelector: 'all()' },
  });
}
