import { z } from 'zod';
import { text } from './feeds-configuration.ts';

const int = z.union([z.int(), z.string().regex(/^[0-9]+$/)]);
const strings = z.array(z.string());

const network = z.strictObject({
  networkID: z.string().describe('its id'),
  networkType: z
    .string()
    .describe('privateprimaryunshared, privateprimaryshared, privatesecondaryshared, external or underlay'),
  vrf: int.describe('the number in the names of its interfaces'),
  prefixes: strings.optional().describe('its nets'),
  destinationPrefixes: strings.optional().describe('what is reached through it'),
  ips: strings.optional().describe("this machine's addresses in it"),
  nat: z.boolean().optional().describe('traffic into it is masqueraded'),
  asn: int.optional().describe('its BGP number'),
});

const ports = z
  .array(
    z.strictObject({
      protocol: z.string().optional().describe('TCP (default) or UDP'),
      port: int.describe('1 to 65535'),
      endPort: int.optional().describe('the last one of a range'),
    }),
  )
  .nullish()
  .describe('destination ports; none: see `controllers.cwnp.semantics`');

const blocks = z
  .array(
    z.strictObject({
      cidr: z.string().describe('a net'),
      except: strings.nullish().describe('parts of it that are not meant'),
    }),
  )
  .nullish();

/** The inside of a `static` source: it mirrors what the other sources provide. */
export const staticFirewallSchema = z
  .strictObject({
    controllerURL: z.string().optional().describe('where a new version is fetched from'),
    controllerVersion: z.string().optional().describe('the version that should run'),
    nftablesExporterURL: z.string().optional().describe('the same of the exporter'),
    nftablesExporterVersion: z.string().optional().describe('the same of the exporter'),
    rateLimits: z
      .array(
        z.strictObject({ networkID: z.string().describe('its id'), rate: z.int().min(1).describe('MiB a second') }),
      )
      .optional()
      .describe('how much may come in from a network'),
    internalPrefixes: strings.optional().describe('nets that count as internal when traffic is counted'),
    egressRules: z
      .array(z.strictObject({ networkID: z.string().describe('its id'), ips: strings.describe('of its nets') }))
      .optional()
      .describe('the addresses that traffic into a network leaves with'),
    logAcceptedConnections: z
      .boolean()
      .optional()
      .describe('accepted connections are logged, up to 10 a second for each rule'),
    dnsServerAddress: z.string().optional().describe('the upstream resolver'),
    dnsPort: z.int().min(1).max(65_535).optional().describe('its port'),
    allowedNetworks: z
      .strictObject({
        ingress: strings.optional().describe('for `from`, and for addresses of Services'),
        egress: strings.optional().describe('for `to`'),
      })
      .optional()
      .describe('the only nets that policies may name; absent: any'),
    ipv4RuleFile: z
      .string()
      .optional()
      .describe('where the rules are written; absent: /etc/nftables/firewall-controller.v4'),
    distance: z
      .int()
      .min(0)
      .max(8)
      .optional()
      .describe('as of a Firewall; counts where `machine.announceDistance` is set'),
    dryRun: z.boolean().optional().describe('render and check, and change nothing'),
    interval: z
      .string()
      .optional()
      .describe('how often figures are reported, from 1s to 60s; absent: 10s. Sources are followed without it'),
    size: z.string().optional().describe('as in a Firewall; not used'),
    image: z.string().optional().describe('as in a Firewall; not used'),
    partition: z.string().optional().describe('as in a Firewall; not used'),
    project: z.string().optional().describe('as in a Firewall; not used'),
    userdata: z.string().optional().describe('as in a Firewall; not used'),
    sshPublicKeys: strings.optional().describe('as in a Firewall'),
    networks: z
      .array(z.union([z.string(), network]))
      .optional()
      .describe('as in a Firewall, ids, which are not used; or networks, as in `firewallNetworks`'),
    firewallNetworks: z
      .array(network)
      .optional()
      .describe("the machine's networks, as in the status of a Firewall; absent: those of its own facts"),
  })
  .describe('what a Firewall says (firewall.metal-stack.io/v2)');

const staticPoliciesSchema = z
  .strictObject({
    egress: z
      .array(
        z.strictObject({
          ports,
          to: blocks.describe('destinations'),
          toFQDNs: z
            .array(
              z.strictObject({
                matchName: z.string().optional().describe('one name'),
                matchPattern: z.string().optional().describe('names, with *'),
              }),
            )
            .nullish()
            .describe('destinations by name'),
        }),
      )
      .nullish()
      .describe('what the cluster may reach'),
    ingress: z
      .array(z.strictObject({ ports, from: blocks.describe('sources; none: anybody') }))
      .nullish()
      .describe('what may reach the cluster'),
  })
  .describe('entries of ClusterwideNetworkPolicies (metal-stack.io/v1); each counts by itself');

