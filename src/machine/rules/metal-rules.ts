import type { Diagnostic } from '../../base/diagnostic.ts';
import type { Family } from '../../ip/address.ts';
import type { Prefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { AllowedNetworks } from '../kinds/firewall.ts';
import type { MetalRule } from '../kinds/metal-rules.ts';
import { insideOf, type Network, primaryOf } from '../kinds/network.ts';
import { scopeOf } from '../subject.ts';
import { forbidden, isAllowed } from './allowed.ts';
import { inlineSet, portRule, prefixMatch, type RuleUnit } from './text.ts';

/** What rules of an allocation depend on besides themselves. */
export interface MetalContext {
  readonly networks: readonly Network[];
  readonly allowed: AllowedNetworks | undefined;
  readonly log: boolean;
}

/**
 * The rules of an allocation, as the metal-api holds them. Egress is what comes from the private networks; ingress goes from its `from` to its
 * `to`, and without a `to` to the cluster's network (reference 4.10, 17.2). Who comes from a shared network, which may be another's, leaves by an
 * egress rule for the outside alone, whatever its `to`: by today's text `0.0.0.0/0` lets him into the cluster too. What a Firewall restricts holds for these rules
 * as for policies (3.5).
 */
export function metalRules(
  rules: readonly MetalRule[],
  context: MetalContext,
  diagnostics: Diagnostic[],
): { readonly ingress: readonly RuleUnit[]; readonly egress: readonly RuleUnit[] } {
  const units = rules.map((rule) => ({ rule, units: unitsOf(rule, context, diagnostics) }));
  const of = (direction: MetalRule['direction']): readonly RuleUnit[] =>
    units.filter(({ rule }) => rule.direction === direction).flatMap((each) => each.units);
  return { ingress: of('ingress'), egress: of('egress') };
}

function unitsOf(
  rule: MetalRule,
  { networks, allowed, log }: MetalContext,
  diagnostics: Diagnostic[],
): readonly RuleUnit[] {
  const scope = scopeOf(rule.subject, diagnostics, 'This rule is left out.');
  if (rule.ports.length === 0) {
    scope.warning('CWNP_NO_EFFECT', 'has no ports, so it opens nothing');
    return [];
  }
  // Today there is one rule for each of these (reference 4.10), so that none is no rule, and never "anybody".
  const each = rule.direction === 'egress' ? 'to' : 'from';
  if (rule[each].length === 0) {
    scope.warning('CWNP_NO_EFFECT', `has no "${each}", so it opens nothing`);
    return [];
  }
  const within = allowed?.[rule.direction];
  const beyond = rule[each].findIndex((net) => within !== undefined && !isAllowed(net, within));
  const net = rule[each][beyond];
  if (within !== undefined && net !== undefined) {
    scope.mistake('CWNP_FORBIDDEN', forbidden(net, within), each, beyond);
    return [];
  }
  const primary = primaryOf(networks);
  const needsNetwork = rule.direction === 'egress' || rule.to.length === 0;
  if (needsNetwork && primary === undefined) {
    scope.mistake('MACHINE_NETWORK', 'this machine has no private primary network, which the rule is about');
    return [];
  }
  const ways = waysOf(rule, networks, primary);
  if (ways.length > 1)
    scope.warning(
      'CWNP_NARROWED',
      'names nets that are inside: who comes from a network that others share leaves by it for the outside alone',
      'to',
    );
  const owner = `firewall_rules ${rule.direction} ${rule.index}`;
  const words = rule.comment === '' ? `accept traffic for metal ${rule.direction} rule ${rule.index}` : rule.comment;
  const ports = rule.ports.map(String);
  const ofFamily = (family: Family): readonly RuleUnit[] => {
    const from = prefixMatch('saddr', '', family, rule.from);
    const to = prefixMatch('daddr', '', family, rule.to);
    if ((rule.from.length > 0 && from.length === 0) || (rule.to.length > 0 && to.length === 0)) return [];
    return ways.map((way) => portRule(owner, [...way, ...from, ...to], rule.protocol, ports, log, words));
  };
  const units = ([4, 6] as const).flatMap(ofFamily);
  if (units.length === 0) scope.warning('CWNP_NO_EFFECT', 'goes from one family to the other, so it opens nothing');
  return units;
}

/** Between which interfaces a rule holds: a rule of the ruleset for each. */
function waysOf(
  { direction, to }: MetalRule,
  networks: readonly Network[],
  primary: Network | undefined,
): readonly (readonly string[])[] {
  const cluster = primary === undefined ? [] : [primary];
  if (direction === 'ingress') return to.length === 0 ? [[`oifname ${links(cluster)}`]] : [[]];
  const inside = insideOf(networks);
  const shared = inside.filter((network) => network !== primary);
  if (shared.length === 0 || leadsOut(to, inside)) return [[`iifname ${links(inside)}`]];
  return [[`iifname ${links(cluster)}`], [`iifname ${links(shared)}`, `oifname != ${links(inside)}`]];
}

/** Whether none of these nets is inside, so that one rule says it all, as today. */
function leadsOut(to: readonly Prefix[], inside: readonly Network[]): boolean {
  const nets = PrefixSet.of(to);
  return inside.every(({ prefixes }) => prefixes.length > 0 && !PrefixSet.of(prefixes).overlaps(nets));
}

/** Every interface of these networks. */
function links(networks: readonly Network[]): string {
  return inlineSet(networks.flatMap(({ vrf }) => ['vrf', 'vni', 'vlan'].map((kind) => `"${kind}${vrf}"`)));
}
