import { z } from 'zod';
import { readCalicoRule } from './calico-rule.ts';
import { specOf } from './kubernetes-network-policy.ts';
import { direction, list, optional, optionalSelector, optionalText } from './fields.ts';
import type {
  CalicoPolicySpec,
  CalicoRule,
  GlobalNetworkPolicy,
  Meta,
  NetworkPolicy,
  ReadableRule,
} from './resource.ts';
import { forWholeScope, limited, readRules, unreadable } from './rule.ts';
import type { Scope } from './scope.ts';
import type { RawMap } from './shape.ts';

/** Where the policy stands among others: if this cannot be read, nothing can be said about what its rules mean. */
const placeSchema = z.object({ tier: optionalText, order: optional(z.number()) });

const flagsSchema = z.object({
  doNotTrack: optional(z.boolean()),
  preDNAT: optional(z.boolean()),
  applyOnForward: optional(z.boolean()),
});

/** What is done about what Calico refuses and everybody understands. */
const COUNTS = 'The policy counts as written.';

/** The most rules of one direction (semantics 5.10). */
const RULES = 1024;

/** Reads a NetworkPolicy of Calico's. */
export function readNetworkPolicy(meta: Meta, raw: RawMap, scope: Scope): NetworkPolicy {
  return { ...meta, type: 'NetworkPolicy', spec: readCalicoSpec(meta, raw, scope) };
}

/** Reads a GlobalNetworkPolicy. */
export function readGlobalNetworkPolicy(meta: Meta, raw: RawMap, scope: Scope): GlobalNetworkPolicy {
  return { ...meta, type: 'GlobalNetworkPolicy', spec: readCalicoSpec(meta, raw, scope) };
}

/** Reads the spec of a policy of Calico's, staged ones among them; the namespace of `meta` tells which of the two kinds it is. */
export function readCalicoSpec(meta: Meta, raw: RawMap, scope: Scope): CalicoPolicySpec {
  checkName(meta, scope);
  const inside = scope.at('spec');
  const scopeText = meta.namespace === '' ? 'every workload' : 'every workload of its namespace';
  const map = inside
    .otherwise(`The policy selects ${scopeText} and allows nothing.`)
    .map(specOf(raw, inside, `selects ${scopeText} and allows nothing to come in`));
  const spec = map ?? {};
  const place = inside
    .otherwise(
      'The policy comes first in its tier; its Allow rules are left out and its Deny and Pass rules deny everything.',
    )
    .fields(placeSchema, spec);
  checkHints(spec['performanceHints'], inside.at('performanceHints').otherwise(COUNTS));
  const flags = inside.otherwise('It counts as false.').fields(flagsSchema, meta.namespace === '' ? spec : {});
  const ingress = readDirection('Ingress', meta, spec['ingress'], inside.at('ingress'));
  const egress = readDirection('Egress', meta, spec['egress'], inside.at('egress'));
  const selecting = inside.otherwise(`The policy selects ${scopeText}; of its rules only Deny counts as written.`);
  const readSelector = (name: string) => selecting.at(name).value(optionalSelector, spec[name]);
  const own = readSelector('selector');
  const applies = {
    tier: place.values.tier ?? 'default',
    order: place.sound ? (place.values.order ?? Number.POSITIVE_INFINITY) : Number.NEGATIVE_INFINITY,
    selector: map === undefined ? { ok: false } : own,
    namespaceSelector: meta.namespace === '' ? readSelector('namespaceSelector') : { ok: true, value: undefined },
    serviceAccountSelector: readSelector('serviceAccountSelector'),
    types:
      map === undefined
        ? (['Ingress', 'Egress'] as const)
        : readTypes(spec['types'], ingress.length > 0, egress.length > 0, inside.at('types')),
    doNotTrack: flags.values.doNotTrack ?? false,
    preDNAT: flags.values.preDNAT ?? false,
    applyOnForward: flags.values.applyOnForward ?? false,
  } satisfies Omit<CalicoPolicySpec, 'ingress' | 'egress'>;
  checkFlags(applies, egress.length > 0, inside);
  const selects = applies.selector.ok && applies.namespaceSelector.ok && applies.serviceAccountSelector.ok;
  if (!place.sound) return { ...applies, ingress: unreadable(ingress), egress: unreadable(egress) };
  if (!selects) return { ...applies, ingress: forWholeScope(ingress), egress: forWholeScope(egress) };
  return { ...applies, ingress, egress };
}

