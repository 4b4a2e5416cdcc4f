import type { BorderRule, Class, Part, Stage } from '../../border/ruleset.ts';
import { FlowSet } from '../../engine/flows/flow-set.ts';
import { type ServiceSet, serviceMatching } from '../../engine/flows/service-set.ts';
import type { Atoms } from './atoms.ts';
import { type Branching, type Outcomes, firstMatch } from './first-match.ts';
import type { Slice } from './service-slices.ts';

/** What a class may do: disjoint, and all else is denied. */
export interface StagedFlows {
  /** Allowed by our own kinds in every part. */
  readonly granted: FlowSet;
  /** Not dropped. */
  readonly left: FlowSet;
}

type StageOutcome = 'Grant' | 'Stand' | 'Skip' | 'Deny' | 'Next';
const STAGE_OUTCOMES = ['Grant', 'Stand', 'Skip', 'Deny', 'Next'] as const;

/**
 * The truth that flat lists are compared with: a ruleset read stage by stage, as sets of flows, and without anything that makes lists. Not
 * cut to what is governed. Of one slice of services at a time: the sets tell destinations apart and nothing else.
 */
export class StagedReading {
  readonly #atoms: Atoms;
  readonly #destinations = new Map<BorderRule, FlowSet>();
  readonly #services = new Map<BorderRule, ServiceSet>();
  #slice: Slice = { in: new Set(), example: { protocol: 0 } };
  #stages = new Map<Stage, Outcomes<StageOutcome>>();

  /** For classes of one family, that of the atoms. */
  constructor(atoms: Atoms) {
    this.#atoms = atoms;
  }

  /** What the rules of a class tell apart. */
  services(one: Class): readonly ServiceSet[] {
    const stages = [...one.widened, ...one.parts].flatMap((part) => part.stages);
    return stages.flatMap((stage) => stage.rules).map((rule) => this.#servicesOf(rule));
  }

  class(one: Class, slice: Slice): StagedFlows {
    const { family } = one;
    this.#slice = slice;
    this.#stages = new Map();
    const widened = firstMatch(
      one.widened
        .flatMap((part) => part.stages)
        .flatMap((stage) => stage.rules)
        .flatMap((rule): readonly Branching<'Allow' | 'Deny'>[] =>
          rule.widen && (rule.action === 'Allow' || rule.action === 'Deny') && this.#isAsked(rule, family)
            ? [{ flows: this.#destinationOf(rule), outcome: rule.action }]
            : [],
        ),
      ['Allow', 'Deny'],
      family,
    );
    let granted = one.parts.length === 0 ? FlowSet.nothing(family) : FlowSet.everything(family);
    let passing = FlowSet.everything(family);
    for (const part of one.parts) {
      const flows = this.#part(part, family);
      granted = granted.intersect(flows.granted);
      passing = passing.intersect(flows.granted.union(flows.left));
    }
    granted = widened.Allow.union(granted.subtract(widened.decided));
    return { granted, left: passing.subtract(widened.decided).subtract(granted) };
  }

  #part(part: Part, family: Class['family']): StagedFlows {
    let granted = FlowSet.nothing(family);
    let left = FlowSet.nothing(family);
    let live = FlowSet.everything(family);
    let skipping = FlowSet.nothing(family);
    for (const stage of part.stages) {
      const outcomes = this.#stage(stage, family);
      // What an Allow of a repeated tier sent on passes over everything but the stages of BorderPolicies.
      const asked = stage.layer === 'BorderPolicy' ? live.union(skipping) : live;
      if (stage.layer === 'BorderPolicy') skipping = FlowSet.nothing(family);
      granted = granted.union(asked.intersect(outcomes.Grant));
      left = left.union(asked.intersect(outcomes.Stand));
      skipping = skipping.union(asked.intersect(outcomes.Skip));
      live = asked.intersect(outcomes.Next);
    }
    const hasOwn = part.stages.some((stage) => stage.layer === 'BorderPolicy');
    if (!hasOwn) left = left.union(skipping);
    else live = live.union(skipping);
    return { granted, left: part.otherwise === 'Allow' ? left.union(live) : left };
  }

  #stage(stage: Stage, family: Class['family']): Outcomes<StageOutcome> {
    const known = this.#stages.get(stage);
    if (known !== undefined) return known;
    const entries = stage.rules.flatMap((rule): readonly Branching<StageOutcome>[] =>
      rule.action === 'Log' || !this.#isAsked(rule, family)
        ? []
        : [{ flows: this.#destinationOf(rule), outcome: outcomeOf(rule.action, stage) }],
    );
    const end: Branching<StageOutcome> = { flows: FlowSet.everything(family), outcome: stage.end };
    const outcomes = firstMatch([...entries, end], STAGE_OUTCOMES, family);
    this.#stages.set(stage, outcomes);
    return outcomes;
  }

  #isAsked(rule: BorderRule, family: Class['family']): boolean {
    return rule.family === family && this.#slice.in.has(this.#servicesOf(rule).key);
  }

  #servicesOf(rule: BorderRule): ServiceSet {
    const known = this.#services.get(rule);
    if (known !== undefined) return known;
    const services = serviceMatching(rule.family, {
      ...(rule.protocol === undefined ? {} : { protocol: rule.protocol }),
      ...(rule.notProtocol === undefined ? {} : { notProtocol: rule.notProtocol }),
      ...(rule.icmp === undefined ? {} : { icmp: rule.icmp }),
      ...(rule.notIcmp === undefined ? {} : { notIcmp: rule.notIcmp }),
      ...(rule.ports === undefined ? {} : { ports: rule.ports }),
      ...(rule.sourcePorts === undefined ? {} : { sourcePorts: rule.sourcePorts }),
    });
    this.#services.set(rule, services);
    return services;
  }

  #destinationOf(rule: BorderRule): FlowSet {
    const known = this.#destinations.get(rule);
    if (known !== undefined) return known;
    const { nets, groups, notGroups, domains } = rule.outside;
    let flows =
      nets === undefined
        ? FlowSet.everything(rule.family)
        : FlowSet.matching(rule.family, { destination: nets.family(rule.family) });
    for (const id of groups) flows = flows.intersect(this.#atoms.group(id));
    for (const id of notGroups) flows = flows.subtract(this.#atoms.group(id));
    if (domains.length > 0) flows = flows.intersect(this.#atoms.domains(domains));
    this.#destinations.set(rule, flows);
    return flows;
  }
}

function outcomeOf(action: Exclude<BorderRule['action'], 'Log'>, stage: Stage): StageOutcome {
  switch (action) {
    case 'Allow':
      return stage.layer === 'Tier' ? 'Stand' : 'Grant';
    case 'SkipToOwn':
      return 'Skip';
    case 'Deny':
    case 'Next':
      return action;
  }
}