const allocationRule = {
  protocol: z.string().optional().describe('tcp (default) or udp'),
  ports: z.array(int).optional().describe('destination ports; none: it opens nothing'),
  comment: z.string().optional().describe('stands at its rule in the kernel'),
};

const staticRulesSchema = z
  .strictObject({
    egress: z
      .array(
        z.strictObject({ ...allocationRule, to: strings.optional().describe('destinations; none: it opens nothing') }),
      )
      .nullish()
      .describe("from the cluster's network"),
    ingress: z
      .array(
        z.strictObject({
          ...allocationRule,
          from: strings.optional().describe('sources; none: it opens nothing'),
          to: strings.optional().describe("absent: the cluster's network"),
        }),
      )
      .nullish()
      .describe('what comes in'),
  })
  .describe(
    'rules of an allocation, as the metal-api and install.yaml have them; they count where `controllers.cwnp` names this source',
  );

const staticServicesSchema = z
  .array(
    z.strictObject({
      metadata: z
        .looseObject({
          name: z.string().describe('its name'),
          namespace: z.string().optional().describe('its namespace'),
        })
        .describe('who it is'),
      spec: z.looseObject({}).describe('`type`, `ports`, `loadBalancerSourceRanges`, `loadBalancerIP`'),
      status: z.looseObject({}).optional().describe('`loadBalancer.ingress`'),
    }),
  )
  .describe('Services, as Kubernetes has them');

/** One source of the configuration file. What it is follows from its keys. */
export const sourceSchema = z.strictObject({
  manifests: text.optional().describe('a folder of manifests; it is watched'),
  kubeconfig: text
    .optional()
    .describe(
      'the file that tells how to reach the API server of a cluster; without it and any other key (`{}`): the cluster that this process runs in, as the service account of its pod; of the name `static`, nothing at all',
    ),
  shootAccess: z
    .string()
    .optional()
    .describe(
      'for firewall machines, instead of a kubeconfig: the source whose Firewall says how this cluster is reached (`status.shootAccess`)',
    ),
  context: text.optional().describe('a context of the kubeconfig; absent: its current one'),
  namespace: text
    .optional()
    .describe(
      'for firewall machines: where its objects are; absent: for a Firewall the current context of the kubeconfig, for everything else `firewall`',
    ),
  url: text.optional().describe('the metal-api'),
  hmac: text.optional().describe('its secret: metal-api v1'),
  token: text.optional().describe('a token instead: metal-apiserver v2; a file is read again each time'),
  type: text.optional().describe('who asks: Metal-View, Metal-Edit or Metal-Admin; absent: Metal-View'),
  projectID: text.optional().describe('the project that the firewall belongs to'),
  firewall: staticFirewallSchema.optional(),
  cwnp: staticPoliciesSchema.optional(),
  firewallRules: staticRulesSchema.optional(),
  service: staticServicesSchema.optional(),
});

/** Which keys make which kind of source. `namespace` goes with clusters and folders, `firewall` with the metal-api too, which holds none of it. */
const KEYS = {
  manifests: ['manifests', 'namespace'],
  kubernetes: ['kubeconfig', 'context', 'namespace', 'shootAccess'],
  metal: ['url', 'hmac', 'token', 'type', 'projectID', 'firewall'],
  static: ['firewall', 'cwnp', 'firewallRules', 'service'],
} as const;

export type SourceType = keyof typeof KEYS;

/** What a source is, and keys beside it that belong to another kind. */
export function typeOfSource(
  name: string,
  given: Readonly<Record<string, unknown>>,
): { readonly type: SourceType; readonly strangers: readonly string[] } {
  const keys = Object.keys(given).filter((key) => given[key] !== undefined);
  const has = (...any: readonly string[]): boolean => any.some((key) => keys.includes(key));
  const type: SourceType = has('manifests')
    ? 'manifests'
    : has('kubeconfig', 'context', 'shootAccess')
      ? 'kubernetes'
      : has('url', 'hmac', 'token', 'type', 'projectID')
        ? 'metal'
        : has(...KEYS.static) || (keys.length === 0 && name === 'static')
          ? 'static'
          : 'kubernetes';
  const known: readonly string[] = KEYS[type];
  return { type, strangers: keys.filter((key) => !known.includes(key)) };
}
