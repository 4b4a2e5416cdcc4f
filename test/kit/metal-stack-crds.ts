import type { RawApi } from './raw-api.ts';

/** The kinds of metal-stack as its clusters define them (metal-stack reference, 2.1 to 2.3), as far as a firewall machine has to do with them. */

type Schema = Readonly<Record<string, unknown>>;

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const open: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const object = (properties: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  ...(required.length === 0 ? {} : { required }),
});
const integer: Schema = { type: 'integer', format: 'int64' };
const time: Schema = { type: 'string', format: 'date-time' };
const mapOf = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });
const listOf = (items: Schema): Schema => ({ type: 'array', items });

const ports = listOf(
  object({ protocol: text, port: { type: 'integer', format: 'int32' }, endPort: { type: 'integer', format: 'int32' } }),
);
const blocks = listOf(object({ cidr: text, except: texts }, ['cidr']));
const domain = object({
  matchName: { type: 'string', pattern: '^([-a-zA-Z0-9_]+[.]?)+$' },
  matchPattern: { type: 'string', pattern: '^([-a-zA-Z0-9_*]+[.]?)+$' },
});
const ipSet = object({
  fqdn: text,
  setName: text,
  version: text,
  ipExpirationTimes: { type: 'object', additionalProperties: text },
  ips: texts,
  expirationTime: text,
});

function definition(
  group: string,
  version: string,
  kind: string,
  schema: Readonly<Record<string, Schema>>,
  { required = [], status }: { readonly required?: readonly string[]; readonly status: boolean },
): { readonly metadata: { readonly name: string }; readonly [field: string]: unknown } {
  const singular = kind.toLowerCase();
  const plural = singular.endsWith('y') ? `${singular.slice(0, -1)}ies` : `${singular}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular, listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(status ? { subresources: { status: {} } } : {}),
          schema: { openAPIV3Schema: { ...object(schema, required) } },
        },
      ],
    },
  };
}

export const CWNP_DEFINITION = definition(
  'metal-stack.io',
  'v1',
  'ClusterwideNetworkPolicy',
  {
    spec: object({
      description: text,
      ingress: listOf(object({ ports, from: blocks })),
      egress: listOf(object({ ports, to: blocks, toFQDNs: listOf(domain) })),
    }),
    status: object({
      fqdn_state: { type: 'object', additionalProperties: listOf(ipSet) },
      state: text,
      message: text,
    }),
  },
  { status: true },
);

export const FIREWALL_DEFINITION = definition(
  'firewall.metal-stack.io',
  'v2',
  'Firewall',
  {
    distance: { type: 'integer' },
    spec: { ...open, required: ['size', 'image', 'partition', 'project', 'networks'] },
    status: open,
  },
  { required: ['distance'], status: true },
);

/** Without a status sub-resource: all fields are at the top. */
export const MONITOR_DEFINITION = definition(
  'firewall.metal-stack.io',
  'v2',
  'FirewallMonitor',
  {
    size: text,
    image: text,
    partition: text,
    project: text,
    networks: texts,
    rateLimits: listOf(open),
    egressRules: listOf(open),
    logAcceptedConnections: { type: 'boolean' },
    machineStatus: open,
    conditions: listOf(open),
    controllerStatus: object({
      message: text,
      stats: object(
        {
          rules: mapOf(
            mapOf(object({ counter: object({ bytes: integer, packets: integer }, ['bytes', 'packets']) }, ['counter'])),
          ),
          devices: mapOf(object({ in: integer, out: integer }, ['in', 'out'])),
          idsStats: mapOf(
            object({ drop: integer, invalidChecksums: integer, packets: integer }, [
              'drop',
              'invalidChecksums',
              'packets',
            ]),
          ),
        },
        ['rules', 'devices', 'idsStats'],
      ),
      controllerVersion: text,
      nftablesExporterVersion: text,
      lastRun: time,
      lastRunAgainstSeed: time,
      distance: integer,
      distanceSupported: { type: 'boolean' },
    }),
  },
  { required: ['conditions', 'image', 'networks', 'partition', 'project', 'size'], status: false },
);

/** Installs a definition, and waits until it is served. */
export async function define(api: RawApi, given: typeof CWNP_DEFINITION): Promise<void> {
  await api.json('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', given);
  const { group, versions, names } = given['spec'] as {
    group: string;
    versions: readonly { name: string }[];
    names: { plural: string };
  };
  for (let tries = 0; tries < 200; tries++) {
    try {
      await api.json('GET', `/apis/${group}/${versions[0]?.name}/${names.plural}`);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`${given.metadata.name} is not served`);
}
