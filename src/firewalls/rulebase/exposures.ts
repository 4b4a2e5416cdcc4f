import type { Family } from '../../border/ruleset.ts';
import { familyOf, parseAddress } from '../../ip/address.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import type { Exposure } from '../../plan/step.ts';
import type { Dialect } from './dialect.ts';
import type { Difference } from './difference.ts';
import type { MemberOrder } from './member-order.ts';
import {
  type GroupKey,
  type MemberGroup,
  type RuleBase,
  type SecurityRule,
  type WantedRuleBase,
  groupKey,
} from './model.ts';
import type { Movement } from './movements.ts';
import { deniedToStrangers, destinationsOf, isForStrangers } from './strangers.ts';

/** How the movements of a change are spread over its steps. */
export interface Spread {
  /** Addresses that can move neither before the rules nor after them: they are in no group meanwhile. */
  readonly conflict: readonly Movement[];
  /** Addresses that count as strangers until their groups have them, though the rule for strangers has changed. */
  readonly strangers: readonly Movement[];
  /** Addresses whose groups change one after the other. */
  readonly apart: readonly Movement[];
  /** All else that is configured takes effect at once. */
  readonly together: boolean;
}

const FAMILIES: readonly Family[] = [4, 6];

/** Some flows, and whether they may pass that should not. */
interface Told {
  readonly isOpen: boolean;
  readonly flows: string;
}

/** What the states between operations show that is neither old nor new: it is told with the steps (design 9, invariant 1). */
export class Exposures {
  readonly #difference: Difference;
  readonly #actual: RuleBase;
  readonly #wanted: WantedRuleBase;
  readonly #dialect: Dialect;
  readonly #order: MemberOrder;
  /** Where whoever is not known may send nothing, before and after. */
  readonly #networks: PrefixSet;
  /** Where that begins or ends. */
  readonly #affected: PrefixSet;
  readonly #beyond = new Map<GroupKey, boolean>();
  readonly #strangers = new Map<Family, 'rules' | 'destinations' | 'nothing'>();

  constructor(difference: Difference, order: MemberOrder, actual: RuleBase, wanted: WantedRuleBase, dialect: Dialect) {
    this.#difference = difference;
    this.#actual = actual;
    this.#wanted = wanted;
    this.#dialect = dialect;
    this.#order = order;
    const { roles } = difference;
    const [before, after] = [deniedToStrangers(actual, roles), deniedToStrangers(wanted, roles)];
    this.#networks = before.intersect(after);
    this.#affected = before.union(after).subtract(this.#networks);
  }

