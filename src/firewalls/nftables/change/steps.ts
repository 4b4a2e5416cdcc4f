import type { DeviceOwner } from '../../driver.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import { SallyportError } from '../../../base/error.ts';
import { atOnce, type Pieces } from '../../../base/pieces.ts';
import type { Family } from '../../../border/ruleset.ts';
import type { ObjectChange, Step } from '../../../plan/step.ts';
import { type Affected, affecting, mustBeKnown } from './affected.ts';
import { chainDifference } from './chain-difference.ts';
import { EMPTY_TABLE, emptySet, type NftMap, type NftSet, type NftTable, type SetType } from '../table/model.ts';
import { familyName, OWNER_SET } from '../table/names.ts';
import { comparingObjects } from './object-difference.ts';
import { describeOperations, isMembership, type Operation, renderOperations } from '../table/operation.ts';
import { type Owner, ownerText, parseOwner, ownerOf } from '../table/owner.ts';
import { FAMILIES, knownSources } from '../table/skeleton.ts';
import { dispatchOf, rawSourcesOf } from '../table/sources.ts';
import { needsRebuild } from './rebuild.ts';
import { prepared, steppedAside } from './packets-under-way.ts';
import { transiting } from './transition.ts';
import { waypoints } from './waypoints.ts';
import type { NftTranslation } from '../table/translate.ts';

/** One transaction: all or nothing in the kernel. */
export interface TransactionStep extends Step {
  readonly does: 'transaction';
  readonly operations: readonly Operation[];
  /** The table afterwards; to see whether an interrupted step was done. */
  readonly after: NftTable | undefined;
  /** Senders whose connections have to be judged after it, whenever they were judged before. */
  readonly touches: 'everyone' | readonly string[];
}

/** The connections of these sources, or of everybody, are judged (`judge`) by this table and treated accordingly. */
export interface JudgeStep extends Step {
  readonly does: 'judge';
  readonly table: NftTable;
  readonly scope: 'everyone' | readonly string[];
}

export type NftStep = TransactionStep | JudgeStep;

const TRUE: true = true;
const NOBODY: Affected['gone'] = { 4: [], 6: [] };
const NO_CHANGES: Affected = { everyone: false, changed: NOBODY, gone: NOBODY, governed: false };
const NO_SENDERS: ReadonlySet<string> = new Set();
/** Cleaning up after so many addresses is one line of the long-lived nft, a few milliseconds; newcomers wait for no more than that. */
const PORTION = 12;
/** Where more are left, so much of them at once: it is never more than what leaves within a few changes. */
const PART = 1 / 8;

/**
 * Steps from what was read back, without bookkeeping (the fence), to what is wanted; none when they agree. Each is one transaction or one round
 * over the connections, and after each of them the table is safe and the rest of the way is found again from it:
 * 1. Addresses that were given back are silenced: additions to `recheck` and `gone`, nothing else, so that it is in force at once.
 * 2. All other changes, in one transaction; whose rights or translation changed joins `recheck` in it. Before it comes another one with the
 *    chains and sets that it will lead to (`prepared`).
 * 3. The connections of `recheck` and `gone`, or of everybody, are judged.
 * 4. `recheck` and `gone` are emptied, and what nothing needs any more leaves.
 * With `established: Keep` connections are left alone: no `recheck`, no `gone`, no round.
 *
 * `judged`: senders in `recheck` or `gone` whose connections were judged, and nothing was changed for them since. They are cleaned up after before
 * the others are judged.
 */
export function stepsTo(
  actual: NftTable | undefined,
  wanted: NftTranslation,
  judged: ReadonlySet<string> = NO_SENDERS,
): readonly NftStep[] {
  return atOnce(stepping(actual, wanted, judged));
}

/** The same in pieces. */
export function* stepping(
  actual: NftTable | undefined,
  wanted: NftTranslation,
  judged: ReadonlySet<string>,
): Pieces<readonly NftStep[]> {
  const planner = new Planner(actual, wanted, judged);
  yield* planner.plan();
  return planner.steps;
}

/**
 * What leaving takes: the table goes, and with it everything of ours. Connections stay as they are. Throws DEVICE_OWNED where the table
 * is another cluster's or firewall's.
 */
