import type { Directions, Rule, RuleSide } from './model.ts';

const NO_DOMAINS: readonly string[] = [];

/** A side that limits nothing. */
export const ANY_SIDE: RuleSide = sideOf({});

/**
 * A side with every field in its place, absent ones too: sides of one shape take a third of the memory of those that were put together
 * from parts, and a verdict walks them faster.
 */
export function sideOf(given: Partial<RuleSide>): RuleSide {
  const { domains = NO_DOMAINS } = given;
  return {
    nets: given.nets,
    notNets: given.notNets,
    selector: given.selector,
    notSelector: given.notSelector,
    ports: given.ports,
    notPorts: given.notPorts,
    services: given.services,
    domains: domains.length === 0 ? NO_DOMAINS : domains,
  };
}

/** A rule with every field in its place, for the same reason. */
export function ruleOf(given: Rule): Rule {
  return {
    action: given.action,
    index: given.index,
    written: given.written,
    ipVersion: given.ipVersion,
    protocol: given.protocol,
    notProtocol: given.notProtocol,
    icmp: given.icmp,
    notIcmp: given.notIcmp,
    source: given.source,
    destination: given.destination,
    broken: given.broken,
  };
}

const DIRECTIONS = {
  both: { ingress: true, egress: true },
  ingress: { ingress: true, egress: false },
  egress: { ingress: false, egress: true },
  neither: { ingress: false, egress: false },
} as const;

/** One object for all policies that take part in the same. */
export function directionsOf(ingress: boolean, egress: boolean): Directions {
  if (ingress) return egress ? DIRECTIONS.both : DIRECTIONS.ingress;
  return egress ? DIRECTIONS.egress : DIRECTIONS.neither;
}
