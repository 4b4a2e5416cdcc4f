import type { Policy, PolicyId, ProfileRules, Rule } from '../../inventory/model.ts';
import type { RuleAction } from '../../api/resource.ts';
import type { Direction, TierPolicies } from '../selected-policies.ts';
import { EVERY_SERVICES, NO_SERVICES, type ServiceAlgebra, type ServiceId } from './service-algebra.ts';
import type { SideConditions } from './side-conditions.ts';

/** A rule as seen from the endpoint that it is for: `own` asks about that endpoint's side, `peer` about the other. */
export interface Term {
  /** Of rules of profiles no policy's. */
  readonly policy: PolicyId;
  readonly rule: Rule;
  readonly action: RuleAction;
  /** What of the rule concerns neither address. */
  readonly services: ServiceId;
  /** Numbers of conditions; absent: any address. */
  readonly own?: number;
  readonly peer?: number;
}

/** A tier that holds for an endpoint in one direction; the profiles are the last one. */
export interface ProgramTier {
  readonly name: string;
  readonly terms: readonly Term[];
  readonly end: 'Deny' | 'Pass';
}

/** Everything that is asked, in order, about the flows of one endpoint in one direction (semantics 6.3). */
export interface Program {
  readonly direction: Direction;
  readonly tiers: readonly ProgramTier[];
}

const PROFILES = 'profiles';

/** The rules of policies as terms of one family; each policy is read once. */
export class TermReader {
  readonly #algebra: ServiceAlgebra;
  readonly #conditions: SideConditions;
  readonly #known: Readonly<Record<Direction, Map<PolicyId, readonly Term[]>>> = {
    ingress: new Map(),
    egress: new Map(),
  };
  readonly #profiles: Readonly<Record<Direction, Map<ProfileRules, readonly Term[]>>> = {
    ingress: new Map(),
    egress: new Map(),
  };

  constructor(algebra: ServiceAlgebra, conditions: SideConditions) {
    this.#algebra = algebra;
    this.#conditions = conditions;
  }

  program(direction: Direction, tiers: readonly TierPolicies[], profiles: readonly ProfileRules[]): Program {
    const read = tiers
      .filter((lists) => lists[direction].length > 0)
      .map(({ tier, ...lists }) => ({
        name: tier.name,
        terms: lists[direction].flatMap((policy) => this.terms(policy, direction)),
        end: tier.defaultAction,
      }));
    // What no profile decides is denied (semantics 6.3.5).
    const last = {
      name: PROFILES,
      terms: profiles.flatMap((rules) => this.ofProfile(rules, direction)),
      end: 'Deny',
    } as const;
    return { direction, tiers: [...read, last] };
  }

  /** The rules of a policy that exist for the family. */
  terms(policy: Policy, direction: Direction): readonly Term[] {
    const known = this.#known[direction].get(policy.id);
    if (known !== undefined) return known;
    const terms = (policy[direction] ?? []).flatMap((rule) => this.#term(policy.id, rule, direction));
    this.#known[direction].set(policy.id, terms);
    return terms;
  }

  /** The rules of a profile that exist for the family. */
  ofProfile(rules: ProfileRules, direction: Direction): readonly Term[] {
    const known = this.#profiles[direction].get(rules);
    if (known !== undefined) return known;
    const terms = rules[direction].flatMap((rule) => this.#term(PROFILES, rule, direction));
    this.#profiles[direction].set(rules, terms);
    return terms;
  }

  #term(policy: PolicyId, rule: Rule, direction: Direction): readonly Term[] {
    const { protocol, notProtocol, icmp, notIcmp, ipVersion, action } = rule;
    if (ipVersion !== undefined && ipVersion !== this.#algebra.family) return [];
    const services = this.#algebra.matching({
      ...(protocol === undefined ? {} : { protocol }),
      ...(notProtocol === undefined ? {} : { notProtocol }),
      ...(icmp === undefined ? {} : { icmp }),
      ...(notIcmp === undefined ? {} : { notIcmp }),
    });
    const source = this.#conditions.number(rule.source, 'source', direction);
    const destination = this.#conditions.number(rule.destination, 'destination', direction);
    const [own, peer] = direction === 'egress' ? [source, destination] : [destination, source];
    return [
      {
        policy,
        rule,
        action,
        services,
        ...(own === undefined ? {} : { own }),
        ...(peer === undefined ? {} : { peer }),
      },
    ];
  }
}

/**
 * What a program allows. `matches`: the services that a term matches at the endpoint and the peer in question, none for a term that is not
 * about them.
 */
export function allowedBy(program: Program, algebra: ServiceAlgebra, matches: (term: Term) => ServiceId): ServiceId {
  let allowed = NO_SERVICES;
  let open: ServiceId = EVERY_SERVICES;
  for (const { terms, end } of program.tiers) {
    let passed = NO_SERVICES;
    for (const term of terms) {
      if (open === NO_SERVICES) break;
      if (term.action === 'Log') continue;
      const decides = algebra.intersect(open, matches(term));
      if (decides === NO_SERVICES) continue;
      open = algebra.subtract(open, decides);
      if (term.action === 'Allow') allowed = algebra.union(allowed, decides);
      else if (term.action === 'Pass') passed = algebra.union(passed, decides);
    }
    open = end === 'Pass' ? algebra.union(open, passed) : passed;
    if (open === NO_SERVICES) return allowed;
  }
  return allowed;
}
