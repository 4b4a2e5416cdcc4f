import { compareUtf8 } from '../../base/compare.ts';
import { serviceText } from '../flat/service-parts.ts';
import { type MemberChange, memberChange } from './member-steps.ts';
import type {
  AddressObject,
  GroupKey,
  MemberGroup,
  ObservedRuleBase,
  RuleBase,
  SecurityRule,
  Service,
  TranslationRule,
  WantedRuleBase,
} from './model.ts';
import { type OrderChange, orderChange } from './rule-order.ts';
import { isSameRule, isSameTranslation } from './rule-text.ts';

/** What a group is for: it decides when its members may change. */
export type Role =
  /** Rules of others name it, and nobody else. */
  | 'shared'
  /** Senders that rules are for, of which one denies at least. */
  | 'source'
  /** Senders that rules are for which only allow. */
  | 'allowed'
  /** Senders that a rule is for unless they are in it. */
  | 'except'
  /** Senders that are translated. */
  | 'translation'
  /** Destinations, or prefixes of senders: a change of it is one of rules. */
  | 'rules';

/** What differs between what was read and what is wanted, before anything is put in order. */
export interface Difference {
  readonly objects: { readonly made: readonly AddressObject[]; readonly gone: readonly AddressObject[] };
  readonly services: { readonly made: readonly Service[]; readonly gone: readonly Service[] };
  readonly groups: { readonly made: readonly MemberGroup[]; readonly gone: readonly MemberGroup[] };
  /** Of groups that are there already, by key. */
  readonly members: ReadonlyMap<GroupKey, MemberChange>;
  readonly marks: readonly MemberGroup[];
  readonly rules: OrderChange<SecurityRule>;
  readonly translations: OrderChange<TranslationRule>;
  readonly roles: ReadonlyMap<GroupKey, Role>;
}

export function difference(actual: ObservedRuleBase, wanted: WantedRuleBase): Difference {
  const made: MemberGroup[] = [];
  const marks: MemberGroup[] = [];
  const members = new Map<GroupKey, MemberChange>();
  for (const [key, group] of sorted(wanted.groups)) {
    const known = actual.groups.get(key);
    if (known === undefined) {
      // A driver that cannot say what stands there takes it over by itself.
      const isOurs = wanted.adopt.has(group.name) && !actual.adoptable.has(key);
      if (isOurs || !actual.taken.has(`group ${group.name}`)) made.push(group);
      continue;
    }
    if (known.mark !== group.mark) marks.push(group);
    const change = memberChange(known, group);
    if (change !== undefined) members.set(key, change);
  }
  const gone = sorted(actual.groups).flatMap(([key, group]) =>
    wanted.groups.has(key) || wanted.held.has(key) ? [] : [group],
  );
  return {
    objects: table(actual.objects, wanted.objects, ({ kind, family, value }) => `${kind} ${family} ${value}`),
    services: table(actual.services, wanted.services, ({ match }) => serviceText(match)),
    groups: { made, gone },
    members,
    marks,
    rules: orderChange(actual.rules, wanted.rules, actual.strays, isSameRule),
    translations: orderChange(actual.translations, wanted.translations, actual.strays, isSameTranslation),
    roles: rolesOf(actual, wanted),
  };
}

/** What was read is what is wanted, but for groups of others that are to be taken over. */
export function isNothing({ objects, services, groups, members, marks, rules, translations }: Difference): boolean {
  const lists = [objects.made, objects.gone, services.made, services.gone, groups.made, groups.gone, marks];
  const orders = [rules.down, rules.up, translations.down, translations.up];
  return members.size === 0 && [...lists, ...orders].every(({ length }) => length === 0);
}

/** What is there under its name and says something else is made again, which puts it right. */
function table<T extends { readonly name: string }>(
  actual: ReadonlyMap<string, T>,
  wanted: ReadonlyMap<string, T>,
  textOf: (thing: T) => string,
): { readonly made: readonly T[]; readonly gone: readonly T[] } {
  const made = [...wanted.values()].filter((thing) => {
    const known = actual.get(thing.name);
    return known !== thing && (known === undefined || textOf(known) !== textOf(thing));
  });
  const gone = [...actual.values()].filter(({ name }) => !wanted.has(name));
  const byName = (a: T, b: T): number => compareUtf8(a.name, b.name);
  return { made: made.toSorted(byName), gone: gone.toSorted(byName) };
}

function rolesOf(...bases: readonly RuleBase[]): ReadonlyMap<GroupKey, Role> {
  const roles = new Map<GroupKey, Role>();
  for (const { rules, translations, groups } of bases) {
    for (const { source, destination, action } of rules) {
      for (const key of source.groups) {
        const known = roles.get(key);
        if (source.negate) roles.set(key, 'except');
        else if (known !== 'except' && known !== 'source') roles.set(key, action === 'Deny' ? 'source' : 'allowed');
      }
      for (const key of destination.groups) roles.set(key, 'rules');
    }
    for (const { source, destination } of translations) {
      for (const key of source.groups) roles.set(key, 'translation');
      for (const key of destination.groups) roles.set(key, 'rules');
    }
    for (const [key, { shared, members }] of groups) {
      if (shared) roles.set(key, 'shared');
      else if (!roles.has(key) || holdsNetworks(members)) roles.set(key, 'rules');
    }
  }
  return roles;
}

/** Prefixes or ranges. */
function holdsNetworks(members: ReadonlySet<string>): boolean {
  for (const member of members) if (member.includes('/') || member.includes('-')) return true;
  return false;
}

function sorted(groups: ReadonlyMap<GroupKey, MemberGroup>): readonly (readonly [GroupKey, MemberGroup])[] {
  return [...groups].toSorted(([a], [b]) => compareUtf8(a, b));
}
