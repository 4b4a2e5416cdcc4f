import { compareUtf8 } from '../../base/compare.ts';
import { SallyportError } from '../../base/error.ts';
import { Ids, signature } from '../../border/ids.ts';
import type { BorderRule, Class, ClassId, Family, Origin, Ruleset } from '../../border/ruleset.ts';
import { itemsOfClass } from './class-items.ts';
import type { FlatList, FlatOptions, FlatRule, SourceId } from './flat-list.ts';
import { type Item, type Items, itemKey, withoutShadowed } from './item.ts';
import { withoutIdleLeaves, withoutLeaves } from './leave.ts';
import { Lowering } from './lower.ts';
import { commonSupersequence } from './supersequence.ts';

/** What the list would say, and which parts of the ruleset it cannot: with any of them it must not be used. */
export interface Flattened {
  readonly list: FlatList;
  readonly unsayable: ReadonlyMap<BorderRule, string>;
  /** Classes that would take too many rules, and why. */
  readonly tooLarge: ReadonlyMap<ClassId, string>;
}

const FAMILIES: readonly Family[] = [4, 6];

/**
 * One complete block of rules for each class, ending in its own default (design 8.5). No rule of a block is for another block's senders, so
 * an address that is in two class groups for a moment gets the verdict of one class or the other, never a third.
 */
export function classLayout(ruleset: Ruleset, options: FlatOptions): Flattened {
  const writer = new Writer(ruleset, options);
  const sources = new Map<SourceId, readonly ClassId[]>();
  for (const family of FAMILIES) {
    for (const { id, items } of writer.classes(family)) {
      if (items.length === 0) continue;
      sources.set(id, [id]);
      for (const item of items) writer.write(item, family, id);
    }
    writer.writeNetworks(family, sources);
  }
  return writer.result('Class', sources);
}

/**
 * Each rule once, for all classes that have it: fewer rules, and addresses in several groups. The list holds the block of every class as a
 * part of it in its own order, so each class meets exactly its own rules. While an address moves from one class to another it is in some
 * groups of both: what it meets then is for the driver's steps to declare as exposed.
 */
export function groupLayout(ruleset: Ruleset, options: FlatOptions): Flattened {
  const writer = new Writer(ruleset, options);
  const sources = new Map<SourceId, readonly ClassId[]>();
  const ids = new Ids();
  for (const family of FAMILIES) {
    const classes = writer.classes(family);
    const selectedBy = policiesOf(classes.map(({ one }) => one));
    const places = commonSupersequence(
      classes.map(({ items }) => items),
      itemKey,
    );
    for (const { item, users } of places) {
      const members = [...users].map((user) => classes[user]?.id ?? '').toSorted(compareUtf8);
      for (const id of sourceIds(item, members, selectedBy, family, ids)) {
        if ((sources.get(id) ?? members).join(' ') !== members.join(' ')) continue;
        sources.set(id, members);
        writer.write(item, family, id);
        break;
      }
    }
    writer.writeNetworks(family, sources);
  }
  return writer.result('Group', sources);
}

/** By policy: the classes in which it stands. */
function policiesOf(classes: readonly Class[]): ReadonlyMap<string, string> {
  const found = new Map<string, Set<ClassId>>();
  for (const one of classes)
    for (const stage of [...one.parts, ...one.widened].flatMap((part) => part.stages))
      for (const { policy } of [...stage.rules.map((rule) => rule.origin), stage.endOrigin]) {
        const of = found.get(policy) ?? new Set();
        found.set(policy, of.add(one.id));
      }
  return new Map([...found].map(([policy, ids]) => [policy, [...ids].toSorted(compareUtf8).join(' ')]));
}

/**
 * A source is named after the policy whose rule it is for, if that is for all whom the policy selects, else after the rule: never after the
 * classes, which come and go with the pods. More names follow for a rule that has to stand in several places.
 */
function* sourceIds(
  item: Item,
  members: readonly ClassId[],
  selectedBy: ReadonlyMap<string, string>,
  family: Family,
  ids: Ids,
): Generator<SourceId> {
  const [first] = item.origins;
  const whole = first !== undefined && selectedBy.get(first.policy) === members.join(' ');
  if (whole) yield ids.of('u', signature('policy', family, first.policy));
  const key = itemKey(item);
  for (let copy = 0; ; copy++) yield ids.of('u', signature('rule', family, key, copy));
}

const UNKNOWN: Origin = { policy: 'layer/unknown' };

interface Block {
  readonly id: ClassId;
  readonly one: Class;
  readonly items: Items;
}

class Writer {
  readonly #ruleset: Ruleset;
  readonly #options: FlatOptions;
  readonly #lowering: Lowering;
  readonly #rules: FlatRule[] = [];
  readonly #unsayable = new Map<BorderRule, string>();
  readonly #tooLarge = new Map<ClassId, string>();
  readonly #leaving: Record<Family, ClassId[]> = { 4: [], 6: [] };

  constructor(ruleset: Ruleset, options: FlatOptions) {
    this.#ruleset = ruleset;
    this.#options = options;
    this.#lowering = new Lowering(ruleset, options.capabilities);
  }

  /** The blocks of a family, by id. */
  classes(family: Family): readonly Block[] {
    return [...this.#ruleset.classes.values()]
      .filter((one) => one.family === family)
      .toSorted((a, b) => compareUtf8(a.id, b.id))
      .map((one) => ({ id: one.id, one, items: this.#block(one) }));
  }

  #block(one: Class): Items {
    const { form, capabilities } = this.#options;
    try {
      const all = withoutShadowed(itemsOfClass(one, this.#ruleset.destinations, form));
      if (all.some((item) => item.action === 'Leave')) this.#leaving[one.family].push(one.id);
      const items = withoutIdleLeaves(capabilities.log ? all : all.filter((item) => item.action !== 'Log'));
      if (capabilities.leave) return items;
      const told = withoutLeaves(items, one.family, (rule) =>
        this.#unsayable.set(rule, 'domain names that its rules leave to others'),
      );
      return withoutShadowed(told);
    } catch (error) {
      if (!(error instanceof SallyportError) || error.code !== 'FLAT_LIMIT') throw error;
      this.#tooLarge.set(one.id, error.message);
      return [];
    }
  }

  write(item: Item, family: Family, id: SourceId): void {
    const rule = this.#lowering.rule(item, family, { kind: 'Source', id }, (each, limit) =>
      this.#unsayable.set(each, limit),
    );
    if (rule !== undefined) this.#rules.push(rule);
  }

  /** The deny for senders that nobody knows: for all of `networks` but those whom a class of their own lets leave. */
  writeNetworks(family: Family, sources: Map<SourceId, readonly ClassId[]>): void {
    const prefixes = this.#ruleset.networks.family(family);
    if (prefixes.isEmpty || this.#ruleset.destinations.family(family).isEmpty) return;
    const except = `leaving${family}`;
    sources.set(except, this.#leaving[family].toSorted(compareUtf8));
    this.#rules.push({
      family,
      source: { kind: 'Networks', prefixes, except },
      destination: this.#lowering.governed(family),
      services: [],
      action: 'Deny',
      origins: [UNKNOWN],
    });
  }

  result(layout: FlatList['layout'], sources: ReadonlyMap<SourceId, readonly ClassId[]>): Flattened {
    const list: FlatList = {
      layout,
      form: this.#options.form,
      rules: this.#rules,
      sources,
      groups: this.#lowering.groups,
      assumes: this.#lowering.assumes,
    };
    return { list, unsayable: this.#unsayable, tooLarge: this.#tooLarge };
  }
}
