import { compareUtf8 } from '../../base/compare.ts';
import type { Role } from './difference.ts';
import type { GroupKey, RuleBase, SecurityRule } from './model.ts';

/**
 * The order in which an address joins groups; it leaves them the other way round. It is translated before it may send, and denied before it
 * is allowed; its old class and its new one hold it together for a moment, since each decides all by itself; it counts as one that may leave
 * our block only while its class holds it.
 */
const JOINED: readonly (Role | undefined)[] = ['translation', 'source', 'allowed', 'except'];

/** In which order an address changes its groups of senders, so that whatever part of it has taken effect gives it no more than before or after. */
export class MemberOrder {
  readonly #roles: ReadonlyMap<GroupKey, Role>;
  readonly #rules: readonly [RulePlaces, RulePlaces];
  /** Of groups of one role; joined by the places to come, left by those that are. */
  readonly #places: Readonly<Record<'joins' | 'leaves', ReadonlyMap<GroupKey, number>>>;

  constructor(now: RuleBase, wanted: RuleBase, roles: ReadonlyMap<GroupKey, Role>) {
    const [before, after] = [new RulePlaces(now.rules), new RulePlaces(wanted.rules)];
    this.#roles = roles;
    this.#rules = [before, after];
    this.#places = { joins: placesOf(wanted, after), leaves: placesOf(now, before) };
  }

