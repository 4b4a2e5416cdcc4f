import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tries } from '../../../test/kit/runs.ts';
import { allowing, crowd, translating, world } from '../../../test/kit/worlds.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Class, Group, Ruleset } from '../../border/ruleset.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { MemoryDevice } from '../memory/device.ts';
import { MemoryDriver } from '../memory/memory-driver.ts';
import { joiningBeside } from './newcomers.ts';
import { Standing } from './standing.ts';

const NEW = '10.0.9.1';
const bank = allowing('bank', '203.0.113.0/24', 443);
const shop = allowing('shop', '198.51.100.0/24', 80);
const edited = allowing('shop', '198.51.100.0/24', 8080);
const pods = { ...crowd(2, 'bank'), ...crowd(2, 'shop', 1) };
const owned = (...addresses: readonly string[]): BucketMap<string> =>
  BucketMap.from(addresses.map((address) => [address, `pod at ${address}`] as const));
const known = Object.keys(pods);

const outside = (net: string): Group => ({
  id: 'partners',
  kind: 'Outside',
  family: 4,
  selector: 'all()',
  nets: PrefixSet.parse([net]),
});

/** A class whose only rule is about a network set. */
function towards(id: string): Class {
  const one = allowing(id, '203.0.113.0/24', 443);
  const parts = one.parts.map((part) => ({
    ...part,
    stages: part.stages.map((stage) => ({
      ...stage,
      rules: stage.rules.map((rule) => ({ ...rule, outside: { groups: ['partners'], notGroups: [], domains: [] } })),
    })),
  }));
  return { ...one, parts };
}

interface Three {
  readonly basis?: Ruleset;
  readonly target?: Ruleset;
  readonly wished?: Ruleset;
  readonly before?: BucketMap<string> | undefined;
  readonly now?: BucketMap<string> | undefined;
}

const withNew = (id: string, classes: readonly Class[] = [bank, edited], rest: Partial<Ruleset> = {}): Ruleset =>
  world({ ...pods, [NEW]: id }, classes, rest);

/** Who joins; all as it should be unless it is said otherwise. */
function joins(three: Three = {}): readonly string[] {
  const { basis = world(pods, [bank, shop]), target = world(pods, [bank, edited]), wished = withNew('bank') } = three;
  const before = 'before' in three ? three.before : owned(...known);
  const owners = 'now' in three ? three.now : owned(...known, NEW);
  const found = joiningBeside({ ruleset: basis, owners: before }, target, { ruleset: wished, owners, version: 3 });
  return [...(found?.owners.keys() ?? [])];
}

