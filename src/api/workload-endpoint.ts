import { z } from 'zod';
import { ADDRESS_BITS } from '../ip/address.ts';
import { formatPrefix } from '../ip/prefix.ts';
import { readNamedPorts } from './endpoint-port.ts';
import { cidrOrAddress, list, name, optionalName, optionalText } from './fields.ts';
import { refuse } from './mistake.ts';
import type { Meta, WorkloadEndpoint } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined } from './shape.ts';

/** A network of a workload is one address. */
const oneAddress = cidrOrAddress.transform((prefix, context) => {
  if (prefix.length === ADDRESS_BITS[prefix.family]) return prefix.address;
  return refuse(context, 'PREFIX_INVALID', `${formatPrefix(prefix)} is no single address; write /32 or /128`);
});

const specSchema = z.object({
  node: name.min(1).describe('the name of its node'),
  orchestrator: name.min(1).describe('whose workload it is: k8s, or the name of another orchestrator'),
  endpoint: name.min(1).describe('the name of the interface inside the workload'),
  workload: optionalName,
  pod: optionalName,
  serviceAccountName: optionalName,
  ipNetworks: list(oneAddress),
  profiles: list(name),
  ports: list(
    z.object({
      name: optionalText,
      protocol: z.union([z.int(), z.string()], { error: 'write TCP, UDP or SCTP' }),
      port: z.int().min(1).max(65_535),
    }),
  ),
});

/** Reads a workload endpoint as calicoctl exports it (calico.md 9.5). */
export function readWorkloadEndpoint(meta: Meta, raw: RawMap, scope: Scope): WorkloadEndpoint | undefined {
  const inside = scope.otherwise('The workload endpoint is left out.').at('spec');
  const spec = inside.map(raw['spec'], 'this field is required: node, orchestrator and endpoint stand in it');
  if (spec === undefined) return undefined;
  const { values, sound } = inside.fields(specSchema, spec);
  const { node, orchestrator, endpoint, pod, serviceAccountName, ipNetworks = [], profiles = [], ports = [] } = values;
  if (!sound || node === undefined || orchestrator === undefined || endpoint === undefined) return undefined;
  if (orchestrator === 'k8s' && pod === undefined) {
    inside.mistake('FIELD_MISSING', 'this field is required: the name of the pod', 'pod');
    return undefined;
  }
  return {
    ...meta,
    type: 'WorkloadEndpoint',
    node,
    orchestrator,
    endpoint,
    ...defined({ pod, serviceAccountName }),
    addresses: ipNetworks,
    profiles,
    ports: readNamedPorts(ports, inside.at('ports')),
  };
}
