import { BucketMap } from '../../base/bucket-map.ts';
import { type Pieces, each } from '../../base/pieces.ts';
import type { Class, ClassId, Group, GroupId, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { classText } from '../../plan/canonical.ts';
import type { SenderIds } from '../../plan/behaviour.ts';
import type { Actual } from '../driver.ts';
import type { ConfirmedRecord, KnownState, RecordedAddress } from '../confirmed/confirmed-record.ts';
import { holdersIn } from '../confirmed/handover.ts';
import { ownerDigest } from '../confirmed/owner-versions.ts';

/** Somebody else than whoever has an address now: no owner is called so. */
const SOMEBODY = '?';

/** So many addresses, or this share of them, may be only on the device or only in the record: more is no record of what the device holds. */
const MOST_APART = 10;
const MOST_APART_SHARE = 0.05;

/**
 * What was confirmed, from the record's rules and the members that the device has now: those of whom the record says the same have the owner
 * that they had, all others had somebody else. It is what the device holds only where no step leads there, which is for the caller to find out:
 * what is guessed here cannot be wrong then. A text for people: why not.
 */
export function* recalling(
  record: ConfirmedRecord,
  { behaviour }: Pick<Actual, 'behaviour'>,
  now: KnownState,
): Pieces<KnownState | string> {
  const { rules, addresses } = record;
  const meant = yield* meantBy(record, behaviour.senders, now.ruleset);
  const members: [string, ClassId][] = [];
  const unknown = new Set<string>();
  let unnamed = false;
  yield* each(behaviour.senders.entries(), ([address, mark]) => {
    const id = meant.get(mark);
    const recorded = addresses.get(address)?.class;
    if (id === undefined) unnamed = true;
    else if (recorded !== undefined && areAlike(rules.classes.get(recorded), rules.classes.get(id)))
      members.push([address, recorded]);
    else {
      unknown.add(address);
      members.push([address, id]);
    }
  });
  if (unnamed) return 'the firewall holds classes that it does not name';
  if (members.length === 0) return 'the firewall holds nobody who would show it';
  if (areMany(unknown.size, members.length))
    return `it does not know ${unknown.size} of the ${members.length} addresses that the firewall holds`;
  const table = yield* BucketMap.empty<ClassId>().making(members);
  const owners: [string, string][] = [];
  const counts = { recorded: 0, gone: 0 };
  yield* each(addresses, ([address, one]) => {
    if (one.class !== undefined) counts.recorded += 1;
    if (one.class !== undefined && !table.has(address)) counts.gone += 1;
    if (one.owners.length > 0) owners.push([address, textOf(one.owners, now.owners.get(address))]);
  });
  // Whoever is not shown counts as new where he is wished, whatever he had: so many of them are a mass.
  if (areMany(counts.gone, counts.recorded))
    return `the firewall does not hold ${counts.gone} of the ${counts.recorded} addresses that it knows`;
  for (const address of unknown) owners.push([address, SOMEBODY]);
  const ruleset = yield* withMembers(record, table, now.ruleset);
  // What is empty on a device may be absent there, and then nothing shows that it is as it was recorded.
  if (ruleset.nats.some(({ sources }) => sources.size === 0)) return 'a translation has no sender that would show it';
  if ([...ruleset.groups.values()].some((one) => one.kind === 'AddressGroup' && one.members.size === 0))
    return 'a list is empty, so that nothing shows it';
  const used = new Set(members.map(([, id]) => id));
  const classes = new Map([...ruleset.classes].filter(([id]) => used.has(id)));
  return { ruleset: { ...ruleset, classes }, owners: yield* BucketMap.empty<string>().making(owners) };
}

function areMany(count: number, of: number): boolean {
  return count > Math.max(MOST_APART, MOST_APART_SHARE * of);
}

/** Which class a device's marks of senders stand for: that of most whom the record names, else what is wished for one of them. */
function* meantBy(
  { addresses, rules }: ConfirmedRecord,
  senders: SenderIds,
  wished: Ruleset,
): Pieces<ReadonlyMap<string, ClassId>> {
  const counts = new Map<string, Map<ClassId, number>>();
  const guesses = new Map<string, ClassId>();
  yield* each(senders.entries(), ([address, mark]) => {
    const id = addresses.get(address)?.class;
    const guess = wished.members.get(address);
    if (id !== undefined && rules.classes.has(id)) {
      const count = counts.get(mark) ?? new Map<ClassId, number>();
      counts.set(mark, count.set(id, (count.get(id) ?? 0) + 1));
    } else if (guess !== undefined && rules.classes.has(guess)) guesses.set(mark, guess);
  });
  for (const [mark, count] of counts) {
    const [most] = [...count].toSorted(([, a], [, b]) => b - a);
    if (most !== undefined) guesses.set(mark, most[0]);
  }
  return guesses;
}

/** Two classes that let the same pass: a device may hold them as one. */
function areAlike(one: Class | undefined, other: Class | undefined): boolean {
  if (one === undefined || other === undefined || one === other) return one !== undefined && one === other;
  return classText({ ...one, id: '' }) === classText({ ...other, id: '' });
}

/** Who had the address, told in the names of those who have it now. */
function textOf(had: readonly string[], now: string | undefined): string {
  const holders = now === undefined ? [] : holdersIn(now);
  const digests = holders.map(ownerDigest);
  if (now !== undefined && digests.length === had.length && digests.every((one, at) => one === had[at])) return now;
  return [...holders.filter((_, at) => had.includes(digests[at] ?? '')), SOMEBODY].join(' ');
}

/** The recorded rules with members; who is in lists and translations is what was recorded, and else what is wished. */
function* withMembers(
  { rules, addresses }: ConfirmedRecord,
  members: BucketMap<ClassId>,
  wished: Ruleset,
): Pieces<Ruleset> {
  const lists = new Map<GroupId, [string, true][]>();
  const sources = new Map<string, [string, NatTarget][]>();
  yield* each(addresses, ([address, one]) => {
    for (const id of one.groups) {
      const list = lists.get(id) ?? [];
      lists.set(id, list);
      list.push([address, true]);
    }
    if (members.has(address)) addTargets(sources, address, one.targets);
  });
  yield* each(members.keys(), (address) => {
    if (!addresses.has(address)) addTargets(sources, address, wishedTargets(wished, address));
  });
  const groups = new Map<GroupId, Group>();
  for (const [id, group] of rules.groups)
    groups.set(
      id,
      group.kind === 'Outside'
        ? group
        : { ...group, members: yield* BucketMap.empty<true>().making(lists.get(id) ?? []) },
    );
  const nats = [];
  for (const nat of rules.nats)
    nats.push({ ...nat, sources: yield* BucketMap.empty<NatTarget>().making(sources.get(nat.id) ?? []) });
  return { firewall: wished.firewall, cluster: wished.cluster, ...rules, groups, nats, members };
}

function addTargets(
  sources: Map<string, [string, NatTarget][]>,
  address: string,
  targets: RecordedAddress['targets'],
): void {
  for (const [id, target] of targets) {
    const list = sources.get(id);
    if (list === undefined) sources.set(id, [[address, target]]);
    else list.push([address, target]);
  }
}

function wishedTargets({ nats }: Ruleset, address: string): RecordedAddress['targets'] {
  return new Map(
    nats.flatMap(({ id, sources }) => {
      const target = sources.get(address);
      return target === undefined ? [] : [[id, target] as const];
    }),
  );
}
