import type { Capacity, Room } from '../../rulebase/capacity.ts';
import { partsOf } from '../../rulebase/group-parts.ts';
import type { MemberGroup, ObservedRuleBase, RuleBase } from '../../rulebase/model.ts';
import { type Entries, type OurFolder, tagOf } from '../entries/entries.ts';
import type { Ground } from '../configuration/ground.ts';
import type { Capacity as DeviceCapacity } from '../api/identity.ts';
import { ownedIn } from '../entries/owned.ts';
import type { Folders } from '../entries/read-entries.ts';
import type { RegistryReading } from '../members/registry.ts';
import { sayService } from '../entries/services.ts';

/** What fits on a device. */
export class Rooms {
  readonly #owned = new WeakMap<Folders, Entries>();
  readonly #parts = new WeakMap<ReadonlySet<string>, Parts>();

  /**
   * The room that a device told of, less what others have of it in our scope. What stands in other scopes of the same device nobody tells us:
   * there the device itself refuses, at the commit. What it does not tell (reference 1.10: keys vary) is not judged.
   */
  in(
    folders: Folders,
    { registered, marker }: RegistryReading,
    observed: ObservedRuleBase,
    capacity: DeviceCapacity,
    { style, cluster }: Ground,
  ): Capacity {
    const room = (name: keyof Capacity, most: number | undefined, all: number, ours: number): Partial<Capacity> =>
      most === undefined ? {} : { [name]: { most, others: Math.max(0, all - ours), ours } satisfies Room };
    const tags = new Set([...observed.groups.values()].map((group) => tagOf(group, style)));
    let own = 0;
    for (const has of registered.values()) if ([...has].some((tag) => tags.has(tag))) own++;
    const { objects, security, nat } = folders;
    const owned = this.#owned.get(folders) ?? ownedIn(folders, cluster);
    this.#owned.set(folders, owned);
    const folder = (name: keyof Capacity, most: number | undefined, of: OurFolder): Partial<Capacity> =>
      room(name, most, objects[of].length, owned.objects[of].size);
    return {
      ...folder('objects', capacity.addresses, 'address'),
      ...folder('groups', capacity.groups, 'address-group'),
      ...folder('services', capacity.services, 'service'),
      ...room('rules', capacity.rules, security.length, owned.security.length),
      ...room('translations', capacity.natRules, nat.length, owned.nat.length),
      // Our marker, which is none of our members, is there from the first write on.
      ...room('addresses', capacity.registered, registered.size + (marker === undefined ? 1 : 0), own),
      takes: {
        objects: objectsIn,
        services: ({ services }) => [...services].map(([name, { match }]) => [name, sayService(match).length] as const),
        groups: (base) => this.#groupsIn(base, style.mostMembers),
      },
    };
  }

  /** Dynamic groups stand in the same table. */
  *#groupsIn({ groups }: RuleBase, most: number | undefined): Generator<readonly [string, number]> {
    for (const [key, group] of groups) {
      yield [key, 1];
      for (const part of this.#partsOf(group, most)) yield [`${key} ${part}`, 1];
    }
  }

  /** Groups beside itself that a configured group takes where it has more members than one may have. */
  #partsOf({ store, members }: MemberGroup, most: number | undefined): readonly string[] {
    if (store === 'Volatile' || most === undefined || members.size <= most) return [];
    const known = this.#parts.get(members);
    if (known?.most === most) return known.keys;
    const keys = [...partsOf([...members], most).keys()];
    this.#parts.set(members, { most, keys });
    return keys;
  }
}

interface Parts {
  readonly most: number;
  readonly keys: readonly string[];
}

function* objectsIn({ objects, groups }: RuleBase): Generator<readonly [string, number]> {
  for (const name of objects.keys()) yield [name, 1];
  for (const { store, family, members } of groups.values())
    if (store === 'Configured' && members.size === 0) yield [`nobody ${family === 6 ? 6 : 4}`, 1];
}
