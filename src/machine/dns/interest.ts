import type { Policy } from '../kinds/policy.ts';
import { canonicalDomain, patternMatcher } from '../rules/domain-sets.ts';

/** The names that policies speak of. */
export interface Interest {
  /** Names as such: they are asked for by ourselves too. */
  readonly names: ReadonlySet<string>;
  readonly includes: (name: string) => boolean;
  /** No policy speaks of any. */
  readonly isEmpty: boolean;
  /** Equal for equal interests. */
  readonly key: string;
}

/** What sound policies of a namespace speak of; empty ones of the configuration file have no namespace. */
export function interestOf(policies: readonly Policy[], namespace: string): Interest {
  const names = new Set<string>();
  const patterns = new Set<string>();
  for (const { namespace: own, spec } of policies) {
    if ('mistakes' in spec || (own !== '' && own !== namespace)) continue;
    for (const { to, domains } of spec.egress) {
      // Where an entry has both, "to" counts.
      if (to.length > 0) continue;
      for (const { kind, text } of domains)
        if (kind === 'name') names.add(canonicalDomain(text));
        else patterns.add(text);
    }
  }
  const matchers = [...patterns].map(patternMatcher);
  return {
    names,
    includes: (name) => names.has(name) || matchers.some((matches) => matches(name)),
    isEmpty: names.size + patterns.size === 0,
    key: JSON.stringify([[...names].toSorted(), [...patterns].toSorted()]),
  };
}
