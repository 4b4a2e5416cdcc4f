import { feedingOf } from '../api/feeding.ts';
import type { BorderFirewall, BorderPolicy, ClusterBorderPolicy, ResourceType } from '../api/resource.ts';
import { DEFAULT_TIER } from '../inventory/tiers.ts';
import type { Facts } from './facts.ts';
import { isFor } from './own-policies.ts';

type Known = Pick<Facts, 'firewalls' | 'clusterBorderPolicies' | 'borderPolicies'>;

/** Tiers in which alone the policies of a kind are (semantics 6.1.6, 9.2.1); those of all other kinds can be in any. */
const TIERS_OF: ReadonlyMap<ResourceType, readonly string[]> = new Map<ResourceType, readonly string[]>([
  ['KubernetesNetworkPolicy', [DEFAULT_TIER]],
  ['AdminNetworkPolicy', ['adminnetworkpolicy']],
  ['BaselineAdminNetworkPolicy', ['baselineadminnetworkpolicy']],
  ['KubernetesClusterNetworkPolicy', ['kube-admin', 'kube-baseline']],
]);

/**
 * Names of the firewalls whose rulesets can depend on objects of these kinds, as the other kinds stand: while they are lost nothing new may be
 * planned for these (design invariant 2). The rulesets of all others are the same whatever there is of these kinds. A firewall behind one of
 * them is one, too: what it sees is translated by a device that no longer follows.
 */
export function fedBy(kinds: ReadonlySet<ResourceType>, known: Known): ReadonlySet<string> {
  const fed = new Set<string>();
  for (const firewall of known.firewalls)
    for (const kind of kinds)
      if (feeds(kind, firewall, known)) {
        fed.add(firewall.name);
        break;
      }
  let before = -1;
  while (fed.size > before) {
    before = fed.size;
    for (const { name, behind } of known.firewalls) if (behind.some((nearer) => fed.has(nearer))) fed.add(name);
  }
  return fed;
}

function feeds(kind: ResourceType, firewall: BorderFirewall, known: Known): boolean {
  const feeding = feedingOf(kind);
  if (feeding !== 'Some') return feeding === 'Every';
  if (kind === 'BorderPolicy') return firewall.accepts.length > 0;
  const repeats = firewall.tiers.length > 0;
  if (kind === 'NetworkSet' || kind === 'GlobalNetworkSet') return repeats || namesNetworkSets(firewall, known);
  const tiers = TIERS_OF.get(kind);
  return tiers === undefined ? repeats : tiers.some((tier) => firewall.tiers.includes(tier));
}

/** Whether a policy of ours that may count at the firewall selects network sets. */
function namesNetworkSets(
  { name, accepts }: BorderFirewall,
  { clusterBorderPolicies, borderPolicies }: Known,
): boolean {
  const selects = ({ spec }: ClusterBorderPolicy | BorderPolicy): boolean =>
    isFor(spec.firewalls, name) && spec.egress.some((read) => read.ok && read.rule.selector !== undefined);
  return clusterBorderPolicies.some(selects) || (accepts.length > 0 && borderPolicies.some(selects));
}
