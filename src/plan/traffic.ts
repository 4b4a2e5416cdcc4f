import { SallyportError } from '../base/error.ts';
import { type Pieces, atOnce, each, sorted } from '../base/pieces.ts';
import type { Family } from '../border/ruleset.ts';
import { FlowSet } from '../engine/flows/flow-set.ts';
import { parseAddress } from '../ip/address.ts';
import { PrefixSet } from '../ip/prefix-set.ts';
import type { Behaviour, TranslationBehaviour } from './behaviour.ts';
import { type ListChange, listsBetween } from './lists.ts';
import { Interner, translationKey } from './translation-key.ts';

/** Whether a sender is known before and after, after only, or before only. */
export type Presence = 'stays' | 'joins' | 'leaves';

/** Senders whose flows change in one and the same way. */
export interface TrafficChange {
  readonly presence: Presence;
  readonly family: Family;
  /** Canonical addresses, sorted. */
  readonly senders: readonly string[];
  /** `undefined`: the flows are too many to be compared; they count as gained and lost alike. */
  readonly flows: { readonly gained: FlowSet; readonly lost: FlowSet } | undefined;
}

/** Senders whose flows, passing before and after, leave from another address than before. */
export interface TranslationChange {
  readonly family: Family;
  readonly senders: readonly string[];
  readonly flows: FlowSet;
  /** An address, or `its own address`. */
  readonly from: string;
  readonly to: string;
}

/** What two behaviours let pass, compared exactly. Sorted; equal pairs of behaviours give equal results. */
export interface Traffic {
  readonly changes: readonly TrafficChange[];
  readonly translations: readonly TranslationChange[];
  /** Destinations that were governed and are no more, and the reverse; nodes that come and go are left out. */
  readonly freed: PrefixSet;
  readonly taken: PrefixSet;
  /** Where senders that are not known may send now, and where no more. */
  readonly unknownGained: PrefixSet;
  readonly unknownLost: PrefixSet;
  /** Lists that rules of others use. */
  readonly lists: readonly ListChange[];
  readonly sendersBefore: number;
  readonly sendersAfter: number;
}

export interface TrafficOptions {
  /** Compare these senders alone; the caller knows that no other one's flows or translations differ. */
  readonly only?: Iterable<string>;
}

/** Up to so many addresses that join or leave `inside` at once are nodes or their like, not a change of what is governed. */
const ORDINARY_INSIDE = 256n;

const OWN = 'its own address';
const EVERYTHING = { 4: FlowSet.everything(4), 6: FlowSet.everything(6) } as const;
const NOTHING = { 4: FlowSet.nothing(4), 6: FlowSet.nothing(6) } as const;

/** One side of the comparison with what has been worked out for it. */
class Side {
  readonly #behaviour: Behaviour;
  readonly #domain: { readonly 4: FlowSet; readonly 6: FlowSet };
  readonly #governed: { readonly 4: FlowSet; readonly 6: FlowSet };
  readonly #memo = new Map<string, FlowSet>();

  constructor(behaviour: Behaviour, domain: PrefixSet) {
    this.#behaviour = behaviour;
    this.#domain = flowsTo(domain);
    this.#governed = flowsTo(governedBy(behaviour));
  }

  /** What passes, within the domain, for senders with this id and these translations; `undefined` id: not known. */
  passing(
    id: string | undefined,
    inNetworks: boolean,
    family: Family,
    key: string,
    list: readonly TranslationBehaviour[],
  ): FlowSet {
    const memoKey = `${family}/${inNetworks}/${key}/${id === undefined ? '' : `=${id}`}`;
    const known = this.#memo.get(memoKey);
    if (known !== undefined) return known;
    const all = this.#allowed(id, inNetworks, family);
    let allowed = key === '' ? all : all.subtract(heldFlows(list, family));
    const governed = this.#governed[family];
    const domain = this.#domain[family];
    // What is not governed passes; the domain is mostly governed on both sides, so that this adds nothing.
    allowed = within(allowed, domain);
    if (governed !== domain && !governed.covers(domain)) allowed = allowed.union(domain.subtract(governed));
    this.#memo.set(memoKey, allowed);
    return allowed;
  }

  #allowed(id: string | undefined, inNetworks: boolean, family: Family): FlowSet {
    if (!this.#behaviour.present) return EVERYTHING[family];
    if (id !== undefined) return this.#behaviour.allowed(id, family);
    return inNetworks ? NOTHING[family] : EVERYTHING[family];
  }
}

interface Bucket {
  readonly presence: Presence;
  readonly family: Family;
  readonly senders: string[];
  readonly before: () => FlowSet;
  readonly after: () => FlowSet;
}

/** The traffic gained and lost, and translated otherwise, by going from one behaviour to another. */
export function trafficBetween(before: Behaviour, after: Behaviour, options: TrafficOptions = {}): Traffic {
  return atOnce(comparing(before, after, options));
}

