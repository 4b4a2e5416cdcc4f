import type { Policy, PolicyId, Rule } from '../../inventory/model.ts';
import type { Direction } from '../selected-policies.ts';
import type { Reachability, Situation } from './reachability.ts';
import type { Term } from './rule-program.ts';
import { EVERY_SERVICES, NO_SERVICES, type ServiceAlgebra, type ServiceId } from './service-algebra.ts';

/** What a rule comes to for all endpoints that its policy applies to, and all their peers. */
export interface RuleEffect {
  readonly policy: PolicyId;
  readonly direction: Direction;
  readonly rule: Rule;
  /** Some flow meets all its conditions. */
  matches: boolean;
  /** Some flow reaches it and is decided by it. */
  decides: boolean;
  /** Some flow would get another verdict without it. */
  needed: boolean;
  /** Rules that decide, before it, what it matches: all of them where it decides nothing. */
  readonly behind: Set<RuleEffect>;
  /** Tiers whose end denies, before it, some of what it matches. */
  readonly ends: Set<string>;
  /** Rules of policies of the same order that decide otherwise what it matches too: the names of the policies tell which one wins. */
  readonly tied: Set<RuleEffect>;
}

/** A rule of one situation. */
interface Step {
  readonly effect: RuleEffect;
  readonly term: Term;
  readonly matched: ServiceId;
  /** What of it reaches the rule. */
  readonly decides: ServiceId;
}

/** The effects of every rule that is asked about some endpoint with an address. Exact: all situations are gone through. */
export class RuleEffects {
  readonly #policies: ReadonlyMap<PolicyId, Policy>;
  readonly #effects = new Map<Rule, RuleEffect>();

  constructor(policies: ReadonlyMap<PolicyId, Policy>) {
    this.#policies = policies;
  }

  get all(): Iterable<RuleEffect> {
    return this.#effects.values();
  }

  of(rule: Rule): RuleEffect | undefined {
    return this.#effects.get(rule);
  }

  /** Adds what one family shows. */
  add(reach: Reachability): void {
    for (const direction of ['ingress', 'egress'] as const)
      for (const situation of reach.situations(direction)) this.#add(situation, direction, reach.algebra);
  }

  #add({ program, matches }: Situation, direction: Direction, algebra: ServiceAlgebra): void {
    const tiers: Step[][] = [];
    const earlier: Step[] = [];
    const ends: End[] = [];
    let open: ServiceId = EVERY_SERVICES;
    for (const { name, terms, end } of program.tiers) {
      const steps: Step[] = [];
      let passed = NO_SERVICES;
      for (const term of terms) {
        const effect = this.#effectOf(term, direction);
        const matched = matches(term);
        if (matched === NO_SERVICES) continue;
        effect.matches = true;
        const decides = algebra.intersect(open, matched);
        const step = { effect, term, matched, decides };
        if (decides === NO_SERVICES) noteBefore(step, earlier, ends, algebra);
        else effect.decides = true;
        if (term.action === 'Log') continue;
        this.#noteTies(step, steps, algebra);
        open = algebra.subtract(open, decides);
        if (term.action === 'Pass') passed = algebra.union(passed, decides);
        steps.push(step);
        earlier.push(step);
      }
      if (end === 'Deny') ends.push({ tier: name, denies: open });
      open = end === 'Pass' ? algebra.union(open, passed) : passed;
      tiers.push(steps);
    }
    let allowed = NO_SERVICES;
    for (let tier = tiers.length - 1; tier >= 0; tier--)
      allowed = noteNeeded(tiers[tier] ?? [], program.tiers[tier]?.end === 'Pass', allowed, algebra);
  }

  #effectOf({ policy, rule }: Term, direction: Direction): RuleEffect {
    let effect = this.#effects.get(rule);
    if (effect === undefined) {
      effect = {
        policy,
        direction,
        rule,
        matches: false,
        decides: false,
        needed: false,
        behind: new Set(),
        ends: new Set(),
        tied: new Set(),
      };
      this.#effects.set(rule, effect);
    }
    return effect;
  }

  #noteTies(step: Step, steps: readonly Step[], algebra: ServiceAlgebra): void {
    for (const other of steps) {
      const actions = [step.term.action, other.term.action];
      if (!actions.includes('Allow') || !actions.includes('Deny')) continue;
      const [one, two] = [this.#policies.get(step.term.policy), this.#policies.get(other.term.policy)];
      if (one === two || one?.order !== two?.order || step.effect.tied.has(other.effect)) continue;
      if (algebra.intersect(other.decides, step.matched) !== NO_SERVICES) step.effect.tied.add(other.effect);
    }
  }
}

/** What the end of a tier denies. */
interface End {
  readonly tier: string;
  readonly denies: ServiceId;
}

/** Who decided what comes too late to be decided by this rule. */
function noteBefore(
  { effect, matched }: Step,
  earlier: readonly Step[],
  ends: readonly End[],
  algebra: ServiceAlgebra,
): void {
  for (const other of earlier)
    if (!effect.behind.has(other.effect) && algebra.intersect(other.decides, matched) !== NO_SERVICES)
      effect.behind.add(other.effect);
  for (const { tier, denies } of ends) if (algebra.intersect(denies, matched) !== NO_SERVICES) effect.ends.add(tier);
}

/** Notes the rules of a tier that make a difference, from the last to the first; what is allowed of everything that comes to the tier. */
function noteNeeded(
  steps: readonly Step[],
  endPasses: boolean,
  ifPassed: ServiceId,
  algebra: ServiceAlgebra,
): ServiceId {
  let allowed = endPasses ? ifPassed : NO_SERVICES;
  for (const { effect, term, matched, decides } of steps.toReversed()) {
    const without = algebra.intersect(decides, allowed);
    const passed = algebra.intersect(matched, ifPassed);
    const rest = algebra.subtract(allowed, matched);
    switch (term.action) {
      case 'Allow':
        if (without !== decides) effect.needed = true;
        allowed = algebra.union(allowed, matched);
        break;
      case 'Pass':
        if (without !== algebra.intersect(decides, ifPassed)) effect.needed = true;
        allowed = algebra.union(rest, passed);
        break;
      default:
        if (without !== NO_SERVICES) effect.needed = true;
        allowed = rest;
    }
  }
  return allowed;
}
