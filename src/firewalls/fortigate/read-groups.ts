import type { Family } from '../../border/ruleset.ts';
import { type AddressObject, type GroupKey, type MemberGroup, groupKey } from '../rulebase/model.ts';
import { isMarked } from '../rulebase/names.ts';
import { type Row, unguarded } from './rows.ts';
import type { FortigateScope } from './scope.ts';
import type { Snapshot } from './snapshot.ts';
import { ADDRESSES, FEED, GROUPS, addressValue, commentOf, namesIn, textOf } from './words.ts';

/** Entries that stand in a feed for nobody, so that it is never empty: no packet comes from them. */
export const NOBODY_ENTRIES: Readonly<Record<Family, string>> = { 4: '0.0.0.0', 6: '::' };

/** A member that is not what we write: an object of others, or one of ours that was changed. Never a canonical address. */
export const STRANGE = '?';

/** Stands among the members of a group that holds others than it names: by a field, in brackets, which no name has. */
function strangeField(field: string): string {
  return `${STRANGE}(${field})`;
}

export function isStrangeField(member: string): boolean {
  return member.startsWith(`${STRANGE}(`);
}

/** Objects of ours. One that is not what its name says stands for no address, so that it is made again, or goes where nobody wants it. */
export function readObjects(snapshot: Snapshot, scope: FortigateScope): ReadonlyMap<string, AddressObject> {
  const objects = new Map<string, AddressObject>();
  for (const family of [4, 6] as const)
    for (const row of snapshot.rows(ADDRESSES[family])) {
      const comment = commentOf(ADDRESSES[family], row);
      if (!isMarked(comment, scope.cluster) || scope.auxiliaries.isAuxiliary(comment)) continue;
      const value = addressValue(family, row);
      const name = textOf(row, 'name');
      const isWhole =
        value !== undefined &&
        scope.objectName(value, family) === name &&
        unguarded(ADDRESSES[family], row) === undefined;
      const says = isWhole ? value : ({ kind: 'Range', value: `${STRANGE}${name}` } as const);
      objects.set(name, { name, family, ...says, mark: scope.markIn(comment) });
    }
  return objects;
}

export function readGroups(
  snapshot: Snapshot,
  scope: FortigateScope,
  objects: ReadonlyMap<string, AddressObject>,
): ReadonlyMap<GroupKey, MemberGroup> {
  const groups = new Map<GroupKey, MemberGroup>();
  const add = (group: MemberGroup): void => void groups.set(groupKey(group), group);
  for (const family of [4, 6] as const) {
    const table = GROUPS[family];
    for (const row of snapshot.rows(table)) {
      const comment = commentOf(table, row);
      if (!isMarked(comment, scope.cluster) || scope.auxiliaries.isAuxiliary(comment)) continue;
      const members = new Set<string>();
      for (const name of flatMembers(snapshot, scope, family, row)) {
        if (name === scope.auxiliaries.nobody[family]) continue;
        members.add(objects.get(name)?.value ?? `${STRANGE}${name}`);
      }
      for (const one of [row, ...partsIn(snapshot, scope, family, row).values()]) {
        const field = unguarded(table, one);
        if (field !== undefined) members.add(strangeField(field));
      }
      add({ ...groupOf(row, scope, comment), family, store: 'Configured', members });
    }
  }
  for (const row of snapshot.rows(FEED)) {
    const comment = commentOf(FEED, row);
    if (!isMarked(comment, scope.cluster)) continue;
    const isSound =
      textOf(row, 'type') === 'address' &&
      textOf(row, 'update-method') === 'push' &&
      textOf(row, 'status') === 'enable';
    const held = feedMembers(snapshot.entries(textOf(row, 'name')));
    const members = isSound ? held : new Set([...held, `${STRANGE}settings`]);
    add({ ...groupOf(row, scope, comment), family: 'Both', store: 'Volatile', members });
  }
  return groups;
}

function groupOf(row: Row, scope: FortigateScope, comment: string): Pick<MemberGroup, 'name' | 'shared' | 'mark'> {
  const mark = scope.markIn(comment);
  return { name: textOf(row, 'name'), shared: mark.includes(':AddressGroup/'), mark };
}

/** Names of members, with those of parts in their place. */
function flatMembers(snapshot: Snapshot, scope: FortigateScope, family: Family, row: Row): readonly string[] {
  const parts = partsIn(snapshot, scope, family, row);
  return namesIn(row, 'member').flatMap((name) => {
    const part = parts.get(name);
    return part === undefined ? [name] : namesIn(part, 'member');
  });
}

/** Members of a group that are groups of ours for want of room in one, by name. */
function partsIn(snapshot: Snapshot, scope: FortigateScope, family: Family, row: Row): ReadonlyMap<string, Row> {
  const parts = new Map<string, Row>();
  for (const name of namesIn(row, 'member')) {
    const part = snapshot.row(GROUPS[family], name);
    const words = part === undefined ? [] : commentOf(GROUPS[family], part).split(/\s+/);
    if (part !== undefined && words.includes(scope.auxiliaries.partMark)) parts.set(name, part);
  }
  return parts;
}

/** Who is in a feed; the very same set for entries that were not read anew. */
function feedMembers(entries: readonly string[]): ReadonlySet<string> {
  const known = membersOf.get(entries);
  if (known !== undefined) return known;
  const set = new Set(membersAmong(entries));
  membersOf.set(entries, set);
  return set;
}

const membersOf = new WeakMap<readonly string[], ReadonlySet<string>>();

/** A family of which a feed holds nobody, not even who stands for nobody, was lost: a boot empties feeds. */
function membersAmong(entries: readonly string[]): readonly string[] {
  const members = entries.filter((entry) => !isNobody(entry));
  const lost = ([4, 6] as const).some((family) => !entries.some((entry) => entry.includes(':') === (family === 6)));
  return lost ? [...members, `${STRANGE}lost`] : members;
}

function isNobody(entry: string): boolean {
  return entry === NOBODY_ENTRIES[4] || entry === NOBODY_ENTRIES[6];
}

/** What a feed shall hold so that it has these members: who stands for nobody goes when somebody comes, whatever it held before. */
export function feedEntries(members: Iterable<string>): ReadonlySet<string> {
  const entries = new Set([...members].filter((entry) => !isNobody(entry)));
  for (const family of [4, 6] as const)
    if (![...entries].some((entry) => entry.includes(':') === (family === 6))) entries.add(NOBODY_ENTRIES[family]);
  return entries;
}
