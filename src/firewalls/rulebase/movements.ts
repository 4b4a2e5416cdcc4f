import { compareUtf8 } from '../../base/compare.ts';
import type { Difference, Role } from './difference.ts';
import { memberChange } from './member-steps.ts';
import type { MemberOrder } from './member-order.ts';
import type { GroupKey, MemberGroup, RuleBase } from './model.ts';
import { groupKey } from './model.ts';
import type { Operation } from './operation.ts';

/** An address that joins or leaves groups of senders that are there before and after. */
export interface Movement {
  readonly address: string;
  readonly joins: readonly GroupKey[];
  readonly leaves: readonly GroupKey[];
  /** It is in groups that come, or in groups that go: these have their members all the time they are there. */
  readonly enters: boolean;
  readonly quits: boolean;
  /** Groups that come, of senders that are excepted from a deny, with it among them. */
  readonly excepted: readonly GroupKey[];
}

/**
 * Whether an address may move before the rules change or after, or neither without a verdict that is not its old nor its new one. `beside`: what
 * it joins comes right before them, and what it leaves goes right after them.
 */
export type Moment = 'early' | 'late' | 'conflict' | 'beside';

const SENDERS: ReadonlySet<Role | undefined> = new Set<Role>(['source', 'allowed', 'except', 'translation']);

/** All movements, by address. */
export function movementsOf({ members, roles, groups }: Difference): readonly Movement[] {
  const found = new Map<string, { readonly joins: GroupKey[]; readonly leaves: GroupKey[] }>();
  const of = (address: string): { readonly joins: GroupKey[]; readonly leaves: GroupKey[] } => {
    const known = found.get(address) ?? { joins: [], leaves: [] };
    found.set(address, known);
    return known;
  };
  for (const [key, { joins, leaves }] of members) {
    if (!SENDERS.has(roles.get(key))) continue;
    for (const address of joins) of(address).joins.push(key);
    for (const address of leaves) of(address).leaves.push(key);
  }
  const sources = (list: readonly MemberGroup[]): readonly MemberGroup[] =>
    list.filter((group) => SENDERS.has(roles.get(groupKey(group))));
  const isExcept = (group: MemberGroup): boolean => roles.get(groupKey(group)) === 'except';
  const made = sources(groups.made);
  const gone = sources(groups.gone);
  return [...found]
    .toSorted(([a], [b]) => compareUtf8(a, b))
    .map(([address, lists]) => ({
      address,
      ...lists,
      enters: made.some((group) => group.members.has(address)),
      quits: gone.some((group) => group.members.has(address)),
      excepted: made.filter((group) => isExcept(group) && group.members.has(address)).map(groupKey),
    }));
}

/** Groups of senders for which some rule or translation comes, goes or says something else, or whose destinations change. */
export function changedSources(
  { rules, translations, members, roles }: Difference,
  ...bases: readonly RuleBase[]
): ReadonlySet<GroupKey> {
  const changed = new Set<GroupKey>();
  const take = (keys: readonly GroupKey[]): void => {
    for (const key of keys) changed.add(key);
  };
  for (const { verb, rule } of [...rules.down, ...rules.up]) if (verb !== 'Move') take(rule.source.groups);
  for (const { verb, rule } of [...translations.down, ...translations.up])
    if (verb !== 'Move') take(rule.source.groups);
  const contents = new Set([...members.keys()].filter((key) => roles.get(key) === 'rules'));
  if (contents.size > 0)
    for (const rule of bases.flatMap((base) => [...base.rules, ...base.translations]))
      if ([...rule.destination.groups, ...rule.source.groups].some((key) => contents.has(key)))
        take(rule.source.groups);
  return changed;
}

/**
 * Early: it comes under rules that stay as they are, whatever becomes of those that it leaves. Late: it leaves such rules. What it keeps must
 * not change on the way, for it would be asked beside the others. `stranger`: it was or will be in no group, and what then denies it changes.
 */
export function momentOf(
  movement: Movement,
  changed: ReadonlySet<GroupKey>,
  kept: readonly GroupKey[],
  stranger: 'before' | 'after' | undefined,
  order: MemberOrder,
): Moment {
  const { joins, leaves, enters, quits } = movement;
  const staying = kept.filter((key) => changed.has(key));
  if (staying.length > 0) {
    const isLast = joins.length === 0 && stranger === undefined && !leaves.some((key) => changed.has(key));
    return isLast && leaves.every((key) => order.mayOutlast(key, staying, quits)) ? 'late' : 'conflict';
  }
  // Who joins nothing keeps what denies until what allows is gone, and until the rule that he shall meet stands.
  const isLeaver = stranger === 'after' || (quits && joins.length === 0);
  if (!enters && !isLeaver && !joins.some((key) => changed.has(key))) return 'early';
  // Who is excepted a moment longer, from the deny as it was and as it will be, is decided by nothing that changes.
  const isStill = leaves.every((key) => !changed.has(key) || order.isExcept(key));
  return !quits && stranger !== 'before' && isStill ? 'late' : 'conflict';
}

