import type { Class, ClassId, Group, GroupId, Ruleset } from '../../border/ruleset.ts';
import { classText, groupText, settingsText } from '../../plan/canonical.ts';
import type { Confirmed } from './course.ts';
import { groupsOf } from '../guard/interim.ts';
import type { Wished } from './wishes.ts';

/** Newcomers that may join beside a step, and what the firewall would hold with them before and after it. */
export interface Joining {
  /** Their addresses, and who has them. */
  readonly owners: ReadonlyMap<string, string>;
  readonly before: Ruleset;
  readonly after: Ruleset;
}

/**
 * Who may join while the rules of a device go from what is confirmed to `target`: newcomers to classes that say the same before, then, and as it is
 * wished by now, so that whichever rules run these are the rights that they shall have. Who is translated, or in a list that rules of others use,
 * waits, and so does everybody while a setting changes that concerns every sender. `undefined`: nobody.
 */
export function joiningBeside(
  confirmed: Pick<Confirmed, 'ruleset' | 'owners'>,
  target: Ruleset,
  { ruleset, owners }: Wished,
): Joining | undefined {
  const { ruleset: basis, owners: before } = confirmed;
  if (before === undefined || owners === undefined) return undefined;
  const all = [basis, target, ruleset] as const;
  if (!areSame(all, settingsText)) return undefined;
  const lists = all.flatMap(({ groups }) => [...groups.values()].filter((group) => group.kind === 'AddressGroup'));
  if (lists.some(({ held }) => held === true)) return undefined;
  const nats = all.flatMap((one) => one.nats);
  const steady = new Map<ClassId, boolean>();
  const isSteady = (id: ClassId): boolean => {
    const known = steady.get(id) ?? isSteadyClass(id, all);
    steady.set(id, known);
    return known;
  };
  const joins = basis.members
    .difference(ruleset.members)
    .added.filter(
      ([address, id]) =>
        owners.has(address) &&
        !before.has(address) &&
        (target.members.get(address) ?? id) === id &&
        isSteady(id) &&
        !nats.some(({ sources }) => sources.has(address)) &&
        !lists.some(({ members }) => members.has(address)),
    );
  if (joins.length === 0) return undefined;
  return {
    owners: new Map(joins.map(([address]) => [address, owners.get(address) ?? ''])),
    before: { ...basis, members: basis.members.with(joins) },
    after: { ...target, members: target.members.with(joins) },
  };
}

type Three = readonly [Ruleset, Ruleset, Ruleset];

function isSteadyClass(id: ClassId, all: Three): boolean {
  const classes = all.map((one) => one.classes.get(id));
  const [first] = classes;
  if (first === undefined || !areSame(classes, classTextOf)) return false;
  return groupsOf(first).every((group) => isSteadyGroup(group, all));
}

function classTextOf(one: Class | undefined): string {
  return one === undefined ? '' : classText(one);
}

function isSteadyGroup(id: GroupId, all: Three): boolean {
  const groups = all.map((one) => one.groups.get(id));
  const [first] = groups;
  if (first?.kind !== 'Outside' || !areSame(groups, groupTextOf)) return false;
  return groups.every((one) => one?.kind === 'Outside' && one.nets.equals(first.nets));
}

function groupTextOf(one: Group | undefined): string {
  return one === undefined ? '' : groupText(one);
}

function areSame<T>(all: readonly T[], textOf: (one: T) => string): boolean {
  const [first, ...others] = all;
  if (first === undefined || others.every((one) => one === first)) return true;
  const text = textOf(first);
  return others.every((one) => textOf(one) === text);
}
