import { BucketMap } from '../base/bucket-map.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { BorderRule, Class, Part, Ruleset, Stage } from '../border/ruleset.ts';

/** A ruleset that a device can say, and what was left out of it. */
export interface Sayable {
  readonly ruleset: Ruleset;
  /** One for each rule, however many classes share it; sorted by object and path. */
  readonly refusals: readonly Diagnostic[];
}

/**
 * Takes out of a ruleset the rules that a device cannot say, each on its safe side (design invariant 5): Allow, SkipToOwn and Log are
 * absent, Deny and Next deny everything in their place. `limit` names what the device cannot say of a rule, or nothing. Classes without
 * such a rule stay the same objects.
 */
export function refuseRules(
  ruleset: Ruleset,
  device: string,
  limit: (rule: BorderRule) => string | undefined,
): Sayable {
  const refusals = new Map<string, Diagnostic>();
  const stages = new Map<Stage, Stage>();
  const sayableStage = (stage: Stage): Stage => {
    const known = stages.get(stage);
    if (known !== undefined) return known;
    let refused = false;
    const rules = stage.rules.flatMap((rule) => {
      const reason = limit(rule);
      if (reason === undefined) return [rule];
      refused = true;
      const stands = standIn(rule);
      const refusal = refusalOf(rule, device, reason, stands !== undefined);
      refusals.set(`${refusal.object ?? ''}\n${refusal.path}`, refusal);
      return stands === undefined ? [] : [stands];
    });
    const result = refused ? { ...stage, rules } : stage;
    stages.set(stage, result);
    return result;
  };
  const sayablePart = (part: Part): Part => {
    const list = part.stages.map(sayableStage);
    return list.every((stage, at) => stage === part.stages[at]) ? part : { ...part, stages: list };
  };
  const sayableClass = (one: Class): Class => {
    const parts = one.parts.map(sayablePart);
    const widened = one.widened.map(sayablePart);
    const same =
      parts.every((part, at) => part === one.parts[at]) && widened.every((part, at) => part === one.widened[at]);
    return same ? one : { ...one, parts, widened };
  };
  const classes = new Map([...ruleset.classes].map(([id, one]) => [id, sayableClass(one)] as const));
  if (refusals.size === 0) return { ruleset, refusals: [] };
  const sorted = [...refusals].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, refusal]) => refusal);
  return { ruleset: { ...ruleset, classes }, refusals: sorted };
}

function standIn(rule: BorderRule): BorderRule | undefined {
  if (rule.action !== 'Deny' && rule.action !== 'Next') return undefined;
  const { origin, family, widen } = rule;
  return { origin, family, action: 'Deny', outside: { groups: [], notGroups: [], domains: [] }, widen };
}

function refusalOf(rule: BorderRule, device: string, reason: string, denies: boolean): Diagnostic {
  const place = rule.origin.rule === undefined ? '' : `rule ${rule.origin.rule}`;
  const now = denies ? 'it denies everything in its place' : 'it is left out';
  return {
    severity: 'error',
    code: 'DEVICE_CANNOT_SAY',
    object: rule.origin.policy,
    path: place,
    message: `${device} cannot say ${reason}; ${now}`,
  };
}

/** Leaves groups that are wanted in a form which a device does not have as it holds them, and says so. */
export function refuseForms(ruleset: Ruleset, device: string): Sayable {
  const refused = [...ruleset.groups.values()].filter(
    (group) => group.kind === 'AddressGroup' && group.form !== undefined && group.form !== 'Group',
  );
  if (refused.length === 0) return { ruleset, refusals: [] };
  const groups = new Map(ruleset.groups);
  const refusals = new Map<string, Diagnostic>();
  for (const group of refused) {
    if (group.kind !== 'AddressGroup' || group.form === undefined) continue;
    groups.set(group.id, { ...group, members: BucketMap.empty(), held: true });
    refusals.set(group.resource, {
      severity: 'error',
      code: 'GROUP_FORM',
      object: group.resource,
      path: 'spec.as',
      message: `${device} has no ${group.form.toLowerCase()}s; write \`as: Auto\`. Until then the group stays as it is there`,
    });
  }
  const sorted = [...refusals].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, refusal]) => refusal);
  return { ruleset: { ...ruleset, groups }, refusals: sorted };
}
