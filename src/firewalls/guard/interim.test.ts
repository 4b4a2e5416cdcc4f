import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesetPairs, rulesets } from '../../../test/kit/rulesets.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { BorderRule, Class, Group, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { parseAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { classText } from '../../plan/canonical.ts';
import { interimRuleset, needsYes } from './interim.ts';
import { type Owned, WAITS, base, denyAll, grouped, list, nat, outside, owners } from './interim.fixture.ts';
import { tries } from '../../../test/kit/runs.ts';

const moves = fc.constantFrom('flow' as const, 'stay' as const);
const pairs = rulesetPairs({ families: [4] });

function targetOf(ruleset: Ruleset, address: string): string | undefined {
  const target = ruleset.nats[0]?.sources.get(address);
  return target?.kind === 'Address' ? target.address : target?.kind;
}

function members(ruleset: Ruleset): Record<string, string> {
  return Object.fromEntries(ruleset.members.entries());
}

describe('what may go ahead while the rest waits', () => {
  test('holds approved rules alone, and needs no yes itself', () => {
    fc.assert(
      fc.property(pairs, moves, ([approved, desired], how) => {
        const interim = interimRuleset(approved, desired, { moves: how });
        for (const [address, id] of interim.members.entries()) {
          expect([approved.members.get(address), desired.members.get(address)]).toContain(id);
          expect(approved.classes.has(id)).toBe(true);
        }
        expect([...interim.classes.values()].map(classText)).toEqual([...approved.classes.values()].map(classText));
        expect(interim.networks.equals(approved.networks)).toBe(true);
        expect(interim.nats.map(({ id }) => id)).toEqual(approved.nats.map(({ id }) => id));
      }),
      tries(30),
    );
  });

  test('under a guard, nobody who was there and still is changes class or translation', () => {
    fc.assert(
      fc.property(pairs, ([approved, desired]) => {
        const interim = interimRuleset(approved, desired, { moves: 'stay' });
        for (const [address, id] of approved.members.entries()) {
          if (!desired.members.has(address)) continue;
          expect(interim.members.get(address)).toBe(id);
          for (const [at, one] of approved.nats.entries())
            expect(interim.nats[at]?.sources.get(address)).toEqual(one.sources.get(address));
        }
      }),
      tries(30),
    );
  });

  test('asked again for the same wanted state, has nothing more to do', () => {
    fc.assert(
      fc.property(pairs, moves, ([approved, desired], how) => {
        const once = interimRuleset(approved, desired, { moves: how });
        const twice = interimRuleset(once, desired, { moves: how });
        expect(members(twice)).toEqual(members(once));
        expect(twice.nats.map(({ sources }) => new Map(sources.entries()))).toEqual(
          once.nats.map(({ sources }) => new Map(sources.entries())),
        );
        expect(interimRuleset(approved, approved, { moves: how })).toBe(approved);
      }),
      tries(20),
    );
  });

  test('addresses given up leave where that narrows; elsewhere only when nobody owns them', () => {
    const desired = { ...base, members: BucketMap.from([['10.0.0.1', 'a']]) };
    expect(members(interimRuleset(base, desired, { moves: 'stay' }))).toEqual({ '10.0.0.1': 'a', '172.16.0.9': 'b' });
    expect(members(interimRuleset(base, desired, { moves: 'flow' }))).toEqual({ '10.0.0.1': 'a' });
    const before = BucketMap.from([
      ['10.0.0.1', 'one'],
      ['172.16.0.9', 'nine'],
    ]);
    const gone = { before, now: before.with([['172.16.0.9', undefined]]) };
    expect(members(interimRuleset(base, desired, { moves: 'stay', owners: gone }))).toEqual({ '10.0.0.1': 'a' });
    const parsed = parseAddress('172.16.0.9');
    expect(parsed !== undefined && base.networks.contains(parsed)).toBe(false);
  });

  test('while a guard stops a change, an address that is somebody’s stays, and one that changed hands goes', () => {
    const desired = { ...base, members: BucketMap.empty<string>() };
    const before = BucketMap.from(
      [...base.members.keys()].map((address) => [address, `pod of ${address}`] as [string, string]),
    );
    const stay = (now: typeof before): unknown =>
      members(interimRuleset(base, desired, { moves: 'stay', owners: { before, now } }));
    expect(stay(before)).toEqual(members(base));
    expect(
      stay(before.with([...before.keys()].map((address) => [address, 'somebody else'] as [string, string]))),
    ).toEqual({});
  });

  test('an address with a new owner never keeps the old owner’s class', () => {
    const before = BucketMap.from([
      ['10.0.0.1', 'one'],
      ['10.0.0.2', 'two'],
      ['172.16.0.9', 'nine'],
    ]);
    const owners = {
      before,
      now: before.with([
        ['10.0.0.1', 'heir'],
        ['10.0.0.2', 'other heir'],
      ]),
    };
    const desired = {
      ...base,
      classes: new Map([...base.classes, ['c', denyAll('c')]]),
      members: base.members.with([
        ['10.0.0.1', 'b'],
        ['10.0.0.2', 'c'],
      ]),
    };
    expect(members(interimRuleset(base, desired, { moves: 'stay', owners }))).toEqual({
      '10.0.0.1': 'b',
      '172.16.0.9': 'b',
    });
  });

  test('a translation under edit keeps its targets; newcomers get one in use or are held', () => {
    const approved = { ...base, nats: [nat({ '10.0.0.1': '198.18.0.1', '10.0.0.2': '198.18.0.2' })] };
    const desired = {
      ...base,
      members: base.members.with([
        ['10.0.0.3', 'a'],
        ['10.0.0.4', 'a'],
      ]),
      nats: [
        nat({ '10.0.0.1': '198.18.0.9', '10.0.0.2': '198.18.0.2', '10.0.0.3': '198.18.0.9', '10.0.0.4': '198.18.0.2' }),
      ],
    };
    const interim = interimRuleset(approved, desired, { moves: 'flow' });
    expect(['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((address) => targetOf(interim, address))).toEqual([
      '198.18.0.1',
      '198.18.0.2',
      'Hold',
      '198.18.0.2',
    ]);
    expect(needsYes(approved, desired, new Map())).toBe(true);
  });

  test('a translation that only gains a sender flows', () => {
    const approved = { ...base, nats: [nat({ '10.0.0.1': '198.18.0.1' })] };
    const desired = { ...base, nats: [nat({ '10.0.0.1': '198.18.0.1', '10.0.0.2': '198.18.0.7' })] };
    expect(needsYes(approved, desired, new Map())).toBe(false);
    expect(targetOf(interimRuleset(approved, desired, { moves: 'flow' }), '10.0.0.2')).toBe('198.18.0.7');
  });
});

