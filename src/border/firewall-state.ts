import { BucketMap } from '../base/bucket-map.ts';
import { compareUtf8 } from '../base/compare.ts';
import { type Pieces, each } from '../base/pieces.ts';
import type { EndpointId } from '../inventory/model.ts';
import { familyOf } from '../ip/address.ts';
import { type BlindReport, blindReport } from './blind.ts';
import type { Frame } from './frame.ts';
import type { Profile, Sending } from './profile.ts';
import type { Class, ClassId, Group, GroupId, NatTarget, Part, Ruleset } from './ruleset.ts';
import { Senders } from './shared-address.ts';
import { choiceKey } from './sightings.ts';
import { targetFor } from './source-nat.ts';

/** A workload that leaves through a firewall and has no address there that could be told. */
export interface Unseen {
  readonly kind: 'Unsaid' | 'NoNodeAddress';
  /** What selects it there, in vain: policies, translations, groups. */
  readonly objects: readonly string[];
}

/** One change of a table, to be made with others in one version. */
type Change<V> = readonly [string, V | undefined];
/** By the index of the table. */
type Changes<V> = Map<number, Change<V>[]>;
type AddressGroupOf = Extract<Group, { kind: 'AddressGroup' }>;

/**
 * The members of one firewall: which workloads send from which address, and what follows for classes, translations and groups. Takes
 * changes of senders one by one and makes one new version of the tables for all of them; the work is that of the touched addresses.
 */
export class FirewallState {
  readonly frame: Frame;
  /** Most addresses have one sender; it stands for itself. */
  readonly #senders = new Map<string, Sending | Senders>();
  readonly #touched = new Set<string>();
  /** Translations and groups that an address is in, where there are any. */
  readonly #natsOf = new Map<string, readonly number[]>();
  readonly #groupsOf = new Map<string, readonly number[]>();
  /** Distinct senders for each list of two translations or more: what could overlap. */
  readonly #manyNats = new Map<string, { readonly profile: Profile; count: number }>();
  readonly #classUse = new Map<ClassId, { readonly class: Class; count: number }>();
  readonly #groupUse = new Map<GroupId, number>();
  #members = BucketMap.empty<ClassId>();
  readonly #nats: BucketMap<NatTarget>[];
  readonly #addressGroups: Readonly<Record<4 | 6, AddressGroupOf>>[];
  #reports = BucketMap.empty<BlindReport>();
  #unseen = BucketMap.empty<Unseen>();
  #unseenChanges: Change<Unseen>[] = [];
  #classes: ReadonlyMap<ClassId, Class> = new Map();
  /** What nobody joined or left is the very same in the next version: each group, and all of them. */
  #groups: ReadonlyMap<GroupId, Group> | undefined;
  #regrouped = false;
  #overlapping: readonly Profile[] = [];
  #overlappingChanged = false;

  constructor(frame: Frame) {
    this.frame = frame;
    this.#nats = frame.nats.map(() => BucketMap.empty<NatTarget>());
    this.#addressGroups = frame.groups.map((group) => ({ 4: emptyGroup(group, 4), 6: emptyGroup(group, 6) }));
  }

  get reports(): BucketMap<BlindReport> {
    return this.#reports;
  }

  get unseen(): BucketMap<Unseen> {
    return this.#unseen;
  }

  /** Profiles with two translations or more that some sender has. */
  get overlapping(): readonly Profile[] {
    return this.#overlapping;
  }

  add(sending: Sending): void {
    this.#touched.add(sending.address);
    this.#countNats(sending.profile, 1);
    const held = this.#senders.get(sending.address);
    if (held === undefined && !sending.blind) {
      this.#senders.set(sending.address, sending);
      return;
    }
    const senders = held instanceof Senders ? held : new Senders(sending.address);
    if (held !== undefined && held !== senders && !(held instanceof Senders)) senders.add(held);
    senders.add(sending);
    this.#senders.set(sending.address, senders);
  }

  remove(sending: Sending): void {
    this.#touched.add(sending.address);
    this.#countNats(sending.profile, -1);
    const held = this.#senders.get(sending.address);
    if (!(held instanceof Senders)) {
      this.#senders.delete(sending.address);
      return;
    }
    held.delete(sending.endpoint);
    if (held.size === 0) this.#senders.delete(sending.address);
  }