/** The same in pieces. */
export function* comparing(before: Behaviour, after: Behaviour, options: TrafficOptions = {}): Pieces<Traffic> {
  const governedBefore = governedBy(before);
  const governedAfter = governedBy(after);
  const ordinary = before.present && after.present ? ordinaryInside(before.inside, after.inside) : PrefixSet.empty;
  const domain = governedBefore.union(governedAfter).subtract(ordinary);
  const left = new Side(before, domain);
  const right = new Side(after, domain);
  const interner = new Interner();
  const buckets = new Map<string, Bucket>();
  const translated = new Map<string, { readonly bucket: Bucket; readonly senders: string[]; readonly lists: Lists }>();
  yield* each(options.only ?? allSenders(before, after), (sender) => {
    const idBefore = before.senders.get(sender);
    const idAfter = after.senders.get(sender);
    if (idBefore === undefined && idAfter === undefined) return;
    const address = parseAddress(sender);
    if (address === undefined) return;
    const { family } = address;
    const lists: Lists = {
      before: idBefore === undefined ? [] : before.translations(sender),
      after: idAfter === undefined ? [] : after.translations(sender),
    };
    const keyBefore = translationKey(lists.before, interner);
    const keyAfter = translationKey(lists.after, interner);
    const networkBefore = idBefore === undefined && before.networks.contains(address);
    const networkAfter = idAfter === undefined && after.networks.contains(address);
    const presence = idBefore === undefined ? 'joins' : idAfter === undefined ? 'leaves' : 'stays';
    const key = JSON.stringify([
      presence,
      family,
      idBefore,
      idAfter,
      keyBefore.held,
      keyAfter.held,
      networkBefore,
      networkAfter,
    ]);
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = {
        presence,
        family,
        senders: [],
        before: () => left.passing(idBefore, networkBefore, family, keyBefore.held, lists.before),
        after: () => right.passing(idAfter, networkAfter, family, keyAfter.held, lists.after),
      };
      buckets.set(key, bucket);
    }
    bucket.senders.push(sender);
    if (presence === 'stays' && keyBefore.whole !== keyAfter.whole) {
      const wholeKey = `${key}\n${keyBefore.whole}\n${keyAfter.whole}`;
      const group = translated.get(wholeKey);
      if (group === undefined) translated.set(wholeKey, { bucket, senders: [sender], lists });
      else group.senders.push(sender);
    }
  });
  const changes: TrafficChange[] = [];
  for (const bucket of buckets.values()) changes.push(...(yield* changing(bucket)));
  const translations: TranslationChange[] = [];
  for (const group of translated.values()) {
    translations.push(...translationChanges(group));
    yield;
  }
  return {
    changes: yield* merging(changes),
    translations: inOrder(translations, translationText),
    freed: governedBefore.subtract(governedAfter).subtract(ordinary),
    taken: governedAfter.subtract(governedBefore).subtract(ordinary),
    unknownGained: before.present
      ? before.networks.subtract(after.present ? after.networks : PrefixSet.empty)
      : PrefixSet.empty,
    unknownLost: after.present
      ? after.networks.subtract(before.present ? before.networks : PrefixSet.empty)
      : PrefixSet.empty,
    lists: listsBetween(before.lists ?? new Map(), after.lists ?? new Map()),
    sendersBefore: before.senders.size,
    sendersAfter: after.senders.size,
  };
}

/** Nobody's flows and nobody's translation changes. */
export function isUnchanged(traffic: Traffic): boolean {
  const { changes, translations, freed, taken, unknownGained, unknownLost, lists } = traffic;
  return (
    changes.length === 0 &&
    translations.length === 0 &&
    lists.length === 0 &&
    [freed, taken, unknownGained, unknownLost].every((set) => set.isEmpty)
  );
}

/** Destinations that a firewall judges; none where nothing of ours is on it. */
export function governedBy(behaviour: Behaviour): PrefixSet {
  if (!behaviour.present) return PrefixSet.empty;
  const { destinations, inside } = behaviour;
  const last = governedOf.get(destinations);
  if (last?.inside === inside) return last.without;
  const without = destinations.subtract(inside);
  governedOf.set(destinations, { inside, without });
  return without;
}

// The guard is asked in every round, mostly about the same destinations and the same classes: what follows from these alone is kept with them.
const governedOf = new WeakMap<PrefixSet, { readonly inside: PrefixSet; readonly without: PrefixSet }>();
const flowsInto = new WeakMap<PrefixSet, { readonly 4: FlowSet; readonly 6: FlowSet }>();
const intersections = new WeakMap<FlowSet, { readonly domain: FlowSet; readonly both: FlowSet }>();

function within(allowed: FlowSet, domain: FlowSet): FlowSet {
  const last = intersections.get(allowed);
  if (last?.domain === domain) return last.both;
  const both = allowed.intersect(domain);
  intersections.set(allowed, { domain, both });
  return both;
}

/** A few addresses that join or leave what is inside: nodes that come and go. Empty when there are more than a few. */
export function ordinaryInside(before: PrefixSet, after: PrefixSet): PrefixSet {
  const moved = before.subtract(after).union(after.subtract(before));
  return moved.size <= ORDINARY_INSIDE ? moved : PrefixSet.empty;
}

interface Lists {
  readonly before: readonly TranslationBehaviour[];
  readonly after: readonly TranslationBehaviour[];
}

