import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rulesetPairs, rulesets } from '../../../test/kit/rulesets.ts';
import { BucketMap } from '../../base/bucket-map.ts';
import type { Class, Nat, NatTarget, Ruleset } from '../../border/ruleset.ts';
import { parseAddress } from '../../ip/address.ts';
import { PrefixSet } from '../../ip/prefix-set.ts';
import { classText } from '../../plan/canonical.ts';
import { interimRuleset, needsYes } from './interim.ts';
import { tries } from '../../../test/kit/runs.ts';

const moves = fc.constantFrom('flow' as const, 'stay' as const);
const pairs = rulesetPairs({ families: [4] });

function denyAll(id: string): Class {
  return {
    id,
    family: 4,
    parts: [{ id, stages: [], otherwise: 'Deny', otherwiseOrigin: { policy: id } }],
    widened: [],
  };
}

const base: Ruleset = {
  firewall: 'edge-1',
  cluster: 'lab',
  destinations: PrefixSet.all,
  inside: PrefixSet.empty,
  networks: PrefixSet.parse(['10.0.0.0/16']),
  classes: new Map(['a', 'b'].map((id) => [id, denyAll(id)])),
  members: BucketMap.from([
    ['10.0.0.1', 'a'],
    ['10.0.0.2', 'a'],
    ['172.16.0.9', 'b'],
  ]),
  groups: new Map(),
  nats: [],
  established: 'Cut',
};

function nat(targets: Readonly<Record<string, string>>): Nat {
  const sources = Object.entries(targets).map(([key, address]): [string, NatTarget] => [
    key,
    { kind: 'Address', address },
  ]);
  return {
    id: 'n',
    family: 4,
    origin: { policy: 'SourceNAT/n' },
    destination: PrefixSet.all,
    sources: BucketMap.from(sources),
  };
}

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
});
