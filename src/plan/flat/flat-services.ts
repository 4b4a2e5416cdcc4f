import type { Family } from '../../border/ruleset.ts';
import { EVERY_SERVICE, type ServiceSet, serviceBoxes } from '../../engine/flows/service-set.ts';
import type { FlatService } from './flat-list.ts';

/** A set of services as any of these; empty: every service. Domains of the set count for nothing here. */
export function flatServices(services: ServiceSet, family: Family): readonly FlatService[] {
  if (services.key === EVERY_SERVICE.key) return [];
  return serviceBoxes(services, family).map(({ protocols, kind, first, second }): FlatService => {
    if (kind === 'Icmp') return { protocols, ...(first.isAll ? {} : { icmp: first }) };
    return {
      protocols,
      ...(first.isAll ? {} : { ports: first }),
      ...(second.isAll ? {} : { sourcePorts: second }),
    };
  });
}