describe('a translation that waits for a yes', () => {
  const approved = { ...base, nats: [nat({ '10.0.0.1': '198.18.0.1', '10.0.0.2': '198.18.0.2' })] };
  const flow = (desired: Ruleset, from: Ruleset = approved, owned?: Owned): Ruleset =>
    interimRuleset(from, desired, { moves: 'flow', ...(owned === undefined ? {} : { owners: owned }) });

  test('to go stays for everybody who is still there, also in another class; an heir gets nothing of it', () => {
    const desired = { ...base, members: base.members.with([['10.0.0.1', 'b']]) };
    const interim = flow(desired);
    expect([interim.members.get('10.0.0.1'), targetOf(interim, '10.0.0.1')]).toEqual(['b', '198.18.0.1']);
    for (const wanted of [desired, base])
      expect(targetOf(flow(wanted, approved, owners('10.0.0.1')), '10.0.0.1')).toBeUndefined();
  });

  test('under edit holds who was there and was not translated, unless others have his target', () => {
    const desired = (target: string): Ruleset => ({
      ...base,
      nats: [nat({ '10.0.0.1': '198.18.0.9', '10.0.0.2': '198.18.0.2', '172.16.0.9': target })],
    });
    expect(targetOf(flow(desired('198.18.0.7')), '172.16.0.9')).toBe('Hold');
    expect(targetOf(flow(desired('198.18.0.2')), '172.16.0.9')).toBe('198.18.0.2');
  });

  test('and was edited gives who was held what others have', () => {
    const held = { ...base, nats: [nat({ '10.0.0.1': '198.18.0.1', '10.0.0.2': WAITS })] };
    const desired = { ...base, nats: [nat({ '10.0.0.1': '198.18.0.1', '10.0.0.2': '198.18.0.1' })] };
    expect(targetOf(flow(desired, held), '10.0.0.2')).toBe('198.18.0.1');
  });
});

