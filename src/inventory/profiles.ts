import type { Profile } from '../api/resource.ts';
import type { Diagnostic } from '../base/diagnostic.ts';
import type { Pieces } from '../base/pieces.ts';
import { convertRules, httpMistakes, idleRules } from './calico-policy.ts';
import type { MapChanges } from './change.ts';
import { sameMap } from './equality.ts';
import { diagnosticOn } from './mistake.ts';
import type { Parent, ProfileRules, Rule } from './model.ts';
import { ANY_SIDE, ruleOf } from './rule-shape.ts';
import { TrackedMap } from './tracked-map.ts';

const EVERYTHING = [ruleOf({ action: 'Allow', index: 0, source: ANY_SIDE, destination: ANY_SIDE, broken: false })];

/** Rules of a namespace's profile and of the one that automatic host endpoints have: they allow everything (semantics 2.7 and 6.3.4). */
export const ALLOWS_ALL: ProfileRules = { ingress: EVERYTHING, egress: EVERYTHING };
/** Rules of a service account's profile, and of one that does not exist (semantics 6.3.4 and 6.3.5). */
export const NO_RULES: ProfileRules = { ingress: [], egress: [] };

/** The profile of automatic host endpoints, which is there without an object. */
const DEFAULT_ALLOW = 'projectcalico-default-allow';

/** The rules of a profile among those that exist. */
export function profileRules(id: string, parents: ReadonlyMap<string, Parent>): ProfileRules {
  return id === DEFAULT_ALLOW ? ALLOWS_ALL : (parents.get(id)?.rules ?? NO_RULES);
}

/**
 * The profiles, by name: those that namespaces and service accounts become, and those that are given as objects. Where both are there the first
 * counts, because Calico makes it anew from the namespace, whatever was exported; without the namespace the exported one stands in.
 */
export class Profiles {
  readonly #parents = new TrackedMap<Parent>((a, b) => sameMap(a.labels, b.labels) && a.rules === b.rules);
  readonly #derived = new Map<string, Parent>();
  readonly #given = new Map<string, Parent>();

  get view(): ReadonlyMap<string, Parent> {
    return this.#parents.view;
  }

  /** The same as they were at the last `take`. */
  get taken(): ReadonlyMap<string, Parent> {
    return this.#parents.taken;
  }

  /** What a namespace or service account becomes; `undefined`: it is gone. */
  derive(id: string, parent: Parent | undefined): void {
    this.#put(this.#derived, id, parent);
  }

  /** What an object says; `undefined`: it is gone. */
  give(id: string, profile: Profile | undefined): void {
    this.#put(this.#given, id, profile && { id, labels: profile.labelsToApply, rules: rulesOf(profile) });
  }

  /** What differs since the last call; `rules`: some profile that was there and is there has other rules. */
  *take(): Pieces<{ readonly parents: MapChanges; readonly rules: boolean }> {
    const parents = yield* this.#parents.take();
    const rules = parents.keys.some((id) => {
      const before = parents.before.get(id);
      const now = this.view.get(id);
      return before !== undefined && now !== undefined && before.rules !== now.rules;
    });
    return { parents, rules };
  }

  #put(map: Map<string, Parent>, id: string, parent: Parent | undefined): void {
    if (parent === undefined) map.delete(id);
    else map.set(id, parent);
    this.#parents.put(id, this.#derived.get(id) ?? this.#given.get(id));
  }
}

function rulesOf(profile: Profile): ProfileRules {
  const { ingress, egress } = profile;
  const idle = idleRules('', { types: ['Ingress', 'Egress'], ingress, egress });
  return {
    ingress: convertRules('', ingress).map(withoutPass),
    egress: convertRules('', egress).map(withoutPass),
    ...(idle.length === 0 ? {} : { idle }),
  };
}

/** After the last tier there is nowhere to pass to (semantics 6.3.6). */
function withoutPass(rule: Rule): Rule {
  return rule.action === 'Pass' ? ruleOf({ ...rule, action: 'Deny' }) : rule;
}

/** Readable rules of a profile that are not kept as they are written, and what stands in their place. */
export function profileMistakes(profile: Profile): readonly Diagnostic[] {
  const passes = (['ingress', 'egress'] as const).flatMap((direction) =>
    profile[direction].flatMap((readable, index) =>
      readable.ok && readable.rule.action === 'Pass' && !readable.rule.http
        ? [
            diagnosticOn(
              profile,
              'warning',
              'PROFILE_PASS',
              `spec.${direction}[${index}].action`,
              'after the last tier there is nowhere to pass to; the rule denies what it matches',
            ),
          ]
        : [],
    ),
  );
  return [...passes, ...httpMistakes(profile, { types: ['Ingress', 'Egress'], ...profile })];
}
