import { BucketMap } from '../base/bucket-map.ts';
import type { BorderRule, Class, Family, Nat, NatTarget, Outside, Part, Ruleset, Stage } from '../border/ruleset.ts';
import { FlowSet, type FlowMatch } from '../engine/flows/flow-set.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { Behaviour, TranslationBehaviour } from './behaviour.ts';

/** Where the flows of a stage go that neither a Deny nor its end dropped. */
interface Outcome {
  readonly allowed: FlowSet;
  readonly skipped: FlowSet;
  readonly next: FlowSet;
}

/**
 * What a ruleset means, as flows: the truth that every driver's own translation is compared with. Classes and stages are worked out
 * when they are first asked for, once each.
 */
export function behaviourOf(ruleset: Ruleset): Behaviour {
  const outcomes = new Map<string, Outcome>();
  const classes = new Map<string, FlowSet>();
  const natFlows = new Map<string, FlowSet>();
  const outcomeOf = (stage: Stage, family: Family): Outcome => {
    const key = `${family}/${stage.id}`;
    const known = outcomes.get(key) ?? stageOutcome(stage, family, ruleset);
    outcomes.set(key, known);
    return known;
  };
  const flowsOfNat = (nat: Nat): FlowSet => {
    const known = natFlows.get(nat.id) ?? FlowSet.matching(nat.family, natMatch(nat));
    natFlows.set(nat.id, known);
    return known;
  };
  return {
    present: true,
    destinations: ruleset.destinations,
    inside: ruleset.inside,
    networks: ruleset.networks,
    senders: ruleset.members,
    allowed(id, family) {
      const one = ruleset.classes.get(id);
      if (one === undefined || one.family !== family) return FlowSet.nothing(family);
      const known = classes.get(id) ?? classFlows(one, ruleset, (stage) => outcomeOf(stage, family));
      classes.set(id, known);
      return known;
    },
    translations(sender) {
      const found: TranslationBehaviour[] = [];
      for (const nat of ruleset.nats) {
        const target = nat.sources.get(sender);
        if (target !== undefined) found.push({ flows: flowsOfNat(nat), to: translationOf(target) });
      }
      return found;
    },
  };
}

function translationOf(target: NatTarget): TranslationBehaviour['to'] {
  return target.kind === 'Hold' ? { kind: 'Hold' } : target;
}

function natMatch(nat: Nat): FlowMatch {
  return {
    destination: nat.destination.family(nat.family),
    ...(nat.protocol === undefined ? {} : { protocol: nat.protocol }),
    ...(nat.ports === undefined ? {} : { ports: nat.ports }),
  };
}

/** The destinations of an outside end, or `undefined` where it does not limit them. */
function destinationsOf(outside: Outside, family: Family, ruleset: Ruleset): PrefixSet | undefined {
  if (outside.nets === undefined && outside.groups.length === 0 && outside.notGroups.length === 0) return undefined;
  const netsOf = (id: string): PrefixSet => {
    const group = ruleset.groups.get(id);
    return group?.kind === 'Outside' ? group.nets : PrefixSet.empty;
  };
  let nets = (outside.nets ?? PrefixSet.all).family(family);
  for (const id of outside.groups) nets = nets.intersect(netsOf(id));
  for (const id of outside.notGroups) nets = nets.subtract(netsOf(id));
  return nets;
}

/** The flows that meet a rule's match. */
function ruleFlows(rule: BorderRule, family: Family, ruleset: Ruleset): FlowSet {
  if (rule.family !== family) return FlowSet.nothing(family);
  const destination = destinationsOf(rule.outside, family, ruleset);
  return FlowSet.matching(family, {
    ...(rule.protocol === undefined ? {} : { protocol: rule.protocol }),
    ...(rule.notProtocol === undefined ? {} : { notProtocol: rule.notProtocol }),
    ...(rule.icmp === undefined ? {} : { icmp: rule.icmp }),
    ...(rule.notIcmp === undefined ? {} : { notIcmp: rule.notIcmp }),
    ...(rule.ports === undefined ? {} : { ports: rule.ports }),
    ...(rule.sourcePorts === undefined ? {} : { sourcePorts: rule.sourcePorts }),
    ...(rule.outside.domains.length === 0 ? {} : { domains: rule.outside.domains }),
    ...(destination === undefined ? {} : { destination }),
  });
}

function stageOutcome(stage: Stage, family: Family, ruleset: Ruleset): Outcome {
  let live = FlowSet.everything(family);
  let allowed = FlowSet.nothing(family);
  let skipped = FlowSet.nothing(family);
  let next = FlowSet.nothing(family);
  for (const rule of stage.rules) {
    if (rule.action === 'Log') continue;
    const taken = live.intersect(ruleFlows(rule, family, ruleset));
    if (taken.isEmpty) continue;
    live = live.subtract(taken);
    switch (rule.action) {
      case 'Allow':
        allowed = allowed.union(taken);
        break;
      case 'SkipToOwn':
        skipped = skipped.union(taken);
        break;
      case 'Next':
        next = next.union(taken);
        break;
      case 'Deny':
        break;
    }
  }
  return { allowed, skipped, next: stage.end === 'Next' ? next.union(live) : next };
}

function partFlows(part: Part, family: Family, outcomeOf: (stage: Stage) => Outcome): FlowSet {
  let live = FlowSet.everything(family);
  let allowed = FlowSet.nothing(family);
  // What an Allow of a repeated tier sent on: it meets the BorderPolicy stage, or stands where the part has none.
  let skipping = FlowSet.nothing(family);
  for (const stage of part.stages) {
    if (stage.layer === 'BorderPolicy') {
      live = live.union(skipping);
      skipping = FlowSet.nothing(family);
    }
    const outcome = outcomeOf(stage);
    allowed = allowed.union(live.intersect(outcome.allowed));
    skipping = skipping.union(live.intersect(outcome.skipped));
    live = live.intersect(outcome.next);
  }
  allowed = allowed.union(skipping);
  return part.otherwise === 'Allow' ? allowed.union(live) : allowed;
}

function classFlows(one: Class, ruleset: Ruleset, outcomeOf: (stage: Stage) => Outcome): FlowSet {
  const { family } = one;
  let undecided = FlowSet.everything(family);
  let widened = FlowSet.nothing(family);
  for (const rule of one.widened.flatMap((part) => part.stages).flatMap((stage) => stage.rules)) {
    if (!rule.widen || (rule.action !== 'Allow' && rule.action !== 'Deny')) continue;
    const taken = undecided.intersect(ruleFlows(rule, family, ruleset));
    undecided = undecided.subtract(taken);
    if (rule.action === 'Allow') widened = widened.union(taken);
  }
  for (const part of one.parts) undecided = undecided.intersect(partFlows(part, family, outcomeOf));
  return widened.union(undecided);
}

/** What a device without anything of ours does: everything passes. */
export const absentBehaviour: Behaviour = {
  present: false,
  destinations: PrefixSet.empty,
  inside: PrefixSet.empty,
  networks: PrefixSet.empty,
  senders: BucketMap.empty(),
  allowed: (_id, family) => FlowSet.everything(family),
  translations: () => [],
};
