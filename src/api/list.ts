import type { FieldPath } from './scope.ts';
import { type RawMap, isMap } from './shape.ts';

/** One object of a list and its place in the document. */
export interface ListItem {
  readonly item: unknown;
  readonly path: (string | number)[];
}

/** Steps of a path; no program prints lists within more lists than this. */
const DEEPEST = 32;

/**
 * The objects of a document that is a list: `kind: List`, `PodList`, `NetworkPolicyList`, lists within lists, and a bare JSON array, as
 * `calicoctl get -o json` prints. `undefined`: the document is no list. Items of a typed list that name no kind, as the API server sends
 * them, get that of the list.
 */
export function unfoldList(raw: unknown): readonly ListItem[] | undefined {
  if (itemsOf(raw) === undefined) return undefined;
  const found: ListItem[] = [];
  // A list of what is still to be looked at, last first: recursion would let a deep document overflow the stack.
  const pending: { readonly item: unknown; readonly path: FieldPath }[] = [{ item: raw, path: [] }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { item, path } = next;
    const list = itemsOf(item);
    if (list === undefined) found.push({ item, path: [...path] });
    // What is left is no object, and is said to be none.
    else if (path.length > DEEPEST) found.push({ item: list.items, path: [...path] });
    else
      for (const [index, entry] of [...list.items.entries()].reverse())
        pending.push({ item: withKind(entry, item), path: [...path, ...list.path, index] });
  }
  return found;
}

function itemsOf(raw: unknown): { readonly items: readonly unknown[]; readonly path: FieldPath } | undefined {
  if (Array.isArray(raw)) return { items: raw, path: [] };
  if (!isMap(raw) || typeof raw['kind'] !== 'string' || !raw['kind'].endsWith('List')) return undefined;
  const { items } = raw;
  if (Array.isArray(items)) return { items, path: ['items'] };
  // Go prints an empty list as null.
  return items === null ? { items: [], path: ['items'] } : undefined;
}

function withKind(item: unknown, list: unknown): unknown {
  if (!isMap(item) || !isMap(list) || item['kind'] !== undefined) return item;
  const kind = kindOfItems(list);
  return kind === undefined ? item : { apiVersion: list['apiVersion'], kind, ...item };
}

function kindOfItems(list: RawMap): string | undefined {
  const kind = String(list['kind']).slice(0, -'List'.length);
  return kind === '' ? undefined : kind;
}