  of(spread: Spread): Exposure | undefined {
    const told = [this.#moving(spread), coming(spread), ...(spread.together ? [] : this.#mixed())].filter(
      (one) => one !== undefined,
    );
    if (told.length === 0) return undefined;
    const direction = told.some(({ isOpen }) => isOpen) ? 'open' : 'closed';
    return { direction, flows: told.map(({ flows }) => flows).join('; '), longestMs: this.#dialect.slowMs * 3 };
  }

  #moving({ conflict, apart }: Spread): Told | undefined {
    const split = apart.filter((one) => this.#isSplit(one));
    const moves = [...conflict, ...split];
    if (moves.length === 0) return undefined;
    const isOpen =
      conflict.some((one) => !this.#isClosedMeanwhile(one)) || split.some((one) => !this.#isNarrowMeanwhile(one));
    return { isOpen, flows: `from ${named(moves)}, which move while what is said of them changes` };
  }

  /** What no order of operations can hide. No flow meets rules of both families. */
  #mixed(): readonly Told[] {
    const { translations } = this.#difference;
    const told: Told[] = [];
    if (translations.down.length + translations.up.length > 0)
      told.push({ isOpen: true, flows: 'whose translation changes, which meet old and new ones mixed' });
    if (FAMILIES.some((family) => this.#isMixed(family)))
      told.push({ isOpen: true, flows: 'to destinations whose groups change' });
    return told;
  }

  #isMixed(of: Family): boolean {
    const { members, rules, groups } = this.#difference;
    const contents = this.#contents().filter((key) => members.get(key)?.group.family === of).length;
    const changes = [...rules.down, ...rules.up].filter(({ rule }) => rule.family === of);
    const isRuled = changes.length > 0 || groups.made.some(({ family }) => family === of);
    return contents > 1 || (contents === 1 && isRuled) || changes.some(({ verb }) => verb === 'Edit');
  }

  /** Who leaves early meets the deny for strangers as it still is, also at destinations that are about to be nobody's business. */
  outdated(leavers: readonly Movement[]): Exposure | undefined {
    const early = leavers.filter(({ address }) => this.strangers(address) === 'destinations');
    if (early.length === 0) return undefined;
    const flows = `from ${named(early)} to destinations that become nodes or pods`;
    return { direction: 'closed', flows, longestMs: this.#dialect.slowMs };
  }

  /**
   * Whether an address is seen in some of its groups and not in others, which with mixed rules is a verdict of its own. Who comes is denied
   * first, who goes is allowed last of all no more: where strangers are denied anyway nobody sees that.
   */
  #isSplit(movement: Movement): boolean {
    if (this.#wanted.layout === 'Class') return false;
    const count = [...movement.joins, ...movement.leaves].filter((key) => this.#isSource(key)).length;
    if (count + Number(movement.enters) + Number(movement.quits) < 2) return false;
    return !this.#isNarrowMeanwhile(movement) || !this.#isDeniedAsStranger(movement);
  }

  /** Whether who changes his groups one after the other may send no more meanwhile than before or afterwards. */
  #isNarrowMeanwhile(movement: Movement): boolean {
    return this.#onlyComesOrGoes(movement) && !this.#isDisordered(movement);
  }

  /** Whether who is taken out of his groups before rules change, and joins others after that, may send no more meanwhile. */
  #isClosedMeanwhile(movement: Movement): boolean {
    if (!this.#isDeniedAsStranger(movement) || this.#isDisordered(movement)) return false;
    if (!this.kept(movement.address).some((key) => this.#isSource(key))) return true;
    // Who stays is not denied by the rules that he keeps, but where these leave something to others.
    const isExcept = (key: GroupKey): boolean => this.#isExcept(key);
    return this.#wanted.layout === 'Class' && [...movement.joins, ...movement.leaves].every(isExcept);
  }

  /** Whether it is in the networks of the deny for strangers before and after, and no group excepts it from that on the way. */
  #isDeniedAsStranger(movement: Movement): boolean {
    const { address, quits } = movement;
    const parsed = parseAddress(address);
    if (parsed === undefined || !this.#networks.contains(parsed) || this.#isDecidedBeyond(movement)) return false;
    if (this.kept(address).some((key) => this.#isExcept(key))) return false;
    return (
      !quits ||
      !this.#difference.groups.gone.some((group) => this.#isExcept(groupKey(group)) && group.members.has(address))
    );
  }

  /** Whether some group that allows holds the address while one does not whose deny stands above that. */
  #isDisordered({ address, joins, leaves }: Movement): boolean {
    const { made, gone } = this.#difference.groups;
    return this.#order.isDisordered({ joins, leaves }, holding(made, address), holding(gone, address));
  }

  /**
   * What of it denies what groups allow that come or go with their rules, and hold it too; or that stands above all of the groups whose rules
   * change and in which it stays (`staying`).
   */
  denials({ address, joins, leaves }: Movement, staying: readonly GroupKey[]): Pick<Movement, 'joins' | 'leaves'> {
    const { made, gone } = this.#difference.groups;
    const [coming, going] = [holding(made, address), holding(gone, address)];
    const found = this.#order.denials({ joins, leaves }, coming, going);
    if (staying.length === 0) return found;
    const first = (keys: readonly GroupKey[], others: readonly GroupKey[]): readonly GroupKey[] =>
      keys.filter((key) => this.#order.deniesFirst(key, [...staying, ...others]));
    return {
      joins: [...new Set([...found.joins, ...first(joins, coming)])],
      leaves: [...new Set([...found.leaves, ...first(leaves, going)])],
    };
  }

  #onlyComesOrGoes({ joins, leaves, enters, quits, address }: Movement): boolean {
    const counts = (key: GroupKey): boolean => this.#isSource(key) || this.#isExcept(key);
    if (this.kept(address).some(counts)) return false;
    return (!joins.some(counts) && !enters) || (!leaves.some(counts) && !quits);
  }

  #isExcept(key: GroupKey): boolean {
    return this.#difference.roles.get(key) === 'except';
  }

  #isSource(key: GroupKey): boolean {
    const role = this.#difference.roles.get(key);
    return role === 'source' || role === 'allowed';
  }

  /** What changes of the deny that an address meets if nobody knows it: the rule itself, or only what is governed. Each family has its own. */
  strangers(address: string): 'rules' | 'destinations' | 'nothing' {
    const family = familyOf(address);
    const known = this.#strangers.get(family) ?? this.#strangersOf(family);
    this.#strangers.set(family, known);
    return known;
  }

  #strangersOf(family: Family): 'rules' | 'destinations' | 'nothing' {
    const { rules, roles } = this.#difference;
    const isRule = (rule: SecurityRule): boolean => rule.family === family && isForStrangers(rule, roles);
    if ([...rules.down, ...rules.up].some(({ verb, rule }) => verb !== 'Move' && isRule(rule))) return 'rules';
    const contents = new Set(this.#contents());
    const kept = this.#wanted.rules.filter(isRule);
    if (kept.some(({ source }) => source.groups.some((key) => contents.has(key)))) return 'rules';
    return kept.some(({ destination }) => destination.groups.some((key) => contents.has(key)))
      ? 'destinations'
      : 'nothing';
  }

  /** Whether the deny for strangers, as it is, is not what an address that leaves all groups shall meet. */
  waits(movement: Movement): boolean {
    return this.strangers(movement.address) === 'rules' || this.#isDecidedBeyond(movement);
  }

  /**
   * Whether groups that it leaves decide what the deny for strangers is yet to reach. That is so only where a change was carried out in part: as
   * a whole, all rules are about what is governed.
   */
  #isDecidedBeyond({ address, leaves }: Movement): boolean {
    return this.strangers(address) !== 'nothing' && leaves.some((key) => this.#reachesBeyond(key));
  }

  #reachesBeyond(key: GroupKey): boolean {
    const known = this.#beyond.get(key);
    if (known !== undefined) return known;
    const { rules } = this.#actual;
    const own = rules.filter(({ source, action }) => !source.negate && action !== 'Log' && source.groups.includes(key));
    const family = own[0]?.family;
    const denied = rules.filter((rule) => rule.family === family && isForStrangers(rule, this.#difference.roles));
    const isBeyond = !destinationsOf(this.#actual, own).subtract(destinationsOf(this.#actual, denied)).isEmpty;
    this.#beyond.set(key, isBeyond);
    return isBeyond;
  }

  /**
   * Whether it leaves its groups for none, or stops to be excepted, while the rule changes that it meets then; or comes from none while that
   * rule stops to deny it, or begins to.
   */
  strangerWhen(movement: Movement): 'before' | 'after' | undefined {
    const { address, joins, leaves, enters, quits } = movement;
    const isSource = (key: GroupKey): boolean => this.#isSource(key);
    if (!this.waits(movement) || this.kept(address).some(isSource)) return undefined;
    const [comes, goes] = [enters || joins.some(isSource), quits || leaves.some(isSource)];
    if (!comes && (goes || leaves.some((key) => this.#isExcept(key)))) return 'after';
    return comes && !goes && this.#isAffected(address) ? 'before' : undefined;
  }

  /**
   * Whether the deny for strangers, where it changes, meets an address that does not come early before that is excepted from it, or before its
   * groups have it: they may be the first to have it, and allow what becomes governed.
   */
  comesAsStranger({ address, joins, excepted, enters }: Movement): boolean {
    const changes = this.strangers(address);
    if (excepted.length > 0 || (changes !== 'nothing' && joins.some((key) => this.#isExcept(key)))) return true;
    const isSource = (key: GroupKey): boolean => this.#isSource(key);
    return changes === 'destinations' && (enters || joins.some(isSource)) && !this.kept(address).some(isSource);
  }

  #isAffected(address: string): boolean {
    const parsed = parseAddress(address);
    return parsed !== undefined && this.#affected.contains(parsed);
  }

  /** Groups of senders that hold an address before and after. */
  kept(address: string): readonly GroupKey[] {
    const keys: GroupKey[] = [];
    for (const [key, group] of this.#wanted.groups) {
      const role = this.#difference.roles.get(key);
      if (role === 'shared' || role === 'rules' || !group.members.has(address)) continue;
      if (this.#actual.groups.get(key)?.members.has(address) === true) keys.push(key);
    }
    return keys;
  }

  /** Whether some of these groups, of senders, holds an address before and after. */
  stays(address: string, groups: ReadonlySet<GroupKey>): boolean {
    for (const key of groups)
      if ([this.#actual, this.#wanted].every((base) => base.groups.get(key)?.members.has(address) === true))
        return true;
    return false;
  }

  #contents(): readonly GroupKey[] {
    const { members, roles } = this.#difference;
    return [...members.keys()].filter((key) => roles.get(key) === 'rules');
  }
}

function holding(groups: readonly MemberGroup[], address: string): readonly GroupKey[] {
  return groups.filter(({ members }) => members.has(address)).map(groupKey);
}

/** They stay denied a moment longer, also where they were not anybody's business before. */
function coming({ strangers }: Spread): Told | undefined {
  if (strangers.length === 0) return undefined;
  return { isOpen: false, flows: `from ${named(strangers)}, which come while the rule for strangers changes` };
}

function named(movements: readonly Movement[]): string {
  const names = movements.map(({ address }) => address);
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}
