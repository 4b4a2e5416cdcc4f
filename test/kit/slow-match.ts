import type { PlainEntity, PlainFlow, PlainObject, PlainRule } from './plain-objects.ts';
import { familyOf, inNet, sameAddress } from './slow-address.ts';
import { type Item, itemsAt, numberOf, of } from './slow-items.ts';
import { entityScope } from './slow-scope.ts';
import { holds } from './slow-selector.ts';

// One rule of Calico on one flow (policy semantics 3.2, 3.3, 4.6, 5 and 11).

/** What a rule is asked about. */
export interface Surroundings {
  readonly objects: readonly PlainObject[];
  readonly items: readonly Item[];
}

/** @param namespace of the policy; empty for those that have none */
export function matches(known: Surroundings, rule: PlainRule, namespace: string, flow: PlainFlow): boolean {
  const family = familyOf(flow.src);
  const protocol = numberOf(flow.proto);
  const implied = { icmp: 4, icmpv6: 6 }[String(rule.protocol).toLowerCase()];
  if (rule.http !== undefined) return false;
  if ((rule.ipVersion ?? implied ?? family) !== family) return false;
  if (rule.protocol !== undefined && numberOf(rule.protocol) !== protocol) return false;
  if (rule.notProtocol !== undefined && numberOf(rule.notProtocol) === protocol) return false;
  const isIcmp = protocol === (family === 4 ? 1 : 58);
  const icmp = (match: { type: number; code?: number }): boolean =>
    isIcmp && flow.icmpType === match.type && (match.code === undefined || match.code === flow.icmpCode);
  if (rule.icmp !== undefined && !icmp(rule.icmp)) return false;
  if (rule.notICMP !== undefined && icmp(rule.notICMP)) return false;
  return (
    matchesSide(known, rule.source ?? {}, namespace, flow, 'source') &&
    matchesSide(known, rule.destination ?? {}, namespace, flow, 'destination')
  );
}

function matchesSide(
  known: Surroundings,
  side: PlainEntity,
  namespace: string,
  flow: PlainFlow,
  end: 'source' | 'destination',
): boolean {
  const [address, port] = end === 'source' ? [flow.src, flow.sport ?? 0] : [flow.dst, flow.dport ?? 0];
  // 5.4
  for (const list of [side.nets ?? [], side.notNets ?? []])
    if (list.length > 0 && list.every((net) => familyOf(net) !== familyOf(address))) return false;
  if ((side.nets ?? []).length > 0 && !side.nets?.some((net) => inNet(address, net))) return false;
  if (side.notNets?.some((net) => inNet(address, net)) === true) return false;
  if (side.services !== undefined && !isOfService(known, side.services, namespace, flow, end)) return false;

  const here = itemsAt(known.items, address);
  const { positive, negative } = entityScope(side, namespace);
  const inside = here.filter(({ labels }) => holds(positive, labels));
  if (positive !== '' && inside.length === 0) return false;
  if (negative !== '' && here.some(({ labels }) => holds(negative, labels))) return false;

  const hasPorts = [6, 17, 132].includes(numberOf(flow.proto));
  const listed = (entry: number | string): boolean => {
    const [low, high = low] = String(entry).split(':').map(Number);
    if (low !== undefined && high !== undefined && !Number.isNaN(low)) return port >= low && port <= high;
    return inside.some(({ ports }) =>
      ports.some((own) => own.name === entry && own.port === port && own.protocol === numberOf(flow.proto)),
    );
  };
  if ((side.ports ?? []).length > 0 && !(hasPorts && side.ports?.some(listed))) return false;
  return !(hasPorts && (side.notPorts ?? []).some(listed));
}

/** 11.2 to 11.4: the source by address alone, the destination with protocol and port. */
function isOfService(
  { objects }: Surroundings,
  service: { name: string; namespace?: string },
  namespace: string,
  flow: PlainFlow,
  end: 'source' | 'destination',
): boolean {
  return slicesOf(objects, service, namespace).some(({ endpoints = [], ports = [] }) => {
    const has = (address: string): boolean =>
      endpoints.some(({ addresses }) => addresses.some((one) => isAddress(one) && sameAddress(one, address)));
    if (end === 'source') return has(flow.src);
    return (
      has(flow.dst) &&
      ports.some(
        ({ port, protocol = 'TCP' }) =>
          port !== undefined && port === flow.dport && numberOf(protocol) === numberOf(flow.proto),
      )
    );
  });
}

/** The slices of a service; a namespaced policy without a namespace means its own (11.1). */
export function slicesOf(
  objects: readonly PlainObject[],
  { name, namespace: written = '' }: { name: string; namespace?: string },
  namespace: string,
): PlainObject[] {
  return of(objects, 'EndpointSlice').filter(
    ({ metadata }) =>
      metadata.labels?.['kubernetes.io/service-name'] === name &&
      metadata.namespace === (written === '' ? namespace : written),
  );
}

/** Slices of FQDN type hold names. */
export function isAddress(text: string): boolean {
  return /^(\d+\.){3}\d+$|^[0-9a-f:]*:[0-9a-f:.]*$/i.test(text);
}
