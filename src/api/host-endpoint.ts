import { z } from 'zod';
import { readNamedPorts } from './endpoint-port.ts';
import { list, name, optionalText, portName } from './fields.ts';
import type { HostEndpoint, Meta } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, show } from './shape.ts';

const specSchema = z.object({
  node: name.min(1).describe('the name of its node'),
  interfaceName: optionalText,
  expectedIPs: list(z.string()),
  profiles: list(name),
  ports: list(
    z.object({
      name: portName,
      protocol: z.union([z.int(), z.string()], { error: 'write TCP, UDP or SCTP' }),
      port: z.int().min(1).max(65535),
    }),
  ),
});

/** One interface as Linux names it, or all. */
const INTERFACE_NAME = /^(\*|[a-zA-Z0-9_.-]{1,15})$/;

/** Reads a host endpoint (semantics 13.9). */
export function readHostEndpoint(meta: Meta, raw: RawMap, scope: Scope): HostEndpoint | undefined {
  const inside = scope.otherwise('The host endpoint is left out.').at('spec');
  const spec = inside.map(raw['spec'], 'this field is required: node and interface stand in it');
  if (spec === undefined) return undefined;
  const { values, sound } = inside.fields(specSchema, spec);
  const { node, interfaceName = '', expectedIPs = [], profiles = [], ports = [] } = values;
  if (!sound || node === undefined) return undefined;
  if (interfaceName === '' && expectedIPs.length === 0) {
    inside.mistake('FIELD_CONFLICT', 'interfaceName or expectedIPs has to be given');
    return undefined;
  }
  if (interfaceName !== '' && !INTERFACE_NAME.test(interfaceName)) {
    const message = `${show(interfaceName)} is no interface; write "*" for all, or one of at most 15 letters, digits, "_", "." or "-"`;
    inside.mistake('FIELD_INVALID', message, 'interfaceName');
    return undefined;
  }
  const named = readNamedPorts(ports, inside.at('ports'));
  return { ...meta, type: 'HostEndpoint', node, interfaceName, expectedIPs, profiles, ports: named };
}
