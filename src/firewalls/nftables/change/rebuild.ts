import { chainDifference } from './chain-difference.ts';
import type { NftTable } from '../table/model.ts';
import { isOurName, OWNER_SET } from '../table/names.ts';
import { objectDifference, type ObjectDifference } from './object-difference.ts';
import { FORM, parseOwner } from '../table/owner.ts';

/**
 * Whether the table cannot be mended in place: it has another form, somebody put objects or base chains into it, or changed what may not be
 * emptied or has no way to be changed. Then the whole of it is replaced in one transaction, which live connections do not notice.
 */
export function needsRebuild(actual: NftTable, wanted: NftTable): boolean {
  const owner = parseOwner(actual.sets.get(OWNER_SET)?.comment ?? '');
  if (owner?.form !== FORM || actual.foreign.length > 0) return true;
  const apart = objectDifference(actual, wanted);
  const { gone } = chainDifference(actual.chains, wanted.chains);
  // Whether somebody else gave one of the names: what is wanted has ours.
  const others = [...apart.goneSets, ...apart.goneMaps].map(([name]) => name);
  if ([...others, ...gone].some((name) => !isOurName(name))) return true;
  return baseChainsDiffer(actual, wanted) || objectsDiffer(actual, apart);
}

function baseChainsDiffer(actual: NftTable, wanted: NftTable): boolean {
  const { changed, gone } = chainDifference(actual.chains, wanted.chains);
  for (const name of changed)
    if (wanted.chains.get(name)?.base !== undefined || actual.chains.get(name)?.base !== undefined) return true;
  return [...gone].some((name) => actual.chains.get(name)?.base !== undefined);
}

function objectsDiffer(actual: NftTable, { sets, maps }: ObjectDifference): boolean {
  for (const [name, set] of sets) {
    const now = actual.sets.get(name);
    if (actual.maps.has(name) || (now !== undefined && now.type !== set.type)) return true;
    // Deleting a set that rules name takes emptying them; only sets for people and the owner mark have comments.
    if (now !== undefined && set.comment === undefined && now.comment !== undefined) return true;
  }
  for (const [name, map] of maps) {
    const now = actual.maps.get(name);
    if (actual.sets.has(name) || (now !== undefined && (now.type !== map.type || now.comment !== map.comment)))
      return true;
  }
  return false;
}