/**
 * Translations apart from all else: who has the old and the new ones while rules change leaves from his old address or from his new one, whatever
 * else he is in meanwhile; without either he would pass with his own.
 */
export function untranslated(
  movement: Movement,
  roles: ReadonlyMap<GroupKey, Role>,
): { readonly rest: Movement; readonly translations: Movement } {
  const of = (is: boolean): Movement => ({
    ...movement,
    joins: movement.joins.filter((key) => (roles.get(key) === 'translation') === is),
    leaves: movement.leaves.filter((key) => (roles.get(key) === 'translation') === is),
  });
  return { rest: of(false), translations: { ...of(true), excepted: [] } };
}

/** A movement by its moment, but for lists that deny (`MemberOrder.denials`): these are joined before anything else, and left after it. */
export function parted(
  movement: Movement,
  moment: Moment,
  denials: Pick<Movement, 'joins' | 'leaves'>,
): readonly (readonly [Moment, Movement])[] {
  const rest = without(movement, denials);
  const parts: readonly (readonly [Moment, Movement])[] = [
    ['early', { ...movement, joins: denials.joins, leaves: [], excepted: [] }],
    [moment, rest],
    ['late', { ...movement, joins: [], leaves: denials.leaves, excepted: [] }],
  ];
  return parts.filter(([, { joins, leaves, excepted }]) => joins.length + leaves.length + excepted.length > 0);
}

export function without(movement: Movement, { joins, leaves }: Pick<Movement, 'joins' | 'leaves'>): Movement {
  return {
    ...movement,
    joins: movement.joins.filter((key) => !joins.includes(key)),
    leaves: movement.leaves.filter((key) => !leaves.includes(key)),
  };
}

/** Writes changes of members as operations, each with what its group holds afterwards. */
export class MemberWriter {
  readonly #now: Map<GroupKey, MemberGroup>;
  readonly #wanted: ReadonlyMap<GroupKey, MemberGroup>;
  readonly #order: MemberOrder;

  constructor(now: RuleBase, wanted: RuleBase, order: MemberOrder) {
    this.#now = new Map(now.groups);
    this.#wanted = wanted.groups;
    this.#order = order;
  }

  /**
   * A group that comes, without addresses that no group of their class holds yet: excepted from the deny for strangers before they are
   * anybody's, they would be left to the rules of others.
   */
  begin(group: MemberGroup, without: ReadonlySet<string>): MemberGroup {
    const begun = { ...group, members: new Set([...group.members].filter((member) => !without.has(member))) };
    this.#now.set(groupKey(group), begun);
    return begun;
  }

  /** A group as it is at present becomes what is wanted. */
  finish(key: GroupKey): readonly Operation[] {
    const group = this.#wanted.get(key);
    const change = group === undefined ? undefined : memberChange(this.#now.get(key), group);
    return change === undefined ? [] : this.change(key, change.joins, change.leaves);
  }

  change(key: GroupKey, joins: readonly string[], leaves: readonly string[]): readonly Operation[] {
    const before = this.#now.get(key);
    const group = this.#wanted.get(key) ?? before;
    const joining = joins.filter((address) => before?.members.has(address) !== true);
    const leaving = leaves.filter((address) => before?.members.has(address) === true);
    if (group === undefined || joining.length + leaving.length === 0) return [];
    const members = new Set(before?.members);
    for (const address of joining) members.add(address);
    for (const address of leaving) members.delete(address);
    const next = { ...group, members };
    this.#now.set(key, next);
    return [{ kind: 'ChangeMembers', group: next, joins: joining.toSorted(), leaves: leaving.toSorted() }];
  }

  /** In an order in which each address is safe whatever part of the operations has taken effect. */
  ordered(movements: readonly Movement[], which: 'all' | 'joins' | 'leaves' = 'all'): readonly Operation[] {
    return (['joins', 'leaves'] as const).flatMap((is) => {
      if (which !== 'all' && which !== is) return [];
      const byKey = new Map<GroupKey, string[]>();
      for (const movement of movements)
        for (const key of movement[is]) {
          const list = byKey.get(key) ?? [];
          byKey.set(key, list);
          list.push(movement.address);
        }
      return this.#order.sorted(byKey.keys(), is).flatMap((key) => {
        const list = byKey.get(key) ?? [];
        return is === 'joins' ? this.change(key, list, []) : this.change(key, [], list);
      });
    });
  }

  /** Each group once, for operations that take effect together. */
  together(movements: readonly Movement[]): readonly Operation[] {
    const keys = new Set(movements.flatMap(({ joins, leaves }) => [...joins, ...leaves]));
    return [...keys].toSorted(compareUtf8).flatMap((key) => {
      const of = (is: 'joins' | 'leaves'): readonly string[] =>
        movements.filter((one) => one[is].includes(key)).map(({ address }) => address);
      return this.change(key, of('joins'), of('leaves'));
    });
  }
}
