import type { Capacity as Rooms, Room } from '../rulebase/capacity.ts';
import { partsOf } from '../rulebase/group-parts.ts';
import type { MemberGroup, ObservedRuleBase, Service } from '../rulebase/model.ts';
import { type Style, tagOf } from './entries.ts';
import type { Capacity } from './identity.ts';
import type { Folders } from './read-entries.ts';
import type { Registered } from './registered.ts';
import { sayService } from './services.ts';

/**
 * The room that a device told of, less what others have of it in our scope. What stands in other scopes of the same device nobody tells us:
 * there the device itself refuses, at the commit. What it does not tell (reference 1.10: keys vary) is not judged.
 */
export function roomsIn(
  { objects, security, nat }: Folders,
  registered: Registered,
  observed: ObservedRuleBase,
  capacity: Capacity,
  style: Style,
): Rooms {
  const takes = {
    services: (service: Service): number => sayService(service.match).length,
    // Dynamic groups stand in the same table.
    groups: (group: MemberGroup): number => 1 + partCount(group, style.mostMembers),
  };
  const sum = <T>(list: Iterable<T>, one: (each: T) => number): number => {
    let total = 0;
    for (const each of list) total += one(each);
    return total;
  };
  const room = (name: keyof Rooms, most: number | undefined, all: number, ours: number): Partial<Rooms> =>
    most === undefined ? {} : { [name]: { most, others: Math.max(0, all - ours) } satisfies Room };
  const tags = new Set([...observed.groups.values()].map((group) => tagOf(group, style)));
  const own = sum(registered.values(), (has) => ([...has].some((tag) => tags.has(tag)) ? 1 : 0));
  return {
    ...room('objects', capacity.addresses, objects.address.length, observed.objects.size),
    ...room('groups', capacity.groups, objects['address-group'].length, sum(observed.groups.values(), takes.groups)),
    ...room('services', capacity.services, objects.service.length, sum(observed.services.values(), takes.services)),
    ...room('rules', capacity.rules, security.length, observed.rules.length),
    ...room('translations', capacity.natRules, nat.length, observed.translations.length),
    // Our marker is there from the first write on.
    ...room('addresses', capacity.registered, Math.max(registered.size, own + 1), own),
    takes,
  };
}

/** Groups beside itself that a configured group takes where it has more members than one may have. */
function partCount({ store, members }: MemberGroup, most: number | undefined): number {
  if (store === 'Volatile' || most === undefined || members.size <= most) return 0;
  return partsOf([...members], most).size;
}
