import type { Diagnostic } from '../../base/diagnostic.ts';
import type { ClassId, Family, Nat, Origin, Ruleset } from '../../border/ruleset.ts';
import {
  EVERY_SERVICE,
  NO_SERVICE,
  type ServiceSet,
  combineServices,
  serviceMatching,
} from '../../engine/flows/service-set.ts';
import { DIFFERENCE, INTERSECTION, UNION } from '../../ip/boundaries.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { FlatDestination, FlatGroup, FlatList, FlatRule, SourceId } from '../../plan/flat/flat-list.ts';
import { flatServices } from '../../plan/flat/flat-services.ts';
import { serviceLimit } from '../flat/service-parts.ts';
import type { Dialect } from './dialect.ts';
import type { SenderPart } from './translated-senders.ts';
import { type TranslationLimit, byRules, cannotSay, untranslated } from './untranslated.ts';

export interface TranslatedRule extends FlatRule {
  /** The address that what is allowed leaves from. */
  readonly translatedTo?: string;
}

export interface TranslatedList extends FlatList {
  readonly rules: readonly TranslatedRule[];
}

export interface TranslatedAnswer {
  readonly list: TranslatedList;
  readonly refusals: readonly Diagnostic[];
}

/**
 * A proved list of class layout with a block more for each part of a class whose senders are translated: the same rules, each Allow of which
 * is cut where a translation begins or ends. What a block leaves to the rules of others cannot be translated by ours: of that, what is to
 * be translated is denied at the end of the block, and told.
 */
export function translatedList(
  list: FlatList,
  parts: ReadonlyMap<ClassId, readonly SenderPart[]>,
  ruleset: Pick<Ruleset, 'destinations' | 'classes'>,
  dialect: Pick<Dialect, 'device' | 'services' | 'tableInstead'>,
): TranslatedAnswer {
  return new Cutting(list, parts, ruleset, dialect).answer();
}

class Cutting {
  readonly #list: FlatList;
  readonly #parts: ReadonlyMap<ClassId, readonly SenderPart[]>;
  readonly #ruleset: Pick<Ruleset, 'destinations' | 'classes'>;
  readonly #dialect: Pick<Dialect, 'device' | 'services' | 'tableInstead'>;
  readonly #rules: TranslatedRule[] = [];
  readonly #sources = new Map<SourceId, readonly ClassId[]>();
  readonly #groups: Map<string, FlatGroup>;
  readonly #refusals = new Map<string, Diagnostic>();

  constructor(
    list: FlatList,
    parts: ReadonlyMap<ClassId, readonly SenderPart[]>,
    ruleset: Pick<Ruleset, 'destinations' | 'classes'>,
    dialect: Pick<Dialect, 'device' | 'services' | 'tableInstead'>,
  ) {
    this.#list = list;
    this.#parts = parts;
    this.#ruleset = ruleset;
    this.#dialect = dialect;
    this.#groups = new Map(list.groups);
  }

