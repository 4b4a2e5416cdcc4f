import type { GroupKey, MemberGroup, ObservedRuleBase, RuleBase, WantedRuleBase } from './model.ts';

/** One table of a device: how many entries it takes, and how many there are that are not ours. */
export interface Room {
  readonly most: number;
  readonly others: number;
}

/** What a device holds at most, as it told; what it does not tell is absent, and not judged. */
export interface Capacity {
  readonly objects?: Room;
  /** Configured groups. */
  readonly groups?: Room;
  /** Members of one configured group. */
  readonly members?: number;
  readonly services?: Room;
  readonly rules?: Room;
  readonly translations?: Room;
  /** Entries of all volatile groups together. */
  readonly entries?: Room;
}

/** A table that would be too small. */
export interface Shortage {
  /** In words: `address objects`, `members of sp-web-…`. */
  readonly what: string;
  readonly needed: number;
  /** How many of ours fit. */
  readonly room: number;
  /** It is too small for what is wanted; else only for the way there, on which old and new stand side by side. */
  readonly isFinal: boolean;
}

const MEMBERS_SHOWN = 3;

/** What does not fit, before anything is sent: at the end, or on the way, where what is new comes before what is old goes. */
export function shortages(actual: ObservedRuleBase, wanted: WantedRuleBase, capacity: Capacity): readonly Shortage[] {
  const found: Shortage[] = [];
  const check = (what: string, room: Room | undefined, end: number, peak: number): void => {
    if (room === undefined) return;
    const free = Math.max(0, room.most - room.others);
    if (peak > free) found.push({ what, needed: end > free ? end : peak, room: free, isFinal: end > free });
  };
  const names = (of: (base: RuleBase) => Iterable<string>): readonly [number, number] => {
    const end = new Set(of(wanted));
    return [end.size, new Set([...of(actual), ...end]).size];
  };
  check('address objects', capacity.objects, ...names(({ objects }) => objects.keys()));
  check('groups', capacity.groups, ...names(({ groups }) => keysOf(groups, 'Configured')));
  check('services', capacity.services, ...names(({ services }) => services.keys()));
  check('rules', capacity.rules, ...names(({ rules }) => rules.map(({ name }) => name)));
  check('translations', capacity.translations, ...names(({ translations }) => translations.map(({ name }) => name)));
  const entries = sumOf(wanted.groups);
  check('pushed members', capacity.entries, entries, peakOf(actual.groups, wanted.groups));
  const { members } = capacity;
  if (members !== undefined) {
    const large = [...wanted.groups.values()].filter(
      (group) => group.store === 'Configured' && group.members.size > members,
    );
    for (const { name, members: held } of large.slice(0, MEMBERS_SHOWN))
      found.push({ what: `members of ${name}`, needed: held.size, room: members, isFinal: true });
  }
  return found;
}

/** For people. */
export function shortageText(list: readonly Shortage[], device: string): string {
  const parts = list.map(({ what, needed, room, isFinal }) =>
    isFinal ? `${needed} ${what}, where ${room} fit` : `${needed} ${what} on the way, where ${room} fit`,
  );
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
