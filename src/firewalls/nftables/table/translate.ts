import { BucketMap } from '../../../base/bucket-map.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import { atOnce, type Pieces } from '../../../base/pieces.ts';
import type { ClassId, Family, Nat, NatTarget, Origin, Ruleset } from '../../../border/ruleset.ts';
import type { PrefixSet } from '../../../ip/prefix-set.ts';
import { Ownership, unownedRefusal } from '../../unowned.ts';
import { type Derived, deriving } from './derived.ts';
import type { NftMap, NftSet, NftTable } from './model.ts';
import { familyName } from './names.ts';
import { netElements } from './shared-sets.ts';
import { FAMILIES, knownSources } from './skeleton.ts';
import { type Structure, structureOf } from './structure.ts';
import { natElement, natNames } from './translation.ts';

/**
 * Up to so many sources the map from address to class is quick to change; beyond, the class is found by number: the kernel walks the whole map
 * for each verdict that joins, and with it each chain where it is older than 6.18.6 (nftables reference, section 2).
 */
export const MOST_BY_ADDRESS = 5_000;

/** A ruleset as nftables holds it. */
export interface NftTranslation {
  readonly table: NftTable;
  /** `Keep`: connections are left alone when rights shrink. */
  readonly established: 'Cut' | 'Keep';
  readonly refusals: readonly Diagnostic[];
  /** Sets whose content nobody knows: what the device holds in them stays. Empty in `table`. */
  readonly held: ReadonlySet<string>;
  /** The whole origin behind each tag in comments and log prefixes. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** What the next translation can share. */
  readonly memory: Memory;
}

/** Work of one translation that the next can use. */
interface Memory {
  readonly structure: Structure;
  readonly members: Record<Family, Derived<ClassId, string>>;
  readonly nats: ReadonlyMap<string, NatMembers>;
  readonly ownership: Ownership;
}

interface NatMembers {
  readonly family: Family;
  readonly address: Derived<NatTarget, string>;
  readonly exempt: Derived<NatTarget, true>;
  readonly held: Derived<NatTarget, true>;
  /** Addresses that the device does not own, by source; these sources are held. */
  readonly unowned: Derived<NatTarget, string>;
}

/**
 * Writes a ruleset as a table. Refused is what nftables cannot say, and translations to addresses that the device does not own (`owns`;
 * `undefined`: not known); the table then has less pass, never more. `previous` makes it cheap where little changed and has no influence
 * on the result.
 */
export function translate(ruleset: Ruleset, previous?: NftTranslation, owns?: PrefixSet): NftTranslation {
  return atOnce(translating(ruleset, previous, owns));
}

/** The same in pieces. */
export function* translating(ruleset: Ruleset, previous?: NftTranslation, owns?: PrefixSet): Pieces<NftTranslation> {
  const dispatch = ruleset.members.size > MOST_BY_ADDRESS ? 'ByNumber' : 'ByAddress';
  const before = previous?.memory;
  const asked = new Ownership(owns);
  const sameOwner = before?.ownership.equals(asked) === true;
  const ownership = sameOwner ? before.ownership : asked;
  const structure = structureOf(ruleset, dispatch, before?.structure);
  yield;
  const members = yield* membersOf(ruleset, structure, before);
  const joinedOrLeft = before === undefined ? [] : changedKeys(before.members[4].source, ruleset.members);
  const nats = new Map<string, NatMembers>();
  for (const nat of ruleset.nats) {
    const usable = sameOwner ? before.nats.get(nat.id) : undefined;
    nats.set(nat.id, yield* natMembers(nat, ruleset.members, usable, joinedOrLeft, ownership));
  }

  // Of the same structure everything that is not as in the table before is filled below.
  const base = previous?.memory.structure === structure ? previous.table : structure.table;
  const sets = new Map(base.sets);
  const maps = new Map(base.maps);
  const fillSet = (name: string, elements: BucketMap<true>): void => {
    const set = sets.get(name);
    if (set !== undefined && set.elements !== elements) sets.set(name, withElements(set, elements));
  };
  const fillMap = (name: string, elements: BucketMap<string>): void => {
    const map = maps.get(name);
    if (map !== undefined && map.elements !== elements) maps.set(name, withEntries(map, elements));
  };
  for (const family of FAMILIES) {
    for (const name of ['destinations', 'inside', 'networks'] as const)
      fillSet(familyName(name, family), netElements(ruleset[name], family));
    fillMap(knownSources(dispatch, family), members[family].result);
  }
  const held = new Set<string>();
  for (const [id, group] of ruleset.groups) {
    const name = structure.setNames.get(id);
    if (name === undefined) continue;
    if (group.kind === 'Outside') fillSet(name, netElements(group.nets, group.family));
    else if (group.held === true) {
      held.add(name);
      fillSet(name, BucketMap.empty());
    } else fillSet(name, group.members);
  }
  const refusals = [...structure.refusals];
  for (const nat of ruleset.nats) {
    const own = nats.get(nat.id);
    if (own === undefined) continue;
    if (own.unowned.result.size > 0) {
      const addresses = [...own.unowned.result.entries()].map(([, address]) => address);
      refusals.push(unownedRefusal(nat, addresses, ruleset.firewall));
    }
    const names = structure.natNames.get(nat.id) ?? natNames(nat);
    fillMap(names.map, own.address.result);
    fillSet(names.exempt, own.exempt.result);
    fillSet(names.held, own.held.result);
  }
  return {
    table: { ...structure.table, sets, maps },
    established: ruleset.established,
    refusals,
    held,
    origins: structure.origins,
    memory: { structure, members, nats, ownership },
  };
}