  /** A workload whose address nobody knows; `undefined`: it is known now, or gone. */
  noteUnseen(endpoint: EndpointId, unseen: Unseen | undefined): void {
    this.#unseenChanges.push([endpoint, unseen]);
  }

  /** Other prefixes are in some groups now. */
  noteGroups(): void {
    this.#groups = undefined;
    this.#regrouped = true;
  }

  /** Brings the tables up to date. False: nothing differs. */
  *settle(): Pieces<boolean> {
    const regrouped = this.#regrouped;
    this.#regrouped = false;
    if (this.#touched.size === 0 && this.#unseenChanges.length === 0) return regrouped;
    const members: Change<ClassId>[] = [];
    const reports: Change<BlindReport>[] = [];
    const nats: Changes<NatTarget> = new Map();
    const groups: Changes<true> = new Map();
    let classesChanged = false;
    yield* each(this.#touched, (address) => {
      const held = this.#senders.get(address);
      const now = held === undefined ? undefined : this.#classOf(held);
      const before = this.#members.get(address);
      if (before !== now?.id) {
        members.push([address, now?.id]);
        if (now !== undefined) classesChanged = this.#useClass(now, 1) || classesChanged;
        const old = before === undefined ? undefined : this.#classUse.get(before)?.class;
        if (old !== undefined) classesChanged = this.#useClass(old, -1) || classesChanged;
      }
      reports.push([address, held instanceof Senders ? blindReport(held, this.frame) : undefined]);
      this.#settleNats(address, held, nats);
      this.#settleGroups(address, held, groups);
    });
    this.#touched.clear();
    this.#members = yield* this.#members.making(members);
    this.#reports = yield* this.#reports.making(reports);
    for (const [index, changes] of nats) {
      const table = this.#nats[index];
      if (table !== undefined) this.#nats[index] = yield* table.making(changes);
    }
    for (const [index, changes] of groups) yield* this.#regroup(index, changes);
    this.#unseen = yield* this.#unseen.making(this.#unseenChanges);
    this.#unseenChanges = [];
    if (classesChanged) this.#collectClasses();
    if (this.#overlappingChanged) this.#collectOverlapping();
    return true;
  }

  ruleset(cluster: string): Ruleset {
    const { firewall, inside, networks, nats } = this.frame;
    return {
      firewall: firewall.name,
      cluster,
      destinations: firewall.destinations,
      inside,
      networks,
      classes: this.#classes,
      members: this.#members,
      groups: (this.#groups ??= this.#collectGroups()),
      nats: nats.map((nat, index) => ({
        id: nat.id,
        family: nat.family,
        origin: nat.origin,
        destination: nat.destination,
        ...(nat.protocol === undefined ? {} : { protocol: nat.protocol }),
        ...(nat.ports === undefined ? {} : { ports: nat.ports }),
        sources: this.#nats[index] ?? BucketMap.empty<NatTarget>(),
      })),
      established: firewall.established,
    };
  }

  *#regroup(index: number, changes: readonly Change<true>[]): Pieces {
    const before = this.#addressGroups[index];
    if (before === undefined) return;
    const after = { ...before };
    for (const family of [4, 6] as const) {
      const group = before[family];
      const members = yield* group.members.making(changes.filter(([address]) => familyOf(address) === family));
      if (members === group.members) continue;
      after[family] = { ...group, members };
      if (this.#groups !== undefined) this.#groups = new Map(this.#groups).set(group.id, after[family]);
    }
    this.#addressGroups[index] = after;
  }

  #classOf(held: Sending | Senders): Class {
    return held instanceof Senders
      ? this.frame.classOf(held.profiles, held.isBlind)
      : this.frame.classOf([held.profile], held.blind);
  }

  #settleNats(address: string, held: Sending | Senders | undefined, changes: Changes<NatTarget>): void {
    const before = this.#natsOf.get(address) ?? [];
    const now = indexesOf(held, (profile) => profile.nats);
    if (before.length === 0 && now.length === 0) return;
    for (const index of before) if (!now.includes(index)) note(changes, index, [address, undefined]);
    for (const index of now) {
      const nat = this.frame.nats[index];
      if (nat === undefined || held === undefined) continue;
      const target =
        held instanceof Senders ? held.target(nat, index) : targetFor(nat.choice, choiceKey(held.endpoint));
      note(changes, index, [address, target === 'refused' ? undefined : target]);
    }
    if (now.length === 0) this.#natsOf.delete(address);
    else this.#natsOf.set(address, now);
  }

