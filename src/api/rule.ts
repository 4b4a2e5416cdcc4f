import type { z } from 'zod';
import { action } from './fields.ts';
import type { ReadableRule, RuleAction } from './resource.ts';
import type { Scope } from './scope.ts';
import { type RawMap, show } from './shape.ts';

/** What invariant 5 does about a rule that cannot be read, said to its author; `word` is his for the action. */
export function insteadOfRule(action: RuleAction | undefined, word: string | undefined = action): string {
  if (action === 'Allow' || action === 'Log') return `This ${word} rule is left out.`;
  const rule = action === undefined ? 'This rule' : `This ${word} rule`;
  return `${rule} now denies everything for the workloads this policy selects.`;
}

/** Reads what a rule has besides its action; `undefined` when it is broken, with the mistakes noted. */
export type RuleReader<R> = (action: RuleAction, raw: RawMap, scope: Scope) => R | undefined;

/**
 * Reads the rules of one direction. A rule that cannot be read keeps its place and action; one whose action cannot be read, or a list
 * that is none, becomes a Deny (design, decision on broken parts). `actions` reads a kind's own words for what rules do.
 */
export function readRules<R>(
  raw: unknown,
  scope: Scope,
  read: RuleReader<R>,
  actions: z.ZodType<RuleAction> = action,
): readonly ReadableRule<R>[] {
  if (raw === undefined) return [];
  if (!Array.isArray(raw)) {
    const consequence = 'The policy now denies everything for the workloads it selects.';
    scope.otherwise(consequence).mistake('FIELD_INVALID', `this is ${show(raw)} and has to be a list of rules`);
    return [{ ok: false, action: 'Deny' }];
  }
  return raw.map((written: unknown, index) => readRule(written, scope.at(index), read, actions));
}

function readRule<R>(raw: unknown, scope: Scope, read: RuleReader<R>, actions: z.ZodType<RuleAction>): ReadableRule<R> {
  const unknown = scope.otherwise(insteadOfRule(undefined));
  const map = unknown.map(raw, 'a rule has to be a map with an action');
  if (map === undefined) return { ok: false, action: 'Deny' };
  const written = unknown.at('action').value(actions, map['action']);
  const here = written.ok ? scope.otherwise(insteadOfRule(written.value, String(map['action']))) : unknown;
  // Read even without an action: its other mistakes are shown at once.
  const rule = read(written.ok ? written.value : 'Deny', map, here);
  if (!written.ok) return { ok: false, action: 'Deny' };
  return rule === undefined ? { ok: false, action: written.value } : { ok: true, rule };
}

/** The same rules, none of them readable: what happens to a policy that is broken elsewhere. */
export function unreadable<R extends { readonly action: RuleAction }>(
  rules: readonly ReadableRule<R>[],
): readonly ReadableRule<R>[] {
  return rules.map((read) => ({ ok: false, action: read.ok ? read.rule.action : read.action }));
}

/** The same rules, none of them readable if they are more than the API takes: nobody knows which of them it would have kept. */
export function limited<R extends { readonly action: RuleAction }>(
  rules: readonly ReadableRule<R>[],
  limit: number,
  scope: Scope,
): readonly ReadableRule<R>[] {
  if (rules.length <= limit) return rules;
  scope
    .otherwise('What they allow is left out, and what they deny or pass is denied.')
    .mistake('FIELD_INVALID', `this list has more than ${limit} rules; make two policies`);
  return unreadable(rules);
}

/**
 * The same rules for a policy whose selector cannot be read and which therefore selects its whole scope. What it denies it denies
 * there; but nobody was promised what it allows, and a Pass would lead strangers past the policies that are for them.
 */
export function forWholeScope<R extends { readonly action: RuleAction }>(
  rules: readonly ReadableRule<R>[],
): readonly ReadableRule<R>[] {
  return rules.map((read) => (read.ok && read.rule.action !== 'Deny' ? { ok: false, action: read.rule.action } : read));
}
