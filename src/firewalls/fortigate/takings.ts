import type { Family } from '../../border/ruleset.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';
import type { Capacity, Taking } from '../rulebase/capacity.ts';
import { partsOf } from '../rulebase/group-parts.ts';
import type { MemberGroup, RuleBase, SecurityRule } from '../rulebase/model.ts';
import { complementRanges } from './complement.ts';
import { STRANGE } from './read-groups.ts';
import type { FortigateScope } from './scope.ts';
import { MOST_MEMBERS, inHundreds } from './service-groups.ts';
import { type SaidService, sayService } from './services.ts';

/** Entries that a rule base takes on the device, those included that only the driver knows of (`Editor` writes them). */
export class Takings {
  readonly #scope: FortigateScope;
  readonly #services = new WeakMap<FlatService, SaidService>();
  readonly #parts = new WeakMap<ReadonlySet<string>, readonly string[]>();
  readonly #complements = new WeakMap<ReadonlySet<string>, Complement>();
  readonly tables: NonNullable<Capacity['takes']>;

  constructor(scope: FortigateScope) {
    this.#scope = scope;
    const services: Taking = ({ services: all }) =>
      [...all].map(([name, { match }]) => [name, this.#said(match).rows.length] as const);
    const serviceGroups: Taking = ({ services: all }) =>
      [...all].map(([name, { match }]) => {
        const { rows } = this.#said(match);
        return [name, rows.length === 1 ? 0 : inHundreds(rows).length] as const;
      });
    const rules: Taking = (base) => base.rules.map((rule) => [rule.name, this.#policies(rule, base)] as const);
    this.tables = {
      objects: (base) => this.#objects(base),
      groups: (base) => this.#groups(base),
      services,
      serviceGroups,
      rules,
    };
  }

  #said(match: FlatService): SaidService {
    const known = this.#services.get(match);
    if (known !== undefined) return known;
    const answer = sayService(match);
    // What cannot be said is refused by itself.
    const said = typeof answer === 'string' ? { rows: [{}], isNegated: false } : answer;
    this.#services.set(match, said);
    return said;
  }

  /** Services that are written as all but others stand alone in a policy. */
  #policies({ services }: SecurityRule, base: RuleBase): number {
    const negated = services.filter((name) => {
      const match = base.services.get(name)?.match;
      return match !== undefined && this.#said(match).isNegated;
    });
    return negated.length + (negated.length < services.length || services.length === 0 ? 1 : 0);
  }

  *#objects(base: RuleBase): Generator<readonly [string, number]> {
    for (const name of base.objects.keys()) yield [name, 1];
    for (const { store, family, members } of base.groups.values())
      if (store === 'Configured' && members.size === 0) yield [`nobody ${family}`, 1];
    for (const ranges of this.#complementsIn(base).values()) {
      if (ranges.length === 0) yield ['nobody 6', 1];
      for (const range of ranges) yield [`range ${range}`, 1];
    }
  }

  *#groups(base: RuleBase): Generator<readonly [string, number]> {
    for (const [key, group] of base.groups)
      if (group.store === 'Configured') {
        yield [key, 1];
        for (const part of this.#partsOfGroup(group)) yield [`${key} ${part}`, 1];
      }
    for (const [rule, ranges] of this.#complementsIn(base)) {
      yield [`not ${rule}`, 1];
      const names = ranges.map((range) => this.#scope.auxiliaries.rangeName(range));
      for (const part of partKeys(names)) yield [`not ${rule} ${part}`, 1];
    }
  }

  #partsOfGroup({ family, members }: MemberGroup): readonly string[] {
    if (members.size <= MOST_MEMBERS || family === 'Both') return [];
    const known = this.#parts.get(members);
    if (known !== undefined) return known;
    const keys = partKeys([...members].map((member) => this.#nameOf(member, family)));
    this.#parts.set(members, keys);
    return keys;
  }

  #nameOf(member: string, family: Family): string {
    return member.startsWith(STRANGE)
      ? member.slice(STRANGE.length)
      : this.#scope.objectName({ kind: 'Range', value: member }, family);
  }

  /** Ranges of what is in none of a rule's IPv6 sources, for each rule that says so. */
  #complementsIn(base: RuleBase): ReadonlyMap<string, readonly string[]> {
    const negating = base.rules.filter(({ family, source }) => family === 6 && source.negate);
    return new Map(
      negating.map(({ name, source }) => {
        const sets = source.groups.flatMap((key) => base.groups.get(key)?.members ?? []);
        return [name, this.#complementOf(sets)] as const;
      }),
    );
  }

  #complementOf(sets: readonly ReadonlySet<string>[]): readonly string[] {
    const [first] = sets;
    const known = first && this.#complements.get(first);
    if (known?.of.length === sets.length && known.of.every((set, at) => set === sets[at])) return known.ranges;
    const ranges = complementRanges(sets.flatMap((set) => [...set])) ?? [];
    if (first !== undefined) this.#complements.set(first, { of: sets, ranges });
    return ranges;
  }
}

interface Complement {
  readonly of: readonly ReadonlySet<string>[];
  readonly ranges: readonly string[];
}

/** Parts of a group, where it has more members than one may have; none where all fit. */
function partKeys(names: readonly string[]): readonly string[] {
  const parts = partsOf(names, MOST_MEMBERS);
  return parts.size === 1 ? [] : [...parts.keys()];
}