  #settleGroups(address: string, held: Sending | Senders | undefined, changes: Changes<true>): void {
    const before = this.#groupsOf.get(address) ?? [];
    const now = indexesOf(held, (profile) => profile.groups);
    if (before.length === 0 && now.length === 0) return;
    for (const index of before) if (!now.includes(index)) note(changes, index, [address, undefined]);
    for (const index of now) {
      const group = this.frame.groups[index];
      if (group === undefined || held === undefined) continue;
      const isIn = !group.held && (!(held instanceof Senders) || held.isInGroup(index, group.resource.use));
      note(changes, index, [address, isIn ? true : undefined]);
    }
    if (now.length === 0) this.#groupsOf.delete(address);
    else this.#groupsOf.set(address, now);
  }

  /** True: a class came or went. */
  #useClass(used: Class, by: 1 | -1): boolean {
    const use = this.#classUse.get(used.id);
    if (use === undefined) {
      this.#classUse.set(used.id, { class: used, count: by });
      for (const group of groupsIn(used)) this.#groupUse.set(group, (this.#groupUse.get(group) ?? 0) + 1);
      return true;
    }
    use.count += by;
    if (use.count > 0) return false;
    this.#classUse.delete(used.id);
    for (const group of groupsIn(used)) {
      const left = (this.#groupUse.get(group) ?? 0) - 1;
      if (left > 0) this.#groupUse.set(group, left);
      else this.#groupUse.delete(group);
    }
    return true;
  }

  #collectClasses(): void {
    const sorted = [...this.#classUse.keys()].sort(compareUtf8);
    this.#classes = new Map(
      sorted.flatMap((id) => {
        const use = this.#classUse.get(id);
        return use === undefined ? [] : [[id, use.class] as const];
      }),
    );
    this.#groups = undefined;
  }

  #collectGroups(): ReadonlyMap<GroupId, Group> {
    const groups = new Map<GroupId, Group>();
    for (const id of [...this.#groupUse.keys()].sort(compareUtf8)) {
      const group = this.frame.outsideGroups.get(id);
      if (group !== undefined) groups.set(id, group);
    }
    for (const one of this.#addressGroups)
      for (const family of [4, 6] as const) groups.set(one[family].id, one[family]);
    return groups;
  }

  #countNats(profile: Profile, by: 1 | -1): void {
    if (profile.nats.length < 2) return;
    const key = profile.nats.join();
    const use = this.#manyNats.get(key) ?? { profile, count: 0 };
    use.count += by;
    if (use.count > 0) this.#manyNats.set(key, use);
    else this.#manyNats.delete(key);
    this.#overlappingChanged = true;
  }

  #collectOverlapping(): void {
    this.#overlapping = [...this.#manyNats.values()].map((use) => use.profile);
    this.#overlappingChanged = false;
  }
}

function emptyGroup({ id, resource, held }: Frame['groups'][number], family: 4 | 6): AddressGroupOf {
  const { deviceName, name, use, as } = resource;
  return {
    id: id[family],
    kind: 'AddressGroup',
    family,
    deviceName,
    resource: `AddressGroup/${name}`,
    use,
    members: BucketMap.empty<true>(),
    ...(as === 'Auto' ? {} : { form: as }),
    ...(held ? { held: true as const } : {}),
  };
}

function note<V>(changes: Changes<V>, index: number, change: Change<V>): void {
  const known = changes.get(index);
  if (known === undefined) changes.set(index, [change]);
  else known.push(change);
}

/** Sorted indexes that any sender's profile has. */
function indexesOf(
  held: Sending | Senders | undefined,
  of: (profile: Profile) => readonly number[],
): readonly number[] {
  if (held === undefined) return [];
  if (!(held instanceof Senders)) return of(held.profile);
  return [...new Set(held.profiles.flatMap(of))].sort((a, b) => a - b);
}

function groupsIn(of: Class): ReadonlySet<GroupId> {
  const ids = new Set<GroupId>();
  const parts: readonly Part[] = [...of.parts, ...of.widened];
  for (const part of parts)
    for (const stage of part.stages)
      for (const { outside } of stage.rules) for (const id of [...outside.groups, ...outside.notGroups]) ids.add(id);
  return ids;
}
