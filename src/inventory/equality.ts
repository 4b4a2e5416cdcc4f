import { keptAs } from '../api/border-firewall.ts';
import type { BorderFirewall, OwnMeta } from '../api/resource.ts';

/** Whether two label maps hold the same. */
export function sameMap(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}

/** Whether two lists hold the same, in the same order. */
export function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((item, index) => same(item, b[index] as T));
}

/**
 * Whether an object of ours was not edited in between: the API server counts edits. Without that, each write of a status would make every
 * ruleset anew.
 */
export function sameEdit(a: OwnMeta, b: OwnMeta): boolean {
  return (
    a.uid !== undefined &&
    a.uid === b.uid &&
    a.generation !== undefined &&
    a.generation === b.generation &&
    a.deleting === b.deleting
  );
}

/**
 * The same of a firewall. As which cluster it is kept stands in its status, and decides whether it is written to; that somebody says so for the
 * first time is our own writing, and no news.
 */
export function sameFirewall(before: BorderFirewall, now: BorderFirewall): boolean {
  const kept = keptAs(before);
  return sameEdit(before, now) && (kept === undefined || kept === keptAs(now));
}