export function stepsToLeave(actual: NftTable | undefined, owner: DeviceOwner): readonly NftStep[] {
  if (actual === undefined) return [];
  refuseForeignOwner(actual, ownerOf(owner.cluster, owner.firewall, ''));
  const objects: readonly ObjectChange[] = [
    { change: '-', kind: 'table', name: 'sallyport', detail: 'with everything in it' },
  ];
  const operations: readonly Operation[] = [{ op: 'deleteTable' }];
  const title = 'remove our table';
  const rest = { objects, urgent: false, operations, after: undefined, touches: 'everyone' } as const;
  return [{ does: 'transaction', kind: 'Remove', title, ...rest }];
}

/** The text of a step for `nft -f`; `undefined` for a round over connections. */
export function renderStep(step: NftStep): string | undefined {
  return step.does === 'judge' ? undefined : renderOperations(step.operations);
}

/** The owner mark of a table; `undefined` where it is missing or damaged. */
export function ownerOfTable(table: NftTable): Owner | undefined {
  return parseOwner(table.sets.get(OWNER_SET)?.comment ?? '');
}

/** Throws DEVICE_OWNED if the table's mark names another cluster or firewall. A table without a readable mark is ours, damaged. */
export function refuseForeignOwner(actual: NftTable, wanted: Owner): void {
  const owner = ownerOfTable(actual);
  if (owner === undefined || (owner.cluster === wanted.cluster && owner.firewall === wanted.firewall)) return;
  throw new SallyportError(
    'DEVICE_OWNED',
    `table inet sallyport belongs to firewall "${owner.firewall}" of cluster "${owner.cluster}"; let that one leave it first (\`sallyport uninstall\`), or name another device here`,
    { owner, wanted },
  );
}

class Planner {
  readonly steps: NftStep[] = [];
  readonly #wanted: NftTable;
  readonly #owner: Owner;
  readonly #cuts: boolean;
  #now: NftTable | undefined;
  #judged: ReadonlySet<string>;

  constructor(actual: NftTable | undefined, wanted: NftTranslation, judged: ReadonlySet<string>) {
    const owner = ownerOfTable(wanted.table);
    if (owner === undefined) throw new SallyportError('INTERNAL', 'the wanted table has no owner');
    if (actual !== undefined) refuseForeignOwner(actual, owner);
    this.#now = actual;
    this.#wanted = holding(wanted, actual);
    this.#owner = owner;
    this.#cuts = wanted.established === 'Cut';
    this.#judged = this.#cuts ? judged : NO_SENDERS;
  }