  answer(): TranslatedAnswer {
    const blocks = this.#blocks();
    for (const [id, classes] of this.#list.sources) {
      const isException = !blocks.has(id);
      const all = classes.flatMap((one) => [one, ...(this.#parts.get(one) ?? []).map((part) => part.id)]);
      this.#sources.set(id, isException ? all : classes);
    }
    for (const [id, parts] of this.#parts) if (!blocks.has(id)) for (const part of parts) this.#block(id, [], part);
    let previous: SourceId | undefined;
    for (const rule of this.#list.rules) {
      const id = rule.source.kind === 'Source' ? rule.source.id : undefined;
      if (previous !== undefined && previous !== id) this.#partsOf(previous, blocks);
      this.#rules.push(rule);
      previous = id;
    }
    if (previous !== undefined) this.#partsOf(previous, blocks);
    const list = { ...this.#list, rules: this.#rules, sources: this.#sources, groups: this.#groups };
    return { list, refusals: [...this.#refusals.values()] };
  }

  /** With class layout a source is a class, and its rules stand together. */
  #blocks(): ReadonlyMap<SourceId, readonly FlatRule[]> {
    const blocks = new Map<SourceId, FlatRule[]>();
    for (const rule of this.#list.rules) {
      if (rule.source.kind !== 'Source') continue;
      const block = blocks.get(rule.source.id);
      if (block === undefined) blocks.set(rule.source.id, [rule]);
      else block.push(rule);
    }
    return blocks;
  }

  #partsOf(id: SourceId, blocks: ReadonlyMap<SourceId, readonly FlatRule[]>): void {
    for (const part of this.#parts.get(id) ?? []) this.#block(id, blocks.get(id) ?? [], part);
  }

  #block(id: ClassId, block: readonly FlatRule[], part: SenderPart): void {
    this.#sources.set(part.id, [part.id]);
    const source = { kind: 'Source', id: part.id } as const;
    for (const rule of block) {
      if (rule.action === 'Allow') this.#cut({ ...rule, source }, part);
      else this.#rules.push({ ...rule, source });
    }
    if (block.some((rule) => this.#isEverything(rule))) return;
    const family = this.#ruleset.classes.get(id)?.family ?? 4;
    for (const { nat, to } of part.translations) {
      if (to === undefined || nat.family !== family) continue;
      const { origin } = nat;
      this.#refuse(origin, byRules(this.#dialect, LEFT, LEFT_CHOICES));
      const everywhere = { prefixes: PrefixSet.empty, groups: [this.#anywhere(family)], domains: [] };
      const destination = this.#within(everywhere, nat, family);
      if (destination === undefined) continue;
      const services = flatServices(servicesOfNat(nat), family);
      this.#rules.push({ family, source, destination, services, action: 'Deny', origins: [origin] });
    }
  }

  /** One Allow: a piece for each translation that takes some of it, and what is left. */
  #cut(rule: FlatRule, { translations }: SenderPart): void {
    const { family } = rule;
    const whole = servicesOf(rule);
    let rest: FlatRule = rule;
    for (const { nat, to } of translations) {
      const services = combineServices(whole, servicesOfNat(nat), INTERSECTION);
      if (nat.family !== family || services.key === NO_SERVICE.key) continue;
      const isAnywhere = this.#coversGoverned(nat, family);
      if (rest.destination.domains.length > 0 && !isAnywhere) {
        const limit = byRules(this.#dialect, domainsOf(rest, nat), DOMAIN_CHOICES);
        this.#refuse(rule.origins[0] ?? nat.origin, limit, 'the rule allows nothing to them');
        rest = { ...rest, destination: { ...rest.destination, domains: [] } };
      }
      const destination = this.#within(rest.destination, nat, family);
      if (destination === undefined) continue;
      const origins = [...rule.origins, nat.origin];
      const said = flatServices(services, family);
      const limit = serviceLimit(said, family, this.#dialect.services);
      if (limit === undefined)
        this.#rules.push({
          ...rule,
          destination,
          services: said,
          origins,
          ...(to === undefined ? {} : { translatedTo: to }),
        });
      else {
        this.#refuse(nat.origin, cannotSay(limit));
        this.#rules.push({ ...rule, destination, origins, action: 'Deny' });
      }
      const isWhole = combineServices(whole, services, DIFFERENCE).key === NO_SERVICE.key;
      if (isWhole && (isAnywhere || isSame(destination, rest.destination))) return;
    }
    const { prefixes, groups, domains } = rest.destination;
    if (!prefixes.isEmpty || groups.length > 0 || domains.length > 0) this.#rules.push(rest);
  }

  /** The part of some destinations that a translation is for; `undefined`: none. */
  #within({ prefixes, groups, domains }: FlatDestination, nat: Nat, family: Family): FlatDestination | undefined {
    if (this.#coversGoverned(nat, family)) return { prefixes, groups, domains };
    const cut = prefixes.intersect(nat.destination);
    const some = groups.flatMap((id) => {
      const group = this.#groups.get(id);
      const nets = (group?.nets ?? PrefixSet.all).family(family).intersect(nat.destination);
      if (group === undefined || nets.isEmpty) return [];
      if (group.nets !== undefined && nets.equals(group.nets)) return [id];
      const part = `${id} in ${nat.destination.family(family).toString()}`;
      this.#groups.set(part, { ...group, id: part, nets });
      return [part];
    });
    return cut.isEmpty && some.length === 0 ? undefined : { prefixes: cut, groups: some, domains: [] };
  }

  #coversGoverned({ destination }: Nat, family: Family): boolean {
    return destination.covers(this.#ruleset.destinations.family(family));
  }

  /** A rule that decides whatever is governed: nothing of its block is left to others. */
  #isEverything({ services, destination, action }: FlatRule): boolean {
    if (action === 'Log') return false;
    const isAll = (id: string): boolean => {
      const group = this.#groups.get(id);
      return group !== undefined && group.nets === undefined && group.all.length + group.none.length === 0;
    };
    return services.length === 0 && destination.groups.some(isAll);
  }

  #anywhere(family: Family): string {
    for (const [id, { nets, all, none, family: of }] of this.#groups)
      if (of === family && nets === undefined && all.length + none.length === 0) return id;
    const id = `anywhere${family}`;
    this.#groups.set(id, { id, family, all: [], none: [] });
    return id;
  }

  #refuse({ policy }: Origin, limit: TranslationLimit, now?: string): void {
    const refusal = untranslated(policy, this.#dialect, limit, now);
    this.#refusals.set(`${policy} ${refusal.message}`, refusal);
  }
}

const LEFT = 'some flows of this SourceNAT are allowed by no rule of ours, but left to rules of others';
const LEFT_CHOICES = 'Allow them by a policy here, narrow `destination` of the SourceNAT to what policies allow';
const DOMAIN_CHOICES = 'Name addresses in place of the domains, let the SourceNAT be for all destinations';

function domainsOf({ destination }: FlatRule, { origin }: Nat): string {
  const { domains } = destination;
  return `cannot tell which addresses of ${domains.join(', ')} ${origin.policy} is for`;
}

function isSame(a: FlatDestination, b: FlatDestination): boolean {
  return a.prefixes.equals(b.prefixes) && a.groups.join('\n') === b.groups.join('\n') && b.domains.length === 0;
}

function servicesOf({ family, services }: FlatRule): ServiceSet {
  const sets = services.map(({ icmp, ...rest }) =>
    serviceMatching(family, { ...rest, ...(icmp === undefined ? {} : { icmpValues: icmp }) }),
  );
  return sets.length === 0 ? EVERY_SERVICE : sets.reduce((a, b) => combineServices(a, b, UNION));
}

/** What a SourceNAT is for, but its destinations. */
export function servicesOfNat({ family, protocol, ports }: Nat): ServiceSet {
  return serviceMatching(family, {
    ...(protocol === undefined ? {} : { protocol }),
    ...(ports === undefined ? {} : { ports }),
  });
}
