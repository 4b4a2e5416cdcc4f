import { BucketMap } from '../../src/base/bucket-map.ts';
import type { Group, Ruleset } from '../../src/border/ruleset.ts';
import type { BadDaysWorlds } from '../../src/firewalls/contract/bad-days.ts';
import { allowing, translating, world } from './worlds.ts';

const ALLOWS = 'payments';
const DENIES = 'blocked';

/** Groups that people name in rules of theirs: one that allows, whose members need no commit, and one that denies, in the configuration. */
function groups(members: readonly string[], names: readonly [string, string] = [ALLOWS, DENIES]): Ruleset {
  const [allows, denies] = names;
  const of = (deviceName: string, use: 'Allow' | 'Deny'): Group => ({
    id: deviceName,
    kind: 'AddressGroup',
    family: 4,
    deviceName,
    resource: `AddressGroup/${deviceName}`,
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

/** Classes that may do this or that, a translation, and groups. */
function rules(
  members: Readonly<Record<string, string>>,
  ports: readonly [number, number],
  withGroups: readonly string[],
): Ruleset {
  const targets = Object.keys(members).map((address) => [address, { kind: 'Address', address: '198.18.0.1' }] as const);
  const all = groups(Object.keys(members)).groups;
  return world(members, [allowing('bank', '203.0.113.0/24', ports[0]), allowing('shop', '198.51.100.0/24', ports[1])], {
    groups: new Map([...all].filter(([, { id }]) => withGroups.includes(id))),
    nats: [translating('out', Object.fromEntries(targets))],
  });
}

/** What another cluster has there. */
const others: Ruleset = { ...groups(['10.9.0.1'], ['theirs-allow', 'theirs-deny']), cluster: 'other' };

/** Whoever may do something comes, goes and changes, and so do the rules. `withGroups`: what of the groups is there besides. */
export function rulesOnBadDays(withGroups: readonly string[] = [ALLOWS, DENIES]): BadDaysWorlds {
  return {
    before: rules({ '10.0.0.1': 'bank', '10.0.0.2': 'shop' }, [443, 80], withGroups),
    after: rules({ '10.0.0.2': 'bank', '10.0.0.3': 'shop', '10.0.0.4': 'bank' }, [443, 8080], withGroups),
    others,
  };
}

/** Groups alone, whose members come and go. */
export const groupsOnBadDays: BadDaysWorlds = {
  before: groups(['10.0.0.1', '10.0.0.2']),
  after: groups(['10.0.0.2', '10.0.0.3', '10.0.0.4']),
  others,
};
