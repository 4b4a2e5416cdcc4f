import type { AddressGroup } from '../api/resource.ts';
import { BucketMap } from '../base/bucket-map.ts';
import { compareUtf8 } from '../base/compare.ts';
import { type Pieces, each } from '../base/pieces.ts';
import type { EndpointId } from '../inventory/model.ts';
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
  #nats: readonly BucketMap<NatTarget>[];
  #addressGroups: readonly Readonly<Record<4 | 6, BucketMap<true>>>[];
  #reports = BucketMap.empty<BlindReport>();
  #unseen = BucketMap.empty<Unseen>();
  #unseenChanges: Change<Unseen>[] = [];
  #classes: ReadonlyMap<ClassId, Class> = new Map();
  #groups: ReadonlyMap<GroupId, Group> | undefined;
  /** AddressGroups as they were last: one that nobody joined or left is the very same in the next version. */
  readonly #lastGroups = new Map<GroupId, Extract<Group, { kind: 'AddressGroup' }>>();
  #regrouped = false;
  #overlapping: readonly Profile[] = [];
  #overlappingChanged = false;

  constructor(frame: Frame) {
    this.frame = frame;
    this.#nats = frame.nats.map(() => BucketMap.empty<NatTarget>());
    this.#addressGroups = frame.groups.map(() => ({ 4: BucketMap.empty<true>(), 6: BucketMap.empty<true>() }));
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
    const nats: Change<NatTarget>[][] = this.frame.nats.map(() => []);
    const groups: Change<true>[][] = this.frame.groups.map(() => []);
    const families = new Map<string, 4 | 6>();
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
      families.set(address, address.includes(':') ? 6 : 4);
      reports.push([address, held instanceof Senders ? blindReport(held, this.frame) : undefined]);
      this.#settleNats(address, held, nats);
      this.#settleGroups(address, held, groups);
    });
    this.#touched.clear();
    this.#members = yield* this.#members.making(members);
    this.#reports = yield* this.#reports.making(reports);
    const natTables: BucketMap<NatTarget>[] = [];
    for (const [index, table] of this.#nats.entries()) natTables.push(yield* table.making(nats[index] ?? []));
    this.#nats = natTables;
    const groupTables: Readonly<Record<4 | 6, BucketMap<true>>>[] = [];
    for (const [index, tables] of this.#addressGroups.entries()) {
      const of = (family: 4 | 6): Pieces<BucketMap<true>> =>
        tables[family].making((groups[index] ?? []).filter(([address]) => families.get(address) === family));
      groupTables.push({ 4: yield* of(4), 6: yield* of(6) });
    }
    this.#addressGroups = groupTables;
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
      groups: this.#allGroups(),
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

  #allGroups(): ReadonlyMap<GroupId, Group> {
    this.#groups ??= this.#collectGroups();
    if (this.frame.groups.length === 0) return this.#groups;
    const groups = new Map(this.#groups);
    for (const [index, group] of this.frame.groups.entries())
      for (const family of [4, 6] as const) {
        const id = group.id[family];
        const members = this.#addressGroups[index]?.[family] ?? BucketMap.empty<true>();
        const known = this.#lastGroups.get(id);
        const one: Extract<Group, { kind: 'AddressGroup' }> =
          known?.members === members
            ? known
            : {
                id,
                kind: 'AddressGroup',
                family,
                deviceName: group.resource.deviceName,
                resource: `AddressGroup/${group.resource.name}`,
                use: group.resource.use,
                members,
                ...formOf(group.resource),
                ...(group.held ? { held: true as const } : {}),
              };
        this.#lastGroups.set(id, one);
        groups.set(id, one);
      }
    return groups;
  }

  #classOf(held: Sending | Senders): Class {
    return held instanceof Senders
      ? this.frame.classOf(held.profiles, held.isBlind)
      : this.frame.classOf([held.profile], held.blind);
  }

  #settleNats(address: string, held: Sending | Senders | undefined, changes: Change<NatTarget>[][]): void {
    const before = this.#natsOf.get(address) ?? [];
    const now = indexesOf(held, (profile) => profile.nats);
    if (before.length === 0 && now.length === 0) return;
    for (const index of before) if (!now.includes(index)) changes[index]?.push([address, undefined]);
    for (const index of now) {
      const nat = this.frame.nats[index];
      if (nat === undefined || held === undefined) continue;
      const target =
        held instanceof Senders ? held.target(nat, index) : targetFor(nat.choice, choiceKey(held.endpoint));
      changes[index]?.push([address, target === 'refused' ? undefined : target]);
    }
    if (now.length === 0) this.#natsOf.delete(address);
    else this.#natsOf.set(address, now);
  }

  #settleGroups(address: string, held: Sending | Senders | undefined, changes: Change<true>[][]): void {
    const before = this.#groupsOf.get(address) ?? [];
    const now = indexesOf(held, (profile) => profile.groups);
    if (before.length === 0 && now.length === 0) return;
    for (const index of before) if (!now.includes(index)) changes[index]?.push([address, undefined]);
    for (const index of now) {
      const group = this.frame.groups[index];
      if (group === undefined || held === undefined) continue;
      const isIn = !group.held && (!(held instanceof Senders) || held.isInGroup(index, group.resource.use));
      changes[index]?.push([address, isIn ? true : undefined]);
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

function formOf({ as }: AddressGroup): { readonly form?: 'Group' | 'Feed' | 'Tag' } {
  return as === 'Auto' ? {} : { form: as };
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
