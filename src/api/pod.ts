import { z } from 'zod';
import { list, optional, optionalText } from './fields.ts';
import type { ContainerPort, Meta, Pod } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, defined, isMap } from './shape.ts';

const specSchema = z.object({
  nodeName: optionalText,
  serviceAccountName: optionalText,
  hostNetwork: optional(z.boolean()),
});

const statusSchema = z.object({
  phase: optionalText,
  podIP: optionalText,
  podIPs: list(z.object({ ip: z.string() })),
  hostIP: optionalText,
  hostIPs: list(z.object({ ip: z.string() })),
});

const portSchema = z.object({
  name: optionalText,
  containerPort: z.int().min(1).max(65535),
  protocol: optionalText,
});

/** A pod. Which of its addresses count, and since when, is for inventory to say; here they are as written. */
export function readPod(meta: Meta, raw: RawMap, scope: Scope): Pod | undefined {
  const inside = scope.otherwise('The pod is left out, so its addresses count as unknown.');
  const rawSpec = inside.at('spec').map(raw['spec']) ?? {};
  const spec = inside.at('spec').fields(specSchema, rawSpec);
  const status = inside.at('status').fields(statusSchema, inside.at('status').map(raw['status']) ?? {});
  const ports = [
    ...readContainerPorts(rawSpec['containers'], scope.at('spec', 'containers')),
    ...readContainerPorts(rawSpec['initContainers'], scope.at('spec', 'initContainers')),
  ];
  if (!spec.sound || !status.sound) return undefined;
  const { podIP, podIPs = [], hostIP, hostIPs = [], phase = 'Pending' } = status.values;
  return {
    ...meta,
    type: 'Pod',
    ...defined({ nodeName: spec.values.nodeName, serviceAccountName: spec.values.serviceAccountName }),
    hostNetwork: spec.values.hostNetwork ?? false,
    phase,
    podIPs: addresses(podIPs, podIP),
    hostIPs: addresses(hostIPs, hostIP),
    ports,
  };
}

function addresses(several: readonly { readonly ip: string }[], one: string | undefined): readonly string[] {
  if (several.length > 0) return several.map(({ ip }) => ip);
  return one === undefined ? [] : [one];
}

/** Named ports; what has no name takes no part in policy, nor do protocols other than these three (semantics 10.6). */
function readContainerPorts(containers: unknown, scope: Scope): ContainerPort[] {
  const ports: ContainerPort[] = [];
  for (const [index, container] of (Array.isArray(containers) ? containers : []).entries()) {
    const written: unknown = isMap(container) ? container['ports'] : undefined;
    for (const [position, entry] of (Array.isArray(written) ? written : []).entries()) {
      if (!isMap(entry) || typeof entry['name'] !== 'string' || entry['name'] === '') continue;
      const read = scope
        .at(index, 'ports', position)
        .otherwise('This port has no name for policies.')
        .value(portSchema, entry);
      if (!read.ok) continue;
      const { name, containerPort, protocol = 'TCP' } = read.value;
      if (name !== undefined && isPortProtocol(protocol)) ports.push({ name, port: containerPort, protocol });
    }
  }
  return ports;
}

/** Whether ports of this protocol take part in policy. */
export function isPortProtocol(text: string): text is ContainerPort['protocol'] {
  return text === 'TCP' || text === 'UDP' || text === 'SCTP';
}
