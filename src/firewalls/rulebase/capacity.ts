import type { TableUse } from '../driver.ts';
import type { AddressObject, GroupKey, MemberGroup, ObservedRuleBase, RuleBase, WantedRuleBase } from './model.ts';

/** One table of a device: how many entries it takes, and how many there are that are not ours. */
export interface Room {
  readonly most: number;
  readonly others: number;
  /** How many of ours there were when it was asked; absent: not counted. */
  readonly ours?: number;
}

/** What of ours takes entries of a table: each by a key that it keeps as long as it stands, with how many it takes. */
export type Taking = (base: RuleBase) => Iterable<readonly [string, number]>;

/** Tables of configured things. */
type Table = 'objects' | 'groups' | 'services' | 'serviceGroups' | 'rules' | 'translations';

/** What a device holds at most, as it told; what it does not tell is absent, and not judged. */
export interface Capacity {
  readonly objects?: Room;
  /** Configured groups. */
  readonly groups?: Room;
  /** Members of one configured group. */
  readonly members?: number;
  readonly services?: Room;
  /** Groups of services, where those are counted by themselves. */
  readonly serviceGroups?: Room;
  readonly rules?: Room;
  readonly translations?: Room;
  /** Entries of all volatile groups together. */
  readonly entries?: Room;
  /** Different addresses in all volatile groups together; told by devices that count an address once, whatever groups it is in. */
  readonly addresses?: Room;
  /** Entries of one volatile group. */
  readonly entriesOfGroup?: number;
  /** What takes entries of a table where that is not one for each of ours, and none for volatile groups. */
  readonly takes?: Readonly<Partial<Record<Table, Taking>>>;
}

/** What each table is to people, and to metrics: fixed words. */
const TITLES = {
  objects: 'address objects',
  groups: 'groups',
  services: 'services',
  serviceGroups: 'groups of services',
  rules: 'rules',
  translations: 'translations',
  addresses: 'registered addresses',
  entries: 'pushed members',
} as const satisfies Record<Table | 'addresses' | 'entries', string>;

const PLAIN: Readonly<Record<Table, Taking>> = {
  objects: ({ objects }) => ones(objects.keys()),
  groups: ({ groups }) => ones(keysOf(groups, 'Configured')),
  services: ({ services }) => ones(services.keys()),
  serviceGroups: () => [],
  rules: ({ rules }) => ones(namesOf(rules)),
  translations: ({ translations }) => ones(namesOf(translations)),
};

/** How full the tables are that a device told of. */
export function tableUses(capacity: Capacity): readonly TableUse[] {
  return (Object.keys(TITLES) as (keyof typeof TITLES)[]).flatMap((key) => {
    const room = capacity[key];
    return room?.ours === undefined
      ? []
      : [{ table: TITLES[key], used: room.others + room.ours, most: room.most } as const];
  });
}

/** A table that would be too small. */
export interface Shortage {
  /** In words: `address objects`, `members of sp-web-…`. */
  readonly what: string;
  readonly needed: number;
  /** How many of ours fit. */
  readonly room: number;
  /** How many entries there may be, and how many of others there are; absent where others do not count. */
  readonly of?: Room;
  /** It is a table of members that are told the fast way. */
  readonly isVolatile?: true;
  /** It is too small for what is wanted; else only for the way there, on which old and new stand side by side. */
  readonly isFinal: boolean;
}

const MEMBERS_SHOWN = 3;

/** What does not fit, before anything is sent: at the end, or on the way, where what is new comes before what is old goes. */
export function shortages(
  actual: ObservedRuleBase,
  wanted: WantedRuleBase,
  capacity: Capacity,
  /** All rules change together, so that old and new ones never stand side by side. */
  isAtomic = false,
): readonly Shortage[] {
  const found: Shortage[] = [];
  const check = (what: string, room: Room | undefined, end: number, peak: number): void => {
    if (room === undefined) return;
    const free = Math.max(0, room.most - room.others);
    const fast = what === TITLES.addresses || what === TITLES.entries ? ({ isVolatile: true } as const) : {};
    if (peak > free)
      found.push({ what, needed: end > free ? end : peak, room: free, of: room, isFinal: end > free, ...fast });
  };
  for (const table of Object.keys(PLAIN) as Table[]) {
    const room = capacity[table];
    if (room === undefined) continue;
    const taking = capacity.takes?.[table] ?? PLAIN[table];
    const [end, peak] = countsOf(taking(actual), taking(wanted));
    check(TITLES[table], room, end, isAtomic && (table === 'rules' || table === 'translations') ? end : peak);
  }
  const { addresses } = capacity;
  // To count addresses of several groups once takes a set of all of them: not where they fit however often they are counted.
  if (addresses !== undefined && sumOf(actual.groups) + sumOf(wanted.groups) > addresses.most - addresses.others)
    check(TITLES.addresses, addresses, ...addressCounts(actual.groups, wanted.groups));
  check(TITLES.entries, capacity.entries, sumOf(wanted.groups), peakOf(actual.groups, wanted.groups));
  const { members, entriesOfGroup } = capacity;
  found.push(...tooLarge(wanted.groups, 'Configured', members), ...tooLarge(wanted.groups, 'Volatile', entriesOfGroup));
  return found;
}

