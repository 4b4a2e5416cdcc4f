import type { OwnMeta } from '../api/resource.ts';

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