describe('who may join beside a step', () => {
  test('a newcomer to a class that stays as it is; with his owner, and where he is before and after', () => {
    const basis = world(pods, [bank, shop]);
    const target = world(pods, [bank, edited]);
    const wished = { ruleset: withNew('bank'), owners: owned(...known, NEW), version: 3 };
    const found = joiningBeside({ ruleset: basis, owners: owned(...known) }, target, wished);
    expect([...(found?.owners ?? [])]).toEqual([[NEW, `pod at ${NEW}`]]);
    expect(found?.before).toEqual({ ...basis, members: basis.members.with([[NEW, 'bank']]) });
    expect(found?.after).toEqual({ ...target, members: target.members.with([[NEW, 'bank']]) });
  });

  const list: Group = {
    id: 'guests',
    kind: 'AddressGroup',
    family: 4,
    deviceName: 'guests',
    resource: 'AddressGroup/guests',
    use: 'Deny',
    members: BucketMap.from([[NEW, true as const]]),
  };
  const held: Group = { ...list, members: BucketMap.from<true>([]), held: true };
  const lists = (group: Group): Partial<Ruleset> => ({ groups: new Map([[group.id, group]]) });
  const nets = (net: string): Partial<Ruleset> => ({ groups: new Map([['partners', outside(net)]]) });
  const partners = (net: string, id = 'bank'): Ruleset =>
    world({ ...pods, ...(id === '' ? {} : { [NEW]: id }) }, [towards('bank'), shop], nets(net));
  const snat = translating('out', { [NEW]: { kind: 'Exempt' } });

  const nobody: readonly (readonly [string, Three])[] = [
    ['the class changes with the step', { wished: withNew('shop') }],
    ['the class changed since', { wished: withNew('bank', [allowing('bank', '203.0.113.0/24', 8443), edited]) }],
    ['the class is new', { wished: withNew('cafe', [bank, edited, allowing('cafe', '203.0.113.0/24', 1)]) }],
    ['the step takes the class away', { target: world(crowd(2, 'shop', 1), [edited]) }],
    ['the step puts him into another class', { target: withNew('shop', [bank, shop]) }],
    ['somebody had the address', { before: owned(...known, NEW) }],
    ['nobody has the address', { now: owned(...known) }],
    ['it is not known who had addresses', { before: undefined }],
    ['it is not known who has them', { now: undefined }],
    ['he was there already', { basis: withNew('bank', [bank, shop]) }],
    [
      'his class is about a network set that changes with the step',
      { basis: partners('192.0.2.0/24', ''), target: partners('192.0.2.0/25', ''), wished: partners('192.0.2.0/25') },
    ],
    [
      'or since',
      { basis: partners('192.0.2.0/24', ''), target: partners('192.0.2.0/24', ''), wished: partners('192.0.2.0/25') },
    ],
    ['he is translated', { wished: withNew('bank', [bank, edited], { nats: [snat] }) }],
    ['he was translated', { basis: world(pods, [bank, shop], { nats: [snat] }) }],
    ['rules of others name him', { wished: withNew('bank', [bank, edited], lists(list)) }],
    ['a list stays as it is, whoever is in it', { wished: withNew('bank', [bank, edited], lists(held)) }],
    [
      'a setting changes with the step',
      { target: world(pods, [bank, edited], { networks: PrefixSet.parse(['10.0.0.0/8']) }) },
    ],
    ['a setting changed since', { wished: withNew('bank', [bank, edited], { established: 'Keep' }) }],
  ];
  test.each(nobody)('nobody where %s', (_, three) => expect(joins(three)).toEqual([]));

  test.each([true, false])(
    'where what was read differs from what is confirmed in members alone: %s',
    (changesMembersOnly) => {
      const standing = new Standing<object>();
      const ruleset = world(pods, [bank, shop]);
      const behaviour = new MemoryDriver(new MemoryDevice([])).translate(ruleset).behaviour;
      standing.take({ ruleset, behaviour, owners: owned(...known), actual: {} });
      const wished = { ruleset: withNew('bank'), owners: owned(...known, NEW), version: 3 };
      const asked: Ruleset[] = [];
      const read = { changesMembersOnly: (one: Ruleset) => (asked.push(one), changesMembersOnly) };
      const found = standing.joining(world(pods, [bank, edited]), wished, read);
      expect([found !== undefined, asked]).toEqual([changesMembersOnly, [ruleset]]);
    },
  );

  test('who stands in his way does not stand in that of others', () => {
    const wished = world({ ...pods, [NEW]: 'shop', '10.0.9.2': 'bank' }, [bank, edited]);
    expect(joins({ wished, now: owned(...known, NEW, '10.0.9.2') })).toEqual(['10.0.9.2']);
  });

  test('a network set that stays is in nobody’s way', () => {
    const [basis, target, wished] = [
      partners('192.0.2.0/24', ''),
      partners('192.0.2.0/24', ''),
      partners('192.0.2.0/24'),
    ];
    expect(joins({ basis, target, wished })).toEqual([NEW]);
  });

  test('whatever changes: who joins has the same rights before, after, and as is wished by now', () => {
    const ids = ['a', 'b', 'c'];
    const ports = fc.record({ a: fc.nat(2), b: fc.nat(2), c: fc.nat(2) });
    const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
    const places = fc.dictionary(fc.constantFrom(...addresses), fc.constantFrom(...ids), { maxKeys: 4 });
    const one = fc.record({ ports, places });
    type One = { readonly ports: Readonly<Record<string, number>>; readonly places: Readonly<Record<string, string>> };
    const rulesetOf = (it: One): Ruleset =>
      world(
        it.places,
        ids.map((id) => allowing(id, '203.0.113.0/24', 1 + (it.ports[id] ?? 0))),
      );
    let some = 0;
    fc.assert(
      fc.property(one, one, one, (first, second, third) => {
        const before = owned(...Object.keys(first.places));
        const now = owned(...Object.keys(third.places));
        const joined = joins({
          basis: rulesetOf(first),
          target: rulesetOf(second),
          wished: rulesetOf(third),
          before,
          now,
        });
        some += joined.length;
        const expected = Object.entries(third.places).filter(([address, id]) => {
          const isNew = first.places[address] === undefined;
          const isElsewhere = (second.places[address] ?? id) !== id;
          const rights = new Set([first, second, third].map((it: One) => it.ports[id]));
          return isNew && !isElsewhere && rights.size === 1;
        });
        expect([...joined].sort()).toEqual(expected.map(([address]) => address).sort());
      }),
      tries(300),
    );
    expect(some).toBeGreaterThan(0);
  });
});
