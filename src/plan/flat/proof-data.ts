import { createHash } from 'node:crypto';
import type { BorderRule, Class, ClassId, Part, Stage } from '../../border/ruleset.ts';
import { type Address, ipv4Address, ipv6Address } from '../../ip/address.ts';
import { PortSet } from '../../ip/port-set.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { canonicalText, classText } from '../canonical.ts';
import type { FlatList, FlatRule, SourceId } from './flat-list.ts';
import type { ProvableRuleset } from './prove.ts';

/** What a proof is asked about. */
export interface ProofQuestion {
  readonly ruleset: ProvableRuleset;
  readonly list: FlatList;
}

/** Sets as plain values, in the place of objects whose inside does not survive a structured clone. */
type PlainSet =
  | {
      readonly plain: 'Prefixes';
      readonly v4: readonly (readonly [number, number])[];
      readonly v6: readonly (readonly [bigint, bigint])[];
    }
  | { readonly plain: 'Ports'; readonly ranges: readonly (readonly [number, number])[] };

/** What is small, and what the rest refers to. */
type Head = Pick<ProvableRuleset, 'destinations' | 'inside' | 'networks' | 'groups'> & {
  readonly list: Omit<FlatList, 'rules' | 'sources'>;
};
type PlacedStage = Omit<Stage, 'rules'> & { readonly rules: readonly number[] };
type PlacedPart = Omit<Part, 'stages'> & { readonly stages: readonly number[] };
type PlacedClass = Omit<Class, 'parts' | 'widened'> & {
  readonly parts: readonly PlacedPart[];
  readonly widened: readonly PlacedPart[];
};

/** A piece of a question before its sets are packed; what several things share is sent once, and referred to by its place. */
type Portion =
  | { readonly kind: 'Head'; readonly head: Head }
  | { readonly kind: 'Rules'; readonly items: readonly BorderRule[] }
  | { readonly kind: 'Stages'; readonly items: readonly PlacedStage[] }
  | { readonly kind: 'Classes'; readonly items: readonly PlacedClass[] }
  | { readonly kind: 'ListRules'; readonly items: readonly FlatRule[] }
  | { readonly kind: 'Sources'; readonly items: readonly (readonly [SourceId, readonly ClassId[]])[] }
  | { readonly kind: 'End' };

/** So many things at a time take a few milliseconds. */
const PORTION = 200;

/**
 * A question in values that can be cloned into another thread: without members, with sets as plain values, and in portions, so that whoever
 * sends it can do other things in between.
 */
export function* packQuestion({ ruleset, list }: ProofQuestion): Generator<unknown> {
  for (const portion of portions(ruleset, list)) yield mapped(portion, packSet);
}

function* portions(ruleset: ProvableRuleset, list: FlatList): Generator<Portion> {
  const { destinations, inside, networks, classes } = ruleset;
  const groups = new Map([...ruleset.groups].filter(([, group]) => group.kind === 'Outside'));
  const { rules: listRules, sources, ...rest } = list;
  yield { kind: 'Head', head: { destinations, inside, networks, groups, list: rest } };

  const rules = new Table<BorderRule>();
  const stages = new Table<Stage>();
  const place = (part: Part): PlacedPart => ({ ...part, stages: part.stages.map((stage) => stages.placeOf(stage)) });
  const placed = Array.from(classes.values(), (one) => ({
    ...one,
    parts: one.parts.map(place),
    widened: one.widened.map(place),
  }));
  const placedStages = stages.items.map((stage) => ({
    ...stage,
    rules: stage.rules.map((rule) => rules.placeOf(rule)),
  }));
  for (const items of slices(rules.items)) yield { kind: 'Rules', items };
  for (const items of slices(placedStages)) yield { kind: 'Stages', items };
  for (const items of slices(placed)) yield { kind: 'Classes', items };
  for (const items of slices(listRules)) yield { kind: 'ListRules', items };
  for (const items of slices([...sources])) yield { kind: 'Sources', items };
  yield { kind: 'End' };
}

/** Things in the order in which they were first met. */
class Table<T> {
  readonly items: T[] = [];
  readonly #places = new Map<T, number>();

  placeOf(item: T): number {
    let place = this.#places.get(item);
    if (place === undefined) {
      place = this.items.push(item) - 1;
      this.#places.set(item, place);
    }
    return place;
  }
}

