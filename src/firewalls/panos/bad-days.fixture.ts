import { allowing, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';

/** Groups that people name in rules of theirs: one that allows, whose members are tags, and one that denies, in the configuration. */
export function groups(
  members: readonly string[],
  [allows, denies]: readonly [string, string] = ['payments', 'blocked'],
): Ruleset {
  const of = (name: string, use: 'Allow' | 'Deny'): Group => ({
    id: name,
    kind: 'AddressGroup',
    family: 4,
    deviceName: name,
    resource: `AddressGroup/${name}`,
    use,
    members: BucketMap.from(members.map((address) => [address, true as const])),
  });
  return world({}, [], {
    groups: new Map([
      ['a', of(allows, 'Allow')],
      ['b', of(denies, 'Deny')],
    ]),
  });
}

/** Classes that may do this or that, a translation, and both groups. */
export function rules(members: Readonly<Record<string, string>>, ports: readonly [number, number]): Ruleset {
  const targets = Object.keys(members).map((address) => [address, { kind: 'Address', address: '198.18.0.1' }] as const);
  return world(members, [allowing('bank', '203.0.113.0/24', ports[0]), allowing('shop', '198.51.100.0/24', ports[1])], {
    groups: groups(Object.keys(members)).groups,
    nats: [translating('out', Object.fromEntries(targets))],
  });
}

/** What another cluster has there. */
export const others = { ...groups(['10.9.0.1'], ['theirs-allow', 'theirs-deny']), cluster: 'other' };