  /**
   * By role. Then by store: steps of one way are one step. Then so that no translation is asked that was not and will not be, and as
   * `RulePlaces` says.
   */
  sorted(keys: Iterable<GroupKey>, is: 'joins' | 'leaves'): readonly GroupKey[] {
    const sign = is === 'joins' ? 1 : -1;
    const rank = (key: GroupKey): number => JOINED.indexOf(this.#roles.get(key));
    const place = (key: GroupKey): number => this.#places[is].get(key) ?? 0;
    return [...keys].toSorted(
      (a, b) =>
        sign * (rank(a) - rank(b)) ||
        compareUtf8(storeOf(a), storeOf(b)) ||
        sign * (place(a) - place(b)) ||
        compareUtf8(a, b),
    );
  }

  /**
   * Whether an address may send too much on its way into groups, or out of them: one that allows holds it while another one does not, whose
   * deny stands above that. `made` and `gone`: groups that hold it and come with their rules before it joins others, or go after it left them.
   */
  isDisordered(
    { joins, leaves }: { readonly joins: readonly GroupKey[]; readonly leaves: readonly GroupKey[] },
    made: readonly GroupKey[],
    gone: readonly GroupKey[],
  ): boolean {
    const coming = this.sorted(joins, 'joins');
    const going = this.sorted(leaves, 'leaves').toReversed();
    return this.#isWrong([made, ...coming.map((key) => [key])]) || this.#isWrong([gone, ...going.map((key) => [key])]);
  }

  /**
   * Lists that deny alone, among what an address joins and leaves, and stand above what allows it in groups that come with their rules (`made`) or
   * go with them (`gone`): joined ahead of these, and left behind those, they let nothing pass that is not to, and deny nothing too much.
   */
  denials(
    { joins, leaves }: { readonly joins: readonly GroupKey[]; readonly leaves: readonly GroupKey[] },
    made: readonly GroupKey[],
    gone: readonly GroupKey[],
  ): { readonly joins: readonly GroupKey[]; readonly leaves: readonly GroupKey[] } {
    const [before, after] = this.#rules;
    return {
      joins: joins.filter((key) => made.some((other) => after.deniesAbove(key, other))),
      leaves: leaves.filter((key) => gone.some((other) => before.deniesAbove(key, other))),
    };
  }

  /**
   * Whether an address may be in a group until the rules of others in which it stays have changed.
   *
   * - A list that denies alone, above all of these, denies what it denied.
   * - That it is excepted a moment longer says nothing, whatever goes with its rules (`quits`). Any flow meets the first rule of the old list
   *   that matches, as before, or the first one of the new list. That one decides: who is in a wanted group is known and has a class there, and
   *   is not excepted any more only if that class leaves nothing, so that its rules decide all that is governed above the deny for strangers.
   * - Where it stays in translations alone, whatever held it may do so, unless more of that goes with its rules: these let nothing pass by
   *   themselves.
   */
  mayOutlast(key: GroupKey, staying: readonly GroupKey[], quits: boolean): boolean {
    if (this.isExcept(key)) return true;
    const others = staying.filter((one) => this.#roles.get(one) !== 'translation');
    return others.length === 0 ? !quits : this.deniesFirst(key, others);
  }

  /** Whether a list denies alone, above all that the others say, before and after. */
  deniesFirst(key: GroupKey, others: readonly GroupKey[]): boolean {
    return others.every((other) => this.#rules.every((places) => places.deniesFirst(key, other)));
  }

  /** Whether who is in it is excepted from a deny. */
  isExcept(key: GroupKey): boolean {
    return this.#roles.get(key) === 'except';
  }

  /** Sets of groups, joined one after the other. */
  #isWrong(sets: readonly (readonly GroupKey[])[]): boolean {
    return sets.some((late, at) =>
      sets
        .slice(0, at)
        .some((early) =>
          late.some((deny) => early.some((allow) => this.#rules.some((places) => places.isBefore(deny, allow)))),
        ),
    );
  }
}

/**
 * The first rule of a group that denies, and its last one that allows; where it has none, a place below and above all of the list. Its first rule
 * and its last.
 */
interface Places {
  firstDeny: number;
  lastAllow: number;
  readonly first: number;
  last: number;
}

/**
 * Where rules for groups of senders stand, as far as it matters to who is in several: `a` must be joined before `b` where a rule of `a` that
 * denies stands above one of `b` that allows, else the address may send for a moment what neither its old rules nor its new ones allow.
 */
class RulePlaces {
  readonly #places = new Map<GroupKey, Places>();

  constructor(rules: readonly SecurityRule[]) {
    for (const [at, { source, action }] of rules.entries()) {
      if (source.negate || action === 'Log') continue;
      for (const key of source.groups) {
        const known = this.#places.get(key) ?? { firstDeny: rules.length, lastAllow: -1, first: at, last: at };
        this.#places.set(key, known);
        known.last = at;
        if (action === 'Allow') known.lastAllow = at;
        else known.firstDeny = Math.min(known.firstDeny, at);
      }
    }
  }

  /** Whether `a` must be joined before `b`, and left after it. */
  isBefore(a: GroupKey, b: GroupKey): boolean {
    const [one, other] = [this.#places.get(a), this.#places.get(b)];
    return one !== undefined && other !== undefined && one.firstDeny < other.lastAllow;
  }

  /** Whether `a` allows nothing, and denies what `b` would allow. */
  deniesAbove(a: GroupKey, b: GroupKey): boolean {
    return this.#places.get(a)?.lastAllow === -1 && this.isBefore(a, b);
  }

  /** Whether `a` allows nothing, and all of it stands above all of `b`. */
  deniesFirst(a: GroupKey, b: GroupKey): boolean {
    const [one, other] = [this.#places.get(a), this.#places.get(b)];
    return one?.lastAllow === -1 && one.last < (other?.first ?? Infinity);
  }

  /**
   * A number for each group: `a` that must be before `b` has the lower one, unless `b` must be before `a` too. For if a's first deny is
   * above b's last allow, and a's last allow not below b's first deny, the sum of both is less for `a`.
   */
  sums(): Iterable<readonly [GroupKey, number]> {
    return Array.from(this.#places, ([key, { firstDeny, lastAllow }]) => [key, firstDeny + lastAllow] as const);
  }
}

/** Translations from the top down. */
function placesOf({ translations }: RuleBase, rules: RulePlaces): ReadonlyMap<GroupKey, number> {
  const tops = translations.flatMap(({ source }, place) => source.groups.map((key) => [key, place] as const));
  return new Map([...rules.sums(), ...tops]);
}

function storeOf(key: GroupKey): string {
  return key.split('/')[1] ?? '';
}
