import type { Connection, ConnectionEnd, ConnectionService, World } from '../../src/engine/index.ts';
import type { PlainFlow } from './plain-objects.ts';
import { familyOf, inNet, sameAddress } from './slow-address.ts';
import { numberOf } from './slow-items.ts';

// Reads connections as their documentation says, one flow at a time, to check them against verdicts.

/** Whether a flow is one that an endpoint sends to itself. */
export function isSelf(world: World, { src, dst }: PlainFlow): boolean {
  const from = holders(world, src);
  return holders(world, dst).some((id) => from.includes(id));
}

/** Whether an endpoint is at one of the flow's ends. */
export function concerns(world: World, { src, dst }: PlainFlow): boolean {
  return holders(world, src).length + holders(world, dst).length > 0;
}

/** The connections that a flow, to no known domain, belongs to. */
export function connectionsWith(
  world: World,
  connections: readonly Connection[],
  flow: PlainFlow,
): readonly Connection[] {
  if (isSelf(world, flow)) return [];
  return connections.filter(
    ({ families, from, to, services }) =>
      families.includes(familyOf(flow.src)) &&
      isAt(world, from, flow.src) &&
      isAt(world, to, flow.dst) &&
      services.filter((service) => isOf(service, flow)).length === 1,
  );
}

/** Ids of the endpoints that have an address. */
export function holders(world: World, address: string): readonly string[] {
  return world
    .endpoints()
    .filter(({ ips }) => ips.some((ip) => sameAddress(ip, address)))
    .map(({ id }) => id);
}

function isAt(world: World, end: ConnectionEnd, address: string): boolean {
  const here = holders(world, address);
  const workloads = world.workloads();
  return (
    end.addresses.some((each) => sameAddress(each, address)) ||
    end.endpoints.some((id) => here.includes(id)) ||
    end.workloads.some((workload) => workloads.get(workload)?.some((id) => here.includes(id)) === true) ||
    (here.length === 0 && end.nets.some((net) => inNet(address, net)))
  );
}

function isOf(service: ConnectionService, flow: PlainFlow): boolean {
  const protocol = numberOf(flow.proto);
  const inside = (ranges: ConnectionService['ports'], value: number): boolean =>
    ranges === undefined || ranges.some(([first, last]) => value >= first && value <= last);
  const echo = familyOf(flow.src) === 4 ? 8 : 128;
  return (
    inside(service.protocols, protocol) &&
    inside(service.ports, flow.dport ?? 0) &&
    inside(service.sourcePorts, flow.sport ?? 49_152) &&
    inside(service.icmp, (flow.icmpType ?? echo) * 256 + (flow.icmpCode ?? 0)) &&
    (service.domains?.in.length ?? 0) === 0
  );
}
