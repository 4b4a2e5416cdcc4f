import { readCalicoRule } from './calico-rule.ts';
import { readLabels } from './meta.ts';
import type { CalicoRule, Meta, Profile, ReadableRule } from './resource.ts';
import { readRules } from './rule.ts';
import type { Scope } from './scope.ts';
import type { RawMap } from './shape.ts';

/** Reads a profile: labels that its endpoints inherit, and rules that are asked after the last tier (semantics 2.1 and 6.3). */
export function readProfile(meta: Meta, raw: RawMap, scope: Scope): Profile {
  const inside = scope.at('spec');
  const spec = inside.otherwise('The profile has no rules, so it allows nothing.').map(raw['spec']) ?? {};
  const labels = inside.at('labelsToApply').otherwise('The profile is read without this label.');
  const rules = (direction: 'Ingress' | 'Egress', field: 'ingress' | 'egress'): readonly ReadableRule<CalicoRule>[] =>
    readRules(spec[field] ?? undefined, inside.at(field), (action, map, here) =>
      readCalicoRule({ direction, namespace: '' }, action, map, here),
    );
  return {
    ...meta,
    type: 'Profile',
    labelsToApply: readLabels(spec['labelsToApply'], labels).texts,
    ingress: rules('Ingress', 'ingress'),
    egress: rules('Egress', 'egress'),
  };
}
