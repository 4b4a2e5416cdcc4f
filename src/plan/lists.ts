import { BucketMap } from '../base/bucket-map.ts';
import { compareUtf8 } from '../base/compare.ts';
import type { Family, Group, Ruleset } from '../border/ruleset.ts';

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
  readonly before: Iterable<string>;
  /** It denied somebody, and nobody asks for it any more. */
  readonly opens: boolean;
}

type AddressGroup = Extract<Group, { kind: 'AddressGroup' }>;

const FAMILIES: readonly Family[] = [4, 6];
const NOBODY: ListBehaviour['addresses'] = { 4: [], 6: [] };
const NOBODY_IN = BucketMap.empty<true>();

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
  const before = FAMILIES.flatMap((family) => old.addresses[family]);
  const opens = now === undefined && use === 'Deny';
  return [{ list, resource, ...passing(new Set([use, now?.use ?? use]), joins, leaves), joins, leaves, before, opens }];
}

/** Of a list that allowed and is to deny, or the reverse, nobody knows which rules were edited first. */
function passing(
  uses: ReadonlySet<ListBehaviour['use']>,
  joins: readonly string[],
  leaves: readonly string[],
): Pick<ListChange, 'gained' | 'lost'> {
  return {
    gained: [...(uses.has('Allow') ? joins : []), ...(uses.has('Deny') ? leaves : [])],
    lost: [...(uses.has('Allow') ? leaves : []), ...(uses.has('Deny') ? joins : [])],
  };
}

/**
 * How the AddressGroups of a ruleset change, as lists by their names on the device, sorted: of a device that does not tell their `use`. Of those that
 * stay as they are there (`held`) nothing is said. Costs what changed.
 */
export function groupsBetween(before: Ruleset, after: Ruleset): readonly ListChange[] {
  if (before.groups === after.groups) return [];
  const [old, next] = [byName(before), byName(after)];
  return [...old.keys()]
    .toSorted(compareUtf8)
    .flatMap((name) => groupChange(name, old.get(name) ?? [], next.get(name) ?? []));
}

function byName({ groups }: Ruleset): ReadonlyMap<string, readonly AddressGroup[]> {
  const named = new Map<string, AddressGroup[]>();
  for (const group of groups.values())
    if (group.kind === 'AddressGroup') named.set(group.deviceName, [...(named.get(group.deviceName) ?? []), group]);
  return named;
}

function groupChange(list: string, old: readonly AddressGroup[], next: readonly AddressGroup[]): readonly ListChange[] {
  const all = [...old, ...next];
  const [first] = old;
  if (first === undefined || all.some(({ held }) => held === true)) return [];
  const joining = new Set<string>();
  const leaving = new Set<string>();
  for (const id of new Set(all.map((group) => group.id))) {
    const membersIn = (groups: readonly AddressGroup[]): AddressGroup['members'] =>
      groups.find((group) => group.id === id)?.members ?? NOBODY_IN;
    const { added, removed } = membersIn(old).difference(membersIn(next));
    for (const [address] of added) joining.add(address);
    for (const [address] of removed) leaving.add(address);
  }
  // Another object asks for the list by now: who is in both was in it all the time.
  const joins = [...joining].filter((address) => !leaving.has(address));
  const leaves = [...leaving].filter((address) => !joining.has(address));
  if (joins.length === 0 && leaves.length === 0) return [];
  const uses = new Set(all.map(({ use }) => use));
  const opens = next.length === 0 && old.some(({ use }) => use === 'Deny');
  const who: Iterable<string> = {
    *[Symbol.iterator]() {
      for (const { members } of old) yield* members.keys();
    },
  };
  return [{ list, resource: first.resource, ...passing(uses, joins, leaves), joins, leaves, before: who, opens }];
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
