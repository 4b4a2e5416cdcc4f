import { BucketMap } from '../../base/bucket-map.ts';
import type { Family } from '../../border/ruleset.ts';
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

/** Every known source of a family and the verdict it is led to (`goto c4_…`, `accept`), whichever form the dispatch has. */
export function sourcesOf(table: NftTable, family: Family): BucketMap<string> {
  const dispatch = dispatchOf(table, family);
  const sources = table.maps.get(knownSources(dispatch, family))?.elements ?? NO_ENTRIES;
  if (dispatch === 'ByAddress') return sources;
  const classes = table.maps.get(familyName('class', family))?.elements ?? NO_ENTRIES;
  const known = resolved.get(sources);
  if (known?.classes === classes) return known.to;
  const to = derive(sources, (_, number) => classes.get(number)).result;
  resolved.set(sources, { classes, to });
  return to;
}
