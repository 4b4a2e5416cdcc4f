import { compareUtf8 } from '../base/compare.ts';
import type { Family } from '../border/ruleset.ts';

/** A list of addresses that rules of others use: what is in it passes there (`Allow`), or is dropped (`Deny`). */
export interface ListBehaviour {
  /** `AddressGroup/payments`. */
  readonly resource: string;
  readonly use: 'Allow' | 'Deny';
  /** Canonical texts, in order of their numbers. */
  readonly addresses: Readonly<Record<Family, readonly string[]>>;
}

/** Lists by name. `stays`: nothing is said about it, so that it stays as it is. */
export type Lists = ReadonlyMap<string, ListBehaviour | 'stays'>;

/** What becomes of a list that was there. Of a new one nothing is said: no rule names it yet. */
export interface ListChange {
  readonly list: string;
  /** What asked for it before. */
  readonly resource: string;
  /** Addresses that may pass more from then on: they join a list that allows, or leave one that denies. */
  readonly gained: readonly string[];
  readonly lost: readonly string[];
  readonly joins: readonly string[];
  readonly leaves: readonly string[];
  /** All that were in it. */
  readonly before: readonly string[];
  /** It denied somebody, and nobody asks for it any more. */
  readonly opens: boolean;
}

const FAMILIES: readonly Family[] = [4, 6];
const NOBODY: ListBehaviour['addresses'] = { 4: [], 6: [] };

/** How lists change, sorted by name. A list that goes becomes empty. */
export function listsBetween(before: Lists, after: Lists): readonly ListChange[] {
  const names = [...before.keys()].toSorted(compareUtf8);
  return names.flatMap((list) => {
    const old = before.get(list);
    const now = after.get(list);
    return old === undefined || old === 'stays' || now === 'stays' || old === now ? [] : changeOf(list, old, now);
  });
}

function changeOf(list: string, old: ListBehaviour, now: ListBehaviour | undefined): readonly ListChange[] {
  const { resource, use } = old;
  const next = now?.addresses ?? NOBODY;
  const joins = FAMILIES.flatMap((family) => without(next[family], old.addresses[family]));
  const leaves = FAMILIES.flatMap((family) => without(old.addresses[family], next[family]));
  if (joins.length === 0 && leaves.length === 0) return [];
  const uses = new Set([use, now?.use ?? use]);
  // Of a list that allowed and is to deny, or the reverse, nobody knows which rules were edited first.
  const gained = [...(uses.has('Allow') ? joins : []), ...(uses.has('Deny') ? leaves : [])];
  const lost = [...(uses.has('Allow') ? leaves : []), ...(uses.has('Deny') ? joins : [])];
  const before = FAMILIES.flatMap((family) => old.addresses[family]);
  return [{ list, resource, gained, lost, joins, leaves, before, opens: now === undefined && use === 'Deny' }];
}

/** What is in `all` and not in `others`; both in the same order. What they begin and end with alike is passed over. */
export function without(all: readonly string[], others: readonly string[]): readonly string[] {
  if (all === others) return [];
  const shorter = Math.min(all.length, others.length);
  let first = 0;
  while (first < shorter && all[first] === others[first]) first += 1;
  let last = 0;
  while (last < shorter - first && all.at(-1 - last) === others.at(-1 - last)) last += 1;
  const known = new Set(others.slice(first, others.length - last));
  return all.slice(first, all.length - last).filter((text) => !known.has(text));
}