function* slices<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += PORTION) yield items.slice(from, from + PORTION);
}

/** Puts a question together again from what `packQuestion` gave, in that order. */
export class QuestionReader {
  #head: Head | undefined;
  readonly #rules: BorderRule[] = [];
  readonly #stages: Stage[] = [];
  readonly #classes = new Map<ClassId, Class>();
  readonly #listRules: FlatRule[] = [];
  readonly #sources = new Map<SourceId, readonly ClassId[]>();

  /** The question, when this was its last portion. */
  take(packed: unknown): ProofQuestion | undefined {
    // Nothing but `packQuestion` makes such values, and they come from our own process.
    const portion = mapped(packed, unpackSet) as Portion;
    switch (portion.kind) {
      case 'Head':
        this.#head = portion.head;
        return undefined;
      case 'Rules':
        this.#rules.push(...portion.items);
        return undefined;
      case 'Stages':
        for (const stage of portion.items)
          this.#stages.push({ ...stage, rules: stage.rules.map((place) => at(this.#rules, place)) });
        return undefined;
      case 'Classes':
        for (const one of portion.items) this.#classes.set(one.id, this.#class(one));
        return undefined;
      case 'ListRules':
        this.#listRules.push(...portion.items);
        return undefined;
      case 'Sources':
        for (const [id, classes] of portion.items) this.#sources.set(id, classes);
        return undefined;
      case 'End':
        return this.#question();
    }
  }

  #class(one: PlacedClass): Class {
    const part = (placed: PlacedPart): Part => ({
      ...placed,
      stages: placed.stages.map((place) => at(this.#stages, place)),
    });
    return { ...one, parts: one.parts.map(part), widened: one.widened.map(part) };
  }

  #question(): ProofQuestion {
    if (this.#head === undefined) throw new RangeError('a question without its head');
    const { list, ...ruleset } = this.#head;
    return {
      ruleset: { ...ruleset, classes: this.#classes },
      list: { ...list, rules: this.#listRules, sources: this.#sources },
    };
  }
}

function at<T>(items: readonly T[], place: number): T {
  const item = items[place];
  if (item === undefined) throw new RangeError(`nothing stands at ${place}`);
  return item;
}

function packSet(value: object): PlainSet | undefined {
  if (value instanceof PrefixSet)
    return {
      plain: 'Prefixes',
      v4: value.ranges(4).map(([first, last]) => [Number(first.value), Number(last.value)]),
      v6: value.ranges(6).map(([first, last]) => [BigInt(first.value), BigInt(last.value)]),
    };
  return value instanceof PortSet ? { plain: 'Ports', ranges: value.ranges() } : undefined;
}

function unpackSet(value: object): PrefixSet | PortSet | undefined {
  if (!('plain' in value)) return undefined;
  const set = value as PlainSet;
  if (set.plain === 'Ports') return PortSet.of(...set.ranges);
  const v4 = set.v4.map(([first, last]): [Address, Address] => [ipv4Address(first), ipv4Address(last)]);
  const v6 = set.v6.map(([first, last]): [Address, Address] => [ipv6Address(first), ipv6Address(last)]);
  return PrefixSet.ofRanges([...v4, ...v6]);
}

/** A copy of plain data with some objects replaced. */
function mapped(root: unknown, replace: (value: object) => object | undefined): unknown {
  const copy = (value: unknown): unknown =>
    typeof value === 'object' && value !== null ? (replace(value) ?? copyOf(value)) : value;
  const copyOf = (value: object): unknown => {
    if (Array.isArray(value)) return value.map(copy);
    if (value instanceof Map) return new Map(Array.from(value, ([key, inner]) => [key, copy(inner)] as const));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
  };
  return copy(root);
}

/**
 * SHA-256 of all that a proof depends on but what groups and the inside hold: while it stays the same, and the inside keeps out of
 * `assumes.outside`, the answer does.
 */
export function questionDigest({ ruleset, list }: ProofQuestion): string {
  const hash = createHash('sha256');
  hash.update(canonicalText([ruleset.destinations, ruleset.networks]));
  for (const text of [...ruleset.classes.values()].map(classText).toSorted()) hash.update('\nclass ').update(text);
  hash.update('\nlist ').update(canonicalText({ ...list, sources: [...list.sources], groups: [...list.groups] }));
  return hash.digest('hex');
}
