import type { BorderFirewall } from '../api/resource.ts';
import { type Pieces, each } from '../base/pieces.ts';
import type { PrefixSet } from '../ip/prefix-set.ts';
import { refusal } from './accepts.ts';
import type { Entry } from './entry.ts';
import type { Facts } from './facts.ts';
import { type Finding, stalled } from './finding.ts';
import { inOrder, isFor, ownEntry } from './own-policies.ts';
import { type Unsayable, tierEntry } from './tier-policies.ts';

/** The policies that count at one firewall, in the order in which they count (design 8.1), and what of them does not. */
export interface Layers {
  readonly entries: readonly Entry[];
  readonly findings: readonly Finding[];
}

/** `governed`: the destinations that the firewall judges. Layer 1 ClusterBorderPolicy, 2 repeated tiers in the cluster's order, 3 BorderPolicy. */
export function* layersOf(firewall: BorderFirewall, governed: PrefixSet, facts: Facts): Pieces<Layers> {
  const findings: Finding[] = [];
  const first = inOrder(facts.clusterBorderPolicies.filter((policy) => isFor(policy.spec.firewalls, firewall.name)));
  const third = inOrder(facts.borderPolicies.filter((policy) => isFor(policy.spec.firewalls, firewall.name))).filter(
    (policy) => {
      const refused = refusal(policy, firewall, facts);
      if (refused !== undefined) findings.push(refused);
      return refused === undefined;
    },
  );
  const entries: Entry[] = [];
  const add = (entry: Omit<Entry, 'rank'>): void => void entries.push({ ...entry, rank: entries.length });
  yield* each(first, (policy) => add(ownEntry(policy, firewall)));
  yield* repeated(firewall, governed, facts, { add, findings });
  yield* each(third, (policy) => add(ownEntry(policy, firewall)));
  return { entries, findings };
}

function* repeated(
  firewall: BorderFirewall,
  governed: PrefixSet,
  facts: Facts,
  { add, findings }: { readonly add: (entry: Omit<Entry, 'rank'>) => void; readonly findings: Finding[] },
): Pieces {
  const wanted = new Set(firewall.tiers);
  for (const tier of wanted.size === 0 ? [] : facts.tiers) {
    if (!wanted.delete(tier.name)) continue;
    yield* each(facts.policiesOf(tier.name), (policy) => {
      const found = tierEntry(policy, tier, { governed, backendsOf: facts.backendsOf });
      if (found === undefined) return;
      add(found.entry);
      findings.push(...found.unsayable.map((rule) => unsayable(rule, firewall)));
    });
  }
  for (const name of wanted)
    findings.push(
      stalled(firewall, firewall, {
        code: 'BORDER_TIER_UNKNOWN',
        path: 'spec.policies.tiers',
        message: `there is no tier ${JSON.stringify(name)} to repeat, and no policy names it; the other tiers are repeated`,
      }),
    );
}

function unsayable({ policy, rule, why, instead }: Unsayable, firewall: BorderFirewall): Finding {
  const now = instead === 'absent' ? 'it is left out there' : 'it denies all that the rest of it matches there';
  return {
    severity: 'warning',
    code: 'BORDER_RULE_UNSAYABLE',
    condition: 'Stalled',
    object: policy,
    firewall: firewall.name,
    path: `spec.egress[${rule}]`,
    message: `the border BorderFirewall/${firewall.name} cannot say this rule, because ${why}; ${now}`,
  };
}
