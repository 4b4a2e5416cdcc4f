import { isPortProtocol } from './pod.ts';
import type { ContainerPort } from './resource.ts';
import type { Scope } from './scope.ts';
import { show } from './shape.ts';

/** Named ports of an endpoint that is given directly; a port without a name takes no part in policy. */
export function readNamedPorts(
  ports: readonly {
    readonly name?: string | undefined;
    readonly protocol: number | string;
    readonly port: number;
  }[],
  scope: Scope,
): readonly ContainerPort[] {
  return ports.flatMap(({ name, port, protocol }, index) => {
    const known = protocolName(protocol);
    if (known !== undefined) return name === undefined ? [] : [{ name, port, protocol: known }];
    const message = `${show(protocol)} is no protocol with ports; write TCP, UDP or SCTP`;
    scope.otherwise('This port has no name for policies.').mistake('PORT_INVALID', message, index, 'protocol');
    return [];
  });
}

function protocolName(written: number | string): ContainerPort['protocol'] | undefined {
  if (typeof written === 'string') return isPortProtocol(written) ? written : undefined;
  return ({ 6: 'TCP', 17: 'UDP', 132: 'SCTP' } as const)[written as 6 | 17 | 132];
}
