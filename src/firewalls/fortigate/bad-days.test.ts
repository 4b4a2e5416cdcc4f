import { world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { badDays } from '../contract/bad-days.ts';
import { fortigateBadDays } from '../../../test/kit/fortigate-bad-days.ts';

/** Groups that people name in rules of theirs: one that allows, in a feed, and one that denies, in the configuration. */
function groups(members: readonly string[], names: readonly [string, string] = ['payments', 'blocked']): Ruleset {
  const of = (name: string, use: 'Allow' | 'Deny'): Group => ({
    id: name,
    kind: 'AddressGroup',
    family: 4,
    deviceName: name,
    resource: `AddressGroup/${name}`,
    use,
    members: BucketMap.from(members.map((address) => [address, true as const])),
  });
  const [allows, denies] = names;
  return world({}, [], {
    groups: new Map([
      ['a', of(allows, 'Allow')],
      ['b', of(denies, 'Deny')],
    ]),
  });
}

badDays('FortiGate, groups alone', () => fortigateBadDays({ version: '7.4.8' }, {}, 'blocked'), {
  before: groups(['10.0.0.1', '10.0.0.2']),
  after: groups(['10.0.0.2', '10.0.0.3', '10.0.0.4']),
  others: { ...groups(['10.9.0.1'], ['theirs-allow', 'theirs-deny']), cluster: 'other' },
});