describe('what needs a yes in mode Approve', () => {
  test('never members alone, always another rule', () => {
    fc.assert(
      fc.property(rulesets({ families: [4] }), (ruleset) => {
        expect(needsYes(ruleset, { ...ruleset, members: BucketMap.empty() }, new Map())).toBe(false);
        const other = new Map(ruleset.classes).set('new', denyAll('new'));
        expect(needsYes(ruleset, { ...ruleset, classes: other }, new Map())).toBe(true);
      }),
      tries(10),
    );
  });

  test('not a class that lost its last member, nor one that comes back as it was', () => {
    const [, b] = [...base.classes.values()];
    if (b === undefined) throw new Error('no class');
    const without = {
      ...base,
      classes: new Map([['a', denyAll('a')]]),
      members: base.members.with([['172.16.0.9', undefined]]),
    };
    expect(needsYes(base, without, new Map())).toBe(false);
    expect(needsYes(without, base, new Map())).toBe(true);
    expect(needsYes(without, base, new Map([['b', b]]))).toBe(false);
    expect(needsYes(without, base, new Map([['b', { ...b, parts: [] }]]))).toBe(true);
    const other = { ...base, networks: PrefixSet.empty };
    const interim = interimRuleset(without, other, { moves: 'flow', remembered: new Map([['b', b]]) });
    expect(members(interim)).toEqual(members(base));
  });

  const edge = {
    ...grouped(list(['10.0.0.1']), outside(['203.0.113.0/24'])),
    nats: [nat({ '10.0.0.1': '198.18.0.1', '10.0.0.2': '198.18.0.2' })],
  };
  const second = { ...nat({}), id: 'm' };
  const withNat = (targets: Readonly<Record<string, string | NatTarget>>): Ruleset => ({
    ...edge,
    nats: [nat(targets)],
  });
  const groups = (...all: readonly Group[]): Ruleset => ({ ...edge, groups: grouped(...all).groups });
  test.each<[what: string, desired: Ruleset, asks: boolean]>([
    ['nothing', edge, false],
    ['what is inside networks', { ...edge, networks: PrefixSet.empty }, true],
    ['what becomes of connections', { ...edge, established: 'Keep' }, true],
    ['a class', { ...edge, classes: new Map([...edge.classes, ['b', { ...denyAll('b'), parts: [] }]]) }, true],
    ['another translation', { ...edge, nats: [...edge.nats, second] }, true],
    ['no translation', { ...edge, nats: [] }, true],
    ['a translation in the place of another', { ...edge, nats: edge.nats.map((one) => ({ ...one, id: 'm' })) }, true],
    ['what a translation is for', { ...edge, nats: edge.nats.map((one) => ({ ...one, protocol: 6 })) }, true],
    [
      'the target of one who is there, to one in use',
      withNat({ '10.0.0.1': '198.18.0.2', '10.0.0.2': '198.18.0.2' }),
      true,
    ],
    ['a target into none', withNat({ '10.0.0.1': '198.18.0.1', '10.0.0.2': { kind: 'Exempt' } }), true],
    ['who is translated', withNat({ '10.0.0.1': '198.18.0.1', '172.16.0.9': '198.18.0.9' }), false],
    ['who is in a list', groups(outside(['203.0.113.0/24']), list([])), false],
    ['what a list is for', groups(outside(['203.0.113.0/24']), list([], { use: 'Deny' })), true],
    ['another list', groups(...edge.groups.values(), list([], { id: 'k', deviceName: 'api' })), true],
    ['no list', groups(outside(['203.0.113.0/24'])), true],
    ['another network set, which no rule names', groups(list([])), false],
  ])('%s: %#', (_, desired, asks) => {
    expect(needsYes(edge, desired, new Map())).toBe(asks);
  });

  test('not what an heir is translated to, nor what who was held gets of others', () => {
    const desired = withNat({ '10.0.0.1': '198.18.0.2', '10.0.0.2': '198.18.0.2' });
    expect(needsYes(edge, desired, new Map(), owners())).toBe(true);
    expect(needsYes(edge, desired, new Map(), owners('10.0.0.1'))).toBe(false);
    expect(needsYes(withNat({ '10.0.0.1': WAITS, '10.0.0.2': '198.18.0.2' }), desired, new Map())).toBe(false);
    const both = withNat({ '10.0.0.1': WAITS, '172.16.0.9': WAITS, '10.0.0.2': '198.18.0.2' });
    const one = withNat({ '10.0.0.1': '198.18.0.2', '172.16.0.9': '198.18.0.9', '10.0.0.2': '198.18.0.2' });
    expect(needsYes(both, one, new Map())).toBe(true);
    const other = withNat({ '10.0.0.1': '198.18.0.9', '10.0.0.2': '198.18.0.2' });
    expect(needsYes(withNat({ '10.0.0.1': WAITS, '10.0.0.2': '198.18.0.2' }), other, new Map())).toBe(true);
    const held: NatTarget = { kind: 'Hold', reason: 'no address is free' };
    expect(needsYes(withNat({ '10.0.0.1': held, '10.0.0.2': '198.18.0.2' }), desired, new Map())).toBe(true);
    expect(needsYes(withNat({ '10.0.0.1': { kind: 'Exempt' } }), withNat({ '10.0.0.1': held }), new Map())).toBe(true);
  });

  test('not the order of lists', () => {
    const [web, api] = [list(['10.0.0.1']), list([], { id: 'k', deviceName: 'api' })];
    expect(needsYes(grouped(web, api), grouped(api, web), new Map())).toBe(false);
  });

  const naming = (outsideOf: Partial<BorderRule['outside']>): BorderRule => ({
    origin: { policy: 'b' },
    family: 4,
    action: 'Allow',
    outside: { groups: [], notGroups: [], domains: [], ...outsideOf },
    widen: true,
  });
  test.each([
    ['parts', { groups: ['g'] }],
    ['parts', { notGroups: ['g'] }],
    ['widened', { groups: ['g'] }],
  ] as const)(
    'a class that comes back joins only while the groups that its %s name are there: %o',
    (where, outsideOf) => {
      const end = { policy: 'b' };
      const stage = {
        id: 'b',
        layer: 'Tier',
        name: 't',
        rules: [naming(outsideOf)],
        end: 'Deny',
        endOrigin: end,
      } as const;
      const b: Class = {
        ...denyAll('b'),
        [where]: [{ id: 'b', stages: [stage], otherwise: 'Deny', otherwiseOrigin: end }],
      };
      const approved = {
        ...base,
        classes: new Map([['a', denyAll('a')]]),
        members: base.members.with([['172.16.0.9', undefined]]),
      };
      const desired = { ...grouped(outside([])), classes: new Map([...approved.classes, ['b', b]]) };
      const back = (from: Ruleset): unknown => {
        const interim = interimRuleset(from, desired, { moves: 'flow', remembered: new Map([['b', b]]) });
        return [interim.members.get('172.16.0.9'), ...interim.classes.keys()];
      };
      expect([back(approved), back({ ...approved, groups: desired.groups })]).toEqual([
        [undefined, 'a'],
        ['b', 'a', 'b'],
      ]);
    },
  );
});
