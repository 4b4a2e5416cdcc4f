import { setImmediate } from 'node:timers/promises';
import { compareUtf8 } from '../../base/compare.ts';
import type { Diagnostic } from '../../base/diagnostic.ts';
import { SallyportError } from '../../base/error.ts';
import type { Class, ClassId, Ruleset } from '../../border/ruleset.ts';
import type { PrefixSet } from '../../ip/prefix-set.ts';
import type { FlatGroup, FlatList, SourceId } from '../../plan/flat/flat-list.ts';
import { groupContent } from '../../plan/flat/group-content.ts';
import { questionDigest } from '../../plan/flat/proof-data.ts';
import { NO_LIST, type WrittenList, writeProved } from '../flat/write-proved.ts';
import type { Writing } from '../flat/writing.ts';
import { ClassMembers } from './class-members.ts';
import type { BlockOptions, Dialect } from './dialect.ts';
import { type MemberGroup, type WantedRuleBase, groupKey } from './model.ts';
import { Names } from './names.ts';
import { ObjectTable, memberTexts } from './objects.ts';
import { SharedMembers } from './shared-members.ts';
import { volatileSources } from './stores.ts';
import { type TranslatedList, translatedList } from './translated-list.ts';
import { type TranslatedSenders, translatedSenders } from './translated-senders.ts';
import { wantedAddressGroups } from './wanted-groups.ts';
import { type WrittenRules, writingRules } from './wanted-rules.ts';
import { sayableNats, wantedTranslations } from './wanted-translations.ts';

/** What a device shall hold for a ruleset, and what of it the device cannot say. */
export interface WantedAnswer {
  readonly wanted: WantedRuleBase;
  readonly refusals: readonly Diagnostic[];
}

/** Writes and proves a list; `writeProved`, or something that tests put in its place. */
export type ListWriter = (ruleset: Ruleset, writing: Writing, signal: AbortSignal) => Promise<WrittenList>;

/** A list that takes longer than that is one that nobody would wait for. */
const PROOF_TIMEOUT_MS = 120_000;

const inThread: ListWriter = (ruleset, writing, signal) =>
  writeProved(ruleset, writing, { timeoutMs: PROOF_TIMEOUT_MS, signal });

/** A worker asks about the wish, what was confirmed, and what may go ahead in between. */
const KEPT = 4;

interface Prepared {
  readonly digest: string;
  /** `dialectText`. */
  readonly dialect: string;
  readonly list: FlatList;
  /** `TranslatedSenders.text`, and the list with the blocks that it takes. */
  readonly senders: string;
  readonly spread: TranslatedList;
  readonly proved: readonly Diagnostic[];
  readonly refusals: readonly Diagnostic[];
  readonly volatile: ReadonlySet<SourceId>;
  readonly written: WrittenRules;
}

/**
 * Rulesets in the terms of one device. What takes long is worked out by `prepare`, in a thread and in pieces, once for as long as rules do
 * not change; `translate` adds the members, at the cost of what changed.
 */
export class RuleBaseTranslator {
  readonly #options: BlockOptions;
  readonly #write: ListWriter;
  readonly #members = new ClassMembers();
  readonly #shared = new SharedMembers();
  #prepared: readonly Prepared[] = [];
  #objects: ObjectTable | undefined;
  readonly #translated = new WeakMap<Ruleset, { readonly dialect: string; readonly senders: TranslatedSenders }>();

  constructor(options: BlockOptions, write: ListWriter = inThread) {
    this.#options = options;
    this.#write = write;
  }