function* allSenders(before: Behaviour, after: Behaviour): Generator<string> {
  yield* before.senders.keys();
  for (const sender of after.senders.keys()) if (!before.senders.has(sender)) yield sender;
}

function flowsTo(destinations: PrefixSet): { readonly 4: FlowSet; readonly 6: FlowSet } {
  const known = flowsInto.get(destinations);
  if (known !== undefined) return known;
  const made = {
    4: FlowSet.matching(4, { destination: destinations.family(4) }),
    6: FlowSet.matching(6, { destination: destinations.family(6) }),
  };
  flowsInto.set(destinations, made);
  return made;
}

/** The flows whose first translation says that they are held. */
function heldFlows(list: readonly TranslationBehaviour[], family: Family): FlowSet {
  let held = FlowSet.nothing(family);
  let earlier = FlowSet.nothing(family);
  for (const { flows, to } of list) {
    if (to.kind === 'Hold') held = held.union(flows.subtract(earlier));
    earlier = earlier.union(flows);
  }
  return held;
}

function* changing(bucket: Bucket): Pieces<readonly TrafficChange[]> {
  const { presence, family } = bucket;
  const flows = orTooMany(() => {
    const before = bucket.before();
    const after = bucket.after();
    return before === after || before.equals(after)
      ? 'same'
      : { gained: after.subtract(before), lost: before.subtract(after) };
  });
  yield;
  return flows === 'same' ? [] : [{ presence, family, senders: yield* sorted(bucket.senders, byCode), flows }];
}

/** `undefined` where the flows are too many boxes; every other failure goes on. */
function orTooMany<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof SallyportError && thrown.code === 'FLOW_SET_LIMIT') return undefined;
    throw thrown;
  }
}

/** Changes of the same flows become one, whatever ids they came from: ids are the device's, the reader sees flows. */
function* merging(changes: readonly TrafficChange[]): Pieces<readonly TrafficChange[]> {
  const alike: TrafficChange[][] = [];
  for (const change of changes) {
    const { presence, family, flows } = change;
    const others = alike.find(
      ([other]) => other?.presence === presence && other.family === family && sameFlows(other.flows, flows),
    );
    if (others === undefined) alike.push([change]);
    else others.push(change);
    yield;
  }
  const result: TrafficChange[] = [];
  for (const [first, ...others] of alike) {
    if (first === undefined) continue;
    const senders = [first, ...others].flatMap((change) => change.senders);
    result.push(others.length === 0 ? first : { ...first, senders: yield* sorted(senders, byCode) });
  }
  return inOrder(result, changeText);
}

function sameFlows(a: TrafficChange['flows'], b: TrafficChange['flows']): boolean {
  if (a === undefined || b === undefined) return a === b;
  return same(a.gained, b.gained) && same(a.lost, b.lost);
}

function same(a: FlowSet, b: FlowSet): boolean {
  return a === b || a.equals(b);
}

function translationChanges(group: {
  readonly bucket: Bucket;
  readonly senders: string[];
  readonly lists: Lists;
}): TranslationChange[] {
  const { bucket, lists } = group;
  const { family } = bucket;
  const senders = group.senders.toSorted();
  const found = orTooMany(() => {
    const both = bucket.before().intersect(bucket.after());
    const pieces: TranslationChange[] = [];
    for (const old of regions(lists.before, family))
      for (const now of regions(lists.after, family)) {
        if (old.to === now.to) continue;
        const flows = old.flows.intersect(now.flows).intersect(both);
        if (!flows.isEmpty) pieces.push({ family, senders, flows, from: old.to, to: now.to });
      }
    return pieces;
  });
  return found ?? [{ family, senders, flows: FlowSet.everything(family), from: 'several', to: 'several' }];
}

/** All flows in disjoint regions by what they are translated to; regions that are held are left out. */
function regions(
  list: readonly TranslationBehaviour[],
  family: Family,
): { readonly flows: FlowSet; readonly to: string }[] {
  const found: { readonly flows: FlowSet; readonly to: string }[] = [];
  let rest = FlowSet.everything(family);
  for (const { flows, to } of list) {
    if (to.kind !== 'Hold') found.push({ flows: flows.intersect(rest), to: to.kind === 'Address' ? to.address : OWN });
    rest = rest.subtract(flows);
  }
  found.push({ flows: rest, to: OWN });
  return found;
}

/** Sorted by texts, each made once: they name all senders. */
function inOrder<T>(values: readonly T[], textOf: (value: T) => string): readonly T[] {
  const texts = values.map((value) => ({ value, text: textOf(value) }));
  return texts.sort((a, b) => byCode(a.text, b.text)).map(({ value }) => value);
}

/** The order of `sort` without a callback. */
function byCode(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

const PRESENCES: readonly Presence[] = ['stays', 'leaves', 'joins'];

function changeText(change: TrafficChange): string {
  return `${PRESENCES.indexOf(change.presence)} ${change.family} ${change.senders.join(' ')}`;
}

function translationText(change: TranslationChange): string {
  return `${change.family} ${change.senders.join(' ')} ${change.from} ${change.to}`;
}
