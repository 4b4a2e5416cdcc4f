import type { ClassId, Family, Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { canonicalText } from '../../plan/canonical.ts';
import type { FlatGroup, FlatGroupId, FlatRule, FlatService, SourceId } from '../../plan/flat/flat-list.ts';
import { serviceText } from '../flat/service-parts.ts';
import type { BlockOptions, Dialect } from './dialect.ts';
import {
  type AddressObject,
  type GroupKey,
  type MemberGroup,
  type SecurityRule,
  type Service,
  type Store,
  groupKey,
} from './model.ts';
import { type Names, originText, putNamed } from './names.ts';
import { ObjectTable, memberTexts } from './objects.ts';
import type { TranslatedList, TranslatedRule } from './translated-list.ts';

/** A group without its members: everything that rules need to name it. */
type Skeleton = Omit<MemberGroup, 'members'>;

/** The rules of a list on one device. They follow from the list alone; members come from each ruleset that has this list. */
export interface WrittenRules {
  readonly rules: readonly SecurityRule[];
  readonly services: ReadonlyMap<string, Service>;
  readonly sources: readonly { readonly group: Skeleton; readonly classes: readonly ClassId[] }[];
  readonly destinations: readonly { readonly group: Skeleton; readonly content: FlatGroup }[];
  /** Groups of prefixes that stand in settings. */
  readonly fixed: readonly MemberGroup[];
  /** Address objects that rules name themselves. */
  readonly objects: readonly AddressObject[];
}

/** So many rules at a time take a few milliseconds. */
const PIECE = 100;

type World = Pick<Ruleset, 'groups' | 'classes'>;

/** Writes a proved list as rules of a device, rule by rule. Yields where others may have something to do. */
export function* writingRules(
  list: TranslatedList,
  world: World,
  volatile: ReadonlySet<SourceId>,
  dialect: Dialect,
  options: BlockOptions,
  names: Names,
): Generator<undefined, WrittenRules> {
  const writer = new RuleWriter(list, world, volatile, dialect, options, names);
  const rules = new Map<string, SecurityRule>();
  for (const [at, flat] of list.rules.entries()) {
    if (at % PIECE === PIECE - 1) yield;
    const rule = writer.rule(flat);
    // Of two that say the same the first decides.
    if (!rules.has(rule.name)) rules.set(rule.name, rule);
  }
  return writer.written([...rules.values()]);
}

class RuleWriter {
  readonly #list: TranslatedList;
  readonly #world: World;
  readonly #dialect: Dialect;
  readonly #options: BlockOptions;
  readonly #names: Names;
  readonly #volatile: ReadonlySet<SourceId>;
  readonly #services = new Map<string, Service>();
  readonly #sources = new Map<SourceId, Skeleton>();
  readonly #destinations = new Map<FlatGroupId, Skeleton>();
  readonly #fixed = new Map<string, MemberGroup>();
  readonly #objects: ObjectTable;

  constructor(
    list: TranslatedList,
    world: World,
    volatile: ReadonlySet<SourceId>,
    dialect: Dialect,
    options: BlockOptions,
    names: Names,
  ) {
    this.#list = list;
    this.#world = world;
    this.#volatile = volatile;
    this.#dialect = dialect;
    this.#options = options;
    this.#names = names;
    this.#objects = new ObjectTable(names);
  }

  written(rules: readonly SecurityRule[]): WrittenRules {
    return {
      rules,
      services: servicesByName(this.#services),
      sources: Array.from(this.#sources, ([id, group]) => ({ group, classes: this.#list.sources.get(id) ?? [] })),
      destinations: Array.from(this.#destinations, ([id, group]) => ({ group, content: this.#content(id) })),
      fixed: [...this.#fixed.values()],
      objects: [...this.#objects.objects.values()],
    };
  }

  rule(flat: TranslatedRule): SecurityRule {
    const { family, action, origins, translatedTo } = flat;
    const translation = translatedTo === undefined ? [] : [translatedTo];
    // A device that can leave a block early would need a form of its own; none is asked for here.
    if (action === 'Leave') throw new RangeError('a list with Leave for a device without');
    const source = this.#source(flat);
    const { prefixes, groups, domains } = flat.destination;
    const destination = {
      objects: [
        ...memberTexts(prefixes, family, this.#dialect.ranges).map((text) => this.#objects.range(text)),
        ...domains.map((domain) => this.#objects.domain(domain, family)),
      ],
      groups: groups.map((id) => this.#destination(id)),
    };
    const services = flat.services.map((one) => this.#service(one));
    const identity = canonicalText([family, source, destination, services, action, ...translation]);
    const [first] = origins;
    const { log, profile } = this.#options;
    return {
      name: this.#names.of('rule', first === undefined ? '' : originText(first), identity),
      family,
      source,
      destination,
      services,
      action,
      log,
      ...(profile === undefined || action !== 'Allow' ? {} : { profile }),
      ...(translatedTo === undefined ? {} : { translatedTo }),
      comment: this.#names.comment(origins),
      mark: this.#names.mark(first?.policy ?? 'layer/unknown'),
    };
  }

  #service(match: FlatService): string {
    const text = serviceText(match);
    const known = this.#services.get(text);
    if (known !== undefined) return known.name;
    const name = this.#names.of('service', readableService(match), text);
    this.#services.set(text, { name, match, mark: this.#names.mark('services') });
    return name;
  }

  #source({ source, family }: FlatRule): SecurityRule['source'] {
    if (source.kind === 'Source') return { groups: [this.#sourceGroup(source.id, family)], negate: false };
    const leaves = (this.#list.sources.get(source.except) ?? []).length > 0;
    const all = PrefixSet.all.family(family);
    const held = source.prefixes.family(family);
    if (!leaves) return { groups: [this.#prefixGroup('networks', held, family)], negate: false };
    const elsewhere = all.subtract(held);
    const groups = [this.#sourceGroup(source.except, family)];
    if (!elsewhere.isEmpty) groups.unshift(this.#prefixGroup('elsewhere', elsewhere, family));
    return { groups, negate: true };
  }

  #sourceGroup(id: SourceId, family: Family): GroupKey {
    let group = this.#sources.get(id);
    if (group === undefined) {
      const store = this.#volatile.has(id) ? 'Volatile' : 'Configured';
      group = this.#skeleton(store, this.#readableSource(id), `source ${id}`, family, id);
      this.#sources.set(id, group);
    }
    return groupKey(group);
  }

  /** The policies of the classes, as far as there is room: by them people know a group. */
  #readableSource(id: SourceId): string {
    const policies = new Set<string>();
    for (const one of this.#list.sources.get(id) ?? [])
      for (const part of this.#world.classes.get(one)?.parts ?? [])
        for (const stage of part.stages)
          for (const { origin } of stage.rules) policies.add(originText({ policy: origin.policy }));
    return id.startsWith('leaving') ? id : [...policies].slice(0, 4).join('_');
  }

  #prefixGroup(readable: string, set: PrefixSet, family: Family): GroupKey {
    const group = {
      ...this.#skeleton('Configured', `${readable}${family}`, readable, family, readable),
      members: new Set(memberTexts(set, family, this.#dialect.ranges)),
    };
    this.#fixed.set(groupKey(group), group);
    return groupKey(group);
  }

  #content(id: FlatGroupId): FlatGroup {
    const group = this.#list.groups.get(id);
    if (group === undefined) throw new RangeError(`no group ${id}`);
    return group;
  }

  #destination(id: FlatGroupId): GroupKey {
    let group = this.#destinations.get(id);
    if (group === undefined) {
      const content = this.#content(id);
      const readable = this.#readableDestination(content);
      group = this.#skeleton('Configured', readable, `destination ${id}`, content.family, readable);
      this.#destinations.set(id, group);
    }
    return groupKey(group);
  }

  #readableDestination({ all, none, nets, family }: FlatGroup): string {
    const selectors = (ids: readonly string[]): readonly string[] =>
      ids.map((id) => {
        const group = this.#world.groups.get(id);
        return group?.kind === 'Outside' ? group.selector : id;
      });
    const texts = [
      ...(nets?.toStrings().slice(0, 2) ?? []),
      ...selectors(all),
      ...selectors(none).map((one) => `not ${one}`),
    ];
    return texts.length === 0 ? `outside${family}` : texts.join(' ');
  }

  #skeleton(store: Store, readable: string, identity: string, family: Family, what: string): Skeleton {
    const kind = store === 'Volatile' ? 'volatileGroup' : 'group';
    const name = this.#names.of(kind, readable, `${family} ${identity}`);
    return { name, family, store, shared: false, mark: this.#names.mark(`group/${what}`) };
  }
}

/** Services by name, from the table that was filled by their texts. Throws INTERNAL if two share a name. */
function servicesByName(services: ReadonlyMap<string, Service>): ReadonlyMap<string, Service> {
  const named = new Map<string, Service>();
  for (const one of services.values()) putNamed(named, one, ({ match }) => serviceText(match));
  return named;
}

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };

function readableService({ protocols, ports }: FlatService): string {
  const words = protocols.slice(0, 3).map((protocol) => PROTOCOLS[protocol] ?? String(protocol));
  return `${words.join('_')}${ports === undefined ? '' : `-${ports.toString().replaceAll(', ', '_')}`}`;
}
