import { compareUtf8 } from '../../../base/compare.ts';
import type { ListBehind } from '../../driver.ts';
import type { ObjectChange } from '../../../plan/step.ts';
import type { Room } from '../../rulebase/capacity.ts';
import type { TableUse } from '../../driver.ts';
import {
  type ListDifference,
  type ListMembers,
  type ListsReading,
  isResting,
  listDifference,
} from './list-contents.ts';
import type { FetchedLists } from './lists.ts';

/** So many addresses of a list are named to people. */
const MOST_SHOWN = 3;

/** The lists of one firewall as it shows them. */
export interface Shown {
  /** The firewall's, for people. */
  readonly title: string;
  readonly reading: ListsReading;
}

/** A list that a firewall is asked to fetch out of turn. */
export interface Ask {
  readonly unit: string;
  readonly name: string;
  readonly members: ListMembers;
  readonly difference: ListDifference;
}

/** Lists that are not there as they are wanted, and that it is time to ask for: those that are there, and whose content was read. */
export function asksFor(lists: FetchedLists, shown: readonly Shown[]): readonly Ask[] {
  return shown.flatMap(({ title: unit, reading }) =>
    [...lists.members].flatMap(([name, members]) => {
      const content = reading.contents.get(name);
      if (content?.kind !== 'read' || isResting(reading, name, members)) return [];
      const difference = listDifference(content.members, members);
      return difference.lacks.size + difference.keeps.size === 0 ? [] : [{ unit, name, members, difference }];
    }),
  );
}

export function changesOf(asks: readonly Ask[]): readonly ObjectChange[] {
  return asks.map(({ unit, name, difference }) => ({
    change: '~',
    kind: 'list content',
    name,
    detail: `at ${unit}: ${differenceText(difference)}`,
  }));
}

/** Canonical: the same difference gives the same text. */
export function askText(asks: readonly Ask[]): string {
  return asks
    .map(({ unit, name, difference: { lacks, keeps } }) => {
      const line = (sign: string, members: ReadonlySet<string>): readonly string[] =>
        [...members].toSorted(compareUtf8).map((member) => `${sign} ${member}\n`);
      return [`fetch ${name} at ${unit}\n`, ...line('+', lacks), ...line('-', keeps)].join('');
    })
    .join('');
}

/** Lists that a firewall does not show as they are wanted, whatever the reason. `isUsed`: rules of others name it. */
export function listsBehind(
  lists: FetchedLists,
  shown: readonly Shown[],
  isUsed: (name: string) => boolean,
): readonly ListBehind[] {
  return shown.flatMap(({ title, reading }) =>
    [...lists.members].flatMap(([name, members]): readonly ListBehind[] => {
      const content = reading.contents.get(name);
      const known = content?.kind === 'read' ? content.members : new Set<string>();
      const { lacks, keeps } = listDifference(known, members);
      const isUnread = content?.kind === 'unread';
      if (!isUnread && content !== undefined && lacks.size + keeps.size === 0) return [];
      const used = isUsed(name);
      const what = isUnread
        ? `what it holds is not known (${content.why})`
        : content === undefined
          ? 'it is not there yet'
          : `it ${differenceText({ lacks, keeps })}. It is fetched every five minutes at best, and stays as it is while its server is away; where that refuses the password, no rule goes by it`;
      const text = `list ${name} at ${title}: ${what}${used ? '' : ', and no rule of others names it'}${fullText(reading)}`;
      return [{ list: name, lacks, keeps, isUnread, isUsed: used, text }];
    }),
  );
}

function fullText({ room }: ListsReading): string {
  if (room === undefined || room.used < room.most) return '';
  return `; all lists there have ${room.used} of ${room.most} entries, and what is beyond is skipped`;
}

function differenceText({ lacks, keeps }: ListDifference): string {
  return [
    ...(lacks.size > 0 ? [`lacks ${namesOf(lacks)}`] : []),
    ...(keeps.size > 0 ? [`still has ${namesOf(keeps)}`] : []),
  ].join(' and ');
}

function namesOf(members: ReadonlySet<string>): string {
  const shown = [...members].toSorted(compareUtf8).slice(0, MOST_SHOWN).join(', ');
  return members.size > MOST_SHOWN ? `${shown} and ${members.size - MOST_SHOWN} more` : shown;
}

/** What fits of lists, as a firewall told. */
export interface ListRooms {
  /** Lists of whatever type. */
  readonly lists: Room | undefined;
  /** Entries of all lists of addresses. */
  readonly entries: Room | undefined;
}

/** `objects`: how many lists the device takes; `all`: how many there are in our scope. What stands in other scopes nobody tells us. */
export function listRooms(
  objects: number | undefined,
  all: number,
  ours: number,
  { room, contents }: ListsReading,
): ListRooms {
  let own = 0;
  for (const content of contents.values()) if (content.kind === 'read') own += content.members.size;
  return {
    lists: objects === undefined ? undefined : { most: objects, others: all - ours, ours },
    entries: room && { most: room.most, others: Math.max(0, room.used - own), ours: own },
  };
}

/** For `Actual.tables`. */
export function listTables({ lists, entries }: ListRooms): readonly TableUse[] {
  const use = (table: string, room: Room | undefined): readonly TableUse[] =>
    room === undefined ? [] : [{ table, used: room.others + (room.ours ?? 0), most: room.most }];
  return [...use('external lists', lists), ...use('entries of external lists', entries)];
}

/** What would not fit if there were these lists, for people; `undefined`: all fits. */
export function listShortage({ members }: FetchedLists, count: number, rooms: ListRooms): string | undefined {
  const { lists, entries } = rooms;
  let wanted = 0;
  for (const parts of members.values()) for (const part of parts) wanted += part.size;
  const short = (what: string, needed: number, room: Room | undefined): readonly string[] =>
    room === undefined || needed <= room.most - room.others
      ? []
      : [
          `${needed} ${what}, where ${Math.max(0, room.most - room.others)} fit (${room.most} in all, ${room.others} are of others)`,
        ];
  const found = [...short('external lists', count, lists), ...short('entries of external lists', wanted, entries)];
  return found.length === 0 ? undefined : `PAN-OS would need ${found.join('; ')}`;
}