function* membersOf(
  ruleset: Ruleset,
  structure: Structure,
  before: Memory | undefined,
): Pieces<Record<Family, Derived<ClassId, string>>> {
  const texts = structure.classTexts;
  const usable = before !== undefined && stillTrue(before, texts) ? before : undefined;
  const of =
    (family: Family) =>
    (key: string, id: ClassId): string | undefined =>
      key.includes(':') === (family === 6) ? texts.get(id) : undefined;
  return {
    4: yield* deriving(ruleset.members, of(4), usable?.members[4]),
    6: yield* deriving(ruleset.members, of(6), usable?.members[6]),
  };
}

/** Whether the elements made before would be made again: no class changed, and none appeared that a member had waited for. */
function stillTrue({ structure, members }: Memory, texts: ReadonlyMap<ClassId, string>): boolean {
  const before = structure.classTexts;
  if (before === texts) return true;
  for (const [id, text] of before) if (texts.get(id) !== text) return false;
  return members[4].result.size + members[6].result.size === members[4].source.size;
}

/** Keys that are in one of the two only. */
function changedKeys(before: BucketMap<ClassId>, after: BucketMap<ClassId>): readonly string[] {
  const { added, removed } = before.difference(after);
  return [...added, ...removed].map(([key]) => key);
}

/** Senders that are no members are left to the device's other rules, translation included. */
function* natMembers(
  nat: Nat,
  members: BucketMap<ClassId>,
  before: NatMembers | undefined,
  joinedOrLeft: readonly string[],
  ownership: Ownership,
): Pieces<NatMembers> {
  const usable = before?.family === nat.family ? before : undefined;
  const element = (source: string, target: NatTarget): ReturnType<typeof natElement> =>
    members.has(source) ? natElement(nat.family, target, ownership.unowned(target) === undefined) : {};
  const unowned = (source: string, target: NatTarget): string | undefined =>
    members.has(source) ? ownership.unowned(target) : undefined;
  return {
    family: nat.family,
    address: yield* deriving(nat.sources, (source, to) => element(source, to).address, usable?.address, joinedOrLeft),
    exempt: yield* deriving(nat.sources, (source, to) => element(source, to).exempt, usable?.exempt, joinedOrLeft),
    held: yield* deriving(nat.sources, (source, to) => element(source, to).held, usable?.held, joinedOrLeft),
    unowned: yield* deriving(nat.sources, unowned, usable?.unowned, joinedOrLeft),
  };
}

function withElements(set: NftSet, elements: BucketMap<true>): NftSet {
  return { ...set, elements };
}

function withEntries(map: NftMap, elements: BucketMap<string>): NftMap {
  return { ...map, elements };
}
