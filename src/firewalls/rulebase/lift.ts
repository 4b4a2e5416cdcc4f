import { compareUtf8 } from '../../base/compare.ts';
import type { Family } from '../../border/ruleset.ts';
import { FlowSet } from '../../engine/flows/flow-set.ts';
import { type Address, familyOf, parseAddress } from '../../ip/address.ts';
import { parsePrefix } from '../../ip/prefix.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import type { Behaviour, SenderIds, TranslationBehaviour } from '../../plan/behaviour.ts';
import { absentBehaviour } from '../../plan/ruleset-behaviour.ts';
import type { FlatService } from '../../plan/flat/flat-list.ts';
import type { GroupKey, MemberGroup, RuleBase, SecurityRule, TranslationRule } from './model.ts';

const FAMILIES: readonly Family[] = [4, 6];

/**
 * What a rule base does, as flows: read from its rules and members alone, the same way for what is wanted and for what a device holds, so
 * that the two compare. A rule of which something was read that has no place in it (`strange`) is as good as none.
 */
export function behaviourOf(base: RuleBase): Behaviour {
  return new Lifting(base).behaviour();
}

interface Unknown {
  /** Where whoever is not known may not send. */
  readonly destinations: PrefixSet;
  readonly networks: PrefixSet;
}

class Lifting {
  readonly #base: RuleBase;
  readonly #rules: readonly SecurityRule[];
  readonly #translations: readonly TranslationRule[];
  /** Groups of single senders, and groups of networks, which hold whoever lies in them. */
  readonly #single: (readonly [GroupKey, MemberGroup])[] = [];
  readonly #networks = new Map<GroupKey, PrefixSet>();
  readonly #sets = new Map<MemberGroup, PrefixSet>();
  readonly #flows = new Map<SecurityRule, FlowSet>();
  readonly #allowed = new Map<string, FlowSet>();
  readonly #translated = new Map<TranslationRule, FlowSet>();
  /** By the id of a sender's rules: what rules that allow translate. */
  readonly #byRules = new Map<string, readonly TranslationBehaviour[]>();
  /** Rules for senders by their id, which lists the groups that they are in. */
  readonly #inGroups = new Map<string, ReadonlySet<GroupKey>>();
  /** Of most readings nobody asks who the senders are, and of others who a few are: neither is worked out before. */
  #known: ReadonlyMap<string, readonly GroupKey[]> | undefined;