  /** Makes `translate` possible for rulesets with these rules. Rejects with FLAT_NOT_PROVED: then nothing may be sent. */
  async prepare(ruleset: Ruleset, dialect: Dialect, signal: AbortSignal): Promise<void> {
    if (this.#find(ruleset, dialect) !== undefined) return;
    const digest = digestOf(ruleset);
    const spoken = dialectText(dialect);
    const isFor = (one: Prepared): boolean =>
      one.digest === digest && one.dialect === spoken && holds(one.list, ruleset);
    const known = this.#prepared.find(isFor);
    const { list, refusals } =
      known === undefined
        ? await this.#write(ruleset, this.#writing(dialect), signal)
        : { list: known.list, refusals: known.proved };
    const senders = this.#senders(ruleset, dialect);
    const { list: spread, refusals: untranslated } = translatedList(list, senders.parts, ruleset, dialect);
    const volatile = this.#volatileSources(spread, senders, ruleset, dialect);
    const names = new Names(dialect.text, ruleset.cluster);
    const world = { groups: ruleset.groups, classes: withParts(ruleset.classes, senders) };
    const writing = writingRules(spread, world, volatile, dialect, this.#options, names);
    for (;;) {
      const piece = writing.next();
      if (piece.done === true) {
        const found: Prepared = {
          digest,
          dialect: spoken,
          list,
          senders: senders.text,
          spread,
          proved: refusals,
          refusals: [...refusals, ...untranslated],
          volatile,
          written: piece.value,
        };
        this.#prepared = [found, ...this.#prepared].slice(0, KEPT);
        return;
      }
      await setImmediate();
      signal.throwIfAborted();
    }
  }

  /** Throws FLAT_PENDING where `prepare` has to come first. */
  translate(ruleset: Ruleset, dialect: Dialect): WantedAnswer {
    const prepared = this.#find(ruleset, dialect);
    if (prepared === undefined)
      throw new SallyportError('FLAT_PENDING', 'the rules of this firewall have not been worked out yet');
    this.#prepared = [prepared, ...this.#prepared.filter((one) => one !== prepared)];
    const names = new Names(dialect.text, ruleset.cluster);
    const objects = new ObjectTable(names, this.#objects);
    this.#objects = objects;
    const { written } = prepared;
    const shared = wantedAddressGroups(ruleset.groups.values(), dialect, names, this.#shared);
    const groups = new Map(shared.groups);
    const put = (group: MemberGroup): void => {
      groups.set(groupKey(group), group);
    };
    this.#members.take(this.#senders(ruleset, dialect).members);
    for (const { group, classes } of written.sources) put({ ...group, members: this.#members.of(classes) });
    for (const { group, content } of written.destinations)
      put({ ...group, members: contentOf(content, ruleset, dialect) });
    for (const group of written.fixed) put(group);
    const translations = wantedTranslations(ruleset, dialect, this.#options, names);
    for (const group of translations.groups) put(group);
    const services = new Map(written.services);
    for (const service of translations.services) services.set(service.name, service);
    for (const object of written.objects) objects.take(object);
    for (const { store, members } of groups.values())
      if (store === 'Configured') for (const member of members) objects.range(member);
    return {
      wanted: {
        layout: this.#options.layout,
        objects: objects.objects,
        services,
        groups,
        rules: translations.holds.length === 0 ? written.rules : [...translations.holds, ...written.rules],
        translations: translations.rules,
        held: shared.held,
        adopt: new Set(this.#options.adopt),
        networks: ruleset.networks,
      },
      refusals: sorted([...prepared.refusals, ...shared.refusals, ...translations.refusals]),
    };
  }

  #find(ruleset: Ruleset, dialect: Dialect): Prepared | undefined {
    const digest = digestOf(ruleset);
    const spoken = dialectText(dialect);
    return this.#prepared.find(
      (one) =>
        one.digest === digest &&
        one.dialect === spoken &&
        holds(one.list, ruleset) &&
        one.senders === this.#senders(ruleset, dialect).text &&
        sameSet(one.volatile, this.#volatileSources(one.spread, this.#senders(ruleset, dialect), ruleset, dialect)),
    );
  }

  /** Who sends, told apart by translation too where rules translate. */
  #senders(ruleset: Ruleset, dialect: Dialect): TranslatedSenders {
    const known = this.#translated.get(ruleset);
    const spoken = dialectText(dialect);
    if (known?.dialect === spoken) return known.senders;
    const senders =
      dialect.translatesBy === 'Table'
        ? { members: ruleset.members, parts: new Map(), text: '' }
        : translatedSenders(ruleset, sayableNats(ruleset.nats, dialect, this.#options));
    this.#translated.set(ruleset, { dialect: spoken, senders });
    return senders;
  }

  #volatileSources(
    list: FlatList,
    { members }: TranslatedSenders,
    ruleset: Ruleset,
    dialect: Dialect,
  ): ReadonlySet<SourceId> {
    this.#members.take(members);
    return volatileSources(list, ruleset, (ids) => this.#members.of(ids), dialect);
  }

  #writing({ device, domains, logRules, services }: Dialect): Writing {
    const { layout, form } = this.#options;
    return { device, layout, form, domains, logRules, services };
  }
}

/** Parts of classes have the rules of their class. */
function withParts(classes: ReadonlyMap<ClassId, Class>, { parts }: TranslatedSenders): ReadonlyMap<ClassId, Class> {
  if (parts.size === 0) return classes;
  const all = new Map(classes);
  for (const [of, some] of parts) {
    const one = classes.get(of);
    if (one !== undefined) for (const { id } of some) all.set(id, one);
  }
  return all;
}

/** Tables of classes are shared by all versions of a ruleset in which no rule changed. */
const digests = new WeakMap<
  ReadonlyMap<ClassId, Class>,
  { readonly of: readonly PrefixSet[]; readonly digest: string }
>();

function digestOf(ruleset: Ruleset): string {
  const { classes, destinations, networks } = ruleset;
  const known = digests.get(classes);
  if (known !== undefined && known.of[0] === destinations && known.of[1] === networks) return known.digest;
  const digest = questionDigest({ ruleset, list: { ...NO_LIST, layout: 'Class', form: 'Full' } });
  digests.set(classes, { of: [destinations, networks], digest });
  return digest;
}

/**
 * Whether the list is the one that would be written for this ruleset, which has the rules that it was written for: prefixes in which nothing
 * inside the cluster lies stand as they are, all others are groups.
 */
function holds({ assumes, groups }: FlatList, { inside }: Pick<Ruleset, 'inside'>): boolean {
  if (assumes.outside.overlaps(inside)) return false;
  for (const { nets, all, none } of groups.values())
    if (nets !== undefined && all.length === 0 && none.length === 0 && !nets.overlaps(inside)) return false;
  return true;
}

/** Equal dialects have equal texts; a driver may make one anew with each question to its device. */
function dialectText(dialect: Dialect): string {
  const known = dialectTexts.get(dialect);
  if (known !== undefined) return known;
  const text = JSON.stringify(dialect, (_key, value: unknown) => (value instanceof RegExp ? value.source : value));
  dialectTexts.set(dialect, text);
  return text;
}

const dialectTexts = new WeakMap<Dialect, string>();

interface Content {
  readonly of: Pick<Ruleset, 'destinations' | 'inside' | 'groups'>;
  readonly ranges: boolean;
  readonly members: ReadonlySet<string>;
}

const contents = new WeakMap<FlatGroup, Content>();

/** The same set while nothing changed that it is made from. */
function contentOf(group: FlatGroup, ruleset: Ruleset, { ranges }: Dialect): ReadonlySet<string> {
  const known = contents.get(group);
  const isSame =
    known !== undefined &&
    known.ranges === ranges &&
    known.of.destinations === ruleset.destinations &&
    known.of.inside === ruleset.inside &&
    [...group.all, ...group.none].every((id) => known.of.groups.get(id) === ruleset.groups.get(id));
  if (isSame) return known.members;
  const members = new Set(memberTexts(groupContent(group, ruleset), group.family, ranges));
  const { destinations, inside, groups } = ruleset;
  contents.set(group, { of: { destinations, inside, groups }, ranges, members });
  return members;
}

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((one) => b.has(one));
}

function sorted(refusals: readonly Diagnostic[]): readonly Diagnostic[] {
  return refusals.toSorted((a, b) => compareUtf8(a.object ?? '', b.object ?? '') || compareUtf8(a.path, b.path));
}
