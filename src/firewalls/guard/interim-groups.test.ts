import { describe, expect, test } from 'vitest';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { type InterimOptions, interimRuleset, withLists } from './interim.ts';
import { base, grouped, list, outside, owners } from './interim.fixture.ts';

function inList(ruleset: Ruleset): readonly string[] {
  const group = ruleset.groups.get('l');
  return group?.kind === 'AddressGroup' ? [...group.members.keys()].toSorted() : [];
}

describe('groups of what may go ahead while the rest waits', () => {
  const as = (approved: Ruleset, desired: Ruleset, options: InterimOptions): Ruleset =>
    interimRuleset(approved, desired, options);

  test.each([
    ['flow', [outside(['203.0.113.0/24'])], '203.0.113.0/24'],
    ['stay', [outside(['203.0.113.0/24'])], '198.51.100.0/24'],
    ['flow', [], '198.51.100.0/24'],
  ] as const)('network sets follow where members %s, and stay under rules that name them', (how, wanted, nets) => {
    const interim = as(grouped(outside(['198.51.100.0/24'])), grouped(...wanted), { moves: how });
    const found = [...interim.groups.values()].map((group) => group.kind === 'Outside' && group.nets.toStrings());
    expect(found).toEqual([[nets]]);
  });

  test.each([
    ['approved', list([], { held: true }), list(['10.0.0.1'])],
    ['wanted', list(['10.0.0.1']), list([], { held: true })],
  ])('a list whose %s object is broken stays as it is', (_, was, wanted) => {
    expect(as(grouped(was), grouped(wanted), { moves: 'flow' }).groups.get('l')).toBe(was);
  });

  test('who is in a list flows while rules wait', () => {
    const flows = as(grouped(list(['10.0.0.1'])), grouped(list(['10.0.0.2'])), { moves: 'flow', owners: owners() });
    expect(inList(flows)).toEqual(['10.0.0.2']);
  });

  test('where nothing is known of owners, a list is joined and left with the firewall alone', () => {
    const approved = {
      ...grouped(list(['10.0.0.1', '172.16.0.9'])),
      members: base.members.with([['10.0.0.2', undefined]]),
    };
    const desired = { ...grouped(list(['10.0.0.2'])), members: base.members.with([['10.0.0.1', undefined]]) };
    expect(inList(as(approved, desired, { moves: 'stay' }))).toEqual(['10.0.0.2', '172.16.0.9']);
  });

  const nobody = { members: BucketMap.empty<string>() };
  const both = ['10.0.0.1', '10.0.0.2'];
  test.each([
    ['is left by nobody who leaves the firewall with it', nobody, [], owners(), both],
    ['is left by whose address has another owner', {}, [], owners('10.0.0.1'), ['10.0.0.2']],
    ['is left by nobody, though nobody knows whose they were', nobody, [], { ...owners(), before: undefined }, both],
    [
      'is left by nobody’s addresses',
      nobody,
      [],
      { before: undefined, now: owners().now.with([['10.0.0.1', undefined]]) },
      ['10.0.0.2'],
    ],
    ['is joined by nobody who was there', {}, [...both, '172.16.0.9'], owners(), both],
    ['is joined by an heir', {}, [...both, '172.16.0.9'], owners('172.16.0.9'), [...both, '172.16.0.9']],
  ])('while a guard stops a change, a list %s', (_, rest, wanted, owned, expected) => {
    const desired = { ...grouped(list(wanted)), ...rest };
    expect(inList(as(grouped(list(both)), desired, { moves: 'stay', owners: owned }))).toEqual(expected);
    // One that nobody asks for any more is joined by nobody, and left as freely.
    if (wanted.length > 0) return;
    expect(inList(as(grouped(list(both)), { ...base, ...rest }, { moves: 'flow', owners: owned }))).toEqual(expected);
  });

  test('while a guard stops a change, one whose owner joins this firewall only now joins its class and not its list', () => {
    const approved = { ...grouped(list([])), members: base.members.with([['10.0.0.1', undefined]]) };
    const interim = as(approved, grouped(list(['10.0.0.1'])), { moves: 'stay', owners: owners() });
    expect([interim.members.get('10.0.0.1'), inList(interim)]).toEqual(['a', []]);
  });

  test('nodes that come and go flow; a pool that leaves what is inside waits', () => {
    const inside = (...nets: readonly string[]): Ruleset => ({ ...base, inside: PrefixSet.parse(nets) });
    const before = inside('10.0.0.0/16', '192.0.2.1/32');
    const nodes = inside('10.0.0.0/16', '192.0.2.2/32');
    for (const moves of ['flow', 'stay'] as const) {
      expect(as(before, nodes, { moves }).inside.equals(nodes.inside)).toBe(true);
      expect(as(before, inside('192.0.2.1/32'), { moves })).toBe(before);
    }
  });
});

describe('a list as the device has it, as if it had been approved', () => {
  const there = { resource: 'AddressGroup/old', use: 'Deny', addresses: { 4: ['10.0.0.9'], 6: ['fd00::9'] } } as const;
  const groupsOf = (ruleset: Ruleset): unknown =>
    [...ruleset.groups.values()].map((group) =>
      group.kind === 'Outside' ? group.id : [group.deviceName, group.family, group.use, [...group.members.keys()]],
    );

  test.each([
    ['has what is in it', grouped(list(['10.0.0.1'])), 'web', there, [['web', 4, 'Deny', ['10.0.0.9']]]],
    [
      'that nobody asks for is one',
      base,
      'web',
      there,
      [
        ['web', 4, 'Deny', ['10.0.0.9']],
        ['web', 6, 'Deny', ['fd00::9']],
      ],
    ],
    ['that nobody asks for and that is empty is none', base, 'web', { ...there, addresses: { 4: [], 6: [] } }, []],
    ['of which nothing is said is none', grouped(list(['10.0.0.1'])), 'web', 'stays', []],
    ['of which nothing is said, and which nobody asks for, is none', base, 'web', 'stays', []],
    ['that is not there is none', grouped(list(['10.0.0.1']), outside([])), 'other', 'stays', ['g']],
    [
      'of a broken object is as it is wanted',
      grouped(list([], { held: true })),
      'web',
      there,
      [['web', 4, 'Allow', []]],
    ],
  ] as const)('%s', (_, desired, name, found, expected) => {
    expect(groupsOf(withLists(desired, new Map([[name, found]])))).toEqual(expected);
  });
});
