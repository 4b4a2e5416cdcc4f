import type { EndpointSlice } from '../api/resource.ts';
import { resourceKey } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import { compareAddresses } from '../ip/address.ts';
import { sameList } from './equality.ts';
import type { Policy, Rule, RuleSide, ServiceSlice } from './model.ts';

/** `namespace/name` of the service that a rule names. */
export function serviceName({ namespace, name }: NonNullable<RuleSide['services']>): string {
  return `${namespace}/${name}`;
}

/** A slice as services are matched by it; `undefined`: it belongs to no service. */
export function serviceSlice(slice: EndpointSlice): ServiceSlice | undefined {
  const { namespace, service, addresses, ports } = slice;
  if (service === undefined) return undefined;
  return { id: resourceKey(slice), service: serviceName({ namespace, name: service }), addresses, ports };
}

/** Whether two slices are the same for everybody who reads them. */
export function sameSlice(a: ServiceSlice, b: ServiceSlice): boolean {
  return (
    a.service === b.service &&
    sameList(a.addresses, b.addresses, (x, y) => compareAddresses(x, y) === 0) &&
    sameList(a.ports, b.ports, (x, y) => x.protocol === y.protocol && x.port === y.port)
  );
}

/** Whether some rule of a policy matches on a service. Rules that are made later are those of Kubernetes, which has no such match. */
export function namesService(policy: Policy): boolean {
  if (policy.selectors !== undefined) return false;
  const { ingress = [], egress = [] } = policy;
  const names = ({ source, destination }: Rule): boolean =>
    source.services !== undefined || destination.services !== undefined;
  return ingress.some(names) || egress.some(names);
}

/** Rules of a policy that match on services of which nothing is known; they match nothing (semantics 5.3 and 5.8). */
export function missingServices(policy: Policy, known: ReadonlySet<string>): readonly Diagnostic[] {
  const missing: Diagnostic[] = [];
  for (const direction of ['ingress', 'egress'] as const)
    for (const rule of policy[direction] ?? [])
      for (const side of ['source', 'destination'] as const) {
        const { services } = rule[side];
        if (services === undefined || known.has(serviceName(services))) continue;
        missing.push({
          severity: 'warning',
          code: 'SERVICE_UNKNOWN',
          object: policy.id,
          path: `spec.${direction}[${rule.index}].${side}.services`,
          message: `no EndpointSlice of the service ${JSON.stringify(serviceName(services))} is there; the rule matches nothing`,
        });
      }
  return missing;
}
