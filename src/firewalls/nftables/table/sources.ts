import { type BucketDifference, BucketMap } from '../../../base/bucket-map.ts';
import type { Family } from '../../../border/ruleset.ts';
import { derive } from './derived.ts';
import type { NftTable } from './model.ts';
import { familyName } from './names.ts';
import { type Dispatch, knownSources } from './skeleton.ts';

const NO_ENTRIES = BucketMap.empty<string>();
const resolved = new WeakMap<
  BucketMap<string>,
  { readonly classes: BucketMap<string>; readonly to: BucketMap<string> }
>();

/** How a table finds the class of a source; what it says itself, by the rule that does it. */
export function dispatchOf(table: NftTable, family: Family): Dispatch {
  const rules = table.chains.get(familyName('governed', family))?.rules ?? [];
  return rules.some((rule) => rule.kind === 'ours' && rule.action.do === 'dispatchByNumber') ? 'ByNumber' : 'ByAddress';
}

/** Every known source of a family; what it is led to is a verdict, or the number of one (`classesOf`). */
export function rawSourcesOf(table: NftTable, family: Family): BucketMap<string> {
  return table.maps.get(knownSources(dispatchOf(table, family), family))?.elements ?? NO_ENTRIES;
}

/** The verdict of each class number; empty where sources are led to verdicts directly. */
export function classesOf(table: NftTable, family: Family): BucketMap<string> {
  if (dispatchOf(table, family) === 'ByAddress') return NO_ENTRIES;
  return table.maps.get(familyName('class', family))?.elements ?? NO_ENTRIES;
}

/** How the sources of two tables and their verdicts differ, at the cost of what changed where both dispatch alike. */
export function sourceDifference(from: NftTable, to: NftTable, family: Family): BucketDifference<string> {
  if (dispatchOf(from, family) !== dispatchOf(to, family)) return resolvedDifference(from, to, family);
  const raw = rawSourcesOf(from, family).difference(rawSourcesOf(to, family));
  if (dispatchOf(from, family) === 'ByAddress') return raw;
  const before = classesOf(from, family);
  const after = classesOf(to, family);
  if (before.difference(after).changed.length > 0) return resolvedDifference(from, to, family);
  const led = (classes: BucketMap<string>, number: string): string => classes.get(number) ?? 'drop';
  return {
    added: raw.added.map(([source, number]) => [source, led(after, number)] as const),
    removed: raw.removed.map(([source, number]) => [source, led(before, number)] as const),
    changed: raw.changed.map(([source, was, is]) => [source, led(before, was), led(after, is)] as const),
  };
}

function resolvedDifference(from: NftTable, to: NftTable, family: Family): BucketDifference<string> {
  return sourcesOf(from, family).difference(sourcesOf(to, family));
}

/** Every known source of a family and the verdict it is led to (`goto c4_…`, `accept`), whichever form the dispatch has. */
export function sourcesOf(table: NftTable, family: Family): BucketMap<string> {
  const sources = rawSourcesOf(table, family);
  if (dispatchOf(table, family) === 'ByAddress') return sources;
  const classes = classesOf(table, family);
  const known = resolved.get(sources);
  if (known?.classes === classes) return known.to;
  const to = derive(sources, (_, number) => classes.get(number)).result;
  resolved.set(sources, { classes, to });
  return to;
}
