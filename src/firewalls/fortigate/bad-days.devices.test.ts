import { allowing, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Group, Ruleset } from '../../border/ruleset.ts';
import { badDays } from '../contract/bad-days.ts';
import { fortigateBadDays } from '../../../test/kit/fortigate-bad-days.ts';

const RULES = {
  zones: { from: ['port2'], to: ['port1'] },
  position: 'First',
  form: 'Full',
  securityProfile: 'none',
  log: 'All',
};

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

/** A class that may do this or that, a translation, and the group that a Deny rests on. */
function rules(members: Readonly<Record<string, string>>, ports: readonly [number, number], cluster = 'lab'): Ruleset {
  const { groups: shared } = groups(Object.keys(members), [`${cluster}-allow`, 'blocked']);
  const targets = Object.keys(members).map((address) => [address, { kind: 'Address', address: '198.18.0.1' }] as const);
  return world(members, [allowing('bank', '203.0.113.0/24', ports[0]), allowing('shop', '198.51.100.0/24', ports[1])], {
    cluster,
    groups: new Map([...shared].filter(([, { id }]) => id === 'blocked')),
    nats: [translating('out', Object.fromEntries(targets))],
  });
}

badDays('FortiGate, rules and translations', () => fortigateBadDays({ version: '7.4.8' }, RULES, 'blocked'), {
  before: rules({ '10.0.0.1': 'bank', '10.0.0.2': 'shop' }, [443, 80]),
  after: rules({ '10.0.0.2': 'bank', '10.0.0.3': 'shop' }, [443, 8080]),
  others: { ...groups(['10.9.0.1'], ['theirs-allow', 'theirs-deny']), cluster: 'other' },
});

badDays('FortiGate, groups alone', () => fortigateBadDays({ version: '7.4.8' }, {}, 'blocked'), {
  before: groups(['10.0.0.1', '10.0.0.2']),
  after: groups(['10.0.0.2', '10.0.0.3', '10.0.0.4']),
  others: { ...groups(['10.9.0.1'], ['theirs-allow', 'theirs-deny']), cluster: 'other' },
});
