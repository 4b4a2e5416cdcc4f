import { describe, expect, test } from 'vitest';
import { sealed } from '../../../test/kit/record-on-disk.ts';
import { allowing, crowd, passing, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import { atOnce } from '../../base/pieces.ts';
import type { Group, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { behaviourOf } from '../../plan/ruleset-behaviour.ts';
import { type KnownState, changedLines, headLine, readRecord, rulesLine } from '../confirmed/confirmed-record.ts';
import { recalling } from './recalling.ts';

const OF = { cluster: 'lab', firewall: 'edge-1', device: 'd' };
const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '198.51.100.0/24', 80);
const CLASSES = [bank, shop];

type Owners = Readonly<Record<string, string>>;
const owned = (owners: Owners): BucketMap<string> => BucketMap.from(Object.entries(owners));

function recordOf(state: KnownState) {
  const lines = atOnce(changedLines(undefined, state));
  const text = sealed(headLine(OF, undefined) + rulesLine(state.ruleset) + lines.join(''));
  const record = atOnce(readRecord(text, OF));
  if (typeof record === 'string') throw new Error(record);
  return record;
}

/** What is made of a record on a device that shows these senders with these marks: its own, unless others are given. */
function recalled(
  kept: { readonly ruleset: Ruleset; readonly owners?: Owners },
  now: { readonly ruleset?: Ruleset; readonly owners?: Owners } = {},
  shown: Readonly<Record<string, string>> = Object.fromEntries(kept.ruleset.members.entries()),
): KnownState | string {
  const ruleset = now.ruleset ?? kept.ruleset;
  const behaviour = { ...behaviourOf(ruleset), senders: BucketMap.from(Object.entries(shown)) };
  const record = recordOf({ ruleset: kept.ruleset, owners: owned(kept.owners ?? {}) });
  return atOnce(recalling(record, { behaviour }, { ruleset, owners: owned(now.owners ?? {}) }));
}

function known(state: KnownState | string): KnownState {
  if (typeof state === 'string') throw new Error(state);
  return state;
}
const membersOf = (state: KnownState | string): object => Object.fromEntries(known(state).ruleset.members.entries());
const ownersOf = (state: KnownState | string): object => Object.fromEntries(known(state).owners.entries());

describe('who is in which class', () => {
  test('is what the record says where the device has them alike', () => {
    const bench = { ...bank, id: 'bench' };
    const ruleset = world({ '10.0.0.1': 'bank', '10.0.0.2': 'bench', '10.0.0.3': 'bank' }, [bank, bench]);
    const shown = { '10.0.0.1': 'm', '10.0.0.2': 'm', '10.0.0.3': 'm' };
    expect(membersOf(recalled({ ruleset }, {}, shown))).toEqual(Object.fromEntries(ruleset.members.entries()));
  });

  test('is what the device says where the record says something else, and then somebody else had the address', () => {
    const ruleset = world({ '10.0.0.1': 'bank', '10.0.0.2': 'shop', '10.0.0.3': 'bank' }, CLASSES);
    const owners = { '10.0.0.1': 'a', '10.0.0.2': 'b', '10.0.0.3': 'c' };
    const state = recalled({ ruleset, owners }, { owners }, { '10.0.0.1': 'm', '10.0.0.2': 'm', '10.0.0.3': 'm' });
    expect(membersOf(state)).toEqual({ '10.0.0.1': 'bank', '10.0.0.2': 'bank', '10.0.0.3': 'bank' });
    expect(ownersOf(state)).toEqual({ ...owners, '10.0.0.2': '?' });
  });

  test('of an address that the record does not know is that of its like, and somebody else had it', () => {
    const [before, since] = [{ '10.0.0.1': 'bank' }, { '10.0.0.1': 'bank', '10.0.0.2': 'bank' }];
    const owners = { '10.0.0.1': 'a', '10.0.0.2': 'b' };
    const state = recalled({ ruleset: world(before, CLASSES), owners: { '10.0.0.1': 'a' } }, { owners }, since);
    expect(membersOf(state)).toEqual(since);
    expect(ownersOf(state)).toEqual({ '10.0.0.1': 'a', '10.0.0.2': '?' });
  });

  test('of a mark that the record does not know is what is wished for it, of the classes of the record', () => {
    const kept = { ruleset: world({ '10.0.0.1': 'bank' }, CLASSES) };
    const shown = { '10.0.0.1': 'm', '10.0.0.2': 'n' };
    const wish = (id: string): Ruleset => world({ '10.0.0.2': id }, [...CLASSES, passing('late')]);
    expect(membersOf(recalled(kept, { ruleset: wish('shop') }, shown))).toEqual({
      '10.0.0.1': 'bank',
      '10.0.0.2': 'shop',
    });
    for (const nameless of [wish('late'), world({}, CLASSES)])
      expect(recalled(kept, { ruleset: nameless }, shown)).toMatch(/does not name/);
  });

  test('of a mark that most of the record name is not what is wished for one of them', () => {
    const kept = { ruleset: world(crowd(2, 'bank'), CLASSES) };
    const wish = world({ '10.0.0.9': 'shop' }, CLASSES);
    const shown = { '10.0.0.1': 'm', '10.0.0.2': 'm', '10.0.0.9': 'm' };
    expect(membersOf(recalled(kept, { ruleset: wish }, shown))).toEqual({ ...crowd(2, 'bank'), '10.0.0.9': 'bank' });
  });
});

describe('a class that the record names and does not hold', () => {
  const kept = { ruleset: world({ '10.0.0.1': 'bank', '10.0.0.2': 'ghost' }, CLASSES) };

  test('is none of anybody whom the device has like others', () => {
    const state = recalled(kept, {}, { '10.0.0.1': 'm', '10.0.0.2': 'm' });
    expect(membersOf(state)).toEqual({ '10.0.0.1': 'bank', '10.0.0.2': 'bank' });
    expect(ownersOf(state)).toEqual({ '10.0.0.2': '?' });
  });

  test('names nothing', () => {
    expect(recalled(kept, {}, { '10.0.0.1': 'm', '10.0.0.2': 'n' })).toMatch(/does not name/);
  });
});

describe('a record that differs too much from what the device holds', () => {
  // A share counts where it is more than ten.
  test.each([
    [20, 10],
    [400, 20],
  ])('of %d addresses it may be %d', (all, few) => {
    const some = Object.entries({ ...crowd(200, 'bank'), ...crowd(200, 'bank', 1) }).slice(0, all);
    const but = (count: number): Record<string, string> => Object.fromEntries(some.slice(0, all - count));
    const verdict = (kept: Record<string, string>, shown: Record<string, string>): unknown =>
      recalled({ ruleset: world(kept, CLASSES) }, {}, shown);
    expect(verdict(but(few), but(0))).toBeTypeOf('object');
    expect(verdict(but(few + 1), but(0))).toBe(
      `it does not know ${few + 1} of the ${all} addresses that the firewall holds`,
    );
    expect(verdict(but(0), but(few))).toBeTypeOf('object');
    expect(verdict(but(0), but(few + 1))).toBe(
      `the firewall does not hold ${few + 1} of the ${all} addresses that it knows`,
    );
  });

  test('an address without a class is none that a device could hold', () => {
    const owners = crowd(50, 'somebody', 3);
    expect(typeof recalled({ ruleset: world({ '10.0.0.1': 'bank' }, CLASSES), owners })).toBe('object');
    const shown = crowd(9, 'bank');
    expect(
      recalled({ ruleset: world(crowd(20, 'bank'), CLASSES), owners: { ...owners, ...crowd(250, 'a', 4) } }, {}, shown),
    ).toMatch(/does not hold 11 of the 20/);
  });

  test('a device that holds nobody shows nothing', () => {
    expect(recalled({ ruleset: world({ '10.0.0.1': 'bank' }, CLASSES) }, {}, {})).toMatch(/holds nobody/);
  });
});

test('a class that nobody is in is not taken over', () => {
  const state = recalled({ ruleset: world({ '10.0.0.1': 'bank' }, CLASSES) });
  expect([...known(state).ruleset.classes.keys()]).toEqual(['bank']);
});

test('owners are who they were as far as they have the address now; all others are somebody', () => {
  const kept = {
    '10.0.0.1': 'shop/a node b',
    '10.0.0.2': 'c',
    '10.0.0.3': 'd e',
    '10.0.0.4': 'd e',
    '10.0.0.5': 'f',
    '10.0.0.6': 'g',
  };
  const now = {
    '10.0.0.1': 'shop/a node b',
    '10.0.0.2': 'x',
    '10.0.0.3': 'e',
    '10.0.0.4': 'd',
    '10.0.0.5': 'f h',
    '10.0.0.7': 'i',
  };
  expect(ownersOf(recalled({ ruleset: world(crowd(7, 'bank'), CLASSES), owners: kept }, { owners: now }))).toEqual({
    '10.0.0.1': 'shop/a node b',
    '10.0.0.2': '?',
    '10.0.0.3': 'e ?',
    '10.0.0.4': 'd ?',
    '10.0.0.5': 'f ?',
    '10.0.0.6': '?',
  });
});

describe('translations and lists', () => {
  const to = (address: string): NatTarget => ({ kind: 'Address', address });
  const listOf = (...members: readonly string[]): Group => ({
    id: 'g',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'web',
    resource: 'AddressGroup/web',
    use: 'Allow',
    members: BucketMap.from(members.map((one) => [one, true as const])),
  });
  const worldWith = (
    places: Readonly<Record<string, string>>,
    targets: Record<string, NatTarget>,
    list?: Group,
  ): Ruleset =>
    world(places, CLASSES, {
      nats: Object.keys(targets).length === 0 ? [] : [translating('out', targets)],
      groups: new Map(list === undefined ? [] : [['g', list]]),
    });

  test('are what was recorded; of whom the record does not know, what is wished', () => {
    const kept = worldWith(crowd(2, 'bank'), { '10.0.0.1': to('203.0.113.1') });
    const wished = worldWith(crowd(3, 'bank'), {
      '10.0.0.1': to('203.0.113.2'),
      '10.0.0.2': to('203.0.113.2'),
      '10.0.0.3': { kind: 'Exempt' },
    });
    const { ruleset } = known(recalled({ ruleset: kept }, { ruleset: wished }, crowd(3, 'bank')));
    expect(ruleset.nats.map(({ sources }) => Object.fromEntries(sources.entries()))).toEqual([
      { '10.0.0.1': to('203.0.113.1'), '10.0.0.3': { kind: 'Exempt' } },
    ]);
  });

  test('of whom the device does not hold are no translations; lists have whoever they had', () => {
    const kept = worldWith(
      crowd(2, 'bank'),
      { '10.0.0.1': to('203.0.113.1'), '10.0.0.2': { kind: 'Hold', reason: 'why not' } },
      listOf('10.0.0.2', '10.0.7.7'),
    );
    const { ruleset } = known(recalled({ ruleset: kept }, {}, { '10.0.0.2': 'bank' }));
    expect(ruleset.nats.map(({ sources }) => Object.fromEntries(sources.entries()))).toEqual([
      { '10.0.0.2': { kind: 'Hold', reason: 'why not' } },
    ]);
    const { members } = ruleset.groups.get('g') as Extract<Group, { kind: 'AddressGroup' }>;
    expect([...members.keys()].toSorted()).toEqual(['10.0.0.2', '10.0.7.7']);
  });

  test('that hold nobody are shown by nothing', () => {
    const kept = worldWith(crowd(2, 'bank'), { '10.0.0.1': to('203.0.113.1') });
    expect(recalled({ ruleset: kept }, {}, { '10.0.0.2': 'bank' })).toMatch(/a translation has no sender/);
    expect(recalled({ ruleset: worldWith(crowd(2, 'bank'), {}, listOf()) })).toMatch(/a list is empty/);
  });
});
