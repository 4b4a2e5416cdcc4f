import { atOnce, type Pieces } from '../../../base/pieces.ts';
import type { Family } from '../../../border/ruleset.ts';
import { parseAddress } from '../../../ip/address.ts';
import type { PrefixSet } from '../../../ip/prefix-set.ts';
import { chainDifference } from './chain-difference.ts';
import type { NftSet, NftTable } from '../table/model.ts';
import { DEAD, DENIED, ESTABLISHED, FORWARD, familyName, isClassChain, POSTROUTING } from '../table/names.ts';
import { comparingObjects, type ObjectDifference } from './object-difference.ts';
import { referencesOf } from '../table/references.ts';
import { FAMILIES } from '../table/skeleton.ts';
import { sourceDifference, sourcesOf } from '../table/sources.ts';
import { networksOf } from '../meaning/networks.ts';

/** Whose connections a change touches. */
export interface Affected {
  /** The change is about no single addresses: what is governed, who must be known, how is translated, the chains everybody passes. */
  readonly everyone: boolean;
  /** Sources whose rights or translation change in any direction. */
  readonly changed: Record<Family, readonly string[]>;
  /** Sources that are no longer known and must therefore be silent. */
  readonly gone: Record<Family, readonly string[]>;
  /** `destinations` or `inside` change: what is said about a packet before and after is not about the same packets. */
  readonly governed: boolean;
}

const NOTHING_DIFFERS = (): boolean => false;

/** Compares what two tables let senders do, without looking at any flow. */
export function affected(actual: NftTable, wanted: NftTable): Affected {
  return atOnce(affecting(actual, wanted));
}

/** The same in pieces. */
export function* affecting(actual: NftTable, wanted: NftTable): Pieces<Affected> {
  const differs = differenceOf(actual, wanted, yield* comparingObjects(actual, wanted));
  const skeleton = [
    FORWARD,
    POSTROUTING,
    ESTABLISHED,
    DEAD,
    DENIED,
    ...FAMILIES.flatMap((family) => [
      familyName('governed', family),
      familyName('hold', family),
      familyName('translate', family),
    ]),
  ];
  yield;
  const four = affectedSources(actual, wanted, 4, differs);
  yield;
  const six = affectedSources(actual, wanted, 6, differs);
  yield;
  return {
    everyone: skeleton.some(differs),
    changed: { 4: four.changed, 6: six.changed },
    gone: { 4: four.gone, 6: six.gone },
    governed: FAMILIES.some((family) =>
      (['destinations', 'inside'] as const).some((name) => {
        const set = familyName(name, family);
        return conditionDiffers(actual.sets.get(set), wanted.sets.get(set));
      }),
    ),
  };
}

/** Whether a source that is not known may say nothing. */
export function mustBeKnown(table: NftTable, family: Family, source: string): boolean {
  return holds(networksOf(table, family), source);
}

function affectedSources(
  actual: NftTable,
  wanted: NftTable,
  family: Family,
  differs: (chain: string) => boolean,
): { readonly changed: readonly string[]; readonly gone: readonly string[] } {
  const mustBeKnownBefore = networksOf(actual, family);
  const mustBeKnownAfter = networksOf(wanted, family);
  const { added, removed, changed } = sourceDifference(actual, wanted, family);

  const gone = removed.map(([source]) => source).filter((source) => holds(mustBeKnownAfter, source));
  const touched = new Set(changed.map(([source]) => source));
  // Who was unknown where everybody must be known could say nothing: there is no connection to judge.
  const silent = new Set([...gone, ...added.map(([source]) => source).filter((one) => holds(mustBeKnownBefore, one))]);
  for (const [source, verdict] of added) if (verdict !== 'accept') touched.add(source);
  // Left to the device's other rules: what was cut may go on.
  for (const [source] of removed) touched.add(source);
  for (const source of translationChanges(actual, wanted, family)) touched.add(source);

  const classes = changedClasses(actual, wanted, differs);
  if (classes.size > 0)
    for (const [source, verdict] of sourcesOf(wanted, family).entries()) if (classes.has(verdict)) touched.add(source);
  return { gone, changed: [...touched].filter((source) => !silent.has(source)).sort() };
}

