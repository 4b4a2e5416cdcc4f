import type {
  AddressObject,
  GroupKey,
  MemberGroup,
  ObservedRuleBase,
  RuleBase,
  Service,
  WantedRuleBase,
} from './model.ts';

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
  /** Different addresses in all volatile groups together; told by devices that count an address once, whatever groups it is in. */
  readonly addresses?: Room;
  /** How many entries of its table one of ours takes; absent: one each, and volatile groups none. */
  readonly takes?: {
    readonly services: (service: Service) => number;
    readonly groups: (group: MemberGroup) => number;
  };
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
    if (peak > free) found.push({ what, needed: end > free ? end : peak, room: free, of: room, isFinal: end > free });
  };
  const counts = <T>(of: (base: RuleBase) => Iterable<readonly [string, T]>, takes: (one: T) => number) => {
    const next = new Map(of(wanted));
    let end = 0;
    for (const one of next.values()) end += takes(one);
    let peak = end;
    for (const [name, one] of of(actual)) {
      const now = next.get(name);
      peak += Math.max(0, takes(one) - (now === undefined ? 0 : takes(now)));
    }
    return [end, peak] as const;
  };
  const once = (): number => 1;
  const { takes = { services: once, groups: ({ store }: MemberGroup) => (store === 'Configured' ? 1 : 0) } } = capacity;
  const rules = (of: (base: RuleBase) => readonly { readonly name: string }[]): readonly [number, number] => {
    const [end, peak] = counts((base) => of(base).map((one) => [one.name, one] as const), once);
    return [end, isAtomic ? end : peak];
  };
  check('address objects', capacity.objects, ...counts(({ objects }) => objects, once));
  check('groups', capacity.groups, ...counts(({ groups }) => groups, takes.groups));
  check('services', capacity.services, ...counts(({ services }) => services, takes.services));
  check('rules', capacity.rules, ...rules((base) => base.rules));
  check('translations', capacity.translations, ...rules((base) => base.translations));
  check('registered addresses', capacity.addresses, ...addressCounts(actual.groups, wanted.groups));
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

/** Address objects that nothing names any more and nobody wants. */
export function idleObjects(actual: ObservedRuleBase, wanted: WantedRuleBase): readonly AddressObject[] {
  const values = new Set([...actual.groups.values()].flatMap(({ members }) => [...members]));
  const names = new Set([...actual.rules, ...actual.translations].flatMap(({ destination }) => destination.objects));
  return [...actual.objects.values()].filter(
    ({ name, value }) => !wanted.objects.has(name) && !names.has(name) && !values.has(value),
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
