import { world } from '../../../../test/kit/worlds.ts';
import { BucketMap } from '../../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../../border/ruleset.ts';

const NOTHING_ELSE = world({}, []);

/** The wish for an AddressGroup that the firewall fetches as a list, beside others. */
export function fetched(members: readonly string[], others: Ruleset = NOTHING_ELSE, name = 'payments'): Ruleset {
  const group: Group = {
    id: name,
    kind: 'AddressGroup',
    family: 4,
    deviceName: name,
    resource: `AddressGroup/${name}`,
    use: 'Allow',
    form: 'Feed',
    members: BucketMap.from(members.map((address) => [address, true as const])),
  };
  return { ...others, groups: new Map([...others.groups, [name, group]]) };
}
