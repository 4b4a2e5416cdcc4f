import type { Answer } from './rest.ts';
import type { AllocationNetwork, Firewall, FirewallRule, Network, Store } from './store.ts';

/** A token, and what it lets do: whole method names, in projects. */
export interface Grant {
  readonly methods: readonly string[];
  readonly projects: readonly string[];
  /** Wall time in milliseconds; tokens live from ten minutes to a year. */
  readonly expires: number;
}

/** Connect's codes as HTTP statuses (https://connectrpc.com/docs/protocol#error-codes). */
const STATUS = {
  invalid_argument: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  unimplemented: 404,
} as const;

const failure = (code: keyof typeof STATUS, message: string): Answer => [STATUS[code], { code, message }];

const TYPES: Readonly<Record<string, string>> = {
  privateprimaryunshared: 'NETWORK_TYPE_CHILD',
  privateprimaryshared: 'NETWORK_TYPE_CHILD_SHARED',
  privatesecondaryshared: 'NETWORK_TYPE_CHILD_SHARED',
  external: 'NETWORK_TYPE_EXTERNAL',
  underlay: 'NETWORK_TYPE_UNDERLAY',
};

/** The methods of metal-apiserver (v2) that read machines and networks (metal-stack reference, 13): Connect with JSON bodies. */
export function answerConnect(
  store: Store,
  method: string,
  body: unknown,
  {
    authorization = '',
    grants,
    wall,
  }: { readonly authorization: string | undefined; readonly grants: ReadonlyMap<string, Grant>; readonly wall: number },
): Answer {
  const grant = grants.get(/^Bearer (\S+)$/.exec(authorization)?.[1] ?? '');
  if (grant === undefined) return failure('unauthenticated', 'no valid token');
  if (wall >= grant.expires) return failure('unauthenticated', 'the token has expired');
  if (!grant.methods.includes(method)) return failure('permission_denied', `not allowed to call: ${method}`);
  if (typeof body !== 'object' || body === null) return failure('invalid_argument', 'no body');
  const asked = body as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(asked).find((key) => !['uuid', 'id', 'project', 'query'].includes(key));
  if (unknown !== undefined) return failure('invalid_argument', `unknown field "${unknown}"`);
  const { project } = asked;
  if (typeof project !== 'string' || project === '') return failure('invalid_argument', 'project is required');
  if (!grant.projects.includes(project)) return failure('permission_denied', `not allowed in project ${project}`);
  const machines = [...store.firewalls.values()].filter(({ allocation }) => allocation.project === project);
  switch (method) {
    case '/metalstack.api.v2.MachineService/List':
      return [200, { machines: machines.map(machineOf) }];
    case '/metalstack.api.v2.MachineService/Get': {
      const found = machines.find(({ id }) => id === asked['uuid']);
      return found === undefined ? failure('not_found', 'no such machine') : [200, { machine: machineOf(found) }];
    }
    case '/metalstack.api.v2.NetworkService/Get': {
      const found = store.networks.get(String(asked['id']));
      return found === undefined ? failure('not_found', 'no such network') : [200, { network: networkOf(found) }];
    }
    default:
      return failure('unimplemented', 'unknown method');
  }
}

function machineOf({ id, allocation }: Firewall): object {
  const { name, hostname, project, networks, firewall_rules: rules, user_data: userdata } = allocation;
  return {
    uuid: id,
    allocation: {
      name,
      hostname,
      project,
      allocationType: 'MACHINE_ALLOCATION_TYPE_FIREWALL',
      networks: networks.map((network) => machineNetworkOf(network, project)),
      firewallRules: { egress: (rules?.egress ?? []).map(ruleOf), ingress: (rules?.ingress ?? []).map(ruleOf) },
      ...(userdata === undefined ? {} : { userdata }),
    },
  };
}

/** JSON of proto3: camel case, uint64 as text, enums by name. */
function machineNetworkOf(network: AllocationNetwork, project: string): object {
  return {
    network: network.networkid,
    prefixes: network.prefixes,
    destinationPrefixes: network.destinationprefixes ?? [],
    ips: network.ips,
    networkType: TYPES[network.networktype] ?? 'NETWORK_TYPE_UNSPECIFIED',
    natType: network.nat === true ? 'NAT_TYPE_IPV4_MASQUERADE' : 'NAT_TYPE_NONE',
    vrf: String(network.vrf),
    project: network.projectid ?? project,
  };
}

function ruleOf({ protocol = 'tcp', ports, to, from, comment }: FirewallRule): object {
  return {
    protocol: `IP_PROTOCOL_${protocol.toUpperCase()}`,
    ports,
    ...(to === undefined ? {} : { to }),
    ...(from === undefined ? {} : { from }),
    ...(comment === undefined ? {} : { comment: comment.toLowerCase() }),
  };
}

function networkOf({ id, prefixes, destinationprefixes = [] }: Network): object {
  return { id, prefixes, destinationPrefixes: destinationprefixes };
}