  constructor(base: RuleBase) {
    this.#base = base;
    this.#rules = base.rules.filter(({ strange, action }) => strange === undefined && action !== 'Log');
    this.#translations = base.translations.filter(({ strange }) => strange === undefined);
    const named = new Set([...this.#rules, ...this.#translations].flatMap(({ source }) => source.groups));
    for (const key of named) this.#readSources(key);
  }

  behaviour(): Behaviour {
    const inGroup = (name: string): Iterable<string> => this.#inGroup(name);
    if (this.#rules.length === 0 && this.#translations.length === 0) return { ...absentBehaviour, inGroup };
    const unknown = FAMILIES.map((family) => this.#unknown(family));
    return {
      present: true,
      destinations: unknown.reduce((all, { destinations }) => all.union(destinations), PrefixSet.empty),
      inside: PrefixSet.empty,
      networks: unknown.reduce((all, { networks }) => all.union(networks), PrefixSet.empty),
      senders: this.#senders(),
      allowed: (id, family) => this.#allowedOf(id, family),
      translations: (sender) => this.#translationsOf(sender),
      inGroup,
    };
  }

  *#inGroup(name: string): Generator<string> {
    for (const group of this.#base.groups.values()) if (group.shared && group.name === name) yield* group.members;
  }

  #readSources(key: GroupKey): void {
    const group = this.#base.groups.get(key);
    if (group === undefined) return;
    for (const member of group.members)
      if (parseAddress(member) === undefined) {
        this.#networks.set(key, this.#set(group));
        return;
      }
    this.#single.push([key, group]);
  }

  #senders(): SenderIds {
    const known = (): ReadonlyMap<string, readonly GroupKey[]> => this.#groupsOf();
    const idOf = (sender: string, groups: readonly GroupKey[]): string => this.#idOf(sender, groups);
    return {
      get size() {
        return known().size;
      },
      get: (sender) => {
        const groups = known().get(sender);
        return groups && idOf(sender, groups);
      },
      has: (sender) => known().has(sender),
      *keys() {
        yield* known().keys();
      },
      *entries() {
        for (const [sender, groups] of known()) yield [sender, idOf(sender, groups)];
      },
    };
  }

  /** Groups of single senders, by sender. */
  #groupsOf(): ReadonlyMap<string, readonly GroupKey[]> {
    if (this.#known !== undefined) return this.#known;
    const found = new Map<string, GroupKey[]>();
    for (const [key, { members }] of this.#single)
      for (const member of members) {
        const groups = found.get(member);
        if (groups === undefined) found.set(member, [key]);
        else groups.push(key);
      }
    this.#known = found;
    return found;
  }

  /** Senders in the same groups are told apart by nothing. */
  #idOf(sender: string, groups: readonly GroupKey[]): string {
    const address = parseAddress(sender);
    const around = [...this.#networks]
      .filter(([, set]) => address !== undefined && set.contains(address))
      .map(([key]) => key);
    const all = [...groups, ...around].toSorted();
    const id = all.join(' ');
    if (!this.#inGroups.has(id)) this.#inGroups.set(id, new Set(all));
    return id;
  }

  #allowedOf(id: string, family: Family): FlowSet {
    const key = `${family} ${id}`;
    const known = this.#allowed.get(key);
    if (known !== undefined) return known;
    const groups = this.#inGroups.get(id) ?? new Set();
    let live = FlowSet.everything(family);
    let denied = FlowSet.nothing(family);
    for (const rule of this.#rules) {
      if (rule.family !== family || rule.source.groups.some((one) => groups.has(one)) === rule.source.negate) continue;
      const flows = live.intersect(this.#flowsOf(rule));
      live = live.subtract(flows);
      if (rule.action === 'Deny') denied = denied.union(flows);
    }
    // What none of our rules matches is left to the rules of others: not dropped by us.
    const allowed = FlowSet.everything(family).subtract(denied);
    this.#allowed.set(key, allowed);
    return allowed;
  }

  /** The deny for senders that nobody knows is the rule for whole networks. */
  #unknown(family: Family): Unknown {
    const rules = this.#rules.filter(
      ({ family: of, action, source }) =>
        of === family && action === 'Deny' && (source.negate || source.groups.some((key) => this.#networks.has(key))),
    );
    if (rules.length === 0) return { destinations: PrefixSet.all.family(family), networks: PrefixSet.empty };
    let destinations = PrefixSet.empty;
    let networks = PrefixSet.empty;
    for (const rule of rules) {
      const named = rule.source.groups.map((key) => this.#networks.get(key) ?? PrefixSet.empty);
      const union = named.reduce((a, b) => a.union(b), PrefixSet.empty).family(family);
      networks = networks.union(rule.source.negate ? PrefixSet.all.family(family).subtract(union) : union);
      destinations = destinations.union(this.#destinations(rule) ?? PrefixSet.all.family(family));
    }
    return { destinations, networks };
  }

  #translationsOf(sender: string): readonly TranslationBehaviour[] {
    const groups = new Set(this.#groupsOf().get(sender));
    const byTable = this.#translations.flatMap((rule): readonly TranslationBehaviour[] =>
      rule.source.groups.some((key) => groups.has(key)) ? [{ flows: this.#flowsTranslated(rule), to: rule.to }] : [],
    );
    return [...byTable, ...this.#translatedByRules(sender, groups)];
  }

  /** What rules translate of what they decide, by address: whatever the rules were, equal translations are told alike. */
  #translatedByRules(sender: string, groups: ReadonlySet<GroupKey>): readonly TranslationBehaviour[] {
    const family = familyOf(sender);
    const rules = this.#rules.filter(
      ({ family: of, source }) => of === family && source.groups.some((one) => groups.has(one)) !== source.negate,
    );
    const last = rules.findLastIndex(({ translatedTo }) => translatedTo !== undefined);
    if (last === -1) return [];
    const id = [...groups].toSorted().join(' ');
    const known = this.#byRules.get(id);
    if (known !== undefined) return known;
    let live = FlowSet.everything(family);
    const found = new Map<string, FlowSet>();
    for (const rule of rules.slice(0, last + 1)) {
      const flows = live.intersect(this.#flowsOf(rule));
      live = live.subtract(flows);
      if (rule.translatedTo === undefined) continue;
      found.set(rule.translatedTo, found.get(rule.translatedTo)?.union(flows) ?? flows);
    }
    const list = [...found]
      .toSorted(([a], [b]) => compareUtf8(a, b))
      .map(([address, flows]): TranslationBehaviour => ({ flows, to: { kind: 'Address', address } }));
    this.#byRules.set(id, list);
    return list;
  }

  #flowsTranslated(rule: TranslationRule): FlowSet {
    const known = this.#translated.get(rule);
    if (known !== undefined) return known;
    const { family, destination, service } = rule;
    const isAnywhere = destination.objects.length + destination.groups.length === 0;
    const nets = isAnywhere ? undefined : this.#destinations({ destination, family });
    const flows = this.#matching(family, service === undefined ? [] : [service], nets, []);
    this.#translated.set(rule, flows);
    return flows;
  }

  #flowsOf(rule: SecurityRule): FlowSet {
    const known = this.#flows.get(rule);
    if (known !== undefined) return known;
    const { domains } = this.#objects(rule.destination.objects);
    const flows = this.#matching(rule.family, rule.services, this.#destinations(rule), domains);
    this.#flows.set(rule, flows);
    return flows;
  }

  #matching(
    family: Family,
    services: readonly string[],
    nets: PrefixSet | undefined,
    domains: readonly string[],
  ): FlowSet {
    const matches = services.length === 0 ? [{}] : services.flatMap((name) => this.#service(name));
    let flows = FlowSet.nothing(family);
    for (const match of matches) {
      if (nets === undefined && domains.length === 0) flows = flows.union(FlowSet.matching(family, match));
      if (nets !== undefined && !nets.isEmpty)
        flows = flows.union(FlowSet.matching(family, { ...match, destination: nets }));
      if (domains.length > 0) flows = flows.union(FlowSet.matching(family, { ...match, domains }));
    }
    return flows;
  }

  /** `undefined`: anywhere. */
  #destinations({ destination, family }: Pick<SecurityRule, 'destination' | 'family'>): PrefixSet | undefined {
    const { nets } = this.#objects(destination.objects);
    const groups = destination.groups.flatMap((key) => {
      const group = this.#base.groups.get(key);
      return group === undefined ? [] : [this.#set(group)];
    });
    return groups.reduce((all, one) => all.union(one), nets).family(family);
  }

  #objects(names: readonly string[]): { readonly nets: PrefixSet; readonly domains: readonly string[] } {
    const objects = names.flatMap((name) => this.#base.objects.get(name) ?? []);
    const nets = objects.flatMap(({ kind, value }) => (kind === 'Range' ? [setOf([value])] : []));
    return {
      nets: nets.reduce((all, one) => all.union(one), PrefixSet.empty),
      domains: objects.flatMap(({ kind, value }) => (kind === 'Domain' ? [value] : [])),
    };
  }

  #set(group: MemberGroup): PrefixSet {
    const known = this.#sets.get(group) ?? setOf(group.members);
    this.#sets.set(group, known);
    return known;
  }

  #service(name: string): readonly FlowMatchOfService[] {
    const service = this.#base.services.get(name);
    return service === undefined ? [] : matchesOf(service.match);
  }
}

type FlowMatchOfService = Parameters<typeof FlowSet.matching>[1];

function matchesOf({ protocols, ports, sourcePorts, icmp }: FlatService): readonly FlowMatchOfService[] {
  return protocols.map((protocol) => ({
    protocol,
    ...(ports === undefined ? {} : { ports }),
    ...(sourcePorts === undefined ? {} : { sourcePorts }),
    ...(icmp === undefined ? {} : { icmpValues: icmp }),
  }));
}

/** Addresses, prefixes and `first-last`; what is none of them holds nobody. */
/** Members of a group: addresses, prefixes and ranges. */
export function setOf(members: Iterable<string>): PrefixSet {
  const ranges: (readonly [Address, Address])[] = [];
  const prefixes = [];
  for (const member of members) {
    const [first, last] = member.split('-').map((text) => parseAddress(text));
    if (first !== undefined && last !== undefined) ranges.push([first, last]);
    else {
      const parsed = parsePrefix(member, { bareAddress: true });
      if ('value' in parsed) prefixes.push(parsed.value);
    }
  }
  return PrefixSet.of(prefixes).union(PrefixSet.ofRanges(ranges));
}
