import type { BorderRule, Family } from '../../border/ruleset.ts';
import {
  EVERY_SERVICE,
  NO_SERVICE,
  type ServiceSet,
  combineServices,
  serviceMatching,
} from '../../engine/flows/service-set.ts';
import { DIFFERENCE, INTERSECTION, UNION } from '../../ip/boundaries.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import { ANYWHERE, type Term, coversTerm, cutTerm, disjointTerms, joinTerms, termKey, termOf } from './term.ts';

/** A condition on flows: any of the destinations, any of the services. */
export interface Match {
  readonly terms: readonly Term[];
  readonly services: ServiceSet;
}

export const EVERYTHING: Match = { terms: [ANYWHERE], services: EVERY_SERVICE };

/** What a rule of a ruleset matches of the governed flows, if anything. */
export function matchOf(rule: BorderRule, family: Family, destinations: PrefixSet): Match | undefined {
  if (rule.family !== family) return undefined;
  const term = termOf(rule.outside, family, destinations);
  if (term === undefined) return undefined;
  const services = serviceMatching(family, {
    ...(rule.protocol === undefined ? {} : { protocol: rule.protocol }),
    ...(rule.notProtocol === undefined ? {} : { notProtocol: rule.notProtocol }),
    ...(rule.icmp === undefined ? {} : { icmp: rule.icmp }),
    ...(rule.notIcmp === undefined ? {} : { notIcmp: rule.notIcmp }),
    ...(rule.ports === undefined ? {} : { ports: rule.ports }),
    ...(rule.sourcePorts === undefined ? {} : { sourcePorts: rule.sourcePorts }),
  });
  return isNoService(services) ? undefined : { terms: [term], services };
}

export function isNoService(services: ServiceSet): boolean {
  return services.key === NO_SERVICE.key;
}

export function isEverything(match: Match): boolean {
  return match.services.key === EVERY_SERVICE.key && match.terms.some((term) => coversTerm(term, ANYWHERE));
}

/** What is in both, if anything. */
export function intersection(a: Match, b: Match): Match | undefined {
  const services = bothServices(a.services, b.services);
  if (isNoService(services)) return undefined;
  const terms = joinTerms(a.terms.flatMap((one) => b.terms.flatMap((other) => cutTerm(one, other) ?? [])));
  return terms.length === 0 ? undefined : { terms, services };
}

/** No flow is in both, whatever groups and domains hold. False: perhaps some is. */
export function areDisjoint(a: Match, b: Match): boolean {
  if (isNoService(bothServices(a.services, b.services))) return true;
  return a.terms.every((one) => b.terms.every((other) => disjointTerms(one, other)));
}

/** Every flow of `b` is in `a`, whatever groups and domains hold. False: perhaps not. */
export function covers(a: Match, b: Match): boolean {
  if (!isNoService(combineServices(b.services, a.services, DIFFERENCE))) return false;
  return b.terms.every((one) => a.terms.some((other) => coversTerm(other, one)));
}

/** The union as one condition, where that is possible without naming more. */
export function joined(a: Match, b: Match): Match | undefined {
  if (a.services.key === b.services.key) return { terms: joinTerms([...a.terms, ...b.terms]), services: a.services };
  if (destinationKey(a) !== destinationKey(b)) return undefined;
  return { terms: a.terms, services: combineServices(a.services, b.services, UNION) };
}

/** A text that matches with the same destinations share. */
export function destinationKey(match: Match): string {
  return match.terms.map(termKey).toSorted().join(' or ');
}

/** A text that equal matches share. */
export function matchKey(match: Match): string {
  return `${match.services.key} to ${destinationKey(match)}`;
}

function bothServices(a: ServiceSet, b: ServiceSet): ServiceSet {
  return combineServices(a, b, INTERSECTION);
}