  *plan(): Pieces {
    const first = this.#now;
    if (first !== undefined) yield* comparingObjects(first, this.#wanted);
    const isRebuilt = first !== undefined && needsRebuild(first, this.#wanted);
    if (first === undefined || isRebuilt) this.#judged = NO_SENDERS;
    if (first === undefined) {
      const made = yield* this.#between(EMPTY_TABLE, undefined);
      const all = yield* transiting(EMPTY_TABLE, made);
      const operations: readonly Operation[] = [{ op: 'createTable' }, ...all];
      this.#transaction('Rules', 'make our table', made, operations, 'everyone');
    } else if (isRebuilt) {
      const { gone } = yield* affecting(first, this.#wanted);
      const carried = { ...EMPTY_TABLE, sets: bookkeeping(first, this.#cuts ? gone : NOBODY) };
      const made = yield* this.#between(carried, undefined);
      const anew: readonly Operation[] = [{ op: 'addTable' }, { op: 'deleteTable' }, { op: 'addTable' }];
      const operations = [...anew, ...(yield* transiting(EMPTY_TABLE, made))];
      this.#transaction('Rules', 'rebuild our table', made, operations, 'everyone');
    } else {
      const changes = yield* affecting(first, this.#wanted);
      const touches = this.#cuts ? touchedBy(first, changes) : 'everyone';
      this.#judged = touches === 'everyone' ? NO_SENDERS : without(this.#judged, touches);
      yield* this.#silence(first, changes, touches);
      const now = this.#now ?? first;
      const next = yield* this.#between(now, changes);
      for (const table of yield* waypoints(now, next)) {
        const from = this.#now ?? now;
        const aside = yield* steppedAside(from, table);
        if (aside !== undefined) yield* this.#change(from, aside, touches);
        yield* this.#change(this.#now ?? from, table, touches, table === next ? changes : undefined);
      }
    }
    yield;
    this.#judge();
    yield;
    yield* this.#clean();
  }

  #transaction(
    kind: Step['kind'],
    what: string,
    after: NftTable,
    operations: readonly Operation[],
    touches: TransactionStep['touches'],
    urgent = false,
  ): void {
    if (operations.length === 0) return;
    const objects = describeOperations(operations);
    this.steps.push({ does: 'transaction', kind, title: what, objects, urgent, operations, after, touches });
    this.#now = after;
  }

  /** From one table to another, once what nothing leads to yet is there. `last`: of all changes, where it is the last of them. */
  *#change(from: NftTable, next: NftTable, touches: TransactionStep['touches'], last?: Affected): Pieces {
    const ready = prepared(from, next);
    if (ready !== undefined) {
      const operations = yield* transiting(from, ready);
      this.#transaction('Rules', `prepare: ${title(operations)}`, ready, operations, []);
    }
    const now = ready ?? from;
    const operations = yield* transiting(now, next);
    if (!operations.every(isMembership)) this.#transaction('Rules', title(operations), next, operations, touches);
    else if (last === undefined) this.#transaction('Members', title(operations), next, operations, touches);
    else yield* this.#members(now, next, operations, last, touches);
  }

  /** Changes of members clean up after some who were judged on the way: in a stream of changes it is never the turn of that alone. */
  *#members(
    now: NftTable,
    next: NftTable,
    operations: readonly Operation[],
    changes: Affected,
    touches: TransactionStep['touches'],
  ): Pieces {
    const judged = this.#judged.size === 0 ? [] : pendingIn(now).filter((sender) => this.#judged.has(sender));
    const portion = judged.slice(0, Math.max(PORTION, Math.ceil(judged.length * PART)));
    if (portion.length === 0) return this.#transaction('Members', title(operations), next, operations, touches);
    const cleaned = portion.map((sender) => [sender, undefined] as const);
    if (operations.length === 0) {
      const clean = yield* this.#between(now, NO_CHANGES, cleaned);
      const all = yield* transiting(now, clean);
      this.#transaction('Clean', `clean up after ${counted(portion)}`, clean, all, []);
    } else {
      const both = yield* this.#between(now, changes, cleaned);
      const all = yield* transiting(now, both);
      this.#transaction('Members', title(all), both, all, touches);
    }
  }

  /**
   * Addresses that were given back may say nothing from now on. Together with all else, in the second step, where the silence would
   * concern packets that nobody will govern, or come about by `networks` that the table does not have yet.
   */
  *#silence(table: NftTable, { gone, governed }: Affected, touches: TransactionStep['touches']): Pieces {
    if (governed || FAMILIES.every((family) => gone[family].length === 0)) return;
    const sets = new Map(table.sets);
    const maps = new Map(table.maps);
    for (const family of FAMILIES) {
      if (this.#cuts) {
        for (const name of [familyName('recheck', family), familyName('gone', family)]) {
          const set = sets.get(name);
          if (set !== undefined) sets.set(name, withMembers(set, gone[family]));
        }
      } else {
        const name = knownSources(dispatchOf(table, family), family);
        const map = maps.get(name);
        const keys = gone[family].filter((source) => mustBeKnown(table, family, source));
        const left = keys.map((key) => [key, undefined] as const);
        if (map !== undefined) maps.set(name, { ...map, elements: map.elements.with(left) });
      }
    }
    const silent = { ...table, sets, maps };
    yield;
    const operations = yield* transiting(table, silent);
    const what = `silence ${counted(sendersIn(operations))}`;
    this.#transaction('Members', what, silent, operations, touches, true);
  }

  /**
   * The table after the second step: what is wanted, beside what leaves only when connections were judged. `changes` is `undefined` where
   * everybody has to be judged. `cleaned`: senders after whom everything is cleaned up in it.
   */
  *#between(
    now: NftTable,
    changes: Affected | undefined,
    cleaned: readonly (readonly [string, undefined])[] = [],
  ): Pieces<NftTable> {
    const sets = new Map(now.sets);
    const maps = new Map(now.maps);
    const silent = {
      4: this.#leaving(now, 4, cleaned),
      6: this.#leaving(now, 6, cleaned),
    };
    yield;
    const apart = yield* comparingObjects(now, this.#wanted);
    for (const [name, set] of apart.sets) {
      sets.set(name, keepingSet(now.sets.get(name), set, silent));
      yield;
    }
    for (const [name, map] of apart.maps) {
      maps.set(name, keepingMap(now.maps.get(name), map, silent));
      yield;
    }
    for (const family of FAMILIES) {
      yield;
      const gone = this.#cuts ? (changes?.gone[family] ?? []) : [];
      const changed = this.#cuts ? (changes?.changed[family] ?? []) : [];
      for (const [name, joining] of [['recheck', [...changed, ...gone]] as const, ['gone', gone] as const]) {
        const held = now.sets.get(familyName(name, family)) ?? emptySet(family === 4 ? 'address4' : 'address6');
        const joined = withMembers(held, joining);
        const elements = joined.elements.with(cleaned);
        sets.set(familyName(name, family), elements === joined.elements ? joined : { ...joined, elements });
      }
    }
    const pending = ownerOfTable(now)?.judge === 'all';
    const judge = this.#cuts && (pending || changes === undefined || changes.everyone) ? 'all' : 'none';
    sets.set(OWNER_SET, emptySet('number', ownerText({ ...this.#owner, judge })));
    return { sets, maps, chains: mergedChains(now, this.#wanted), foreign: [] };
  }

  /** Addresses in `gone` that nobody wants: what they are members of leaves when it is cleaned up after them. */
  #leaving(now: NftTable, family: Family, cleaned: readonly (readonly [string, undefined])[]): ReadonlySet<string> {
    const wanted = rawSourcesOf(this.#wanted, family);
    const gone = now.sets.get(familyName('gone', family))?.elements.keys() ?? [];
    const leaving = new Set([...gone].filter((source) => !wanted.has(source)));
    for (const [source] of cleaned) leaving.delete(source);
    return leaving;
  }

  #judge(): void {
    const table = this.#now;
    if (table === undefined || !this.#cuts) return;
    const everyone = ownerOfTable(table)?.judge === 'all';
    const sources = pendingIn(table).filter((source) => !this.#judged.has(source));
    if (!everyone && sources.length === 0) return;
    const scope = everyone ? 'everyone' : sources;
    const what = `judge the connections of ${scope === 'everyone' ? 'everybody' : counted(scope)}`;
    const beside = scope === 'everyone' ? {} : { beside: true as const };
    this.steps.push({ does: 'judge', kind: 'Cut', title: what, objects: [], urgent: false, table, scope, ...beside });
  }

  *#clean(): Pieces {
    if (this.#now === undefined) return;
    const operations = yield* transiting(this.#now, this.#wanted);
    this.#transaction('Clean', 'clean up', this.#wanted, operations, []);
  }
}

/** Senders whose connections have to be judged anew once these changes are made; those that were silenced before are not among them. */
function touchedBy(table: NftTable, { everyone, governed, changed, gone }: Affected): TransactionStep['touches'] {
  if (everyone || governed) return 'everyone';
  return FAMILIES.flatMap((family) => {
    const silent = table.sets.get(familyName('gone', family))?.elements;
    return [...changed[family], ...gone[family].filter((source) => silent?.has(source) !== true)];
  });
}

/** Senders in `recheck` or `gone`, sorted. */
function pendingIn(table: NftTable): readonly string[] {
  const names = FAMILIES.flatMap((family) => [familyName('recheck', family), familyName('gone', family)]);
  return [...new Set(names.flatMap((name) => [...(table.sets.get(name)?.elements.keys() ?? [])]))].sort();
}

function without(senders: ReadonlySet<string>, some: readonly string[]): ReadonlySet<string> {
  const left = new Set(senders);
  for (const sender of some) left.delete(sender);
  return left;
}

/** Addresses that elements are made of. */
function sendersIn(operations: readonly Operation[]): readonly string[] {
  const senders = new Set<string>();
  for (const operation of operations) {
    if (operation.op === 'addElements') for (const element of operation.elements) senders.add(element);
    else if (operation.op === 'deleteEntries') for (const key of operation.keys) senders.add(key);
  }
  return [...senders];
}

function counted(senders: readonly string[]): string {
  return `${senders.length} ${senders.length === 1 ? 'address' : 'addresses'}`;
}

/** The wanted table with the sets that nobody knows the content of as the device has them. */
function holding({ table, held }: NftTranslation, actual: NftTable | undefined): NftTable {
  if (held.size === 0 || actual === undefined) return table;
  const sets = new Map(table.sets);
  for (const name of held) {
    const wanted = table.sets.get(name);
    const now = actual.sets.get(name);
    if (wanted !== undefined && now?.type === wanted.type) sets.set(name, { ...wanted, elements: now.elements });
  }
  return { ...table, sets };
}

function withMembers(set: NftSet, members: readonly string[]): NftSet {
  const elements = set.elements.with(members.map((member) => [member, TRUE] as const));
  return elements === set.elements ? set : { ...set, elements };
}

/** What a rebuild carries over: who is being judged or silenced. */
function bookkeeping(table: NftTable, silenced: Affected['gone']): ReadonlyMap<string, NftSet> {
  const sets = new Map<string, NftSet>();
  for (const family of FAMILIES)
    for (const name of [familyName('recheck', family), familyName('gone', family)]) {
      const type: SetType = family === 4 ? 'address4' : 'address6';
      const now = table.sets.get(name);
      const elements = now?.type === type ? now.elements : BucketMap.empty<true>();
      sets.set(name, withMembers({ type, elements }, silenced[family]));
    }
  return sets;
}

/** All chains of both, the wanted ones as they are wanted; the very map that is there where nothing changes. */
function mergedChains(now: NftTable, wanted: NftTable): NftTable['chains'] {
  const { changed } = chainDifference(now.chains, wanted.chains);
  if (changed.size === 0) return now.chains;
  const chains = new Map(now.chains);
  for (const name of changed) {
    const chain = wanted.chains.get(name);
    if (chain !== undefined) chains.set(name, chain);
  }
  return chains;
}

function title(operations: readonly Operation[]): string {
  let joined = 0;
  let left = 0;
  for (const operation of operations) {
    if (operation.op === 'addElements') joined += operation.elements.length;
    else if (operation.op === 'addEntries') joined += operation.entries.length;
    else if (operation.op === 'deleteElements') left += operation.elements.length;
    else if (operation.op === 'deleteEntries') left += operation.keys.length;
  }
  const chains = new Set(operations.flatMap((operation) => (operation.op === 'addRules' ? [operation.chain] : [])));
  const parts = [
    chains.size === 0 ? '' : `write ${chains.size} ${chains.size === 1 ? 'chain' : 'chains'}`,
    joined === 0 ? '' : `add ${joined} ${joined === 1 ? 'element' : 'elements'}`,
    left === 0 ? '' : `remove ${left} ${left === 1 ? 'element' : 'elements'}`,
  ];
  return parts.filter((part) => part !== '').join(', ') || 'change objects';
}

/** The wanted set with those of its present members that leave later. */
function keepingSet(now: NftSet | undefined, wanted: NftSet, silent: Record<Family, ReadonlySet<string>>): NftSet {
  if (now === undefined || now.type !== wanted.type || now.comment !== wanted.comment) return wanted;
  const { added, removed } = now.elements.difference(wanted.elements);
  if (added.length + removed.length === 0) return now;
  const staying = wanted.type === 'address4' ? silent[4] : silent[6];
  const kept = removed.filter(([element]) => staying.has(element));
  return kept.length === 0 ? wanted : { ...wanted, elements: wanted.elements.with(kept) };
}

function keepingMap(now: NftMap | undefined, wanted: NftMap, silent: Record<Family, ReadonlySet<string>>): NftMap {
  if (now === undefined || now.type !== wanted.type) return wanted;
  const { added, removed, changed } = now.elements.difference(wanted.elements);
  if (added.length + removed.length + changed.length === 0) return now;
  // A packet that was given its number before finds it after: what leads from numbers to classes leaves when no number leads there.
  const staying = wanted.type.startsWith('address4') ? silent[4] : silent[6];
  const kept = wanted.type === 'number:verdict' ? removed : removed.filter(([key]) => staying.has(key));
  return kept.length === 0 ? wanted : { ...wanted, elements: wanted.elements.with(kept) };
}
