import { BucketMap } from '../../base/bucket-map.ts';
import { isInNetworks } from '../../border/in-networks.ts';
import type { Class, ClassId, Family, Group, GroupId, Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { classText, groupText, natText, settingsText } from '../../plan/canonical.ts';
import type { ListBehaviour, Lists } from '../../plan/lists.ts';
import { ordinaryInside } from '../../plan/traffic.ts';

/** Who sends from an address: the text is for comparing only. */
export type Owners = BucketMap<string>;

export interface InterimOptions {
  /**
   * `flow`: addresses that change class and network sets that change their nets do so, as far as it is approved.
   * `stay`: a guard stopped the change; only what concerns addresses that are given up, new, or of a new owner goes ahead.
   */
  readonly moves: 'flow' | 'stay';
  /**
   * Of the approved state and of the wanted one. Absent: an address has the same owner in both, and one that left has none. Without `before`, an
   * address has the owner that it had then, if it has one.
   */
  readonly owners?: { readonly before: Owners | undefined; readonly now: Owners };
  /** Classes that were approved once and lost their last member; one that comes back as it was is approved. */
  readonly remembered?: ReadonlyMap<ClassId, Class>;
}

/**
 * What may go ahead while the rest of a change waits for a yes: the approved rules, with the members that may flow. Addresses whose
 * owner is gone leave; new addresses join classes that are approved; addresses whose class is not approved stay as they were: known
 * ones in their old class, new ones unknown. Translations stay the approved ones; an address that joins one whose targets are being
 * edited gets a target that is in use already, or is held. Gives `base` itself where nothing may go ahead.
 */
export function interimRuleset(base: Ruleset, desired: Ruleset, options: InterimOptions): Ruleset {
  const { moves, owners } = options;
  const approved = withReturning(base, desired, options.remembered ?? new Map());
  const wantedNats = new Map(desired.nats.map((nat) => [nat.id, nat] as const));
  const changes = new Map<string, Placement>();
  for (const address of touched(approved, desired, wantedNats, owners)) {
    const before = approved.members.has(address);
    const placement = placed(address, before && !hasOtherOwner(address, owners));
    if (placement !== 'stays' && (before || placement !== 'unknown')) changes.set(address, placement);
  }
  function placed(address: string, known: boolean): Placement {
    const id = desired.members.get(address);
    if (id === undefined) return moves === 'flow' || leavesFreely(address, approved, owners) ? 'unknown' : 'stays';
    if (known) return moves === 'flow' && approved.classes.has(id) ? 'moves' : 'stays';
    return approved.classes.has(id) ? 'joins' : 'unknown';
  }
  const members = approved.members.with(
    [...changes].map(
      ([address, placement]) => [address, placement === 'unknown' ? undefined : desired.members.get(address)] as const,
    ),
  );
  const nats = approved.nats.map((nat) => {
    const wanted = wantedNats.get(nat.id);
    const targets = new Targets(nat, wanted, approved, owners);
    const sources = nat.sources.with(
      [...changes].map(([address, placement]) => [address, targets.of(address, placement)] as const),
    );
    return sources === nat.sources ? nat : { ...nat, sources };
  });
  const groups = interimGroups(approved, desired, options);
  const inside = withOrdinaryInside(approved, desired);
  const unchanged =
    approved === base &&
    members === approved.members &&
    groups === approved.groups &&
    inside === approved.inside &&
    nats.every((nat, at) => nat === approved.nats[at]);
  return unchanged ? base : { ...approved, members, groups, inside, nats };
}

/** The approved ruleset with the classes that come back as they were approved; a class whose groups are gone does not. */
function withReturning(approved: Ruleset, desired: Ruleset, remembered: ReadonlyMap<ClassId, Class>): Ruleset {
  const returning = [...desired.classes.values()].filter((one) => {
    const known = approved.classes.has(one.id) ? undefined : remembered.get(one.id);
    return (
      known !== undefined && classText(known) === classText(one) && groupsOf(one).every((id) => approved.groups.has(id))
    );
  });
  if (returning.length === 0) return approved;
  return { ...approved, classes: new Map([...approved.classes, ...returning.map((one) => [one.id, one] as const)]) };
}

export function groupsOf(one: Class): readonly GroupId[] {
  const rules = [...one.parts, ...one.widened].flatMap((part) => part.stages).flatMap((stage) => stage.rules);
  return rules.flatMap(({ outside }) => [...outside.groups, ...outside.notGroups]);
}

/** What becomes of an address: it is no member any more, gets its class as a new member or from another one, or nothing changes. */
type Placement = 'unknown' | 'joins' | 'moves' | 'stays';

/** Why a newcomer to a translation under edit is held. */
const WAITS = 'its translation waits for a yes';

/** Targets of one approved translation for addresses that join or move while it may be under edit. */
class Targets {
  readonly #approved: Nat;
  readonly #wanted: Nat | undefined;
  readonly #edited: boolean;
  #used: Map<string, NatTarget> | undefined;

  constructor(approved: Nat, wanted: Nat | undefined, before: Ruleset, owners: InterimOptions['owners']) {
    this.#approved = approved;
    this.#wanted = wanted;
    this.#edited = wanted !== undefined && isEdited(approved, wanted, before, owners);
  }

  of(address: string, placement: Placement): NatTarget | undefined {
    const now = this.#approved.sources.get(address);
    if (placement === 'unknown') return undefined;
    const target = this.#wanted?.sources.get(address);
    if (placement === 'moves' && (this.#wanted === undefined || (this.#edited && now !== undefined))) return now;
    if (target === undefined || !this.#edited) return target;
    this.#used ??= new Map([...this.#approved.sources.entries()].map(([, used]) => [targetKey(used), used] as const));
    return this.#used.get(targetKey(target)) ?? { kind: 'Hold', reason: WAITS };
  }
}

function targetKey(target: NatTarget): string {
  return target.kind === 'Address' ? target.address : target.kind;
}

/**
 * Whether going from the approved ruleset to the wanted one needs a yes in mode Approve: something is new or other in its rules,
 * translations or settings. Members never are; a class that lost its last member needs none, nor does one that comes back as it was.
 */
export function needsYes(
  approved: Ruleset,
  desired: Ruleset,
  remembered: ReadonlyMap<ClassId, Class>,
  owners?: InterimOptions['owners'],
): boolean {
  const inside = withOrdinaryInside(approved, desired);
  if (settingsText({ ...approved, inside }) !== settingsText(desired)) return true;
  for (const one of desired.classes.values()) {
    const known = approved.classes.get(one.id) ?? remembered.get(one.id);
    if (known === undefined || (known !== one && classText(known) !== classText(one))) return true;
  }
  if (approved.nats.length !== desired.nats.length) return true;
  for (const [at, nat] of desired.nats.entries()) {
    const known = approved.nats[at];
    if (known === undefined || known.id !== nat.id || isEdited(known, nat, approved, owners)) return true;
  }
  const ours = (ruleset: Ruleset): string[] =>
    [...ruleset.groups.values()]
      .filter(({ kind }) => kind === 'AddressGroup')
      .map(groupText)
      .toSorted();
  return ours(approved).join('\n') !== ours(desired).join('\n');
}

/** Every address about which the two say something different; of translations those that are in both, as no other one gets a sender. */
function touched(
  approved: Ruleset,
  desired: Ruleset,
  nats: ReadonlyMap<string, Nat>,
  owners: InterimOptions['owners'],
): Set<string> {
  const found = new Set<string>();
  const collect = <V>(before: BucketMap<V>, after: BucketMap<V>): void => {
    const { added, removed, changed } = before.difference(after);
    for (const list of [added, removed, changed]) for (const [address] of list) found.add(address);
  };
  collect(approved.members, desired.members);
  for (const nat of approved.nats) collect(nat.sources, nats.get(nat.id)?.sources ?? nat.sources);
  if (owners?.before !== undefined) collect(owners.before, owners.now);
  return found;
}

/** The address has another owner than before, or none. One of which nobody knows whose it was is whoever's it is now. */
function hasOtherOwner(address: string, owners: InterimOptions['owners']): boolean {
  return owners?.before !== undefined && owners.before.get(address) !== owners.now.get(address);
}

/**
 * Who owned an address owns it no more. Where nobody is known to have owned it: it may send nothing once it has left. One that is somebody's still
 * stays, also where leaving only takes away: that is what the guard stops.
 */
function leavesFreely(address: string, approved: Ruleset, owners: InterimOptions['owners']): boolean {
  if (hasOtherOwner(address, owners)) return true;
  return owners?.now.has(address) !== true && isInNetworks(address, approved);
}

/**
 * A list that rules of others use holds it for nobody any more. That it is no sender of this firewall any more says nothing: a firewall whose
 * `workloads` were edited loses everybody at once, and they are somebody's still.
 */
function isGivenUp(address: string, desired: Ruleset, owners: InterimOptions['owners']): boolean {
  if (owners === undefined) return !desired.members.has(address);
  return owners.before === undefined ? !owners.now.has(address) : hasOtherOwner(address, owners);
}

/**
 * The translation matches other flows than before, or somebody who is still there is translated otherwise. Not so for a newcomer who
 * was held while an edit waited, and now gets what others have already.
 */
function isEdited(approved: Nat, wanted: Nat, before: Ruleset, owners: InterimOptions['owners']): boolean {
  if (natText(approved) !== natText(wanted)) return true;
  const same = (a: NatTarget, b: NatTarget): boolean => targetKey(a) === targetKey(b);
  const { changed } = approved.sources.difference(wanted.sources, same);
  const others = changed.filter(([address]) => before.members.has(address) && !hasOtherOwner(address, owners));
  if (others.some(([, old]) => old.kind !== 'Hold' || old.reason !== WAITS)) return true;
  if (others.length === 0) return false;
  const used = new Set([...approved.sources.entries()].map(([, target]) => targetKey(target)));
  return others.some(([, , target]) => !used.has(targetKey(target)));
}

function withOrdinaryInside(approved: Ruleset, desired: Ruleset): Ruleset['inside'] {
  const moved = ordinaryInside(approved.inside, desired.inside);
  if (moved.isEmpty) return approved.inside;
  return approved.inside.subtract(moved).union(desired.inside.intersect(moved));
}

/**
 * A ruleset as if the lists that rules of others use had been approved as they are: groups with what is in the list of their name, those
 * without a list left out, and those that nobody wants any more for what is still in their lists.
 */
export function withLists(desired: Ruleset, lists: Lists): Ruleset {
  const groups = new Map<GroupId, Group>();
  const named = new Set<string>();
  for (const [id, group] of desired.groups) {
    if (group.kind === 'Outside') groups.set(id, group);
    else {
      named.add(group.deviceName);
      const list = lists.get(group.deviceName);
      if (group.held === true) groups.set(id, group);
      else if (list !== undefined && list !== 'stays')
        groups.set(id, { ...group, resource: list.resource, use: list.use, members: membersOf(list, group.family) });
    }
  }
  for (const [name, list] of lists)
    if (!named.has(name) && list !== 'stays')
      for (const family of [4, 6] as const) {
        if (list.addresses[family].length === 0) continue;
        const { resource, use } = list;
        const id = `list ${family} ${name}`;
        const members = membersOf(list, family);
        groups.set(id, { id, kind: 'AddressGroup', family, deviceName: name, resource, use, members });
      }
  return { ...desired, groups };
}

function membersOf({ addresses }: ListBehaviour, family: Family): BucketMap<true> {
  return BucketMap.from(addresses[family].map((address) => [address, true as const]));
}

/** Approved groups with the members that may flow; none is made and none goes, but members whose address was given up do. */
function interimGroups(approved: Ruleset, desired: Ruleset, options: InterimOptions): Ruleset['groups'] {
  const next = new Map<GroupId, Group>();
  let same = true;
  for (const [id, group] of approved.groups) {
    const wanted = desired.groups.get(id);
    const result = interimGroup(group, wanted, approved, desired, options);
    same &&= result === group;
    next.set(id, result);
  }
  return same ? approved.groups : next;
}

function interimGroup(
  group: Group,
  wanted: Group | undefined,
  approved: Ruleset,
  desired: Ruleset,
  { moves, owners }: InterimOptions,
): Group {
  if (group.kind === 'Outside')
    return moves === 'flow' && wanted?.kind === 'Outside' && !group.nets.equals(wanted.nets)
      ? { ...group, nets: wanted.nets }
      : group;
  if (wanted?.kind === 'Outside' || group.held === true || wanted?.held === true) return group;
  // A group that waits to go loses only what is free to leave.
  const flows = moves === 'flow' && wanted !== undefined;
  const { added, removed } = group.members.difference(wanted?.members ?? BucketMap.empty());
  const joins = (address: string): boolean =>
    flows || (owners?.before === undefined ? !approved.members.has(address) : hasOtherOwner(address, owners));
  const leaves = (address: string): boolean => flows || isGivenUp(address, desired, owners);
  const members = group.members.with([
    ...added.filter(([address]) => joins(address)).map(([address]) => [address, true as const] as const),
    ...removed.filter(([address]) => leaves(address)).map(([address]) => [address, undefined] as const),
  ]);
  return members === group.members ? group : { ...group, members };
}