function tooLarge(
  groups: WantedRuleBase['groups'],
  store: MemberGroup['store'],
  most: number | undefined,
): readonly Shortage[] {
  if (most === undefined) return [];
  const large = [...groups.values()].filter((group) => group.store === store && group.members.size > most);
  return large
    .slice(0, MEMBERS_SHOWN)
    .map(({ name, members }) => ({ what: `members of ${name}`, needed: members.size, room: most, isFinal: true }));
}

/** At the end, and on the way, where what is new comes before what is old goes. */
function countsOf(
  actual: Iterable<readonly [string, number]>,
  wanted: Iterable<readonly [string, number]>,
): readonly [number, number] {
  const next = new Map(wanted);
  let end = 0;
  for (const count of next.values()) end += count;
  let peak = end;
  for (const [key, count] of new Map(actual)) peak += Math.max(0, count - (next.get(key) ?? 0));
  return [end, peak];
}

function* ones(keys: Iterable<string>): Generator<readonly [string, number]> {
  for (const key of keys) yield [key, 1];
}

function* namesOf(rules: readonly { readonly name: string }[]): Generator<string> {
  for (const { name } of rules) yield name;
}

/** Address objects that nothing names any more and nobody wants. */
export function idleObjects(actual: ObservedRuleBase, wanted: WantedRuleBase): readonly AddressObject[] {
  const values = new Set([...actual.groups.values()].flatMap(({ members }) => [...members]));
  const names = new Set([...actual.rules, ...actual.translations].flatMap(({ destination }) => destination.objects));
  return [...actual.objects.values()].filter(
    ({ name, value }) =>
      !wanted.objects.has(name) &&
      !names.has(name) &&
      !values.has(value) &&
      actual.namedByOthers?.has(`object ${name}`) !== true,
  );
}

/** For people. */
export function shortageText(list: readonly Shortage[], device: string): string {
  const parts = list.map(({ what, needed, room, of, isFinal }) => {
    const whole = of === undefined ? '' : ` (${of.most} in all, ${of.others} are of others)`;
    return `${needed} ${what}${isFinal ? '' : ' on the way'}, where ${room} fit${whole}`;
  });
  return `${device} would need ${parts.join('; ')}`;
}

function* keysOf(groups: ReadonlyMap<GroupKey, MemberGroup>, store: MemberGroup['store']): Generator<string> {
  for (const [key, group] of groups) if (group.store === store) yield key;
}

function sumOf(groups: ReadonlyMap<GroupKey, MemberGroup>): number {
  let sum = 0;
  for (const { store, members } of groups.values()) if (store === 'Volatile') sum += members.size;
  return sum;
}

/** At the end, and on the way: whoever leaves and joins nothing goes first, all others join before they leave. */
function addressCounts(
  before: ReadonlyMap<GroupKey, MemberGroup>,
  after: ReadonlyMap<GroupKey, MemberGroup>,
): readonly [number, number] {
  const next = new Set<string>();
  const known = new Set<string>();
  for (const { store, members } of after.values())
    for (const member of members) {
      known.add(member);
      if (store === 'Volatile') next.add(member);
    }
  const way = new Set(next);
  for (const { store, members } of before.values())
    if (store === 'Volatile') for (const member of members) if (known.has(member)) way.add(member);
  return [next.size, way.size];
}

/** Those who leave and join nothing go first; all others join before they leave. */
function peakOf(before: ReadonlyMap<GroupKey, MemberGroup>, after: ReadonlyMap<GroupKey, MemberGroup>): number {
  let sum = 0;
  for (const key of new Set([...keysOf(before, 'Volatile'), ...keysOf(after, 'Volatile')])) {
    const old = before.get(key)?.members ?? new Set();
    const next = after.get(key)?.members ?? new Set();
    sum += Math.max(old.size, next.size);
  }
  return sum;
}