/** What the names of policies begin with that Calico makes from others (semantics 6.1.4 and 13.8). */
const CONVERTED = {
  namespaced: /^(knp|ossg)\.default\./,
  global: /^(kanp\.adminnetworkpolicy|kbanp\.baselineadminnetworkpolicy)\./,
};

/** Names that older and newer releases make and take (semantics 13.8). */
function checkName(meta: Meta, scope: Scope): void {
  const converted = CONVERTED[meta.namespace === '' ? 'global' : 'namespaced'].test(meta.name);
  if (converted || meta.name.split('.').length <= 2) return;
  scope
    .otherwise(COUNTS)
    .mistake('NAME_SHAPE', 'Calico takes at most one "." in the name of a policy', 'metadata', 'name');
}

/** Hints to Calico's dataplane; they mean nothing to policy. */
const performanceHints = list(z.enum(['AssumeNeededOnEveryNode']));

function checkHints(raw: unknown, scope: Scope): void {
  const read = scope.value(performanceHints, raw);
  if (read.ok && new Set(read.value).size < read.value.length)
    scope.mistake('FIELD_CONFLICT', 'a hint stands here twice; remove one');
}

function readDirection(
  which: z.infer<typeof direction>,
  meta: Meta,
  raw: unknown,
  scope: Scope,
): readonly ReadableRule<CalicoRule>[] {
  const place = { direction: which, namespace: meta.namespace };
  const rules = readRules(raw ?? undefined, scope, (action, map, here) => readCalicoRule(place, action, map, here));
  return limited(rules, RULES, scope);
}

/** The default of the API, which Calico's storage form may lack (semantics 6.2.2). */
function readTypes(raw: unknown, hasIngress: boolean, hasEgress: boolean, scope: Scope): CalicoPolicySpec['types'] {
  const inside = scope.otherwise('The policy takes part in both directions.');
  const read = inside.value(list(direction), raw);
  if (!read.ok) return ['Ingress', 'Egress'];
  const types = [...new Set(read.value)];
  if (types.length < read.value.length)
    scope.otherwise(COUNTS).mistake('FIELD_CONFLICT', 'a direction stands here twice; remove one');
  if (types.length > 0) return types;
  if (!hasEgress) return ['Ingress'];
  return hasIngress ? ['Ingress', 'Egress'] : ['Egress'];
}

/**
 * Flags that contradict each other (semantics 7.3). They concern host endpoints only: with doNotTrack or preDNAT, whatever else is wrong, a policy
 * is for no pod (semantics 7.7), so what is done about it opens nothing and closes nothing for pods.
 */
function checkFlags(spec: Omit<CalicoPolicySpec, 'ingress' | 'egress'>, hasEgress: boolean, scope: Scope): void {
  const { doNotTrack, preDNAT, applyOnForward, types } = spec;
  if (doNotTrack && preDNAT)
    scope
      .otherwise('The policy counts as untracked.')
      .mistake('FIELD_CONFLICT', 'doNotTrack and preDNAT exclude each other; remove one', 'preDNAT');
  if ((doNotTrack || preDNAT) && !applyOnForward)
    scope
      .otherwise('It counts as true.')
      .mistake('FIELD_CONFLICT', 'doNotTrack and preDNAT need applyOnForward: true; write it', 'applyOnForward');
  if (preDNAT && (hasEgress || types.includes('Egress')))
    scope
      .otherwise('Its egress does not count.')
      .mistake(
        'FIELD_CONFLICT',
        'preDNAT is for what arrives alone; remove the egress rules and the type Egress',
        hasEgress ? 'egress' : 'types',
      );
}
