import { SallyportError } from '../../base/error.ts';
import type { Family } from '../../ip/address.ts';
import { DIFFERENCE, INTERSECTION, UNION } from '../../ip/boundaries.ts';
import {
  EVERY_SERVICE,
  NO_SERVICE,
  type ServiceMatch,
  type ServiceSet,
  certainServices,
  combineServices,
  serviceMatching,
} from '../flows/service-set.ts';

/** A set of services by its number in a `ServiceAlgebra`: equal sets have equal numbers. */
export type ServiceId = number;

export const NO_SERVICES: ServiceId = 0;
export const EVERY_SERVICES: ServiceId = 1;

/** So that a number fits into 16 bits, of which tables of all pairs are made. */
const MAX_SETS = 65_536;

/** Sets of services of one family as small numbers; every combination is computed once. */
export class ServiceAlgebra {
  readonly family: Family;
  readonly #sets: ServiceSet[] = [];
  readonly #numbers = new Map<string, ServiceId>();
  readonly #matching = new Map<string, ServiceId>();
  readonly #results: readonly Map<number, ServiceId>[] = Array.from({ length: 16 }, () => new Map<number, ServiceId>());

  constructor(family: Family) {
    this.family = family;
    this.#number(NO_SERVICE);
    this.#number(EVERY_SERVICE);
  }

  matching(match: ServiceMatch): ServiceId {
    const { ports, sourcePorts, ...rest } = match;
    const key = JSON.stringify([rest, ports?.toString(), sourcePorts?.toString()]);
    let number = this.#matching.get(key);
    if (number === undefined) {
      number = this.#number(serviceMatching(this.family, match));
      this.#matching.set(key, number);
    }
    return number;
  }

  /** What of a set holds whatever domains resolve to. */
  certain(id: ServiceId): ServiceId {
    return this.#number(certainServices(this.set(id)));
  }

  set(id: ServiceId): ServiceSet {
    return this.#sets[id] ?? NO_SERVICE;
  }

  union(a: ServiceId, b: ServiceId): ServiceId {
    if (a === b || b === NO_SERVICES || a === EVERY_SERVICES) return a;
    if (a === NO_SERVICES || b === EVERY_SERVICES) return b;
    return this.#combine(a, b, UNION);
  }

  intersect(a: ServiceId, b: ServiceId): ServiceId {
    if (a === b || b === EVERY_SERVICES || a === NO_SERVICES) return a;
    if (a === EVERY_SERVICES || b === NO_SERVICES) return b;
    return this.#combine(a, b, INTERSECTION);
  }

  subtract(a: ServiceId, b: ServiceId): ServiceId {
    if (b === NO_SERVICES || a === NO_SERVICES) return a;
    if (a === b || b === EVERY_SERVICES) return NO_SERVICES;
    return this.#combine(a, b, DIFFERENCE);
  }

  #combine(a: ServiceId, b: ServiceId, table: number): ServiceId {
    const results = this.#results[table] as Map<number, ServiceId>;
    const key = a * MAX_SETS + b;
    let result = results.get(key);
    if (result === undefined) {
      result = this.#number(combineServices(this.set(a), this.set(b), table));
      results.set(key, result);
    }
    return result;
  }

  #number(set: ServiceSet): ServiceId {
    const known = this.#numbers.get(set.key);
    if (known !== undefined) return known;
    const number = this.#sets.length;
    if (number >= MAX_SETS)
      throw new SallyportError('FLOW_SET_LIMIT', `policies allow more than ${MAX_SETS} different sets of services`, {
        limit: MAX_SETS,
      });
    this.#sets.push(set);
    this.#numbers.set(set.key, number);
    return number;
  }
}
