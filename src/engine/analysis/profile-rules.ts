import type { Rule } from '../../inventory/model.ts';
import type { Engine } from '../engine.ts';

/** What a profile decides about its endpoints after the last tier. */
export interface ProfileRules {
  readonly ingress: readonly Rule[];
  readonly egress: readonly Rule[];
}

const ANYWHERE = { domains: [] };
const EVERYTHING: readonly Rule[] = [
  { action: 'Allow', index: 0, source: ANYWHERE, destination: ANYWHERE, broken: false },
];
const ALLOWS_ALL: ProfileRules = { ingress: EVERYTHING, egress: EVERYTHING };
const NO_RULES: ProfileRules = { ingress: [], egress: [] };

/** The same object for profiles with the same rules. */
export function rulesOfProfile(engine: Engine, id: string): ProfileRules {
  return engine.profile(id) === 'Allow' ? ALLOWS_ALL : NO_RULES;
}
