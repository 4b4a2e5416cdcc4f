import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../test/kit/runs.ts';
import { world } from '../../test/kit/worlds.ts';
import { BucketMap } from '../base/bucket-map.ts';
import type { Group, Ruleset } from '../border/ruleset.ts';
import { type ListBehaviour, type Lists, groupsBetween, listsBetween } from './lists.ts';

interface Asked {
  readonly object?: string;
  readonly use?: 'Allow' | 'Deny';
  readonly held?: true;
  readonly members: readonly string[];
}

/** AddressGroups by their names on the device. */
function asking(groups: Readonly<Record<string, readonly Asked[]>>): Ruleset {
  const all = Object.entries(groups).flatMap(([deviceName, list]) =>
    list.map(
      ({ object = deviceName, use = 'Allow', held, members }): Group => ({
        id: `AddressGroup/${object} 4`,
        kind: 'AddressGroup',
        family: 4,
        deviceName,
        resource: `AddressGroup/${object}`,
        use,
        members: BucketMap.from(members.map((address) => [address, true as const])),
        ...(held === undefined ? {} : { held }),
      }),
    ),
  );
  return world({}, [], { groups: new Map(all.map((group) => [group.id, group])) });
}

const told = (before: Ruleset, after: Ruleset): unknown[] =>
  groupsBetween(before, after).map((change) => ({ ...change, before: [...change.before] }));

describe('how AddressGroups change', () => {
  test('who joins one that allows may pass more, and who joins one that denies less', () => {
    const before = asking({
      web: [{ members: ['10.0.0.1', '10.0.0.2'] }],
      bad: [{ use: 'Deny', members: ['10.0.0.3'] }],
    });
    const after = asking({
      web: [{ members: ['10.0.0.2', '10.0.0.4'] }],
      bad: [{ use: 'Deny', members: ['10.0.0.5'] }],
    });
    const [joins, leaves] = [['10.0.0.5'], ['10.0.0.3']];
    expect(told(before, after)).toEqual([
      {
        list: 'bad',
        resource: 'AddressGroup/bad',
        gained: leaves,
        lost: joins,
        joins,
        leaves,
        before: ['10.0.0.3'],
        opens: false,
      },
      {
        list: 'web',
        resource: 'AddressGroup/web',
        gained: ['10.0.0.4'],
        lost: ['10.0.0.1'],
        joins: ['10.0.0.4'],
        leaves: ['10.0.0.1'],
        before: expect.arrayContaining(['10.0.0.1', '10.0.0.2']) as unknown,
        opens: false,
      },
    ]);
  });

  test('one that goes is emptied, and opens what it denied', () => {
    const before = asking({ web: [{ members: ['10.0.0.1'] }], bad: [{ use: 'Deny', members: ['10.0.0.2'] }] });
    expect(
      groupsBetween(before, asking({})).map(({ list, leaves, gained, opens }) => [list, leaves, gained, opens]),
    ).toEqual([
      ['bad', ['10.0.0.2'], ['10.0.0.2'], true],
      ['web', ['10.0.0.1'], [], false],
    ]);
  });

  test('of a new one, and of one that stays as it is there, nothing is said', () => {
    const web = { web: [{ members: ['10.0.0.1'] }] };
    const held = { web: [{ held: true, members: [] }] } as const;
    expect(groupsBetween(asking({}), asking(web))).toEqual([]);
    expect(groupsBetween(asking(web), asking(held))).toEqual([]);
    expect(groupsBetween(asking(held), asking(web))).toEqual([]);
  });

  test('who is in a list for another object by now was in it all the time', () => {
    const before = asking({ web: [{ object: 'old', members: ['10.0.0.1', '10.0.0.2'] }] });
    const after = asking({ web: [{ object: 'new', members: ['10.0.0.2', '10.0.0.3'] }] });
    expect(groupsBetween(before, after)).toMatchObject([{ joins: ['10.0.0.3'], leaves: ['10.0.0.1'], opens: false }]);
  });

  test('is what lists of the same content would tell', () => {
    const use = fc.constantFrom('Allow' as const, 'Deny' as const);
    const address = fc.nat(7).map((last) => `10.0.0.${last}`);
    const group = fc.record({ use, members: fc.uniqueArray(address) });
    const groups = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      group.map((one) => [one]),
    );
    const listed = (all: Readonly<Record<string, readonly (Asked & { readonly use: 'Allow' | 'Deny' })[]>>): Lists =>
      new Map(
        Object.entries(all).flatMap(([name, [one]]): (readonly [string, ListBehaviour])[] =>
          one === undefined
            ? []
            : [
                [
                  name,
                  { resource: `AddressGroup/${name}`, use: one.use, addresses: { 4: one.members.toSorted(), 6: [] } },
                ],
              ],
        ),
      );
    const sorted = (changes: ReturnType<typeof groupsBetween>): unknown =>
      changes.map(({ gained, lost, joins, leaves, before, ...rest }) => ({
        ...rest,
        all: [gained, lost, joins, leaves, [...before]].map((addresses) => addresses.toSorted()),
      }));
    fc.assert(
      fc.property(groups, groups, (before, after) => {
        expect(sorted(groupsBetween(asking(before), asking(after)))).toEqual(
          sorted(listsBetween(listed(before), listed(after))),
        );
      }),
      tries(200),
    );
  });
});
