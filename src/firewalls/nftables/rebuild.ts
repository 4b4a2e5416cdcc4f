import { chainDifference } from './chain-difference.ts';
import type { NftTable } from './model.ts';
import { isOurName, OWNER_SET } from './names.ts';
import { FORM, parseOwner } from './owner.ts';

/**
 * Whether the table cannot be mended in place: it has another form, somebody put objects or base chains into it, or changed what may not be
 * emptied or has no way to be changed. Then the whole of it is replaced in one transaction, which live connections do not notice.
 */
export function needsRebuild(actual: NftTable, wanted: NftTable): boolean {
  const owner = parseOwner(actual.sets.get(OWNER_SET)?.comment ?? '');
  if (owner?.form !== FORM || actual.foreign.length > 0) return true;
  if (
    holdsOtherNames(actual.sets, wanted.sets) ||
    holdsOtherNames(actual.maps, wanted.maps) ||
    holdsOtherNames(actual.chains, wanted.chains)
  )
    return true;
  return baseChainsDiffer(actual, wanted) || objectsDiffer(actual, wanted);
}

/** Whether somebody else gave one of the names. What is wanted has ours, so only the others are looked at: this is asked in every round. */
function holdsOtherNames(actual: ReadonlyMap<string, unknown>, wanted: ReadonlyMap<string, unknown>): boolean {
  for (const name of actual.keys()) if (!wanted.has(name) && !isOurName(name)) return true;
  return false;
}

function baseChainsDiffer(actual: NftTable, wanted: NftTable): boolean {
  for (const name of chainDifference(actual.chains, wanted.chains).changed) {
    if (wanted.chains.get(name)?.base !== undefined || actual.chains.get(name)?.base !== undefined) return true;
  }
  for (const [name, { base }] of actual.chains) if (base !== undefined && !wanted.chains.has(name)) return true;
  return false;
}

function objectsDiffer(actual: NftTable, wanted: NftTable): boolean {
  for (const [name, set] of wanted.sets) {
    const now = actual.sets.get(name);
    if (actual.maps.has(name) || (now !== undefined && now.type !== set.type)) return true;
    // Deleting a set that rules name takes emptying them; only sets for people and the owner mark have comments.
    if (now !== undefined && set.comment === undefined && now.comment !== undefined) return true;
  }
  for (const [name, map] of wanted.maps) {
    const now = actual.maps.get(name);
    if (actual.sets.has(name) || (now !== undefined && (now.type !== map.type || now.comment !== map.comment)))
      return true;
  }
  return false;
}
