import { compareUtf8 } from '../../base/compare.ts';
import type { Drift } from '../../plan/foreign.ts';
import { serviceText } from '../flat/service-parts.ts';
import { memberChange } from './member-steps.ts';
import type { MemberGroup, ObservedRuleBase, RuleBase, SecurityRule, TranslationRule } from './model.ts';
import { groupKey } from './model.ts';
import { ruleDifference, translationDifference } from './rule-text.ts';

const SHOWN = 5;

/**
 * What somebody else changed of ours since it was read back last: what it was, and what was found. `expected`: as it was read after our own
 * last write; without a memory, what is wanted serves as well.
 */
export function driftSince(expected: RuleBase, found: ObservedRuleBase): readonly Drift[] {
  const drift: Drift[] = [];
  const tell = (object: string, what: string): void => {
    drift.push({ object, what });
  };
  groupDrift(expected, found, tell);
  listDrift('rule', expected.rules, found.rules, ruleDifference, tell);
  listDrift('translation', expected.translations, found.translations, translationDifference, tell);
  for (const name of found.strays)
    tell(name, 'stands apart from our block: it was moved, or a rule of others came between');
  for (const [name, { value }] of expected.objects)
    if (found.objects.get(name)?.value !== value) tell(name, 'was removed or changed');
  for (const [name, { match }] of expected.services) {
    const is = found.services.get(name);
    const [was, now] = [serviceText(match), is && serviceText(is.match)];
    if (now === undefined) tell(name, 'the service was removed, or its mark was');
    else if (now !== was)
      tell(name, `protocol, ports, source ports and type of the service were "${was}" and are "${now}"`);
  }
  return drift.toSorted((a, b) => compareUtf8(a.object, b.object) || compareUtf8(a.what, b.what));
}

type Tell = (object: string, what: string) => void;

function groupDrift(expected: RuleBase, found: ObservedRuleBase, tell: Tell): void {
  const strangers = new Map<string, MemberGroup>();
  for (const [key, group] of [...found.groups, ...(found.spoiled ?? [])])
    if (!expected.groups.has(key)) strangers.set(group.mark, group);
  for (const [key, group] of expected.groups) {
    const is = found.groups.get(key);
    if (is === undefined) {
      const renamed = strangers.get(group.mark);
      if (found.spoiled?.has(key) === true) tell(group.name, 'the group does not stand for its members any more');
      else if (renamed === undefined) tell(group.name, 'the group was removed, or its mark');
      else {
        strangers.delete(group.mark);
        tell(group.name, `the group was renamed to ${renamed.name}`);
      }
      continue;
    }
    const change = memberChange(group, is);
    if (change !== undefined) tell(group.name, memberText(change.joins, change.leaves));
    if (is.mark !== group.mark) tell(group.name, `the mark was "${group.mark}" and is "${is.mark}"`);
  }
  for (const group of strangers.values())
    if (!expected.groups.has(groupKey(group))) tell(group.name, 'a group with our mark that we did not make');
}

function memberText(joins: readonly string[], leaves: readonly string[]): string {
  const list = (all: readonly string[]): string =>
    all.length > SHOWN ? `${all.slice(0, SHOWN).join(', ')} and ${all.length - SHOWN} more` : all.join(', ');
  return [
    ...(joins.length === 0 ? [] : [`members were added: ${list(joins)}`]),
    ...(leaves.length === 0 ? [] : [`members were taken out: ${list(leaves)}`]),
  ].join('; ');
}

function listDrift<R extends SecurityRule | TranslationRule>(
  kind: string,
  expected: readonly R[],
  found: readonly R[],
  differenceOf: (a: R, b: R) => readonly string[],
  tell: Tell,
): void {
  const byName = new Map(found.map((rule) => [rule.name, rule]));
  const known = new Set(expected.map(({ name }) => name));
  for (const rule of expected) {
    const is = byName.get(rule.name);
    if (is === undefined) tell(rule.name, `the ${kind} was removed or renamed, or its mark was`);
    else for (const what of differenceOf(rule, is)) tell(rule.name, what);
  }
  for (const { name } of found) if (!known.has(name)) tell(name, `a ${kind} with our mark that we did not make`);
  const order = expected.flatMap(({ name }) => (byName.has(name) ? [name] : []));
  const is = found.flatMap(({ name }) => (known.has(name) ? [name] : []));
  const at = order.findIndex((name, place) => is[place] !== name);
  const moved = order[at];
  if (moved !== undefined) tell(moved, `the ${kind}s were put in another order: here stands ${is[at] ?? 'nothing'}`);
}