/** Verdicts that lead to a class that both tables have and that is not the same in them. */
function changedClasses(actual: NftTable, wanted: NftTable, differs: (chain: string) => boolean): ReadonlySet<string> {
  const changed = new Set<string>();
  if (differs === NOTHING_DIFFERS) return changed;
  for (const name of wanted.chains.keys())
    if (isClassChain(name) && actual.chains.has(name) && differs(name)) changed.add(`goto ${name}`);
  return changed;
}

function holds(nets: PrefixSet, source: string): boolean {
  const address = parseAddress(source);
  return address !== undefined && nets.contains(address);
}

/** Sources that one of the translation's sets or maps holds differently; objects that are there once only change the chains as well. */
function translationChanges(actual: NftTable, wanted: NftTable, family: Family): ReadonlySet<string> {
  const touched = new Set<string>();
  const note = (entries: Iterable<readonly [string, ...unknown[]]>): void => {
    for (const [source] of entries) touched.add(source);
  };
  const names = new Set<string>();
  for (const rule of wanted.chains.get(familyName('translate', family))?.rules ?? []) {
    for (const name of referencesOf(rule).sets) names.add(name);
  }
  for (const name of names) {
    const mapBefore = actual.maps.get(name);
    const mapAfter = wanted.maps.get(name);
    if (mapBefore !== undefined && mapAfter !== undefined) {
      const { added, removed, changed } = mapBefore.elements.difference(mapAfter.elements);
      for (const entries of [added, removed, changed]) note(entries);
    }
    const setBefore = actual.sets.get(name);
    const setAfter = wanted.sets.get(name);
    if (setBefore === undefined || setAfter === undefined || !isOfAddresses(setAfter)) continue;
    const { added, removed } = setBefore.elements.difference(setAfter.elements);
    for (const entries of [added, removed]) note(entries);
  }
  return touched;
}

function isOfAddresses(set: NftSet): boolean {
  return set.type === 'address4' || set.type === 'address6';
}

/** Whether a chain, or one it leads to, or a set of networks or services that they ask, is not the same in both tables. */
function differenceOf(actual: NftTable, wanted: NftTable, apart: ObjectDifference): (chain: string) => boolean {
  const known = new Map<string, boolean>();
  const setDiffers = (name: string): boolean => {
    const key = `set ${name}`;
    let different = known.get(key);
    if (different === undefined) {
      different = conditionDiffers(actual.sets.get(name), wanted.sets.get(name));
      known.set(key, different);
    }
    return different;
  };
  const { changed, gone } = chainDifference(actual.chains, wanted.chains);
  if (changed.size === 0 && !apart.sets.some(([name]) => setDiffers(name))) return NOTHING_DIFFERS;
  const differs = (name: string): boolean => {
    const decided = known.get(name);
    if (decided !== undefined) return decided;
    known.set(name, false);
    const different =
      changed.has(name) ||
      gone.has(name) ||
      (wanted.chains.get(name)?.rules ?? []).some((rule) => {
        const { chains, sets } = referencesOf(rule);
        return sets.some(setDiffers) || chains.some(differs);
      });
    known.set(name, different);
    return different;
  };
  return differs;
}

/** Sets of single addresses are members and looked at one by one; maps are not sets. */
function conditionDiffers(before: NftSet | undefined, after: NftSet | undefined): boolean {
  if (before === undefined && after === undefined) return false;
  if (before === undefined || after === undefined || before.type !== after.type) return true;
  if (isOfAddresses(after) || before.elements === after.elements) return false;
  const { added, removed } = before.elements.difference(after.elements);
  return added.length + removed.length > 0;
}
