import { PrefixSet } from '../../ip/prefix-set.ts';
import type { Role } from './difference.ts';
import { setOf } from './lift.ts';
import type { AddressObject, GroupKey, RuleBase, SecurityRule } from './model.ts';

type Roles = ReadonlyMap<GroupKey, Role>;

/** The deny for senders that nobody knows is the rule for whole networks. */
export function isForStrangers({ source }: SecurityRule, roles: Roles): boolean {
  return source.negate || source.groups.some((key) => roles.get(key) === 'rules');
}

/** Where that deny takes whoever is in no group, and whom it does not except. */
export function deniedToStrangers({ rules, groups }: RuleBase, roles: Roles): PrefixSet {
  let denied = PrefixSet.empty;
  for (const rule of rules) {
    if (rule.action !== 'Deny' || !isForStrangers(rule, roles)) continue;
    const named = rule.source.groups.filter((key) => roles.get(key) === 'rules');
    const nets = named.reduce((all, key) => all.union(setOf(groups.get(key)?.members ?? [])), PrefixSet.empty);
    denied = denied.union((rule.source.negate ? nets.complement() : nets).family(rule.family));
  }
  return denied;
}

/** Whereto rules decide something; domains are nowhere. */
export function destinationsOf({ objects, groups }: RuleBase, rules: readonly SecurityRule[]): PrefixSet {
  const isRange = (object: AddressObject | undefined): object is AddressObject => object?.kind === 'Range';
  const named = rules.flatMap(({ destination }) =>
    destination.objects.map((name) => objects.get(name)).filter(isRange),
  );
  const keys = new Set(rules.flatMap(({ destination }) => destination.groups));
  return [...keys].reduce(
    (all, key) => all.union(setOf(groups.get(key)?.members ?? [])),
    setOf(named.map(({ value }) => value)),
  );
}
