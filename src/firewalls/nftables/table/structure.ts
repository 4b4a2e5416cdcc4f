import { createHash } from 'node:crypto';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Diagnostic } from '../../../base/diagnostic.ts';
import type { ClassId, Group, GroupId, Nat, Origin, Ruleset } from '../../../border/ruleset.ts';
import { ClassWriter } from './classes.ts';
import { outsideSetName } from './matches.ts';
import { DEAD_MARK, emptySet, type NftMap, type NftSet, type NftTable } from './model.ts';
import { contentHash, familyName, groupSetName, OWNER_SET } from './names.ts';
import { ownerOf, ownerText } from './owner.ts';
import { renderStructure } from './render.ts';
import { Chains } from './rules.ts';
import { SharedSets } from './shared-sets.ts';
import { defineSkeleton, type Dispatch, dispatchMaps, FAMILIES, skeletonSets } from './skeleton.ts';
import { userText } from './text.ts';
import { defineTranslation, type NatNames, natNames, natObjects } from './translation.ts';

/** What was made from the parts of a ruleset that membership never touches. */
export interface Structure {
  readonly ruleset: Ruleset;
  readonly dispatch: Dispatch;
  /** All objects; literal networks and ports have their elements, what has members is empty. */
  readonly table: NftTable;
  /** What the dispatch map holds for a member of the class: a verdict, or a number in decimal digits. */
  readonly classTexts: ReadonlyMap<ClassId, string>;
  /** The set of each group. */
  readonly setNames: ReadonlyMap<GroupId, string>;
  /** The objects of each SourceNAT. */
  readonly natNames: ReadonlyMap<string, NatNames>;
  readonly refusals: readonly Diagnostic[];
  readonly origins: ReadonlyMap<string, Origin>;
}

/** The structure of a ruleset; `previous` itself where nothing that it was made from has changed. */
export function structureOf(ruleset: Ruleset, dispatch: Dispatch, previous?: Structure): Structure {
  if (previous !== undefined && previous.dispatch === dispatch && sameStructure(previous.ruleset, ruleset))
    return previous;
  const chains = new Chains();
  const shared = new SharedSets();
  const base = defineSkeleton(chains, dispatch);
  for (const family of FAMILIES) defineTranslation(chains, shared, ruleset.groups, family, ruleset.nats);
  const writer = new ClassWriter(chains, shared, ruleset.groups);
  const verdicts = new Map<ClassId, string>();
  for (const [id, of] of [...ruleset.classes].sort(([a], [b]) => (a < b ? -1 : 1)))
    verdicts.set(id, writer.verdict(of));

  const setNames = new Map([...ruleset.groups].map(([id, group]) => [id, setNameOf(group)] as const));
  const sets = new Map<string, NftSet>([...shared.sets, ...skeletonSets(), ...groupSets(ruleset.groups)]);
  const maps = new Map<string, NftMap>(dispatchMaps(dispatch));
  for (const nat of ruleset.nats) {
    const objects = natObjects(nat);
    for (const [name, set] of objects.sets) sets.set(name, set);
    maps.set(...objects.map);
  }
  let classTexts: ReadonlyMap<ClassId, string> = verdicts;
  if (dispatch === 'ByNumber') {
    const numbers = numberVerdicts(verdicts.values());
    classTexts = new Map([...verdicts].map(([id, verdict]) => [id, numbers.get(verdict) ?? '']));
    for (const family of FAMILIES) {
      const elements = [...numbers].filter(([verdict]) => ofFamily(verdict, family)).map(([v, n]) => [n, v] as const);
      maps.set(familyName('class', family), { type: 'number:verdict', elements: BucketMap.from(elements) });
    }
  }
  const unowned: NftTable = { sets, maps, chains: new Map([...base, ...chains.chains]), foreign: [] };
  sets.set(OWNER_SET, ownerSet(ruleset, unowned));
  const { refusals } = writer;
  const names = new Map(ruleset.nats.map((nat) => [nat.id, natNames(nat)] as const));
  return {
    ruleset,
    dispatch,
    table: unowned,
    classTexts,
    setNames,
    natNames: names,
    refusals,
    origins: chains.origins,
  };
}

function ownerSet(ruleset: Ruleset, table: NftTable): NftSet {
  const rules = contentHash(renderStructure(table));
  return emptySet('number', ownerText(ownerOf(ruleset.cluster, ruleset.firewall, rules)));
}

/** `goto c4_…` leads to a class of IPv4; `accept` serves both. */
function ofFamily(verdict: string, family: 4 | 6): boolean {
  return verdict === 'accept' || verdict.startsWith(`goto c${family}_`);
}

function groupSets(groups: ReadonlyMap<GroupId, Group>): [string, NftSet][] {
  return [...groups.values()].map((group) => {
    const name = setNameOf(group);
    if (group.kind === 'Outside') return [name, emptySet(group.family === 4 ? 'net4' : 'net6')];
    const comment = `name=${userText(group.deviceName, 110)}`;
    return [name, emptySet(group.family === 4 ? 'address4' : 'address6', comment)];
  });
}

function setNameOf(group: Group): string {
  return group.kind === 'Outside' ? outsideSetName(group) : groupSetName(group.deviceName, group.family);
}

/**
 * A number for each verdict, from a hash of its text, in decimal digits: 31 bits, never zero, and never with the bit that means "cut" in
 * connection marks, in case somebody copies packet marks there. Where two fall together the later in order takes the next free hash.
 */
export function numberVerdicts(verdicts: Iterable<string>): ReadonlyMap<string, string> {
  const numbers = new Map<string, string>();
  const taken = new Set<number>([0]);
  for (const verdict of [...new Set(verdicts)].sort()) {
    let number = 0;
    for (let attempt = 0; taken.has(number); attempt++) number = markNumber(`${attempt} ${verdict}`);
    taken.add(number);
    numbers.set(verdict, `${number}`);
  }
  return numbers;
}

function markNumber(text: string): number {
  return (createHash('sha256').update(text).digest().readUInt32BE(0) & ~DEAD_MARK) >>> 0;
}

/** Whether two rulesets differ in members and in the networks of groups alone. */
function sameStructure(a: Ruleset, b: Ruleset): boolean {
  return (
    a.firewall === b.firewall &&
    a.cluster === b.cluster &&
    sameEntries(a.classes, b.classes, Object.is) &&
    sameEntries(a.groups, b.groups, sameGroup) &&
    a.nats.length === b.nats.length &&
    a.nats.every((nat, index) => sameNat(nat, b.nats[index]))
  );
}

function sameEntries<V>(a: ReadonlyMap<string, V>, b: ReadonlyMap<string, V>, same: (a: V, b: V) => boolean): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !same(value, other)) return false;
  }
  return true;
}

function sameGroup(a: Group, b: Group): boolean {
  if (a.family !== b.family) return false;
  if (a.kind === 'Outside') return b.kind === 'Outside' && a.selector === b.selector;
  return b.kind === 'AddressGroup' && a.deviceName === b.deviceName;
}

function sameNat(a: Nat, b: Nat | undefined): boolean {
  return (
    b !== undefined &&
    a.id === b.id &&
    a.family === b.family &&
    a.origin.policy === b.origin.policy &&
    a.origin.rule === b.origin.rule &&
    a.protocol === b.protocol &&
    a.destination.equals(b.destination) &&
    (a.ports === undefined ? b.ports === undefined : b.ports !== undefined && a.ports.equals(b.ports))
  );
}
